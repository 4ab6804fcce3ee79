// How many rows lie in a range of keys, for reports of how much work is left.
import type { Catalog } from './catalog.ts'

const PAGE_ROWS = 1000

/** Counts rows of keys from `first` up to `to` (exclusive). Ends after the page in which `rowsMax` is reached.
 * Rejects with StoreCorrupt, StoreUnavailable. */
export async function countRows(
  catalog: Catalog,
  first: string,
  to: string,
  rowsMax = Number.POSITIVE_INFINITY,
): Promise<number> {
  let rows = 0
  let from: string | undefined = first
  while (from !== undefined && rows < rowsMax) {
    const page = await catalog.scan({ from, to, limit: PAGE_ROWS })
    rows += page.entries.length
    from = page.cursor
  }
  return rows
}
