// How a row of the catalog lies in LevelDB: one byte for its kind, 16 for its revision, the payload, and
// crc32(key ‖ all before) in 4 bytes big-endian. The checksum is the catalog's own, because LevelDB checks none of
// its sums on a read (D-CHECKSUMS). See docs/format.md §5.
import { crc32 } from '../bytes/crc32.ts'
import { CofferError } from '../errors.ts'
import { ROW_KEY_BYTES_MAX } from '../names.ts'
import { COUNTER_BYTES, type CommitId, type Counters, countersOf, type Row } from './catalog.ts'

const KIND_PLAIN = 1
const KIND_COUNTERS = 2
const PAYLOAD_OFFSET = 17
const CRC_BYTES = 4

// A buffer for the bytes of keys, which are short, while a checksum is computed.
const keyBytes = Buffer.alloc(ROW_KEY_BYTES_MAX)

function crcOf(key: string, framed: Buffer): number {
  const length = key.length * 3 <= keyBytes.length ? keyBytes.write(key) : -1
  const bytes = length < 0 ? Buffer.from(key) : keyBytes.subarray(0, length)
  return crc32(framed.subarray(0, -CRC_BYTES), crc32(bytes))
}

function frame(kind: number, revision: CommitId, payloadBytes: number): Buffer {
  const framed = Buffer.allocUnsafe(PAYLOAD_OFFSET + payloadBytes + CRC_BYTES)
  framed[0] = kind
  framed.write(revision, 1, 16, 'hex')
  return framed
}

function seal(key: string, framed: Buffer): Buffer {
  framed.writeUInt32BE(crcOf(key, framed), framed.length - CRC_BYTES)
  return framed
}

/** A plain row's bytes in LevelDB. `value` is copied. */
export function frameRow(key: string, revision: CommitId, value: Buffer): Buffer {
  const framed = frame(KIND_PLAIN, revision, value.length)
  value.copy(framed, PAYLOAD_OFFSET)
  return seal(key, framed)
}

/** A counter row's bytes in LevelDB. */
export function frameCounters(key: string, revision: CommitId, values: readonly number[]): Buffer {
  const framed = frame(KIND_COUNTERS, revision, values.length * COUNTER_BYTES)
  values.forEach((value, i) => {
    framed.writeBigInt64BE(BigInt(value), PAYLOAD_OFFSET + i * COUNTER_BYTES)
  })
  return seal(key, framed)
}

/** True for the bytes of a counter row. The checksum is not verified. */
export const isCounters = (framed: Buffer) => framed[0] === KIND_COUNTERS

/** The row in `framed`. `value` is a view into `framed`. Throws StoreCorrupt, with the key, where the checksum
 * is wrong. */
export function openRow(key: string, framed: Buffer): Row {
  const end = framed.length - CRC_BYTES
  if (
    end < PAYLOAD_OFFSET ||
    (framed[0] !== KIND_PLAIN && framed[0] !== KIND_COUNTERS) ||
    framed.readUInt32BE(end) !== crcOf(key, framed)
  ) {
    throw new CofferError('StoreCorrupt', { key })
  }
  return {
    key,
    value: framed.subarray(PAYLOAD_OFFSET, end),
    revision: framed.toString('hex', 1, PAYLOAD_OFFSET),
  }
}

/** The counters in `framed`. Throws StoreCorrupt where the checksum is wrong, Internal for a plain row. */
export function openCounters(key: string, framed: Buffer): Counters {
  const { value, revision } = openRow(key, framed)
  if (!isCounters(framed)) {
    throw new CofferError('Internal', { message: 'a plain row was read as counters', key })
  }
  return { values: countersOf(value), revision }
}
