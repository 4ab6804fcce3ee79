// The LevelDB database of a volume. It is opened for the first read or write, closed while other volumes need
// the memory, and closed and opened again after a failed write. Reads wait while it is being opened, so that no
// read meets a closed database.
import { TRAILER_BYTES } from '../../bytes/slab.ts'
import { CofferError } from '../../errors.ts'
import type { Database, Engine } from '../../leveldb/engine.ts'
import { readRows } from '../../leveldb/whole-read.ts'
import type { Handle, HandleOptions, SealedRecord, TakeNumber } from '../format.ts'
import type { OpenVolumes } from '../open-volumes.ts'
import { Reads } from '../reads.ts'
import { KEY_BYTES, readUint64, recordKey } from '../record.ts'
import { Logs } from './logs.ts'
import { PUTS_MAX, Puts } from './puts.ts'
import { ReadNote } from './read-note.ts'

/** LevelDB's block cache for one volume. Tables are mapped, so that the cache holds next to nothing. */
const CACHE_BYTES = 1024 * 1024

/** The least time between two attempts to open the database after one failed: each attempt replays a log. */
const RETRY_MS = 1000

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
  readonly #others: OpenVolumes
  readonly #failed: (error: unknown) => void
  readonly #note: ReadNote
  readonly #reads = new Reads()
  #puts: Puts
  #logs: Logs
  #db: Database<Buffer> | undefined
  #opening: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #ended = false
  #isOnlyRead = false
  #readAt = 0
  #failure: { readonly error: unknown; readonly atMs: number } | undefined

  constructor(
    engine: Engine,
    location: string,
    writeBufferBytes: number,
    { readable, failed, before }: HandleOptions,
  ) {
    this.#engine = engine
    this.#location = location
    this.#writeBufferBytes = writeBufferBytes
    this.#others = readable
    this.#failed = failed
    // The next generation has the same name, and so the same note.
    const isNext = before instanceof LevelHandle
    this.#note = isNext ? before.#note.share() : new ReadNote(engine, location)
    this.#puts = new Puts(failed)
    this.#logs = new Logs(engine, location)
  }

  get readAt(): number {
    return this.#readAt
  }

  get isBeingRead(): boolean {
    return this.#reads.areUnderWay
  }

  /** Nothing is written from now on. While the database is open it counts towards the bound on open volumes. */
  onlyRead(): void {
    this.#isOnlyRead = true
    if (this.#db !== undefined) this.#others.add(this)
  }

  make(): Promise<void> {
    return this.#openOnce(true)
  }

  open(): Promise<void> {
    return this.#openOnce(false)
  }

  async isHalfMade(): Promise<boolean> {
    const names = await this.#engine.list(this.#location)
    const holdsData = names.some((name) => name === 'CURRENT' || /\.(log|ldb|sst)$/.test(name))
    // LevelDB's own small files are there as soon as it has tried to open the directory.
    return names.includes('LOCK') && !holdsData
  }

  /** Waits for an `open` under way and closes the database. The next read opens it again. */
  async close(): Promise<void> {
    await this.#opening?.catch(() => undefined)
    await this.#logs.close()
    const db = this.#db
    if (db !== undefined) {
      this.#db = undefined
      this.#others.leave(this)
      this.#closing = db.close()
    }
    await this.#closing
  }

  async end(): Promise<void> {
    this.#ended = true
    await this.close()
    await this.#note.end()
  }

  idle(): Promise<void> {
    return this.#reads.idle()
  }

  /** Reads all values in one task of the thread pool. */
  getMany(numbers: readonly number[]): Promise<(Buffer | undefined)[]> {
    return this.#read((db) => db.getMany(numbers.map(recordKey), READ))
  }

  append({ sum, index, slab, length }: SealedRecord, take: TakeNumber): Promise<void> {
    return this.#puts.run(slab, length, (bytes) => {
      // A put on a database that is being opened would keep a reference to the slab (D-BUFFERS).
      if (this.#db === undefined) return Promise.reject(this.#unavailable())
      const number = take(KEY_BYTES + length + TRAILER_BYTES)
      return this.#db.put(recordKey(number), sum.append(bytes, length, number, index))
    })
  }

  async putHeader(number: number, value: Buffer): Promise<void> {
    if (this.#db === undefined) throw this.#unavailable()
    await this.#db.put(recordKey(number), value)
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
    if (this.#db === undefined) throw this.#unavailable()
    // A range without keys: LevelDB writes its memtable to a table before it compacts any range.
    await this.#db.compactRange(BEHIND_ALL, BEHIND_ALL)
  }

  async lastNumber(): Promise<number | undefined> {
    if (this.#db === undefined) throw this.#unavailable()
    const [last] = await readRows(this.#db, { reverse: true, values: false }, 1)
    return last && readUint64(last[0], 0)
  }

  #openOnce(create: boolean): Promise<void> {
    if (this.#db !== undefined) return Promise.resolve()
    this.#opening ??= this.#open(create).finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #open(create: boolean): Promise<void> {
    if (this.#isOnlyRead) await this.#others.admit(this)
    try {
      await this.#closing
      if (this.#ended) throw this.#unavailable()
      this.#db = await (create ? this.#make() : this.#openThere())
      // Appends and syncs belong to one opening of the database.
      this.#puts = new Puts(this.#failed)
      this.#logs = new Logs(this.#engine, this.#location)
      this.#failure = undefined
    } catch (error) {
      this.#others.leave(this)
      this.#failure = { error, atMs: performance.now() }
      throw error
    }
  }

  /** A new database holds nothing that could kill the process, so that no note is written for it. Its volume
   * has no name yet either, beside which a note could lie. */
  #make(): Promise<Database<Buffer>> {
    return openVolumeDatabase(this.#engine, this.#location, this.#writeBufferBytes, true)
  }

  #openThere(): Promise<Database<Buffer>> {
    return this.#note.during(() =>
      openVolumeDatabase(this.#engine, this.#location, this.#writeBufferBytes, false),
    )
  }

  #read<T>(read: (db: Database<Buffer>) => Promise<T>): Promise<T> {
    this.#readAt = this.#others.turn()
    return this.#reads.during(() =>
      this.#note.during(() => (this.#db === undefined ? this.#later(read) : read(this.#db))),
    )
  }

  /** Opens the database before the read. Repeats that where another volume took its place meanwhile. */
  async #later<T>(read: (db: Database<Buffer>) => Promise<T>): Promise<T> {
    while (this.#db === undefined) {
      const failure = this.#failure
      if (failure !== undefined && performance.now() < failure.atMs + RETRY_MS) throw failure.error
      await this.open()
    }
    return await read(this.#db)
  }

  #unavailable(): CofferError {
    return new CofferError('StoreUnavailable', { what: 'the volume is closed' })
  }
}
