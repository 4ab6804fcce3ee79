// Reads a LevelDB database from its files, without LevelDB's lock, without a memory map, and without changing
// anything, also while a process has it open. The result is the state of one moment. An opened LevelDB checks
// none of its own sums, and dies of a sector that cannot be read, so that every search for rot reads the files
// instead.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Damage, unreadableAt } from '../damage.ts'
import { PlainFile, type Rate } from '../plain-file.ts'
import { compareEntries, type Entry, Malformed } from './coding.ts'
import { batchEntries, logRecords } from './log-file.ts'
import { readManifest, type TableName } from './manifest.ts'
import { TableFile } from './table-file.ts'

/** A process that has the database open may delete files between two steps, so that the open is repeated. */
const OPEN_TRIES_MAX = 20
/** Such a process may also be in the middle of a write. A write ends within this time. */
const WRITE_MS = 100

export interface StoredRow {
  readonly key: Buffer
  /** Valid until the next row is read. */
  readonly value: Buffer
}

interface OpenTable {
  readonly name: TableName
  readonly table: TableFile
}

export class DatabaseFiles {
  readonly location: string
  /** What is wrong with manifest, logs, and the tables' own parts. `scan` and `verify` report damaged blocks. */
  readonly damages: readonly Damage[]
  readonly #tables: readonly OpenTable[]
  readonly #logged: readonly Entry[]

  private constructor(
    location: string,
    tables: readonly OpenTable[],
    logged: readonly Entry[],
    damages: readonly Damage[],
  ) {
    this.location = location
    this.#tables = tables
    this.#logged = logged
    this.damages = damages
  }

  /** Opens all files of the database. Rejects with the system's error where there is no database, or where
   * CURRENT or the manifest cannot be opened. A table or log that cannot be opened is one of `damages`. */
  static async open(location: string, rate: Rate): Promise<DatabaseFiles> {
    let before: { cut: string; vanished: string | undefined } = { cut: '', vanished: undefined }
    for (let tries = 1; ; tries++) {
      const { tables, logged, damages, vanished } = await tryOpen(location, rate)
      const cut = placesOf(damages.filter(isCut))
      // LevelDB removes a file from the manifest before it deletes the file. One that is missing twice is
      // really missing.
      const isWhole = vanished === undefined || vanished === before.vanished
      const isSettled = cut === '' || cut === before.cut
      if (tries === OPEN_TRIES_MAX || (isWhole && isSettled)) {
        // A file that ends in another place each time is being written to.
        const held = isSettled ? damages : damages.filter((damage) => !isCut(damage))
        return new DatabaseFiles(location, tables, logged, held)
      }
      for (const { table } of tables) await table.close()
      if (!isSettled) await sleep(WRITE_MS)
      before = { cut, vanished }
    }
  }

  /** The greatest key, also of a deleted row; undefined where there is none. */
  get lastKey(): Buffer | undefined {
    const keys = this.#tables.map(({ name }) => name.greatest)
    const all = [...keys, this.#logged.at(-1)?.key].filter((key) => key !== undefined)
    return all.sort(Buffer.compare).at(-1)
  }

  /** Reads every block of every table, and calls `damaged` for each that is damaged. */
  async verify(damaged: (damage: Damage) => void): Promise<void> {
    for (const { table } of this.#tables) await table.verify(damaged)
  }

  /**
   * The newest values of all keys from `from` up to `to` (exclusive), in order. `damaged` is called for each
   * damaged block; an older value may come, or none, for the keys in it. `ahead`: many rows will be read.
   */
  async *scan(
    range: { readonly from?: Buffer; readonly to?: Buffer; readonly ahead?: boolean },
    damaged: (damage: Damage) => void,
  ): AsyncGenerator<StoredRow> {
    const { from = Buffer.alloc(0), to, ahead = true } = range
    const sources: Source[] = [new Source(iterate(this.#logged, from), damaged)]
    const levels = new Map<number, OpenTable[]>()
    for (const each of this.#tables) {
      const { level } = each.name
      // Tables of level 0 overlap one another. Those of another level do not, and stand in order.
      if (level === 0) sources.push(new Source(each.table.entries(from, ahead), damaged))
      else levels.set(level, [...(levels.get(level) ?? []), each])
    }
    for (const tables of levels.values()) {
      sources.push(new Source(chain(tables, from, ahead), damaged))
    }
    for (const source of sources) await source.advance()
    let last: Buffer | undefined
    for (;;) {
      const source = leastOf(sources)
      if (source === undefined) return
      const { key, value } = source.head!
      if (to !== undefined && Buffer.compare(key, to) >= 0) return
      if (last === undefined || !key.equals(last)) {
        last = Buffer.from(key)
        if (value !== null) yield { key: last, value }
      }
      await source.advance()
    }
  }

  async close(): Promise<void> {
    for (const { table } of this.#tables) await table.close()
  }
}

/** One of the sorted lists that are merged, with the first entry that is left. */
class Source {
  head: Entry | undefined
  readonly #entries: AsyncIterator<Entry | Damage>
  readonly #damaged: (damage: Damage) => void

  constructor(entries: AsyncGenerator<Entry | Damage>, damaged: (damage: Damage) => void) {
    this.#entries = entries
    this.#damaged = damaged
  }

  async advance(): Promise<void> {
    for (;;) {
      const next = await this.#entries.next()
      if (next.done || !('file' in next.value)) {
        this.head = next.done ? undefined : (next.value as Entry)
        return
      }
      this.#damaged(next.value)
    }
  }
}

function leastOf(sources: readonly Source[]): Source | undefined {
  let least: Source | undefined
  for (const source of sources) {
    if (source.head === undefined) continue
    if (least === undefined || compareEntries(source.head, least.head!) < 0) least = source
  }
  return least
}

async function* iterate(entries: readonly Entry[], from: Buffer): AsyncGenerator<Entry> {
  for (const entry of entries) if (Buffer.compare(entry.key, from) >= 0) yield entry
}

async function* chain(tables: readonly OpenTable[], from: Buffer, ahead: boolean) {
  for (const { name, table } of tables) {
    if (Buffer.compare(name.greatest, from) >= 0) yield* table.entries(from, ahead)
  }
}

interface Opened {
  readonly tables: readonly OpenTable[]
  readonly logged: readonly Entry[]
  readonly damages: readonly Damage[]
  /** A file that CURRENT or the manifest names, and that is missing. */
  readonly vanished: string | undefined
}

async function tryOpen(location: string, rate: Rate): Promise<Opened> {
  const manifest = await readManifest(location, rate)
  const { tables: named, logNumber } = manifest
  const damages = [...manifest.damages]
  const tables: OpenTable[] = []
  let { vanished } = manifest
  const missing = (file: string, error: unknown) => {
    const unreadable = unreadableAt(join(location, file), 0, error)
    if (unreadable !== undefined) damages.push(unreadable)
    else if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      vanished = file
      damages.push({ file, offset: 0, what: 'is missing' })
    } else throw error
  }
  const { logged, hasFirst } = await readLogs(location, logNumber, rate, damages, missing)
  // LevelDB makes a log before it names it. A missing log was written to a table, which a later manifest names.
  if (!hasFirst) vanished ??= fileOf(logNumber, 'log')
  for (const name of named) {
    try {
      const table = await openTable(location, name, rate)
      damages.push(...table.damages)
      tables.push({ name, table })
    } catch (error) {
      missing(fileOf(name.number, 'ldb'), error)
    }
  }
  tables.sort(({ name: a }, { name: b }) => a.level - b.level || Buffer.compare(a.least, b.least))
  return { tables, logged, damages, vanished }
}

/** The damage is a log, or a manifest, that ends in the middle of a record. */
const isCut = ({ torn }: Damage) => torn === true

const placesOf = (damages: readonly Damage[]) =>
  damages.map(({ file, offset }) => `${file} ${offset}`).join()

const fileOf = (number: number, extension: string) =>
  `${String(number).padStart(6, '0')}.${extension}`

async function openTable(location: string, name: TableName, rate: Rate): Promise<TableFile> {
  const file = fileOf(name.number, 'ldb')
  return await TableFile.open(await PlainFile.open(join(location, file), rate), name.size)
}

/** The sorted entries of all logs that the database uses, and whether the first of those logs was there. */
async function readLogs(
  location: string,
  logNumber: number,
  rate: Rate,
  damages: Damage[],
  missing: (file: string, error: unknown) => void,
): Promise<{ logged: Entry[]; hasFirst: boolean }> {
  const numbers = (await readdir(location))
    .map((name) => /^(\d+)\.log$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined && Number(digits) >= logNumber)
    .sort((a, b) => Number(a) - Number(b))
  const entries: Entry[] = []
  for (const digits of numbers) {
    const name = `${digits}.log`
    let file: PlainFile
    try {
      file = await PlainFile.open(join(location, name), rate)
    } catch (error) {
      missing(name, error)
      continue
    }
    try {
      for await (const record of logRecords(file)) {
        if (!Buffer.isBuffer(record)) damages.push(record)
        else entries.push(...batchEntries(record))
      }
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      damages.push({ file: name, offset: 0, what: error.message })
    } finally {
      await file.close()
    }
  }
  // A database that was never reopened has log number 0, and no log of that number.
  const hasFirst = logNumber === 0 || numbers.some((digits) => Number(digits) === logNumber)
  return { logged: entries.sort(compareEntries), hasFirst }
}
