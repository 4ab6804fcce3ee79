// The catalog's open database. After a failed write LevelDB's log is misaligned, without any error state: what is
// written later is acknowledged, readable, and gone at the next open (D-FAILED-WRITE). A handle that failed once is
// therefore read-only until it was closed and opened again. That needs room on the disk, because opening writes the
// log to a table.
import { dirname } from 'node:path'
import type { Logger } from 'pino'
import { CofferError } from '../errors.ts'
import type { Database, Engine } from '../leveldb/engine.ts'
import { readRows } from '../leveldb/whole-read.ts'
import { randomId } from '../names.ts'
import type { CommitId } from './catalog.ts'
import { logsMayHold } from './log-holds.ts'
import { LogNames, type Operation } from './log-names.ts'
import { frameMeta, META_KEY, type Meta, openMeta, UNFINISHED, UNFINISHED_KEY } from './meta.ts'
import { Unsettled } from './unsettled.ts'

export interface LevelCatalogOptions {
  readonly engine: Engine
  /** The database's directory. */
  readonly location: string
  /** LevelDB's memtable. To reopen after a failed write takes three times as much free space. */
  readonly writeBufferBytes: number
  readonly log: Logger
  /** Writes nothing to the catalog. (LevelDB itself still recovers its log.) */
  readonly readonly?: boolean
}

const FREE_SPACE_FACTOR = 3
const MAX_FILE_BYTES = 8 << 20
const CACHE_BYTES = 32 << 20

/** Greater than every key, because keys begin with lower-case words. */
const BEHIND_ALL = '~'

export interface Handle {
  readonly catalogId: string
  /** As read at the last opening, plus one for every batch since. */
  readonly commitNumber: number
  /** Null while writes are taken, else why they are not. */
  readonly impaired: string | null
  /** Rows that a failed write may still change. A read must check them in the same synchronous step. */
  readonly unsettled: Unsettled
  /** The database for one synchronous read. Waits only while it is being reopened. Rejects with
   * StoreUnavailable. */
  reading(): Database<string> | Promise<Database<string>>
  /** Runs an asynchronous read. The database stays open until it has ended. Rejects with StoreUnavailable. */
  during<T>(read: (db: Database<string>) => Promise<T>): Promise<T>
  /** Writes a batch, synced, together with the next commit number, and makes the log's own name durable. `id`
   * is the id of a commit in the batch. When it rejects, the batch may have been written all the same: the
   * handle then takes no more writes, and `unsettled` holds the batch. */
  write(operations: Operation[], id: CommitId): Promise<void>
  /** Raises the commit number to at least that, durably. Nothing is written meanwhile. Rejects as `write`
   * does. */
  advance(commitNumber: number): Promise<void>
  /** Rewrites the tables of a range of keys without the rows that were replaced or removed. One call at a
   * time. Rejects with StoreUnavailable. */
  compact(from: string, to: string): Promise<void>
  /** Reopens a handle whose write failed, where there is room. True when it takes writes. One call at a time. */
  revive(): Promise<boolean>
  /** For a handle that cannot be reopened: settles a failed batch that no log holds. */
  settleFromLogs(): Promise<void>
  close(): Promise<void>
}

const unavailable = (message: string, cause?: unknown) =>
  new CofferError('StoreUnavailable', { message }, cause)

/** The error of a read as a CofferError. An error of the engine means that the catalog cannot be read now. */
export function asReadError(error: unknown): CofferError {
  return error instanceof CofferError ? error : unavailable('the catalog cannot be read', error)
}

/**
 * Opens the catalog's database, or makes it. Rejects with StoreCorrupt where it holds rows but no sound meta
 * row, and with the engine's error where it cannot be opened.
 */
export async function openHandle(options: LevelCatalogOptions): Promise<Handle> {
  const handle = new LevelHandle(options)
  await handle.open()
  return handle
}

class LevelHandle implements Handle {
  readonly unsettled = new Unsettled()
  readonly #options: LevelCatalogOptions
  #db: Database<string> | null = null
  #meta: Meta | null = null
  #impaired: string | null = null
  #reopening: Promise<void> | null = null
  #closed = false
  #readers = 0
  #idle: (() => void) | null = null
  readonly #logNames: LogNames

  constructor(options: LevelCatalogOptions) {
    this.#options = options
    this.#logNames = new LogNames(options)
    if (options.readonly) this.#impaired = 'the catalog is open for reading only'
  }

  get catalogId() {
    return this.#meta!.catalogId
  }

  get commitNumber() {
    return this.#meta!.commitNumber
  }

  get impaired() {
    return this.#impaired
  }

  async open(): Promise<void> {
    const { engine, location, writeBufferBytes, readonly } = this.#options
    const db = await engine.open(location, {
      keyEncoding: 'utf8',
      writeBufferBytes,
      maxFileBytes: MAX_FILE_BYTES,
      cacheBytes: CACHE_BYTES,
      create: !readonly,
    })
    try {
      const meta = await this.#readMeta(db)
      if (this.#meta !== null && meta.catalogId !== this.#meta.catalogId) {
        throw new CofferError('StoreCorrupt', { message: 'another catalog lies in its place' })
      }
      this.#meta = meta
      if (!readonly) await this.#logNames.sync()
    } catch (error) {
      await db.close()
      throw error
    }
    this.#db = db
    this.unsettled.settle(this.commitNumber)
  }

  async #readMeta(db: Database<string>): Promise<Meta> {
    const framed = db.getSync(META_KEY)
    if (framed !== undefined) return openMeta(framed)
    const [first] = await readRows(db, {}, 1)
    if (first !== undefined || this.#options.readonly) {
      const message =
        db.getSync(UNFINISHED_KEY) === undefined ? 'the catalog has no meta row' : UNFINISHED
      throw new CofferError('StoreCorrupt', { message, key: META_KEY })
    }
    const meta = { catalogId: randomId(), commitNumber: 0 }
    await db.put(META_KEY, frameMeta(meta, randomId()), { sync: true })
    await this.#options.engine.syncDirectory(dirname(this.#options.location))
    return meta
  }

  #openDatabase(): Database<string> {
    if (this.#closed) throw unavailable('the catalog is closed')
    if (this.#db === null) throw unavailable('the catalog is not open')
    return this.#db
  }

  reading(): Database<string> | Promise<Database<string>> {
    if (this.#reopening === null) return this.#openDatabase()
    return this.#reopening.then(() => this.reading())
  }

  async during<T>(read: (db: Database<string>) => Promise<T>): Promise<T> {
    while (this.#reopening !== null) await this.#reopening
    const db = this.#openDatabase()
    this.#readers++
    try {
      return await read(db)
    } catch (error) {
      throw asReadError(error)
    } finally {
      this.#readers--
      if (this.#readers === 0) this.#idle?.()
    }
  }

  async write(operations: Operation[], id: CommitId): Promise<void> {
    await this.#write(operations, id, this.commitNumber + 1)
  }

  async advance(commitNumber: number): Promise<void> {
    if (this.#impaired !== null) throw unavailable(this.#impaired)
    if (commitNumber > this.commitNumber) await this.#write([], randomId(), commitNumber)
  }

  async #write(operations: Operation[], id: CommitId, commitNumber: number): Promise<void> {
    const meta = { catalogId: this.catalogId, commitNumber }
    const metaPut = { type: 'put', key: META_KEY, value: frameMeta(meta, id) } as const
    const all = [...operations, metaPut]
    const db = this.#openDatabase()
    try {
      await db.batch(all, { sync: true })
      await this.#logNames.syncAfter(all)
    } catch (error) {
      this.unsettled.begin(
        commitNumber,
        operations.map(({ key }) => key),
      )
      this.#impaired = 'a write to the catalog failed'
      this.#options.log.error(
        { err: error },
        'catalog: a write failed, no more until it is reopened',
      )
      throw error
    }
    this.#meta = meta
  }

  async compact(from: string, to: string): Promise<void> {
    await this.during((db) => this.#logNames.during(() => db.compactRange(from, to)))
  }

  async revive(): Promise<boolean> {
    if (this.#impaired === null) return true
    if (this.#closed || this.#options.readonly || !this.#hasRoom()) return false
    let outcome: unknown = null
    this.#reopening = this.#reopen()
      .catch((error) => {
        outcome = error
      })
      .finally(() => {
        this.#reopening = null
      })
    await this.#reopening
    if (outcome === null) {
      this.#impaired = null
      this.#options.log.info({ commitNumber: this.commitNumber }, 'catalog: reopened')
      return true
    }
    this.#impaired = 'the catalog cannot be reopened'
    this.#options.log.error({ err: outcome }, 'catalog: it cannot be reopened')
    return false
  }

  async settleFromLogs(): Promise<void> {
    // An opening that failed may have moved the batch from a log into a table.
    if (this.#db === null) return
    const { engine, location } = this.#options
    const names = await engine.list(location).catch(() => [])
    if (await logsMayHold(location, names, this.commitNumber + 1)) return
    this.unsettled.settle(this.commitNumber)
  }

  #hasRoom(): boolean {
    const { engine, location, writeBufferBytes } = this.#options
    try {
      return engine.freeBytes(location) >= FREE_SPACE_FACTOR * writeBufferBytes
    } catch {
      return false // without its disk a database has no room either
    }
  }

  async #reopen(): Promise<void> {
    // On a read-only disk a closed database could neither be opened again nor be read.
    await this.#options.engine.requireWritable(dirname(this.#options.location))
    await this.#noReaders()
    await this.#db?.close()
    this.#db = null
    await this.open()
  }

  async #noReaders(): Promise<void> {
    if (this.#readers === 0) return
    await new Promise<void>((settle) => {
      this.#idle = settle
    })
    this.#idle = null
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const sound = this.#impaired === null
    this.#impaired = 'the catalog is closed'
    await this.#noReaders()
    if (sound) await this.#flush()
    await this.#db?.close()
    this.#db = null
  }

  /** Leaves nothing in the log: rot at its end looks like a write that a crash cut short. */
  async #flush(): Promise<void> {
    // A range without keys: LevelDB writes its memtable to a table before it compacts any range.
    await this.#db?.compactRange(BEHIND_ALL, BEHIND_ALL).catch((error) => {
      this.#options.log.warn({ err: error }, 'catalog: its log stays for the next start')
    })
  }
}
