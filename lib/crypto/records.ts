// The arithmetic of records: how a blob of a given size is cut, in which record a byte lies, and which nonce
// seals which record. No key, no stream, no state. See docs/format.md §2.

/** Plaintext bytes of every record but the last. */
export const RECORD_BYTES = 65536

/** Bytes of the GCM tag behind each record's ciphertext. */
export const TAG_BYTES = 16

function checkSize(size: number): void {
  if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`${size} is no size in bytes`)
}

/** The number of records in a blob of `size` plaintext bytes: max(1, ⌈size / 65536⌉). An empty blob has one.
 * Throws RangeError where `size` is no whole number of bytes. */
export function recordCount(size: number): number {
  checkSize(size)
  return Math.max(1, Math.ceil(size / RECORD_BYTES))
}

/** Plaintext bytes of the last record: 0 for an empty blob, else 1 to 65,536. Throws RangeError. */
export function lastRecordBytes(size: number): number {
  return size - (recordCount(size) - 1) * RECORD_BYTES
}

/** The records in which a range of bytes lies. */
export interface RecordSpan {
  /** Index of the first record. */
  readonly first: number
  /** Index of the last record. */
  readonly last: number
  /** Plaintext bytes of record `first` that come before the range. */
  readonly skipBytes: number
}

/**
 * The records that hold bytes `offset` … `offset + length − 1` of a blob of `size` plaintext bytes. An empty
 * range has the record in which it lies, so that the tag of an empty blob is verified too. Throws RangeError
 * where the range exceeds the blob.
 */
export function recordSpan(size: number, offset: number, length: number): RecordSpan {
  checkSize(offset)
  checkSize(length)
  if (offset + length > size) throw new RangeError(`${offset}+${length} is beyond ${size} bytes`)
  const lastIndex = recordCount(size) - 1
  const first = Math.min(Math.floor(offset / RECORD_BYTES), lastIndex)
  const last = length === 0 ? first : Math.floor((offset + length - 1) / RECORD_BYTES)
  return { first, last, skipBytes: offset - first * RECORD_BYTES }
}

/**
 * The 12-byte nonce of record `index`: final (1 on the blob's last record, else 0) ‖ three zero bytes ‖ index
 * as 8 bytes big-endian. The final flag is STREAM's (Hoang, Reyhanitabar, Rogaway, Vizár 2015): a blob that was
 * cut, or to which records were added, fails at its last record. Throws RangeError.
 */
export function nonceOf(index: number, final: boolean): Buffer {
  if (!Number.isSafeInteger(index) || index < 0) throw new RangeError(`${index} is no record index`)
  const nonce = Buffer.alloc(12)
  nonce[0] = final ? 1 : 0
  nonce.writeUInt32BE(Math.floor(index / 0x100000000), 4)
  nonce.writeUInt32BE(index % 0x100000000, 8)
  return nonce
}
