// The LevelDB database of a volume. It is opened for the first read or write, closed while other volumes need
// the memory, and closed and opened again after a failed write. Reads wait while it is being opened, so that no
// read meets a closed database.

import { readUint64 } from '../../bytes/uint64.ts'
import { CofferError } from '../../errors.ts'
import type { Database, Engine } from '../../leveldb/engine.ts'
import { readRows } from '../../leveldb/whole-read.ts'
import { recordKey } from '../record.ts'
import type { OpenVolumes, Restable } from './open-volumes.ts'
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

export class Handle implements Restable {
  readonly #engine: Engine
  #location: string
  readonly #writeBufferBytes: number
  readonly #others: OpenVolumes
  readonly #note: ReadNote
  #db: Database<Buffer> | undefined
  #opening: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #ended = false
  #isOnlyRead = false
  #readAt = 0
  #failure: { readonly error: unknown; readonly atMs: number } | undefined

  /** `others` bounds how many volumes are open that are only read. */
  constructor(engine: Engine, location: string, writeBufferBytes: number, others: OpenVolumes) {
    this.#engine = engine
    this.#location = location
    this.#writeBufferBytes = writeBufferBytes
    this.#others = others
    this.#note = new ReadNote(engine, location)
  }

  get readAt(): number {
    return this.#readAt
  }

  get isBeingRead(): boolean {
    return this.#note.isReading
  }

  /** Nothing is written from now on. While the database is open it counts towards the bound on open volumes. */
  onlyRead(): void {
    this.#isOnlyRead = true
    if (this.#db !== undefined) this.#others.add(this)
  }

  /** Opens the database unless it is open. Rejects with LevelDB's error, and with StoreUnavailable after
   * `end`. */
  open(create = false): Promise<void> {
    if (this.#db !== undefined) return Promise.resolve()
    this.#opening ??= this.#open(create).finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  /** Waits for an `open` under way and closes the database. The next read opens it again. */
  async close(): Promise<void> {
    await this.#opening?.catch(() => undefined)
    const db = this.#db
    if (db !== undefined) {
      this.#db = undefined
      this.#others.leave(this)
      this.#closing = db.close()
    }
    await this.#closing
  }

  /**
   * Switches to another database that holds the same records. Reads that have begun end on the old one, and
   * none waits. Returns a function that closes the old database once those reads have ended. Rejects with
   * LevelDB's error where the other database cannot be opened; nothing has changed then.
   */
  async moveTo(location: string): Promise<() => Promise<void>> {
    const next = await this.#openAt(location)
    while (this.#opening !== undefined) await this.#opening.catch(() => undefined)
    if (this.#ended) {
      await next.close()
      throw this.#unavailable()
    }
    const old = this.#db
    this.#db = next
    this.#location = location
    this.#others.add(this)
    return async () => {
      await this.#closing
      await old?.close()
    }
  }

  /** Closes the database; no read opens it again. */
  async end(): Promise<void> {
    this.#ended = true
    await this.close()
    await this.#note.end()
  }

  /** The value of a record, owned by the caller; undefined where there is none. Rejects with LevelDB's error
   * of the read or of opening. */
  get(number: number): Promise<Buffer | undefined> {
    return this.#read((db) => db.get(recordKey(number), READ))
  }

  /** The values of several records, read in one task of the thread pool. Otherwise as `get`. */
  getMany(numbers: readonly number[]): Promise<(Buffer | undefined)[]> {
    return this.#read((db) => db.getMany(numbers.map(recordKey), READ))
  }

  /** Puts a value, which is copied before the call returns. The database must be open. */
  put(number: number, value: Buffer): Promise<void> {
    // A put on a database that is being opened would keep a reference to the slab (D-BUFFERS).
    if (this.#db === undefined) return Promise.reject(this.#unavailable())
    return this.#db.put(recordKey(number), value)
  }

  /** Writes LevelDB's log to a table. On a disk with little room, a database could not be opened again while
   * its log still had to be written to one. Rejects with LevelDB's error. The database must be open. */
  async flush(): Promise<void> {
    if (this.#db === undefined) throw this.#unavailable()
    // A range without keys: LevelDB writes its memtable to a table before it compacts any range.
    await this.#db.compactRange(BEHIND_ALL, BEHIND_ALL)
  }

  /** Number of the last record; undefined in an empty database. Rejects with LevelDB's error where the last
   * key cannot be read: an earlier number would be used a second time. The database must be open. */
  async lastNumber(): Promise<number | undefined> {
    if (this.#db === undefined) throw this.#unavailable()
    const [last] = await readRows(this.#db, { reverse: true, values: false }, 1)
    return last && readUint64(last[0], 0)
  }

  async #open(create: boolean): Promise<void> {
    if (this.#isOnlyRead) await this.#others.admit(this)
    try {
      await this.#closing
      if (this.#ended) throw this.#unavailable()
      this.#db = await (create ? this.#make() : this.#openAt(this.#location))
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

  #openAt(location: string): Promise<Database<Buffer>> {
    return this.#note.during(() =>
      openVolumeDatabase(this.#engine, location, this.#writeBufferBytes, false),
    )
  }

  #read<T>(read: (db: Database<Buffer>) => Promise<T>): Promise<T> {
    this.#readAt = this.#others.turn()
    return this.#note.during(() => (this.#db === undefined ? this.#later(read) : read(this.#db)))
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
