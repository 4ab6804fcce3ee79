// A catalog from below its seam, for moving it whole: rows as they lie, framed, with the revisions and the
// checksums that they have. Both implementations frame rows alike, so a move copies bytes and no meaning.
import type { RawRow } from './catalog.ts'
import type { Meta } from './meta.ts'

export type { RawRow }

/** What lies in a catalog's place. */
export type RawState =
  | { readonly kind: 'empty' }
  | { readonly kind: 'catalog'; readonly meta: Meta }
  /** A copy of the catalog `meta` was begun here and not finished: no node opens it. */
  | { readonly kind: 'unfinished'; readonly meta: Meta }

/** Used by one process, while no node has the catalog open. */
export interface RawCatalog {
  /** Throws StoreCorrupt where there is something that is none of the three. */
  state(): Promise<RawState>
  /** The rows behind `after` in byte order, RAW_PAGE_ROWS of them, fewer at the end; neither the catalog's
   * row about itself nor the mark. Checks no checksum. */
  rowsBehind(after: string): Promise<RawRow[]>
  /** Removes all that is there and marks the place as an unfinished copy of `source`; durable when done. */
  begin(source: Meta): Promise<void>
  /** At most RAW_PAGE_ROWS rows; durable when done. Only between `begin` and `finish`. */
  put(rows: readonly RawRow[]): Promise<void>
  /** Makes the place the catalog `source`, in one step, and takes the mark away. */
  finish(source: Meta): Promise<void>
  close(): Promise<void>
}

export const RAW_PAGE_ROWS = 1000
