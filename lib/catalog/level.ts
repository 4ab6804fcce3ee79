// The catalog on LevelDB, for a single node. Rows are small and mostly cached, so that few rows are read
// synchronously from the database. Every change goes through one writer.
import type { Database } from '../leveldb/engine.ts'
import { randomId } from '../names.ts'
import { openSnapshot } from './backup-snapshot.ts'
import type { Catalog, Row } from './catalog.ts'
import { openCounters, openRow } from './framing.ts'
import { asReadError, type LevelCatalogOptions, openHandle } from './handle.ts'
import { scanPage } from './scan.ts'
import { makeWriter } from './writer.ts'

/** Most rows that are read synchronously in one turn. More are worth a task of the thread pool. */
const SYNC_READS_MAX = 32

async function readMany(db: Database<string>, keys: string[]): Promise<(Row | undefined)[]> {
  const rows = keys.length <= SYNC_READS_MAX ? readAtOnce(db, keys) : await db.getMany(keys)
  return rows.map((framed, i) => framed && openRow(keys[i]!, framed))
}

function readAtOnce(db: Database<string>, keys: string[]): (Buffer | undefined)[] {
  // A batch is applied on another thread, and may land between two reads of the same turn.
  const snapshot = db.snapshot()
  try {
    return keys.map((key) => db.getSync(key, { snapshot }))
  } finally {
    void snapshot.close()
  }
}

/**
 * Opens the catalog in `location`, or makes it (not when `readonly`). No other process may have it open, which
 * the lock on the data directory ensures. Rejects with StoreCorrupt where there are rows but no sound meta row,
 * and with the engine's error where the database cannot be opened.
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
      // LevelDB never rewrites a table of the lowest level that has any. It writes a memtable straight to that
      // level, with the replaced rows that it holds. Tombstones at both ends make a table above, which overlaps
      // all of those, so that the second compaction rewrites them.
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
