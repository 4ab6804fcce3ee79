// Reads the XML bodies of S3's requests piece by piece, as the bytes arrive. A library parses them (D-XML). The shape
// of the operation's document names the elements that it may hold, and any other element ends the reading at once. A
// DTD is refused, and so are entities beyond XML's five. Tokens, depth and number of attributes are bounded.
import { SaxesParser } from 'saxes'
import { release } from '../../lib/bytes/release.ts'
import type { Source } from '../../lib/bytes/source.ts'
import { spend } from '../../lib/turns.ts'
import { headerNotImplemented, malformedXml, S3Error } from './s3-error.ts'

/** Bytes that the parser is given at a time. */
const SLICE_BYTES = 4096
/** Steps of a turn (lib/turns.ts) that a slice counts: those of the dearest slice, which is all shortest elements. */
const SLICE_STEPS = 100
/**
 * Longest text, comment or tag, in characters. The longest legal text is a key, with 6 KiB where all of it is
 * escaped.
 */
const TOKEN_CHARS_MAX = 64 << 10
/** Attributes of one element. Those that clients send declare namespaces and schemas. */
const ATTRIBUTES_MAX = 16

/**
 * What a document may hold: a root, elements with text in it, and one kind of element that repeats, the rows. Names are
 * paths below the root, or below the row: `Owner/ID` is an ID within an Owner, which then holds nothing else.
 */
export interface Shape<Row> {
  readonly root: string
  /** Paths of elements with text, each at most once in the document. */
  readonly fields: readonly string[]
  /** Elements whose features are not built. */
  readonly refused?: readonly string[]
  readonly rows?: RowShape<Row>
}

export interface RowShape<Row> {
  readonly name: string
  readonly countMax: number
  /** Paths of elements with text, each at most once in a row. */
  readonly fields: readonly string[]
  /** Makes a row from the texts of its elements. Throws S3Error. */
  read(fields: Fields): Row
}

/** Texts of elements by their paths. */
export type Fields = ReadonlyMap<string, string>

export interface Document<Row> {
  readonly fields: Fields
  readonly rows: readonly Row[]
}

/**
 * C1 controls and U+2028, which XML 1.1 refuses or reads as ends of lines. Documents are read by the rules of XML 1.1
 * all the same (D-XML): AWS writes and reads references to control characters in keys, which XML 1.0 does not have.
 */
const restricted = /[\u007f-\u009f\u2028]/g
/**
 * A reference to the character with so many zeros that no client writes it. Found as text afterwards, it stood in a
 * CDATA section, in which references are not read.
 */
const referenceTo = (char: string) =>
  `&#x${char.charCodeAt(0).toString(16).padStart(REFERENCE_DIGITS, '0')};`
const REFERENCE_DIGITS = 12
const writtenReference = /&#x0{8}[0-9a-f]{4};/

const localName = (name: string) => name.slice(name.lastIndexOf(':') + 1)

/** Builds a document from the parser's events. */
class Builder<Row> {
  readonly #shape: Shape<Row>
  readonly #parser = new SaxesParser({
    xmlns: false,
    position: false,
    defaultXMLVersion: '1.1',
    forceXMLVersion: true,
  })
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })
  readonly fields = new Map<string, string>()
  readonly rows: Row[] = []
  #row: Map<string, string> | undefined
  #rowCount = 0
  /** Path of the open elements that hold others, with a slash at its end: outside rows, and within the row. */
  readonly #within = { document: '', row: '' }
  /** Paths of the elements that hold others and were opened already, each of which may come once. */
  readonly #begun = { document: new Set<string>(), row: new Set<string>() }
  /** The element whose text is being read, and the text so far. */
  #field: { readonly name: string; text: string } | undefined
  #depth = 0
  #attributes = 0
  /** Characters given to the parser since its last event: the length of the token that it is within. */
  #pending = 0

  constructor(shape: Shape<Row>) {
    this.#shape = shape
    const parser = this.#parser
    const fail = () => {
      throw malformedXml()
    }
    const met = () => {
      this.#pending = 0
    }
    parser.on('error', fail)
    parser.on('doctype', fail)
    parser.on('comment', met)
    parser.on('processinginstruction', met)
    parser.on('attribute', () => {
      met()
      if (++this.#attributes > ATTRIBUTES_MAX) fail()
    })
    parser.on('opentag', ({ name }) => {
      met()
      this.#attributes = 0
      this.#open(localName(name))
      this.#depth++
    })
    parser.on('closetag', () => {
      met()
      this.#depth--
      this.#close()
    })
    parser.on('text', (text) => {
      met()
      this.#take(text)
    })
    parser.on('cdata', (text) => {
      met()
      if (writtenReference.test(text)) fail()
      this.#take(text)
    })
  }

  /** Parses a slice; without `bytes` it ends the document. Throws S3Error. */
  write(bytes?: Buffer): void {
    const text = this.#decode(bytes)
    this.#pending += text.length
    this.#parser.write(text.replace(restricted, referenceTo))
    if (bytes === undefined) this.#parser.close()
    if (this.#pending > TOKEN_CHARS_MAX) throw malformedXml()
  }

  #decode(bytes: Buffer | undefined): string {
    try {
      return this.#decoder.decode(bytes, { stream: bytes !== undefined })
    } catch {
      throw malformedXml()
    }
  }

  #open(name: string): void {
    const { root, fields, refused = [], rows } = this.#shape
    if (this.#depth === 0) {
      if (name !== root) throw malformedXml()
    } else if (this.#field !== undefined) {
      throw malformedXml()
    } else if (this.#row !== undefined) {
      this.#begin('row', name, rows!.fields, this.#row)
    } else if (this.#within.document + name === rows?.name) {
      if (++this.#rowCount > rows.countMax) throw malformedXml()
      this.#row = new Map()
      this.#begun.row.clear()
    } else if (refused.includes(name)) {
      throw headerNotImplemented(name)
    } else {
      this.#begin(
        'document',
        name,
        rows === undefined ? fields : [...fields, rows.name],
        this.fields,
      )
    }
  }

  /** Begins an element with text, or one that holds elements whose paths are `allowed`. */
  #begin(
    place: 'document' | 'row',
    name: string,
    allowed: readonly string[],
    fields: Fields,
  ): void {
    const path = this.#within[place] + name
    if (allowed.some((each) => each.startsWith(`${path}/`))) {
      if (this.#begun[place].has(path)) throw malformedXml()
      this.#begun[place].add(path)
      this.#within[place] = `${path}/`
      return
    }
    if (!allowed.includes(path) || fields.has(path)) throw malformedXml()
    this.#field = { name: path, text: '' }
  }

  #take(text: string): void {
    if (this.#field !== undefined) {
      this.#field.text += text
      if (this.#field.text.length > TOKEN_CHARS_MAX) throw malformedXml()
    } else if (text.trim() !== '') {
      throw malformedXml()
    }
  }

  #close(): void {
    const within = this.#within
    if (this.#field !== undefined) {
      const { name, text } = this.#field
      const fields = this.#row ?? this.fields
      fields.set(name, text)
      this.#field = undefined
    } else if (this.#row !== undefined && within.row === '') {
      this.rows.push(this.#shape.rows!.read(this.#row))
      this.#row = undefined
    } else {
      const place = this.#row === undefined ? 'document' : 'row'
      within[place] = within[place].replace(/[^/]*\/$/, '')
    }
  }
}

const tooLong = (bytesMax: number) =>
  new S3Error(400, 'MaxMessageLengthExceeded', 'Your request was too big.', {
    MaxMessageLengthBytes: bytesMax,
  })

/**
 * Reads a document to its end; the source verifies the body's digests there. Undefined for a body without a byte.
 * Throws S3Error MalformedXML, MaxMessageLengthExceeded beyond `bytesMax`, what the shape throws, and what the source
 * throws.
 */
export async function readDocument<Row>(
  source: Source,
  bytesMax: number,
  shape: Shape<Row>,
): Promise<Document<Row> | undefined> {
  if (source.length !== undefined && source.length > bytesMax) throw tooLong(bytesMax)
  const builder = new Builder(shape)
  let length = 0
  for (;;) {
    const piece = await source.read()
    if (piece === undefined) break
    length += piece.length
    if (length > bytesMax) throw tooLong(bytesMax)
    for (let start = 0; start < piece.length; start += SLICE_BYTES) {
      builder.write(piece.subarray(start, start + SLICE_BYTES))
      const turn = spend(SLICE_STEPS)
      if (turn !== undefined) await turn
    }
    release(piece)
  }
  if (length === 0) return undefined
  builder.write()
  return builder
}
