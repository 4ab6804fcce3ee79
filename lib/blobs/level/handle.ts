// The LevelDB database of a volume.

import { TRAILER_BYTES } from '../../bytes/slab.ts'
import { readUint64 } from '../../bytes/uint64.ts'
import type { CofferError } from '../../errors.ts'
import type { Database, Engine } from '../../leveldb/engine.ts'
import { readRows } from '../../leveldb/whole-read.ts'
import type { Handle, HandleOptions, SealedRecord, TakeNumber } from '../format.ts'
import { OnDemand } from '../on-demand.ts'
import { KEY_BYTES, recordKey } from '../record.ts'
import { Logs } from './logs.ts'
import { PUTS_MAX, Puts } from './puts.ts'
import { ReadNote } from './read-note.ts'

/** LevelDB's block cache for one volume. Tables are mapped, so that the cache holds next to nothing. */
const CACHE_BYTES = 1024 * 1024

const READ = { fillCache: false }

/** Greater than the key of any record. */
const BEHIND_ALL = Buffer.alloc(9, 0xff)

/** Opens the database of a volume, or of a copy of one. Rejects with LevelDB's error. */
export function openVolumeDatabase(
  engine: Engine,
  location: string,
  writeBufferBytes: number,
  create: boolean,
): Promise<Database<Buffer>> {
  return engine.open(location, {
    keyEncoding: 'buffer',
    writeBufferBytes,
    maxFileBytes: writeBufferBytes,
    cacheBytes: CACHE_BYTES,
    create,
  })
}

export class LevelHandle implements Handle {
  readonly appendsMax = PUTS_MAX
  /** The database can be written again once it was closed and opened. */
  readonly isSpent = false
  readonly #engine: Engine
  readonly #location: string
  readonly #writeBufferBytes: number
  readonly #failed: (error: unknown) => void
  readonly #note: ReadNote
  readonly #database: OnDemand<Database<Buffer>>
  #puts: Puts
  #logs: Logs

  constructor(
    engine: Engine,
    location: string,
    writeBufferBytes: number,
    { readable, failed, before }: HandleOptions,
  ) {
    this.#engine = engine
    this.#location = location
    this.#writeBufferBytes = writeBufferBytes
    this.#failed = failed
    // The next generation has the same name, and so the same note.
    const isNext = before instanceof LevelHandle
    this.#note = isNext ? before.#note.share() : new ReadNote(engine, location)
    this.#database = new OnDemand(() => this.#note.during(() => this.#open(false)), readable)
    this.#puts = new Puts(failed)
    this.#logs = new Logs(engine, location)
  }

  onlyRead(): void {
    this.#database.onlyRead()
  }

  /** A new database holds nothing that could kill the process, so that no note is written for it. Its volume
   * has no name yet either, beside which a note could lie. */
  make(): Promise<void> {
    return this.#database.open(() => this.#open(true))
  }

  open(): Promise<void> {
    return this.#database.open()
  }

  async isHalfMade(): Promise<boolean> {
    const names = await this.#engine.list(this.#location)
    const holdsData = names.some((name) => name === 'CURRENT' || /\.(log|ldb|sst)$/.test(name))
    // LevelDB's own small files are there as soon as it has tried to open the directory.
    return names.includes('LOCK') && !holdsData
  }

  async close(): Promise<void> {
    await this.#logs.close()
    await this.#database.close()
  }

  async end(): Promise<void> {
    await this.#logs.close()
    await this.#database.end()
    await this.#note.end()
  }

  idle(): Promise<void> {
    return this.#database.idle()
  }

  /** Reads all values in one task of the thread pool. */
  getMany(numbers: readonly number[]): Promise<(Buffer | undefined)[]> {
    return this.#database.read((db) =>
      this.#note.during(() => db.getMany(numbers.map(recordKey), READ)),
    )
  }

  append({ sum, index, slab, length }: SealedRecord, take: TakeNumber): Promise<void> {
    return this.#puts.run(slab, length, async (bytes) => {
      // A put on a database that is being opened would keep a reference to the slab (D-BUFFERS).
      const db = this.#database.requireOpen()
      const number = take(KEY_BYTES + length + TRAILER_BYTES)
      await db.put(recordKey(number), sum.append(bytes, length, number, index))
    })
  }

  async putHeader(number: number, value: Buffer): Promise<void> {
    await this.#database.requireOpen().put(recordKey(number), value)
  }

  stop(error: CofferError): void {
    this.#puts.stop(error)
  }

  /** A put that fails damages the log for puts that begin after it, and may reject later than those resolve. Only after
   * all have ended is it certain that none failed. */
  written(): Promise<void> {
    return this.#puts.begun()
  }

  sync(): Promise<void> {
    return this.#logs.sync()
  }

  /** Writes LevelDB's log to a table. On a disk with little room, a database could not be opened again while
   * its log still had to be written to one. */
  async finish(): Promise<void> {
    await this.#logs.close()
    // A range without keys: LevelDB writes its memtable to a table before it compacts any range.
    await this.#database.requireOpen().compactRange(BEHIND_ALL, BEHIND_ALL)
  }

  async lastNumber(): Promise<number | undefined> {
    const [last] = await readRows(this.#database.requireOpen(), { reverse: true, values: false }, 1)
    return last && readUint64(last[0], 0)
  }

  async #open(create: boolean): Promise<Database<Buffer>> {
    const bytes = this.#writeBufferBytes
    const db = await openVolumeDatabase(this.#engine, this.#location, bytes, create)
    // Puts and syncs belong to one opening of the database.
    this.#puts = new Puts(this.#failed)
    this.#logs = new Logs(this.#engine, this.#location)
    return db
  }
}
