// Compares the sums in the files of a LevelDB database before it is opened: LevelDB itself drops what does not hold its
// sum in a log, and answers from an older row, or with none. Written from LevelDB's documents
// https://github.com/google/leveldb/blob/main/doc/log_format.md and
// https://github.com/google/leveldb/blob/main/doc/table_format.md
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32c } from '@node-rs/crc32'
import { Failure } from './failure.ts'

const BLOCK_BYTES = 32_768
const HEADER_BYTES = 7
const FULL = 1
const FIRST = 2
const LAST = 4
const FOOTER_BYTES = 48
const TABLE_MAGIC = 0xdb4775248b80fb57n
const TRAILER_BYTES = 5
const WINDOW_BYTES = 1 << 20
const COMPARATOR = 'leveldb.BytewiseComparator'

/** A sum as it stands in files: rotated, plus a constant (LevelDB's util/crc32c.h). */
function maskedSum(bytes: Buffer): number {
  const sum = crc32c(bytes)
  return (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0
}

/** A file that is read piece by piece, mostly forwards. */
class Pieces {
  readonly name: string
  readonly size: number
  readonly #file: FileHandle
  #window = Buffer.alloc(0)
  #at = 0

  private constructor(name: string, file: FileHandle, size: number) {
    this.name = name
    this.#file = file
    this.size = size
  }

  /** Throws Failure damaged where the file is missing, failed where it cannot be read. */
  static async with<T>(location: string, name: string, use: (file: Pieces) => Promise<T>) {
    const path = join(location, name)
    try {
      const file = await open(path)
      try {
        return await use(new Pieces(name, file, (await file.stat()).size))
      } finally {
        await file.close()
      }
    } catch (error) {
      if (error instanceof Failure) throw error
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') throw new Failure('damaged', `${path} is missing`)
      throw new Failure('failed', `cannot read ${path}: ${code}`)
    }
  }

  /** The bytes, fewer where the file ends. Valid until the next call. */
  async read(at: number, length: number): Promise<Buffer> {
    const end = Math.min(at + length, this.size)
    if (at < this.#at || end > this.#at + this.#window.length) {
      const window = Buffer.allocUnsafe(Math.min(Math.max(length, WINDOW_BYTES), this.size - at))
      let filled = 0
      while (filled < window.length) {
        const { bytesRead } = await this.#file.read(
          window,
          filled,
          window.length - filled,
          at + filled,
        )
        if (bytesRead === 0) break
        filled += bytesRead
      }
      this.#window = window.subarray(0, filled)
      this.#at = at
    }
    return this.#window.subarray(at - this.#at, end - this.#at)
  }

  damaged(at: number, what: string): Failure {
    return new Failure('damaged', `${this.name} at byte ${at}: ${what}`)
  }
}

/** The fragment of a log that begins at `offset` of a block; undefined where none does, or its sum does not hold. */
function fragmentAt(block: Buffer, offset: number) {
  if (offset + HEADER_BYTES > block.length) return undefined
  const type = block[offset + 6]!
  const end = offset + HEADER_BYTES + block.readUInt16LE(offset + 4)
  if (type < FULL || type > LAST || end > block.length) return undefined
  if (block.readUInt32LE(offset) !== maskedSum(block.subarray(offset + 6, end))) return undefined
  return { type, payload: block.subarray(offset + HEADER_BYTES, end), end }
}

/**
 * Calls `take` with each record of a log, in order. Returns undefined where all of it is sound, else a sentence about its
 * end, behind which no sound record begins. Throws Failure damaged where one does.
 */
async function readLog(file: Pieces, take: (record: Buffer) => void): Promise<string | undefined> {
  let fault: { at: number; what: string } | undefined
  let begun: Buffer[] | undefined
  const lost = (at: number, what: string) => {
    begun = undefined
    fault ??= { at, what }
  }
  for (let at = 0; at < file.size; at += BLOCK_BYTES) {
    const block = await file.read(at, BLOCK_BYTES)
    for (let offset = 0; offset < block.length; ) {
      if (block.length - offset < HEADER_BYTES) {
        const isPadding =
          block.length === BLOCK_BYTES && block.subarray(offset).every((b) => b === 0)
        if (!isPadding) lost(at + offset, 'a record is cut off')
        break
      }
      const fragment = fragmentAt(block, offset)
      if (fragment === undefined) {
        lost(at + offset, 'a record does not hold its sum')
        offset++
        continue
      }
      const { type, payload, end } = fragment
      const begins = type === FULL || type === FIRST
      if (begins && begun !== undefined) lost(at + offset, 'a record has no end')
      if (begins && fault !== undefined) throw file.damaged(fault.at, fault.what)
      if (begins) begun = []
      else if (begun === undefined) lost(at + offset, 'a record has no beginning')
      begun?.push(Buffer.from(payload))
      if (begun !== undefined && (type === FULL || type === LAST)) {
        take(Buffer.concat(begun))
        begun = undefined
      }
      offset = end
    }
  }
  if (begun !== undefined) lost(file.size, 'a record has no end')
  return fault && `${file.name} at byte ${fault.at}: ${fault.what}`
}

/** Reads numbers and slices as LevelDB writes them. Each read throws Failure damaged behind the end. */
class Cursor {
  readonly #bytes: Buffer
  readonly #damaged: () => Failure
  at = 0

  constructor(bytes: Buffer, damaged: () => Failure) {
    this.#bytes = bytes
    this.#damaged = damaged
  }

  get isDone(): boolean {
    return this.at >= this.#bytes.length
  }

  number(): number {
    let value = 0
    for (let scale = 1; this.at < this.#bytes.length; scale *= 128) {
      const byte = this.#bytes[this.at++]!
      value += (byte & 127) * scale
      if (value > Number.MAX_SAFE_INTEGER) break
      if (byte < 128) return value
    }
    throw this.#damaged()
  }

  bytes(length = this.number()): Buffer {
    if (length > this.#bytes.length - this.at) throw this.#damaged()
    this.at += length
    return this.#bytes.subarray(this.at - length, this.at)
  }
}

/** The live tables and the first live log of a database (LevelDB's db/version_edit.cc). */
async function readManifest(location: string) {
  const current = await readFile(join(location, 'CURRENT'), 'latin1').catch((error) => {
    const { code } = error as NodeJS.ErrnoException
    const what = code === 'ENOENT' ? 'is missing' : `cannot be read: ${code}`
    throw new Failure(code === 'ENOENT' ? 'damaged' : 'failed', `${location}/CURRENT ${what}`)
  })
  const [, name] = /^(MANIFEST-\d+)\n$/.exec(current) ?? []
  if (name === undefined) throw new Failure('damaged', `${location}/CURRENT names no manifest`)
  const tables = new Set<number>()
  let firstLog = 0
  await Pieces.with(location, name, async (file) => {
    const damaged = () => file.damaged(0, 'an edit cannot be read')
    const end = await readLog(file, (record) => {
      const edit = new Cursor(record, damaged)
      while (!edit.isDone) {
        const tag = edit.number()
        if (tag === 1) {
          if (edit.bytes().toString('latin1') !== COMPARATOR) throw damaged()
        } else if (tag === 2) firstLog = edit.number()
        else if (tag === 3 || tag === 4 || tag === 9) edit.number()
        else if (tag === 5) void [edit.number(), edit.bytes()]
        else if (tag === 6) void [edit.number(), tables.delete(edit.number())]
        else if (tag === 7) {
          edit.number()
          tables.add(edit.number())
          void [edit.number(), edit.bytes(), edit.bytes()]
        } else throw damaged()
      }
    })
    if (end !== undefined) throw new Failure('damaged', end)
  })
  return { tables, firstLog }
}

/** The block at `at`, whose sum holds. */
async function readBlock(file: Pieces, at: number, size: number): Promise<Buffer> {
  const bytes = at + size > file.size ? Buffer.alloc(0) : await file.read(at, size + TRAILER_BYTES)
  if (bytes.length < size + TRAILER_BYTES) throw file.damaged(at, 'a block is cut off')
  if (bytes.readUInt32LE(size + 1) !== maskedSum(bytes.subarray(0, size + 1))) {
    throw file.damaged(at, 'a block does not hold its sum')
  }
  if (bytes[size] !== 0) throw file.damaged(at, 'a block is compressed')
  return bytes.subarray(0, size)
}

/** Compares the sums of all blocks that a search may read. */
async function checkTable(file: Pieces): Promise<void> {
  const damaged = () => file.damaged(0, 'its footer or index cannot be read')
  const footer = await file.read(Math.max(0, file.size - FOOTER_BYTES), FOOTER_BYTES)
  if (footer.length < FOOTER_BYTES || footer.readBigUInt64LE(FOOTER_BYTES - 8) !== TABLE_MAGIC) {
    throw damaged()
  }
  const ends = new Cursor(footer, damaged)
  // The first list names the filter, by which a search passes over blocks; the second one the blocks of rows.
  for (let lists = 0; lists < 2; lists++) {
    const list = Buffer.from(await readBlock(file, ends.number(), ends.number()))
    if (list.length < 4) throw damaged()
    const entriesEnd = list.length - 4 - 4 * list.readUInt32LE(list.length - 4)
    if (entriesEnd < 0) throw damaged()
    const entries = new Cursor(list.subarray(0, entriesEnd), damaged)
    while (!entries.isDone) {
      void entries.number()
      const [keyBytes, valueBytes] = [entries.number(), entries.number()]
      entries.bytes(keyBytes)
      const place = new Cursor(entries.bytes(valueBytes), damaged)
      await readBlock(file, place.number(), place.number())
    }
  }
}

const fileOf = (number: number, ending: string) => `${String(number).padStart(6, '0')}.${ending}`

/**
 * Compares every sum in the database of a catalog; `names` are the files there. Returns undefined, or a sentence about what
 * the last log may lack: its end, where a write ended half-way (a crash leaves that, and so may rot in the last write), or
 * all of it. Throws Failure damaged, and failed where a file cannot be read.
 */
export async function checkSums(
  location: string,
  names: readonly string[],
): Promise<string | undefined> {
  const { tables, firstLog } = await readManifest(location)
  for (const number of tables) {
    const [ldb, sst] = [fileOf(number, 'ldb'), fileOf(number, 'sst')]
    await Pieces.with(location, names.includes(sst) ? sst : ldb, checkTable)
  }
  const logs = names
    .flatMap((name) => /^(\d+)\.log$/.exec(name)?.[1] ?? [])
    .filter((digits) => Number(digits) >= firstLog)
    .sort((a, b) => Number(a) - Number(b))
  let doubt: string | undefined
  for (const digits of logs) {
    if (doubt !== undefined) throw new Failure('damaged', doubt)
    doubt = await Pieces.with(location, `${digits}.log`, (file) => readLog(file, () => {}))
  }
  // LevelDB makes a log before its manifest names it. A copy may lack one that was empty.
  const isMissing = firstLog > 0 && Number(logs[0]) !== firstLog
  return doubt ?? (isMissing ? `${fileOf(firstLog, 'log')} is missing` : undefined)
}
