// The rows of a catalog for fsck and scrub: every row with a right checksum, and a report of each that has
// none. (The catalog's own reads end at the first wrong checksum.) Rows come from the files of a LevelDB
// catalog, also beside the node that has it open, or through the catalog's interface for any other store.

import type { Damage } from '../damage.ts'
import { CofferError } from '../errors.ts'
import { DatabaseFiles } from '../leveldb/database-files.ts'
import type { Rate } from '../plain-file.ts'
import { throwUnreadable } from '../unreadable.ts'
import { type Catalog, type Row, SCAN_LIMIT_MAX } from './catalog.ts'
import { openRow } from './framing.ts'
import { META_KEY, type Meta, openMeta } from './meta.ts'

/** Called with what is damaged: a row by its key, or a piece of a file. */
export interface Faults {
  readonly row: (key: string) => void
  readonly file: (damage: Damage) => void
}

export interface RowSource {
  /** Rows of keys from `from` up to `to` (exclusive), in byte order. */
  scan(from: string, to: string | undefined, faults?: Faults): AsyncGenerator<Row>
  /** The row, where there is one with a right checksum. */
  get(key: string): Promise<Row | undefined>
  /** True once something could not be read. A row that is not found may lie there. */
  readonly isUnread: boolean
  /** The catalog's id and commit number. Rejects with StoreCorrupt. */
  meta(): Promise<Meta>
  close(): Promise<void>
}

const ignored: Faults = { row: () => {}, file: () => {} }

/** The rows in the files of `location`. Rejects with the system's error where there is no catalog, and with
 * FilesUnreadable where CURRENT or the manifest cannot be read. */
export async function fileRows(location: string, rate: Rate): Promise<RowSource> {
  const files = await DatabaseFiles.open(location, rate).catch((error) =>
    throwUnreadable(`the catalog in ${location}`, location, error),
  )
  let isUnread = files.damages.some(({ unreadable }) => unreadable !== undefined)
  async function* scan(
    from: string,
    to: string | undefined,
    faults: Faults = ignored,
    ahead = true,
  ) {
    const range = {
      from: Buffer.from(from),
      to: to === undefined ? undefined : Buffer.from(to),
      ahead,
    }
    const damaged = (damage: Damage) => {
      if (damage.unreadable !== undefined) isUnread = true
      faults.file(damage)
    }
    for await (const { key, value } of files.scan(range, damaged)) {
      const row = opened(key.toString(), value)
      if (row === undefined) faults.row(key.toString())
      else yield row
    }
  }
  const get = async (key: string) => {
    for await (const row of scan(key, `${key}\0`, ignored, false)) return row
    return undefined
  }
  return {
    async *scan(from, to, faults) {
      if (from === '' && to === undefined) for (const damage of files.damages) faults?.file(damage)
      yield* scan(from, to, faults)
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

/** The rows of any catalog, read page by page. */
export function seamRows(catalog: Catalog): RowSource {
  return {
    async *scan(from, to = LAST, faults = ignored) {
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
          // Rows before the rotten one are read first, then those behind it.
          faults.row(key)
          end = key
        }
      }
    },
    get: (key) => catalog.get(key).catch(ignoreRotten),
    // `scan` rejects where it cannot read.
    isUnread: false,
    meta: () => Promise.resolve({ catalogId: catalog.id, commitNumber: catalog.commitNumber }),
    close: () => Promise.resolve(),
  }
}

/** Sorts behind every key, because keys begin with lower-case words. */
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
