// Restores a Redis catalog: rows go into an unfinished copy, which no node opens, until the last step sets its
// id. A copy that was interrupted stays there, and the next restore of that catalog begins it anew.
import { FileInvalid } from '../../file-invalid.ts'
import type { RawRow } from '../catalog.ts'
import type { Meta } from '../meta.ts'
import { RAW_PAGE_ROWS } from '../raw.ts'
import type { RestoreTarget } from '../restore.ts'
import type { RawRedis } from './raw.ts'

/** Uses `raw`, and closes it. */
export function redisRestore(raw: RawRedis): RestoreTarget {
  let isUnfinished = false
  return {
    async begin(meta: Meta) {
      const state = await raw.state()
      if (state.kind === 'catalog') {
        throw new FileInvalid([
          `Redis holds the catalog ${state.meta.catalogId}: a backup is restored where there is none, under another prefix say`,
        ])
      }
      if (state.kind === 'unfinished' && state.meta.catalogId !== meta.catalogId) {
        throw new FileInvalid([
          `Redis holds an unfinished copy of another catalog, ${state.meta.catalogId}: it is not overwritten`,
        ])
      }
      await raw.begin(meta)
      isUnfinished = true
    },
    async put(rows: readonly RawRow[]) {
      for (let at = 0; at < rows.length; at += RAW_PAGE_ROWS) {
        await raw.put(rows.slice(at, at + RAW_PAGE_ROWS))
      }
    },
    rowsBehind: (after) => raw.rowsBehind(after),
    async finish(meta) {
      await raw.finish(meta)
      isUnfinished = false
    },
    async close() {
      // Where Redis is away by now, the next restore removes the copy.
      if (isUnfinished) await raw.drop().catch(() => undefined)
      await raw.close()
    },
  }
}
