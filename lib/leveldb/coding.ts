// How LevelDB writes numbers, lengths and checksums, from its util/coding.cc and util/crc32c.h and its documents
// https://github.com/google/leveldb/blob/main/doc/table_format.md and
// https://github.com/google/leveldb/blob/main/doc/log_format.md
import { basename } from 'node:path'
import { crc32c } from '@node-rs/crc32'
import { describeReadError, readErrorOf } from '../system-error.ts'

/** Something in a file that LevelDB did not write so. */
export interface Damage {
  /** Name of the file in the database's directory. */
  readonly file: string
  /** Where the damaged piece begins. */
  readonly offset: number
  readonly what: string
  /** User keys that may lie in the damaged piece: behind the first, up to the last. */
  readonly keys?: { readonly after?: Buffer; readonly last: Buffer }
  /** The file only ends too early there, as a crash leaves it: nothing sound follows. */
  readonly torn?: boolean
  /** The system's error where the piece, or the file, cannot be read: it may be as it was written. */
  readonly unreadable?: string
  /** A process that reads it through LevelDB may die: of SIGBUS, or of an assertion. */
  readonly deadly?: boolean
}

/** The damage that an error of reading `path` is; undefined where it is another error, or the file is missing. */
export function unreadableAt(path: string, offset: number, error: unknown): Damage | undefined {
  const found = readErrorOf(error)
  if (found === undefined) return undefined
  const what = describeReadError({ ...found, path })
  return { file: basename(path), offset, what, unreadable: found.code }
}

/** Bytes that cannot be what LevelDB wrote. */
export class Malformed extends Error {
  constructor(what: string) {
    super(what)
    this.name = 'Malformed'
  }
}

/** Reads numbers and slices one after the other. Throws Malformed at the end of the bytes. */
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

  /** LEB128, a safe integer, in the shortest form: LevelDB writes no other, so a longer one is a changed byte. */
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

  /** A view. */
  take(length: number): Buffer {
    if (length > this.#end - this.at) throw new Malformed('a length goes beyond the end')
    this.at += length
    return this.#bytes.subarray(this.at - length, this.at)
  }

  /** A view of what its length stands before. */
  slice(): Buffer {
    return this.take(this.varint())
  }
}

/** The sum as it stands in files: rotated, and a constant added (util/crc32c.h). */
export function maskedCrc(bytes: Buffer): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** An entry of a table or a log: what a key held from a sequence number on. */
export interface Entry {
  readonly key: Buffer
  readonly sequence: bigint
  /** Null: deleted. */
  readonly value: Buffer | null
}

/** Order of entries: keys rising, of one key the newest first. */
export function compareEntries(a: Entry, b: Entry): number {
  const order = Buffer.compare(a.key, b.key)
  return order !== 0 ? order : a.sequence > b.sequence ? -1 : a.sequence < b.sequence ? 1 : 0
}

/** Sequence number and type, behind a user key. */
export const TAG_BYTES = 8

/** The user key of a key as tables and manifests have it. Throws Malformed. */
export function userKey(key: Buffer): Buffer {
  if (key.length < TAG_BYTES) throw new Malformed('a key is too short')
  return key.subarray(0, key.length - TAG_BYTES)
}
