// How many rows lie in a range of keys, for reports of how much work is left.
import { type Catalog, SCAN_LIMIT_MAX } from './catalog.ts'

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
    const page = await catalog.scan({ from, to, limit: SCAN_LIMIT_MAX })
    rows += page.entries.length
    from = page.cursor
  }
  return rows
}
