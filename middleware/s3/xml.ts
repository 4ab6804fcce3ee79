// Reads the XML bodies that S3 takes. A library parses; what it is lenient about is refused here:
// DTDs, entities that XML does not define, bytes that are no UTF-8, deep nesting.
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import type { Source } from '../../lib/bytes/source.ts'
import { malformedXml, S3Error } from './s3-error.ts'

/** No document of S3 nests deeper; the parser stops here. */
const DEPTH_MAX = 32

/** An element: its text, entities resolved, and the elements in it. */
export interface Element {
  readonly name: string
  readonly text: string
  readonly children: readonly Element[]
}

// preserveOrder keeps CDATA apart from text, so that entities are resolved in text only.
const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: true,
  removeNSPrefix: true,
  parseTagValue: false,
  trimValues: false,
  processEntities: false,
  cdataPropName: '#cdata',
  ignoreDeclaration: true,
  ignorePiTags: true,
  maxNestedTags: DEPTH_MAX,
})

type Parsed = Readonly<Record<string, unknown>>

const predefined: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
}

/** The character of a numeric reference. NUL and halves of surrogate pairs are no characters. */
function characterOf(code: number): string {
  if (code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw malformedXml()
  return String.fromCodePoint(code)
}

function resolveEntities(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(
    /&(?:#x([0-9a-fA-F]{1,8})|#(\d{1,8})|(\w+))?;?/g,
    (whole, hex, decimal, name) => {
      if (!whole.endsWith(';')) throw malformedXml()
      if (hex !== undefined) return characterOf(Number.parseInt(hex, 16))
      if (decimal !== undefined) return characterOf(Number(decimal))
      if (name === undefined || !Object.hasOwn(predefined, name)) throw malformedXml()
      return predefined[name]!
    },
  )
}

function toElement(parsed: Parsed): Element | undefined {
  const name = Object.keys(parsed).find((key) => key !== ':@')
  if (name === undefined || name.startsWith('#')) return undefined
  let text = ''
  const children: Element[] = []
  for (const item of parsed[name] as readonly Parsed[]) {
    if ('#text' in item) text += resolveEntities(String(item['#text']))
    else if ('#cdata' in item) {
      for (const piece of item['#cdata'] as readonly Parsed[]) text += String(piece['#text'] ?? '')
    } else {
      const child = toElement(item)
      if (child !== undefined) children.push(child)
    }
  }
  return { name, text, children }
}

/** The root element of a document. Throws S3Error MalformedXML. */
export function parseXml(bytes: Buffer): Element {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw malformedXml()
  }
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) throw malformedXml()
  let elements: Element[]
  try {
    if (XMLValidator.validate(text) !== true) throw malformedXml()
    const parsed = parser.parse(text) as readonly Parsed[]
    elements = parsed.map(toElement).filter((element) => element !== undefined)
  } catch (error) {
    if (error instanceof S3Error) throw error
    // The library has errors of its own for depth and for names it distrusts: the document is at fault.
    throw malformedXml()
  }
  const root = elements[0]
  if (root === undefined || elements.length > 1) throw malformedXml()
  return root
}

/**
 * The whole of a small body, verified to its end. Throws S3Error MaxMessageLengthExceeded beyond
 * `bytesMax`, and what the source throws.
 */
export async function readBody(source: Source, bytesMax: number): Promise<Buffer> {
  const tooLong = () =>
    new S3Error(400, 'MaxMessageLengthExceeded', 'Your request was too big.', {
      MaxMessageLengthBytes: bytesMax,
    })
  if (source.length !== undefined && source.length > bytesMax) throw tooLong()
  const pieces: Buffer[] = []
  let length = 0
  for (;;) {
    const piece = await source.read()
    if (piece === undefined) return Buffer.concat(pieces)
    length += piece.length
    if (length > bytesMax) throw tooLong()
    pieces.push(piece)
  }
}
