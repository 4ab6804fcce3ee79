// How a record lies in a volume: its key is its number, its value the sealed record and a checksum. The
// checksum covers number, blob id and index, and so finds rotten, swapped and stale records without any key.
// The layout is part of the stored format (docs/format.md).
import { crc32 } from '../bytes/crc32.ts'
import { TRAILER_BYTES } from '../bytes/slab.ts'
import { writeUint64 } from '../bytes/uint64.ts'

/** Bytes of a record's key. */
export const KEY_BYTES = 8

const ID_BYTES = 16

/** The key of a record, in a buffer of its own, because an asynchronous `get` reads the key later. */
export function recordKey(number: number): Buffer {
  const key = Buffer.allocUnsafe(KEY_BYTES)
  writeUint64(key, number, 0)
  return key
}

/**
 * The checksums of one blob's records. A checksum is crc32(number, 8 bytes ‖ blob id, 16 bytes ‖ index, 8 bytes
 * ‖ record), written in 4 bytes big-endian behind the record.
 */
export class RecordSum {
  readonly #prefix = Buffer.alloc(KEY_BYTES + ID_BYTES + 8)

  constructor(blob: string) {
    if (this.#prefix.write(blob, KEY_BYTES, 'hex') !== ID_BYTES || blob.length !== 2 * ID_BYTES) {
      throw new RangeError('a blob id has 32 hex digits')
    }
  }

  /** Writes the checksum of `slab[0 … length)` behind those bytes. Returns record and checksum. */
  append(slab: Buffer, length: number, number: number, index: number): Buffer {
    slab.writeUInt32BE(this.#sum(slab.subarray(0, length), number, index), length)
    return slab.subarray(0, length + TRAILER_BYTES)
  }

  /** The record inside `value`, as a view; undefined where the checksum is wrong. */
  check(value: Buffer, number: number, index: number): Buffer | undefined {
    const length = value.length - TRAILER_BYTES
    if (length <= 0) return undefined
    const record = value.subarray(0, length)
    return this.#sum(record, number, index) === value.readUInt32BE(length) ? record : undefined
  }

  #sum(record: Buffer, number: number, index: number): number {
    writeUint64(this.#prefix, number, 0)
    writeUint64(this.#prefix, index, KEY_BYTES + ID_BYTES)
    return crc32(record, crc32(this.#prefix))
  }
}
