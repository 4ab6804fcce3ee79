// A snapshot of a LevelDB catalog, from which a backup reads rows page by page. LevelDB keeps the rows that
// commits replace meanwhile, so that no commit waits for the backup.
import { CofferError } from '../errors.ts'
import { openRows } from '../leveldb/whole-read.ts'
import type { RawRow, Snapshot } from './catalog.ts'
import type { Handle } from './handle.ts'
import { META_KEY, openMeta } from './meta.ts'
import { RAW_PAGE_ROWS } from './raw.ts'

/** About the most bytes that one page brings into memory. It has at most RAW_PAGE_ROWS rows. */
const PAGE_BYTES_MAX = 512 << 10

const lost = () =>
  new CofferError('StoreUnavailable', {
    message: 'the catalog was opened again, and its moment is lost: begin anew',
  })

/** Opens a snapshot of the catalog. Rejects with StoreUnavailable, and with StoreCorrupt where the meta row is
 * damaged. */
export async function openSnapshot(handle: Handle): Promise<Snapshot> {
  const { db, snapshot, meta } = await handle.during(async (db) => {
    const snapshot = db.snapshot()
    return { db, snapshot, meta: db.getSync(META_KEY, { snapshot }) }
  })
  const readPage = (after: string) =>
    handle.during(async (current) => {
      if (current !== db) throw lost()
      const bounds = { snapshot, fillCache: false, highWaterMarkBytes: PAGE_BYTES_MAX }
      const rows = openRows(db, { gt: after, ...bounds })
      try {
        const page = await rows.nextv(RAW_PAGE_ROWS)
        await rows.requireWhole()
        return page
      } finally {
        await rows.close()
      }
    })
  try {
    const { commitNumber } = openMeta(meta ?? Buffer.alloc(0))
    return {
      commitNumber,
      async rowsBehind(after) {
        for (let from = after; ; from = META_KEY) {
          const page = await readPage(from)
          const rows: RawRow[] = page
            .filter(([key]) => key !== META_KEY)
            .map(([key, framed]) => ({ key, framed }))
          // A page that held the meta row alone yields no row, though rows may follow it.
          if (rows.length > 0 || page.length === 0) return rows
        }
      },
      close: () => snapshot.close(),
    }
  } catch (error) {
    await snapshot.close()
    throw error
  }
}
