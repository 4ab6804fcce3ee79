// The index beside the records: where each record lies, so that a volume can be opened without reading it. It is
// written after the records that it names were synced, is not synced itself, and is only a shortcut: what it lacks is
// read from the records. Its layout is part of the stored format (docs/format.md).
import { constants } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from '../../bytes/crc32.ts'
import { readUint64, writeUint64 } from '../../bytes/uint64.ts'
import type { DataFile, Files } from '../../files.ts'
import type { Mark } from './batches.ts'
import type { Places } from './places.ts'

export const INDEX_NAME = 'index'

const MAGIC = Buffer.from('cfx1', 'latin1')
// magic 4 ‖ count 4 ‖ first number 8 ‖ first offset 8 ‖ end 8 ‖ entries ‖ crc32 4
const COUNT_AT = 4
const NUMBER_AT = 8
const OFFSET_AT = 16
const END_AT = 24
const HEAD_BYTES = 32
/** Difference to the first number 4 ‖ difference to the first offset 4 ‖ length 4. */
const ENTRY_BYTES = 12
const CRC_BYTES = 4
/** Records in one block. Of none is the value longer than VALUE_BYTES_MAX, so that offsets differ by less than 4 GiB. */
const BLOCK_RECORDS = 8192
const TWO_32 = 2 ** 32

/** How far the index goes. */
export interface Indexed extends Mark {
  /** Length of the index in bytes. */
  readonly bytes: number
}

export const NOTHING_INDEXED: Indexed = { number: -1, end: 0, bytes: 0 }

export interface LoadedIndex extends Indexed {
  /** The index names records behind the end of the file, which has lost what was synced. */
  readonly isBeyond: boolean
}

/** Adds what the index of a file of `size` bytes holds to `places`. An index that cannot be read, or is damaged, ends
 * there. */
export async function loadIndex(
  files: Files,
  location: string,
  size: number,
  places: Places,
): Promise<LoadedIndex> {
  const path = join(location, INDEX_NAME)
  const file = await files.openData(path, constants.O_RDONLY).catch(() => undefined)
  let indexed = NOTHING_INDEXED
  try {
    for (;;) {
      const block = file && (await readBlock(file, indexed.bytes))
      if (block === undefined) return { ...indexed, isBeyond: false }
      const end = readUint64(block, END_AT)
      if (end > size) return { ...indexed, isBeyond: true }
      const number = addBlock(block, indexed, places)
      if (number === undefined) return { ...indexed, isBeyond: false }
      indexed = { number, end, bytes: indexed.bytes + block.length }
    }
  } finally {
    await file?.close()
  }
}

/** Appends the records behind `from`, up to `to`, which must be synced. Returns how far the index goes then. Rejects
 * with the system's error; the index is what it was then, or damaged behind that. */
export async function extendIndex(
  files: Files,
  location: string,
  places: Places,
  from: Indexed,
  to: Mark,
): Promise<Indexed> {
  const path = join(location, INDEX_NAME)
  const file = await files.openData(path, constants.O_WRONLY | constants.O_CREAT)
  try {
    let bytes = from.bytes
    for (const block of blocksOf(places, from, to)) {
      const { bytesWritten } = await file.write(block, 0, block.length, bytes)
      if (bytesWritten < block.length) throw new Error('the index was written in part')
      bytes += block.length
    }
    return { ...to, bytes }
  } finally {
    await file.close()
  }
}

async function readBlock(file: DataFile, at: number): Promise<Buffer | undefined> {
  const head = await readAt(file, at, HEAD_BYTES)
  if (head?.compare(MAGIC, 0, COUNT_AT, 0, COUNT_AT) !== 0) return undefined
  const count = head.readUInt32BE(COUNT_AT)
  if (count < 1 || count > BLOCK_RECORDS) return undefined
  const block = await readAt(file, at, HEAD_BYTES + count * ENTRY_BYTES + CRC_BYTES)
  const sum = block && crc32(block.subarray(0, -CRC_BYTES))
  return sum === block?.readUInt32BE(block.length - CRC_BYTES) ? block : undefined
}

/** Undefined where the file ends before, or cannot be read. */
async function readAt(file: DataFile, at: number, length: number): Promise<Buffer | undefined> {
  const bytes = Buffer.allocUnsafe(length)
  const found = await file.read(bytes, 0, length, at).catch(() => undefined)
  return found?.bytesRead === length ? bytes : undefined
}

/** Adds the records of a block. Returns the last number; undefined where the block does not follow what is indexed. */
function addBlock(block: Buffer, { number, end }: Mark, places: Places): number | undefined {
  const [first, offset] = [readUint64(block, NUMBER_AT), readUint64(block, OFFSET_AT)]
  if (first <= number || offset < end) return undefined
  let last = first
  for (let at = HEAD_BYTES; at < block.length - CRC_BYTES; at += ENTRY_BYTES) {
    last = first + block.readUInt32BE(at)
    places.add(last, offset + block.readUInt32BE(at + 4), block.readUInt32BE(at + 8))
  }
  return last
}

/** The blocks for the records between two marks. */
function* blocksOf(places: Places, from: Mark, to: Mark): Generator<Buffer> {
  let entries: { number: number; offset: number; length: number }[] = []
  for (const place of places.behind(from.number)) {
    if (place.number > to.number) break
    const first = entries[0] ?? place
    if (entries.length === BLOCK_RECORDS || place.number - first.number >= TWO_32) {
      const { offset, length } = entries.at(-1)!
      yield encodeBlock(entries, offset + length)
      entries = []
    }
    entries.push(place)
  }
  if (entries.length > 0) yield encodeBlock(entries, to.end)
}

function encodeBlock(
  entries: readonly { number: number; offset: number; length: number }[],
  end: number,
): Buffer {
  const block = Buffer.alloc(HEAD_BYTES + entries.length * ENTRY_BYTES + CRC_BYTES)
  const { number, offset } = entries[0]!
  MAGIC.copy(block)
  block.writeUInt32BE(entries.length, COUNT_AT)
  writeUint64(block, number, NUMBER_AT)
  writeUint64(block, offset, OFFSET_AT)
  writeUint64(block, end, END_AT)
  for (const [i, entry] of entries.entries()) {
    const at = HEAD_BYTES + i * ENTRY_BYTES
    block.writeUInt32BE(entry.number - number, at)
    block.writeUInt32BE(entry.offset - offset, at + 4)
    block.writeUInt32BE(entry.length, at + 8)
  }
  block.writeUInt32BE(crc32(block.subarray(0, -CRC_BYTES)), block.length - CRC_BYTES)
  return block
}
