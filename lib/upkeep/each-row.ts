// Work on each row of a range, for the workers that a row must not stop: what fails is reported, and the next
// run of the worker tries it again.
import type { Catalog, Row } from '../catalog/catalog.ts'
import { isUnavailable } from '../errors.ts'

/** Rows that are in memory at once. The work of each costs more reads than its share of a page. */
const PAGE_ROWS = 100

export interface RowWork {
  /** First key, inclusive. */
  readonly from: string
  /** End of the range, exclusive. */
  readonly to: string
  /** True: no further row is worked on. */
  readonly closed: () => boolean
  readonly work: (row: Row) => Promise<unknown>
  /** Called with a row whose work failed. The work of the others is done. */
  readonly failed: (row: Row, error: unknown) => void
}

/** Works on the rows one after the other. Rejects with StoreUnavailable. */
export async function eachRow(catalog: Catalog, rows: RowWork): Promise<void> {
  const { to, closed, work, failed } = rows
  let from: string | undefined = rows.from
  while (from !== undefined) {
    const page = await catalog.scan({ from, to, limit: PAGE_ROWS })
    for (const entry of page.entries) {
      if (closed()) return
      if ('group' in entry) continue
      try {
        await work(entry)
      } catch (error) {
        if (isUnavailable(error)) throw error
        failed(entry, error)
      }
    }
    from = page.cursor
  }
}
