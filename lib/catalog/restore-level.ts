// Restores a LevelDB catalog: rows go into a database beside the catalog's place, which is renamed into it when
// it is whole. A restore that was interrupted leaves a directory which no node opens, and the next restore
// removes.
import { rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FileInvalid } from '../file-invalid.ts'
import type { Database, Engine } from '../leveldb/engine.ts'
import { readRows } from '../leveldb/whole-read.ts'
import { randomId } from '../names.ts'
import type { RawRow } from './catalog.ts'
import { frameMeta, META_KEY } from './meta.ts'
import { RAW_PAGE_ROWS } from './raw.ts'
import type { RestoreTarget } from './restore.ts'

const WRITE_BUFFER_BYTES = 16 << 20
const MAX_FILE_BYTES = 8 << 20
const CACHE_BYTES = 8 << 20

/** `location` is where the catalog will be. No other process may use its directory meanwhile. */
export function levelRestore(engine: Engine, location: string): RestoreTarget {
  const staging = `${location}.restoring`
  let db: Database<string> | null = null
  /** Each batch synced: LevelDB's sync reaches the current log only (D-BARRIER). */
  const write = (rows: readonly RawRow[]) =>
    db!.batch(
      rows.map(({ key, framed }) => ({ type: 'put', key, value: framed }) as const),
      { sync: true },
    )
  const filesIn = (directory: string) =>
    engine.list(directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
  return {
    async begin() {
      if ((await filesIn(location)).length > 0) {
        throw new FileInvalid([
          `${location}: a catalog is there: a backup is restored where there is none, so move it away first`,
        ])
      }
      await engine.makeDirectory(dirname(location))
      await engine.destroy(staging)
      db = await engine.open(staging, {
        keyEncoding: 'utf8',
        writeBufferBytes: WRITE_BUFFER_BYTES,
        maxFileBytes: MAX_FILE_BYTES,
        cacheBytes: CACHE_BYTES,
        create: true,
      })
    },
    put: write,
    async rowsBehind(after) {
      const found = await readRows(db!, { gt: after, fillCache: false }, RAW_PAGE_ROWS)
      return found.map(([key, framed]) => ({ key, framed }))
    },
    async finish(meta) {
      await write([{ key: META_KEY, framed: frameMeta(meta, randomId()) }])
      await db!.close()
      db = null
      await engine.syncDirectory(staging)
      // The place may hold an empty directory, which rename replaces.
      await rename(staging, location)
      await engine.syncDirectory(dirname(location))
    },
    async close() {
      await db?.close()
      db = null
      await engine.destroy(staging)
    },
  }
}
