// The meta row, the catalog's row about itself: CBOR [2, catalog id, commit number], rewritten by every batch.
// See docs/format.md §5.
import { CofferError } from '../errors.ts'
import { STORED_VERSION, whyNotRead } from '../format-version.ts'
import { decodeItems, encodeItems } from './cbor.ts'
import { frameRow, openRow } from './framing.ts'

export const META_KEY = 'meta'
/** The key that stands in the place of `meta`, with the source's content, while a copy of a catalog is not
 * finished. */
export const UNFINISHED_KEY = 'unfinished-copy'

/** Why a database with an unfinished copy is no catalog. */
export const UNFINISHED =
  'a copy into this catalog was not finished: run coffer catalog copy again, or empty it'

export interface Meta {
  /** 32 hex digits, drawn when the catalog was made. */
  readonly catalogId: string
  /** Grows by one with every batch. */
  readonly commitNumber: number
}

/** The row's bytes in LevelDB. `revision` is the id of a commit in the batch. */
export function frameMeta(
  { catalogId, commitNumber }: Meta,
  revision: string,
  key = META_KEY,
): Buffer {
  return frameRow(key, revision, encodeItems([STORED_VERSION, catalogId, commitNumber]))
}

/** The content of a meta row. Throws StoreCorrupt where the checksum is wrong, or the layout is
 * another. */
export function openMeta(framed: Buffer, key = META_KEY): Meta {
  const [layout, catalogId, commitNumber] = decodeItems(openRow(key, framed).value)
  if (layout !== STORED_VERSION) {
    const message = whyNotRead('the catalog', layout)
    throw new CofferError('StoreCorrupt', { key, message })
  }
  return { catalogId, commitNumber } as Meta
}
