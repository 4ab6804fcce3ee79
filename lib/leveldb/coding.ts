// How LevelDB writes numbers, lengths and checksums, from its util/coding.cc and util/crc32c.h and its documents
// https://github.com/google/leveldb/blob/main/doc/table_format.md and
// https://github.com/google/leveldb/blob/main/doc/log_format.md
import { crc32c } from '@node-rs/crc32'

/** Thrown for bytes that LevelDB cannot have written. */
export class Malformed extends Error {
  constructor(what: string) {
    super(what)
    this.name = 'Malformed'
  }
}

/** Reads numbers and slices one after the other. Each read throws Malformed behind the end of the bytes. */
export class Cursor {
  readonly #bytes: Buffer
  at: number
  readonly #end: number

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.#bytes = bytes
    this.at = at
    this.#end = end
  }

  get done(): boolean {
    return this.at >= this.#end
  }

  /** A LEB128 number, a safe integer in its shortest form. LevelDB writes no other form, so that a longer one
   * is damage. */
  varint(): number {
    let value = 0
    for (let scale = 1; this.at < this.#end; scale *= 128) {
      const byte = this.#bytes[this.at++]!
      value += (byte & 0x7f) * scale
      if (value > Number.MAX_SAFE_INTEGER || (byte === 0 && scale > 1)) break
      if (byte < 0x80) return value
    }
    throw new Malformed('a number is malformed')
  }

  /** The next `length` bytes, as a view. */
  take(length: number): Buffer {
    if (length > this.#end - this.at) throw new Malformed('a length goes beyond the end')
    this.at += length
    return this.#bytes.subarray(this.at - length, this.at)
  }

  /** The bytes behind a length, as a view. */
  slice(): Buffer {
    return this.take(this.varint())
  }
}

/** The checksum as it stands in files: rotated, plus a constant (LevelDB's util/crc32c.h). */
export function maskedCrc(bytes: Buffer): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** An entry of a table or a log: the value of a key from a sequence number on. */
export interface Entry {
  readonly key: Buffer
  readonly sequence: bigint
  /** Null for a deletion. */
  readonly value: Buffer | null
}

/** Orders entries by rising keys, and those of one key by falling sequence numbers. */
export function compareEntries(a: Entry, b: Entry): number {
  const order = Buffer.compare(a.key, b.key)
  return order !== 0 ? order : a.sequence > b.sequence ? -1 : a.sequence < b.sequence ? 1 : 0
}

/** Bytes of sequence number and type behind a user key. */
export const TAG_BYTES = 8

/** The user key inside a key of a table or a manifest. Throws Malformed. */
export function userKey(key: Buffer): Buffer {
  if (key.length < TAG_BYTES) throw new Malformed('a key is too short')
  return key.subarray(0, key.length - TAG_BYTES)
}
