// A table of LevelDB, block by block, each checked against its own checksum, which LevelDB does not check when it
// reads (D-CHECKSUMS). Tables of coffer are not compressed.
// https://github.com/google/leveldb/blob/main/doc/table_format.md

import { type Damage, unreadableAt } from '../damage.ts'
import type { PlainFile } from '../plain-file.ts'
import { isOfDisk } from '../system-error.ts'
import { Cursor, type Entry, Malformed, maskedCrc, TAG_BYTES, userKey } from './coding.ts'

const FOOTER_BYTES = 48
const MAGIC = 0xdb4775248b80fb57n
const TRAILER_BYTES = 5
const UNCOMPRESSED = 0

/** Where a block lies, in bytes. */
interface Place {
  readonly offset: number
  readonly size: number
}

interface IndexEntry extends Place {
  /** No user key of the block is greater. It need not be a key of the block. */
  readonly last: Buffer
}

export class TableFile {
  readonly #file: PlainFile
  readonly #index: readonly IndexEntry[]
  /** What is wrong with the table's footer, index and filter. */
  readonly damages: readonly Damage[]

  private constructor(file: PlainFile, index: readonly IndexEntry[], damages: readonly Damage[]) {
    this.#file = file
    this.#index = index
    this.damages = damages
  }

  /** Opens a table and reads its index. A table with a damaged index has no entries. Rejects with the system's
   * error. */
  static async open(file: PlainFile, size: number): Promise<TableFile> {
    const damages: Damage[] = []
    // LevelDB follows the offsets of an index wherever they lead.
    if (file.size !== size) {
      const what = `has ${file.size} bytes, not ${size}`
      damages.push({ file: file.name, offset: Math.min(file.size, size), what, deadly: true })
    }
    let index: IndexEntry[] = []
    let at = Math.max(0, size - FOOTER_BYTES)
    try {
      const footer = readFooter(await file.read(at, FOOTER_BYTES, false))
      at = footer.index.offset
      index = indexOf(await readBlock(file, footer.index, false))
      at = footer.metaindex.offset
      let end = index.reduce((sum, entry) => followed(sum, entry), 0)
      for (const { value } of blockPairs(await readBlock(file, footer.metaindex, false))) {
        const filter = readPlace(new Cursor(value))
        at = filter.offset
        await readBlock(file, filter, true)
        end = followed(end, filter)
      }
      at = end
      if (followed(followed(end, footer.metaindex), footer.index) !== size - FOOTER_BYTES) {
        throw new Malformed('the blocks do not fill the table')
      }
    } catch (error) {
      damages.push(damageAt(file, at, error))
    }
    return new TableFile(file, index, damages)
  }

  /**
   * The entries of keys from `from` on, in order, with each damaged block in its place. Entries are valid until
   * the next one is read.
   */
  async *entries(from: Buffer = Buffer.alloc(0), ahead = true): AsyncGenerator<Entry | Damage> {
    for (let i = this.#firstFor(from); i < this.#index.length; i++) {
      const place = this.#index[i]!
      let entries: Entry[]
      try {
        entries = entriesOf(await readBlock(this.#file, place, ahead))
      } catch (error) {
        yield this.#damage(i, error)
        continue
      }
      for (const entry of entries) if (Buffer.compare(entry.key, from) >= 0) yield entry
    }
  }

  /** Reads every block, and calls `damaged` for each that is damaged. */
  async verify(damaged: (damage: Damage) => void): Promise<void> {
    for (const [i, place] of this.#index.entries()) {
      try {
        await readBlock(this.#file, place, true)
      } catch (error) {
        damaged(this.#damage(i, error))
      }
    }
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  #damage(block: number, error: unknown): Damage {
    const { offset, last } = this.#index[block]!
    const keys = { after: this.#index[block - 1]?.last, last }
    const damage = damageAt(this.#file, offset, error)
    if (error instanceof Rotten && isHarmless(error.block, keys)) {
      return { ...damage, keys, deadly: false }
    }
    return { ...damage, keys }
  }

  /** The first block that may hold the key. */
  #firstFor(key: Buffer): number {
    let low = 0
    let high = this.#index.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (Buffer.compare(this.#index[middle]!.last, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** A block that was read, and whose checksum is wrong. */
class Rotten extends Malformed {
  readonly block: Buffer

  constructor(block: Buffer) {
    super('a block does not hold its checksum')
    this.block = block
  }
}

/** True where only values can have changed. LevelDB parses the rest of a block, and asserts that keys are long
 * enough and in order (LevelDB's db/dbformat.h, table/table_builder.cc). A failed assertion ends the process. */
function isHarmless(block: Buffer, { after, last }: NonNullable<Damage['keys']>): boolean {
  try {
    const starts = new Set<number>()
    let before = after
    for (const { key, at, shared } of blockPairs(block)) {
      const user = userKey(key)
      if (before !== undefined && Buffer.compare(user, before) < 0) return false
      if (Buffer.compare(user, last) > 0) return false
      before = user
      if (shared === 0) starts.add(at)
    }
    const count = block.readUInt32LE(block.length - 4)
    for (let i = 1; i <= count; i++) {
      // A search may begin at any restart, and takes the entry there for one with a whole key.
      if (!starts.has(block.readUInt32LE(block.length - 4 - 4 * i))) return false
    }
    return count > 0
  } catch (error) {
    if (error instanceof Malformed || error instanceof RangeError) return false
    throw error
  }
}

/** The damage that a failed read of a block is. Throws `error` where it is none of a read. */
function damageAt(file: PlainFile, offset: number, error: unknown): Damage {
  if (error instanceof Malformed) {
    return { file: file.name, offset, what: error.message, deadly: true }
  }
  const damage = unreadableAt(file.path, offset, error)
  if (damage === undefined) throw error
  return { ...damage, deadly: isOfDisk(damage.unreadable!) }
}

/** The end of a block that begins at `end`. Blocks lie one behind the other, so that no byte of a table is
 * unchecked. */
function followed(end: number, { offset, size }: Place): number {
  if (offset !== end) throw new Malformed('blocks do not follow one another')
  return offset + size + TRAILER_BYTES
}

function readPlace(cursor: Cursor): Place {
  return { offset: cursor.varint(), size: cursor.varint() }
}

function readFooter(footer: Buffer): { metaindex: Place; index: Place } {
  if (footer.length < FOOTER_BYTES) throw new Malformed('the footer is cut off')
  if (footer.readBigUInt64LE(FOOTER_BYTES - 8) !== MAGIC) throw new Malformed('no footer')
  const cursor = new Cursor(footer, 0, FOOTER_BYTES - 8)
  const places = { metaindex: readPlace(cursor), index: readPlace(cursor) }
  if (footer.subarray(cursor.at, FOOTER_BYTES - 8).some((byte) => byte !== 0)) {
    throw new Malformed('the padding of the footer is not zero')
  }
  return places
}

/** Reads a block, without its trailer. Rejects with Malformed, or the system's error. */
async function readBlock(file: PlainFile, place: Place, ahead: boolean): Promise<Buffer> {
  const { offset, size } = place
  if (offset + size + TRAILER_BYTES > file.size) throw new Malformed('a block lies beyond the end')
  const bytes = await file.read(offset, size + TRAILER_BYTES, ahead)
  if (bytes.length < size + TRAILER_BYTES) throw new Malformed('a block is cut off')
  if (bytes.readUInt32LE(size + 1) !== maskedCrc(bytes.subarray(0, size + 1))) {
    throw new Rotten(bytes.subarray(0, size))
  }
  if (bytes[size] !== UNCOMPRESSED) throw new Malformed('a block is compressed')
  return bytes.subarray(0, size)
}

interface Pair {
  readonly key: Buffer
  readonly value: Buffer
  /** Where the pair stands in the block, and how many bytes its key shares with the one before. */
  readonly at: number
  readonly shared: number
}

/** The keys and values of a block. A key is stored without the bytes that it shares with the one before. */
function* blockPairs(block: Buffer): Generator<Pair> {
  if (block.length < 4) throw new Malformed('a block has no end')
  const end = block.length - 4 - 4 * block.readUInt32LE(block.length - 4)
  const cursor = new Cursor(block, 0, end)
  let key = Buffer.alloc(0)
  while (!cursor.done) {
    const { at } = cursor
    const shared = cursor.varint()
    const rest = cursor.varint()
    const length = cursor.varint()
    if (shared > key.length) throw new Malformed('a key shares more than there is')
    key = Buffer.concat([key.subarray(0, shared), cursor.take(rest)])
    yield { key, value: cursor.take(length), at, shared }
  }
}

function indexOf(block: Buffer): IndexEntry[] {
  const index: IndexEntry[] = []
  for (const { key, value } of blockPairs(block)) {
    const { offset, size } = readPlace(new Cursor(value))
    index.push({ last: userKey(key), offset, size })
  }
  return index
}

function entriesOf(block: Buffer): Entry[] {
  const entries: Entry[] = []
  for (const { key, value } of blockPairs(block)) {
    const tag = key.length < TAG_BYTES ? -1n : key.readBigUInt64LE(key.length - TAG_BYTES)
    const type = tag & 0xffn
    if (type > 1n) throw new Malformed('a key has no known type')
    entries.push({ key: userKey(key), sequence: tag >> 8n, value: type === 1n ? value : null })
  }
  return entries
}
