// XML in tests: reads a request's document as an operation does, and the elements of an answer.
import { SaxesParser } from 'saxes'
import type { ReadDocument } from '../../middleware/s3/documents.ts'
import { readDocument } from '../../middleware/s3/xml.ts'
import { sourceOf } from './service.ts'

/** A request's body, for a reader of documents. */
export const bodyOf =
  (body: string | Buffer, bytesMax = 4 << 20): ReadDocument =>
  (shape) =>
    readDocument(sourceOf(body), bytesMax, shape)

/** Name and text of every element of an answer that has text, in order. */
export function leavesOf(document: string): [name: string, text: string][] {
  const leaves: [string, string][] = []
  let text = ''
  // XML 1.1, because answers contain references to control characters.
  const parser = new SaxesParser({ defaultXMLVersion: '1.1', forceXMLVersion: true })
  parser.on('error', (error) => {
    throw error
  })
  parser.on('opentag', () => {
    text = ''
  })
  parser.on('text', (piece) => {
    text += piece
  })
  parser.on('closetag', ({ name }) => {
    if (text !== '') leaves.push([name, text])
    text = ''
  })
  parser.write(document).close()
  return leaves
}
