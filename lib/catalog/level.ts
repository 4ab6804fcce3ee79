// The catalog on LevelDB: the single-node implementation of seam 2. Reads go straight to the database,
// small ones synchronously, because rows are small and cached; every change goes through the one writer.
import type { Database } from '../leveldb/engine.ts'
import { randomId } from '../names.ts'
import { openSnapshot } from './backup-snapshot.ts'
import type { Catalog, Row } from './catalog.ts'
import { openCounters, openRow } from './framing.ts'
import { asReadError, type LevelCatalogOptions, openHandle } from './handle.ts'
import { scanPage } from './scan.ts'
import { makeWriter } from './writer.ts'

/** Most rows that are read one by one in the same turn; more are worth the way through the pool. */
const SYNC_READS_MAX = 32

async function readMany(db: Database<string>, keys: string[]): Promise<(Row | undefined)[]> {
  const rows = keys.length <= SYNC_READS_MAX ? readAtOnce(db, keys) : await db.getMany(keys)
  return rows.map((framed, i) => framed && openRow(keys[i]!, framed))
}

function readAtOnce(db: Database<string>, keys: string[]): (Buffer | undefined)[] {
  // A batch may land between two reads of the same turn: it is applied on another thread.
  const snapshot = db.snapshot()
  try {
    return keys.map((key) => db.getSync(key, { snapshot }))
  } finally {
    void snapshot.close()
  }
}

/**
 * Opens the catalog in `location`, or makes it (not when `readonly`). Nobody else may have it open: the
 * data directory's control socket sees to that. Throws StoreCorrupt where there are rows but no sound
 * meta row, and the engine's error where the database cannot be opened.
 */
export async function openLevelCatalog(options: LevelCatalogOptions): Promise<Catalog> {
  const handle = await openHandle(options)
  const writer = makeWriter(handle)

  async function read<T>(key: string, open: (key: string, framed: Buffer) => T) {
    const reading = handle.reading()
    const db = reading instanceof Promise ? await reading : reading
    handle.unsettled.requireSettled(key)
    let framed: Buffer | undefined
    try {
      framed = db.getSync(key)
    } catch (error) {
      throw asReadError(error)
    }
    return framed === undefined ? undefined : open(key, framed)
  }

  return {
    get id() {
      return handle.catalogId
    },
    get commitNumber() {
      return handle.commitNumber
    },
    get impaired() {
      return handle.impaired
    },
    get: (key) => read(key, openRow),
    getCounters: (key) => read(key, openCounters),
    getMany: (keys) =>
      handle.during((db) => {
        handle.unsettled.requireSettled(...keys)
        return readMany(db, [...keys])
      }),
    scan: (range) =>
      handle.during((db) => {
        handle.unsettled.requireSettledBetween(range.from, range.to)
        return scanPage(db, range)
      }),
    commit: (commit) => writer.commit(commit),
    snapshot: () => openSnapshot(handle),
    async compact(from, to) {
      await handle.compact(from, to)
      // LevelDB never rewrites a table of the lowest level that has any, and a memtable's goes there whole, with
      // what was replaced in it. Tombstones at both ends make a table above that overlaps all of them.
      await writer.commit({ id: randomId(), del: [from, to] })
      await handle.compact(from, to)
    },
    advance: (commitNumber) => handle.advance(commitNumber),
    async close() {
      await writer.close()
      await handle.close()
    },
  }
}
