// A log of LevelDB, record by record. LevelDB's own reader drops records with a wrong sum without an error, so that
// acknowledged writes are gone at the next open (D-BARRIER). This reader yields each damaged place.
// https://github.com/google/leveldb/blob/main/doc/log_format.md

import { type Damage, unreadableAt } from '../damage.ts'
import type { PlainFile } from '../plain-file.ts'
import { Cursor, type Entry, Malformed, maskedCrc } from './coding.ts'

const BLOCK_BYTES = 32_768
const HEADER_BYTES = 7
const FULL = 1
const FIRST = 2
const LAST = 4

interface Fragment {
  readonly type: number
  readonly payload: Buffer
}

/**
 * The records of a log, in order, and its damage. Damage comes before the record behind it. It is `torn` where no
 * whole record begins behind it, as after a crash. A piece that cannot be read comes at once, and is never torn.
 */
export async function* logRecords(file: PlainFile): AsyncGenerator<Buffer | Damage> {
  let pending: Damage | undefined
  let begun: Buffer[] | undefined
  /** The next fragments may end a record that began where nothing could be read. */
  let isBehindGap = false
  const damage = (offset: number, what: string) => {
    begun = undefined
    pending ??= { file: file.name, offset, what }
  }
  for (let at = 0; at < file.size; at += BLOCK_BYTES) {
    let block: Buffer
    try {
      block = await file.read(at, Math.min(BLOCK_BYTES, file.size - at), true)
    } catch (error) {
      const unreadable = unreadableAt(file.path, at, error)
      if (unreadable === undefined) throw error
      begun = undefined
      isBehindGap = true
      yield unreadable
      continue
    }
    for (let offset = 0; offset < block.length; ) {
      if (block.length - offset < HEADER_BYTES) {
        const padding = block.subarray(offset)
        const isFull = block.length === BLOCK_BYTES
        if (!isFull) damage(at + offset, 'a header is cut off')
        else if (padding.some((byte) => byte !== 0)) damage(at + offset, 'the padding is not zero')
        break
      }
      const fragment = fragmentAt(block, offset)
      if (fragment === undefined) {
        damage(at + offset, 'a record does not hold its checksum')
        offset = nextSound(block, offset + 1)
        continue
      }
      offset += HEADER_BYTES + fragment.payload.length
      const begins = fragment.type === FULL || fragment.type === FIRST
      if (begins && begun !== undefined) damage(at + offset, 'a record has no end')
      if (begins && pending !== undefined) {
        yield pending
        pending = undefined
      }
      if (begins) {
        begun = []
        isBehindGap = false
      } else if (begun === undefined && !isBehindGap)
        damage(at + offset, 'a record has no beginning')
      begun?.push(Buffer.from(fragment.payload))
      if (begun === undefined || (fragment.type !== FULL && fragment.type !== LAST)) continue
      yield Buffer.concat(begun)
      begun = undefined
    }
  }
  if (begun !== undefined) damage(file.size, 'a record has no end')
  if (pending !== undefined) yield { ...pending, torn: true }
}

/** The record, or fragment of one, that begins at `offset`; undefined where none does. */
function fragmentAt(block: Buffer, offset: number): Fragment | undefined {
  const length = block.readUInt16LE(offset + 4)
  const type = block[offset + 6]!
  const end = offset + HEADER_BYTES + length
  if (type < FULL || type > LAST || end > block.length) return undefined
  if (block.readUInt32LE(offset) !== maskedCrc(block.subarray(offset + 6, end))) return undefined
  return { type, payload: block.subarray(offset + HEADER_BYTES, end) }
}

/** Where the next fragment with a right checksum begins; the block's end where none does. */
function nextSound(block: Buffer, from: number): number {
  for (let offset = from; offset + HEADER_BYTES <= block.length; offset++) {
    if (fragmentAt(block, offset) !== undefined) return offset
  }
  return block.length
}

/** The entries of a batch as it lies in a log (LevelDB's db/write_batch.cc). Throws Malformed. */
export function batchEntries(batch: Buffer): Entry[] {
  if (batch.length < 12) throw new Malformed('a batch is too short')
  let sequence = batch.readBigUInt64LE(0)
  const count = batch.readUInt32LE(8)
  const cursor = new Cursor(batch, 12)
  const entries: Entry[] = []
  while (!cursor.done) {
    const [tag] = cursor.take(1)
    if (tag !== 0 && tag !== 1) throw new Malformed('a batch has an unknown entry')
    const key = cursor.slice()
    entries.push({ key, sequence: sequence++, value: tag === 1 ? cursor.slice() : null })
  }
  if (entries.length !== count) throw new Malformed('a batch has another count')
  return entries
}
