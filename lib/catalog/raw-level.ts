// A LevelDB catalog for copies of whole catalogs (raw.ts). An unfinished copy is a database with a mark and
// without a meta row. To open it as a catalog fails.
import { dirname } from 'node:path'
import { CofferError } from '../errors.ts'
import type { Database, Engine } from '../leveldb/engine.ts'
import { readRows } from '../leveldb/whole-read.ts'
import { randomId } from '../names.ts'
import { frameMeta, META_KEY, type Meta, openMeta, UNFINISHED_KEY } from './meta.ts'
import { RAW_PAGE_ROWS, type RawCatalog, type RawRow, type RawState } from './raw.ts'

const WRITE_BUFFER_BYTES = 16 << 20
const MAX_FILE_BYTES = 8 << 20
const CACHE_BYTES = 8 << 20

/**
 * Opens what lies in `location`. Nothing is made before `begin`. No other process may have it open. Rejects
 * with the engine's error where a database is there and cannot be opened.
 */
export async function openRawLevel(engine: Engine, location: string): Promise<RawCatalog> {
  const files = await engine.list(location).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const raw = new RawLevel(engine, location)
  if (files.length > 0) await raw.open(false)
  return raw
}

class RawLevel implements RawCatalog {
  readonly #engine: Engine
  readonly #location: string
  #db: Database<string> | null = null

  constructor(engine: Engine, location: string) {
    this.#engine = engine
    this.#location = location
  }

  async open(create: boolean): Promise<void> {
    this.#db = await this.#engine.open(this.#location, {
      keyEncoding: 'utf8',
      writeBufferBytes: WRITE_BUFFER_BYTES,
      maxFileBytes: MAX_FILE_BYTES,
      cacheBytes: CACHE_BYTES,
      create,
    })
  }

  async state(): Promise<RawState> {
    const db = this.#db
    if (db === null) return { kind: 'empty' }
    const meta = db.getSync(META_KEY)
    if (meta !== undefined) return { kind: 'catalog', meta: openMeta(meta) }
    const mark = db.getSync(UNFINISHED_KEY)
    if (mark !== undefined) return { kind: 'unfinished', meta: openMeta(mark, UNFINISHED_KEY) }
    const [first] = await readRows(db, {}, 1)
    if (first === undefined) return { kind: 'empty' }
    const message = 'there are rows, but no row that says whose catalog they are'
    throw new CofferError('StoreCorrupt', { message, key: META_KEY })
  }

  async rowsBehind(after: string): Promise<RawRow[]> {
    if (this.#db === null) return []
    const found = await readRows(this.#db, { gt: after, fillCache: false }, RAW_PAGE_ROWS + 2)
    return found
      .filter(([key]) => key !== META_KEY && key !== UNFINISHED_KEY)
      .slice(0, RAW_PAGE_ROWS)
      .map(([key, framed]) => ({ key, framed }))
  }

  async begin(source: Meta): Promise<void> {
    await this.close()
    await this.#engine.destroy(this.#location)
    await this.#engine.makeDirectory(dirname(this.#location))
    await this.open(true)
    const mark = frameMeta(source, randomId(), UNFINISHED_KEY)
    await this.#db!.put(UNFINISHED_KEY, mark, { sync: true })
    await this.#syncNames()
  }

  async put(rows: readonly RawRow[]): Promise<void> {
    const puts = rows.map(({ key, framed }) => ({ type: 'put', key, value: framed }) as const)
    // Every batch is synced, because LevelDB's sync reaches the current log only (D-BARRIER).
    await this.#db!.batch(puts, { sync: true })
  }

  async finish(source: Meta): Promise<void> {
    await this.#syncNames()
    const value = frameMeta(source, randomId())
    const steps = [
      { type: 'put', key: META_KEY, value },
      { type: 'del', key: UNFINISHED_KEY },
    ] as const
    await this.#db!.batch([...steps], { sync: true })
  }

  /** Makes the names of the files durable, whose content is durable already. */
  async #syncNames(): Promise<void> {
    await this.#engine.syncDirectory(this.#location)
    await this.#engine.syncDirectory(dirname(this.#location))
  }

  async close(): Promise<void> {
    await this.#db?.close()
    this.#db = null
  }
}
