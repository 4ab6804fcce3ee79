// The LevelDB database behind a volume: opened when it is first needed, closed and opened again where a
// failed write asks for it. Reads wait while it is being opened; they never see it closed.
import { CofferError } from '../errors.ts'
import type { Database, Engine } from '../level.ts'
import { ReadNote } from './read-note.ts'
import { readUint64, recordKey } from './record.ts'

/** LevelDB's cache of blocks for one volume. Tables are mapped, so it holds next to nothing. */
const CACHE_BYTES = 1024 * 1024

/** Reads that find the database closed try to open it at most this often after a failure: each try
 * replays a log. */
const RETRY_MS = 1000

const READ = { fillCache: false }

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

export class Handle {
  readonly #engine: Engine
  #location: string
  readonly #writeBufferBytes: number
  readonly #note: ReadNote
  #db: Database<Buffer> | undefined
  #opening: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #ended = false
  #failure: { readonly error: unknown; readonly atMs: number } | undefined

  constructor(engine: Engine, location: string, writeBufferBytes: number) {
    this.#engine = engine
    this.#location = location
    this.#writeBufferBytes = writeBufferBytes
    this.#note = new ReadNote(engine, location)
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
    const next = await this.#openAt(location, false)
    while (this.#opening !== undefined) await this.#opening.catch(() => undefined)
    if (this.#ended) {
      await next.close()
      throw this.#unavailable()
    }
    const old = this.#db
    this.#db = next
    this.#location = location
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
    return this.#note.during(() => this.#get(number))
  }

  /** The values of several records, in one turn of the thread pool; as `get` otherwise. */
  async getMany(numbers: readonly number[]): Promise<(Buffer | undefined)[]> {
    return await this.#note.during(() => {
      if (this.#db !== undefined) return this.#db.getMany(numbers.map(recordKey), READ)
      return Promise.all(numbers.map((number) => this.#get(number)))
    })
  }

  /** Puts a value, which is copied before this returns. The database must be open. */
  put(number: number, value: Buffer): Promise<void> {
    // A put on a database that is being opened would keep a reference to the slab (EVIDENCE H11).
    if (this.#db === undefined) return Promise.reject(this.#unavailable())
    return this.#db.put(recordKey(number), value)
  }

  /** Number of the last record; undefined in an empty database. It must be open. */
  async lastNumber(): Promise<number | undefined> {
    if (this.#db === undefined) throw this.#unavailable()
    for await (const key of this.#db.keys({ reverse: true, limit: 1 })) return readUint64(key, 0)
    return undefined
  }

  async #open(create: boolean): Promise<void> {
    await this.#closing
    if (this.#ended) throw this.#unavailable()
    try {
      this.#db = await this.#openAt(this.#location, create)
      this.#failure = undefined
    } catch (error) {
      this.#failure = { error, atMs: performance.now() }
      throw error
    }
  }

  #openAt(location: string, create: boolean): Promise<Database<Buffer>> {
    return this.#note.during(() =>
      openVolumeDatabase(this.#engine, location, this.#writeBufferBytes, create),
    )
  }

  #get(number: number): Promise<Buffer | undefined> {
    return this.#db?.get(recordKey(number), READ) ?? this.#getLater(number)
  }

  async #getLater(number: number): Promise<Buffer | undefined> {
    const failure = this.#failure
    if (failure !== undefined && performance.now() < failure.atMs + RETRY_MS) throw failure.error
    await this.open()
    return await this.#get(number)
  }

  #unavailable(): CofferError {
    return new CofferError('StoreUnavailable', { what: 'the volume is closed' })
  }
}
