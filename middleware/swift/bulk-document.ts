// The document that lists what a deletion of many names did. The HTTP status is 200 whatever is in it.
// Swift: swift/common/middleware/bulk.py, get_response_body.
import { all, DECLARATION, leaf, node } from '../http/xml-writer.ts'
import type { Format } from './accept.ts'

export interface Deletion {
  readonly deleted: number
  readonly notFound: number
  /** The percent-encoded path and the reason of each deletion that failed. */
  readonly errors: readonly (readonly [path: string, reason: string])[]
}

const fieldsOf = ({ deleted, notFound, errors }: Deletion) => ({
  'Number Deleted': deleted,
  'Number Not Found': notFound,
  'Response Body': '',
  'Response Status': errors.length === 0 ? '200 OK' : '400 Bad Request',
})

function xmlOf(deletion: Deletion): string {
  const fields = Object.entries(fieldsOf(deletion)).map(([name, value]) =>
    leaf(name.replaceAll(' ', '_').toLowerCase(), value),
  )
  const errors = deletion.errors.map(([name, status]) =>
    node('object', leaf('name', name), leaf('status', status)),
  )
  return DECLARATION + node('delete', ...fields, node('errors', all(errors)))
}

function textOf(deletion: Deletion): string {
  const fields = Object.entries(fieldsOf(deletion)).map(([name, value]) => `${name}: ${value}\n`)
  const errors = deletion.errors.map(([name, status]) => `${name}, ${status}\n`)
  return [...fields, 'Errors:\n', ...errors].join('')
}

/** The document in one of the formats of listings. */
export function deletionDocument(format: Format, deletion: Deletion): string {
  if (format === 'json') {
    return JSON.stringify({ ...fieldsOf(deletion), Errors: deletion.errors })
  }
  return format === 'xml' ? xmlOf(deletion) : textOf(deletion)
}
