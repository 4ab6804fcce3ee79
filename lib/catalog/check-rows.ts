// The rows of a catalog for whoever checks them: each that holds its checksum, and word of those that do not,
// where a reader of the seam would be stopped by the first. From the files of a LevelDB catalog, also
// beside the node that has it open; from the seam for any other store.
import { CofferError } from '../errors.ts'
import type { Damage } from '../leveldb/coding.ts'
import { DatabaseFiles } from '../leveldb/database-files.ts'
import type { Rate } from '../leveldb/plain-file.ts'
import { throwUnreadable } from '../unreadable.ts'
import { type Catalog, type Row, SCAN_LIMIT_MAX } from './catalog.ts'
import { openRow } from './framing.ts'
import { META_KEY, type Meta, openMeta } from './meta.ts'

/** Told of what does not hold: a row by its key, or a piece of a file. */
export interface Told {
  readonly row: (key: string) => void
  readonly file: (damage: Damage) => void
}

export interface RowSource {
  /** Rows of keys from `from` up to `to`, in byte order. */
  scan(from: string, to: string | undefined, told?: Told): AsyncGenerator<Row>
  /** The row, where there is one that holds. */
  get(key: string): Promise<Row | undefined>
  /** True where something could not be read so far: a row that is not found may be in it. */
  readonly isUnread: boolean
  /** The catalog's id and commit number. Throws StoreCorrupt. */
  meta(): Promise<Meta>
  close(): Promise<void>
}

const nobody: Told = { row: () => {}, file: () => {} }

/** Reads the files in `location`. Rejects with the system's error where there is no catalog, with FilesUnreadable where
 * what names its files cannot be read. */
export async function fileRows(location: string, rate: Rate): Promise<RowSource> {
  const files = await DatabaseFiles.open(location, rate).catch((error) =>
    throwUnreadable(`the catalog in ${location}`, location, error),
  )
  let isUnread = files.damages.some(({ unreadable }) => unreadable !== undefined)
  async function* scan(from: string, to: string | undefined, told: Told = nobody, ahead = true) {
    const range = {
      from: Buffer.from(from),
      to: to === undefined ? undefined : Buffer.from(to),
      ahead,
    }
    const damaged = (damage: Damage) => {
      if (damage.unreadable !== undefined) isUnread = true
      told.file(damage)
    }
    for await (const { key, value } of files.scan(range, damaged)) {
      const row = opened(key.toString(), value)
      if (row === undefined) told.row(key.toString())
      else yield row
    }
  }
  const get = async (key: string) => {
    for await (const row of scan(key, `${key}\0`, nobody, false)) return row
    return undefined
  }
  return {
    async *scan(from, to, told) {
      if (from === '' && to === undefined) for (const damage of files.damages) told?.file(damage)
      yield* scan(from, to, told)
    },
    get,
    get isUnread() {
      return isUnread
    },
    async meta() {
      const range = { from: Buffer.from(META_KEY), to: Buffer.from(`${META_KEY}\0`) }
      for await (const { value } of files.scan(range, () => {})) return openMeta(value)
      throw new CofferError('StoreCorrupt', { message: 'the catalog has no meta row' })
    },
    close: () => files.close(),
  }
}

/** Reads through the seam, page by page. */
export function seamRows(catalog: Catalog): RowSource {
  return {
    async *scan(from, to = LAST, told = nobody) {
      let next: string | undefined = from
      let end = to
      while (next !== undefined) {
        try {
          const page = await catalog.scan({ from: next, to: end, limit: SCAN_LIMIT_MAX })
          for (const entry of page.entries) if (!('group' in entry)) yield entry
          next = page.cursor ?? (end === to ? undefined : `${end}\0`)
          if (page.cursor === undefined) end = to
        } catch (error) {
          const key = rottenKey(error)
          if (key === undefined) throw error
          // First what stands before it, then what stands behind.
          told.row(key)
          end = key
        }
      }
    },
    get: (key) => catalog.get(key).catch(ignoreRotten),
    // It rejects where it cannot read.
    isUnread: false,
    meta: () => Promise.resolve({ catalogId: catalog.id, commitNumber: catalog.commitNumber }),
    close: () => Promise.resolve(),
  }
}

/** Behind every key: kinds of rows are words. */
const LAST = '~'

function opened(key: string, framed: Buffer): Row | undefined {
  try {
    return openRow(key, framed)
  } catch (error) {
    if (rottenKey(error) === undefined) throw error
    return undefined
  }
}

function rottenKey(error: unknown): string | undefined {
  if (!(error instanceof CofferError) || error.code !== 'StoreCorrupt') return undefined
  return error.details.key === undefined ? undefined : String(error.details.key)
}

function ignoreRotten(error: unknown): undefined {
  if (rottenKey(error) === undefined) throw error
}
