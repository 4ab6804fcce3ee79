// How records lie in the file of a volume. A record has a head, which says what it is without the catalog, and behind
// that its value: the sealed record and its checksum, as in LevelDB. Records follow one another in the order of their
// numbers; where a batch ends, zeros fill the page. The layout is part of the stored format (docs/format.md).
import { crc32 } from '../../bytes/crc32.ts'
import { readUint64, writeUint64 } from '../../bytes/uint64.ts'
import { requireKnown } from '../../format-version.ts'
import type { BlobId } from '../store.ts'

/** The name of the file in the directory of a generation. */
export const RECORDS_NAME = 'records'

/** The unit in which the file is written. Bytes that were synced are never written again, so that each batch begins on
 * a page of its own. It is a multiple of the blocks of all usual disks. */
export const PAGE_BYTES = 4096

/** The beginning of every head. */
export const MAGIC = Buffer.from('cfr1', 'latin1')
/** The version in MAGIC, and the highest that is read. */
const VERSION = 1

// magic 4 ‖ length of the value 4 ‖ number 8 ‖ blob id 16 ‖ index 8 ‖ crc32 4
const LENGTH_AT = 4
const NUMBER_AT = 8
const BLOB_AT = 16
const INDEX_AT = 32
const CRC_AT = 40
export const HEAD_BYTES = 44

/** More than any value has. A longer one is no record. */
export const VALUE_BYTES_MAX = 128 << 10

export interface Head {
  readonly number: number
  readonly blob: BlobId
  /** The record's index in its blob. */
  readonly index: number
  /** Length of the value in bytes; 0 for a record that was lost. */
  readonly length: number
}

export function writeHead(target: Buffer, at: number, head: Head): void {
  MAGIC.copy(target, at)
  target.writeUInt32BE(head.length, at + LENGTH_AT)
  writeUint64(target, head.number, at + NUMBER_AT)
  target.write(head.blob, at + BLOB_AT, 'hex')
  writeUint64(target, head.index, at + INDEX_AT)
  target.writeUInt32BE(crc32(target.subarray(at, at + CRC_AT)), at + CRC_AT)
}

/** The head that begins there; undefined where none does. */
export function readHead(bytes: Buffer, at: number): Head | undefined {
  if (at + HEAD_BYTES > bytes.length || bytes.compare(MAGIC, 0, 4, at, at + 4) !== 0)
    return undefined
  const head = bytes.subarray(at, at + HEAD_BYTES)
  if (head.readUInt32BE(CRC_AT) !== crc32(head.subarray(0, CRC_AT))) return undefined
  const length = head.readUInt32BE(LENGTH_AT)
  const number = readUint64(head, NUMBER_AT)
  if (length > VALUE_BYTES_MAX || !Number.isSafeInteger(number)) return undefined
  const blob = head.toString('hex', BLOB_AT, INDEX_AT)
  return { length, number, blob, index: readUint64(head, INDEX_AT) }
}

/** Throws FormatNewer where the first bytes of a file show that a later release has written it. */
export function refuseNewer(first: Buffer, location: string): void {
  const [, digit] = /^cfr([1-9])/.exec(first.toString('latin1', 0, 4)) ?? []
  if (digit !== undefined) requireKnown(location, 'the volume', Number(digit), VERSION)
}

/** The first place of a page at or behind `at`. */
export const toPage = (at: number) => Math.ceil(at / PAGE_BYTES) * PAGE_BYTES
