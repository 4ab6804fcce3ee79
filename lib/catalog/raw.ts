// The interface for copying whole catalogs: rows as they are stored, framed, with their revisions and
// checksums. All implementations of the catalog frame rows alike, so that a copy need not decode them.
import type { RawRow } from './catalog.ts'
import type { Meta } from './meta.ts'

export type { RawRow }

/** What lies in a catalog's place. */
export type RawState =
  | { readonly kind: 'empty' }
  | { readonly kind: 'catalog'; readonly meta: Meta }
  /** A copy of the catalog `meta` that was begun and not finished. No node opens it. */
  | { readonly kind: 'unfinished'; readonly meta: Meta }

/** Used by one process while no node has the catalog open. */
export interface RawCatalog {
  /** Rejects with StoreCorrupt where something else lies there than the three kinds of RawState. */
  state(): Promise<RawState>
  /** The rows behind the key `after` in byte order: RAW_PAGE_ROWS of them, fewer at the end, without the meta
   * row and the mark. Checksums are not verified. */
  rowsBehind(after: string): Promise<RawRow[]>
  /** Removes all that is there, and marks the place as an unfinished copy of `source`. Durable when it
   * resolves. */
  begin(source: Meta): Promise<void>
  /** Writes at most RAW_PAGE_ROWS rows, durable when it resolves. Call it between `begin` and `finish`. */
  put(rows: readonly RawRow[]): Promise<void>
  /** Makes the place the catalog `source`, and removes the mark, in one step. */
  finish(source: Meta): Promise<void>
  close(): Promise<void>
}

export const RAW_PAGE_ROWS = 1000
