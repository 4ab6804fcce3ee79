// The LevelDB database behind a volume: opened when it is first needed, closed and opened again where a
// failed write asks for it. Reads wait while it is being opened; they never see it closed.
import { CofferError } from '../../errors.ts'
import type { Database, Engine } from '../../leveldb/engine.ts'
import { readRows } from '../../leveldb/whole-read.ts'
import { readUint64, recordKey } from '../record.ts'
import type { OpenVolumes, Restable } from './open-volumes.ts'
import { ReadNote } from './read-note.ts'

/** LevelDB's cache of blocks for one volume. Tables are mapped, so it holds next to nothing. */
const CACHE_BYTES = 1024 * 1024

/** Reads that find the database closed try to open it at most this often after a failure: each try
 * replays a log. */
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

  /** `others`: the volumes that it shares a bound with once it is only read. */
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

  /** Nothing is written from now on: while it is open it counts among those of which only so many are. */
  onlyRead(): void {
    this.#isOnlyRead = true
    if (this.#db !== undefined) this.#others.add(this)
  }

  /** Opens the database unless it is open. Rejects with LevelDB's error, StoreUnavailable after `end`. */
  open(create = false): Promise<void> {
    if (this.#db !== undefined) return Promise.resolve()
    this.#opening ??= this.#open(create).finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  /** Waits for what is under way and closes the database; the next read opens it again. */
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
   * Goes over to another database, which holds the same records: reads that have begun end on the old one,
   * and none waits. Returns what closes the old one, once those have ended. Rejects with LevelDB's error
   * where the other cannot be opened; then nothing has changed.
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

  /** Closes for good. */
  async end(): Promise<void> {
    this.#ended = true
    await this.close()
    await this.#note.end()
  }

  /** The value of a record, owned by the caller; undefined where there is none. Rejects with LevelDB's
   * error, or that of opening. */
  get(number: number): Promise<Buffer | undefined> {
    return this.#read((db) => db.get(recordKey(number), READ))
  }

  /** The values of several records, in one turn of the thread pool; as `get` otherwise. */
  getMany(numbers: readonly number[]): Promise<(Buffer | undefined)[]> {
    return this.#read((db) => db.getMany(numbers.map(recordKey), READ))
  }

  /** Puts a value, which is copied before this returns. The database must be open. */
  put(number: number, value: Buffer): Promise<void> {
    // A put on a database that is being opened would keep a reference to the slab (D-BUFFERS).
    if (this.#db === undefined) return Promise.reject(this.#unavailable())
    return this.#db.put(recordKey(number), value)
  }

  /** Leaves nothing in the log: on a disk with little room a database whose log has to be written to a table first
   * could not be opened again. Rejects with LevelDB's error. It must be open. */
  async flush(): Promise<void> {
    if (this.#db === undefined) throw this.#unavailable()
    // A range of no keys: LevelDB writes its memtable to a table first, whatever the range.
    await this.#db.compactRange(BEHIND_ALL, BEHIND_ALL)
  }

  /** Number of the last record; undefined in an empty database. It must be open. Rejects with LevelDB's error where the
   * last one cannot be read: the number before it would be given away twice. */
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

  /** What is new holds nothing that could kill a process, and has no name yet for a note to stand beside. */
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

  /** Opens the database first, and again where another volume took its place before it could be read. */
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
