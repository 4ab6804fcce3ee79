// The row `root-keys`: CBOR [2, ids]. It names every root key under which a row may lie, and perhaps keys under which
// none does any more. A key is in it before anything is wrapped under it. So a keyring is held against one row, where
// a count would read all versions (D-ROOT-KEYS-ROW). See docs/format.md §5.
import { CofferError, isCode } from '../errors.ts'
import { STORED_VERSION, whyNotRead } from '../format-version.ts'
import { randomId } from '../names.ts'
import { type Catalog, type CommitId, Conflict } from './catalog.ts'
import { decodeItems, encodeItems } from './cbor.ts'

export const ROOT_KEYS_KEY = 'root-keys'

export interface RootKeys {
  readonly ids: readonly string[]
  readonly revision: CommitId
}

/** The row; undefined where there is none, so that nothing is known. A rotten row counts as none. */
export async function readRootKeys(catalog: Pick<Catalog, 'get'>): Promise<RootKeys | undefined> {
  const row = await catalog.get(ROOT_KEYS_KEY).catch((error) => {
    if (isCode(error, 'StoreCorrupt')) return undefined
    throw error
  })
  if (row === undefined) return undefined
  const [layout, ids] = decodeItems(row.value)
  if (layout !== STORED_VERSION) {
    const message = whyNotRead(`the row ${ROOT_KEYS_KEY}`, layout)
    throw new CofferError('StoreCorrupt', { key: ROOT_KEYS_KEY, message })
  }
  return { ids: ids as string[], revision: row.revision }
}

/** Replaces the row, unless it has changed since it was `before`. Rejects with StoreUnavailable, CommitUnknown. */
export async function replaceRootKeys(
  catalog: Catalog,
  before: RootKeys | undefined,
  ids: Iterable<string>,
): Promise<boolean> {
  const value = encodeItems([STORED_VERSION, [...ids].toSorted()])
  const expect = before && [{ key: ROOT_KEYS_KEY, revision: before.revision }]
  try {
    await catalog.commit({
      id: randomId(),
      ...(expect === undefined ? {} : { expect }),
      put: [{ key: ROOT_KEYS_KEY, value }],
    })
    return true
  } catch (error) {
    if (error instanceof Conflict) return false
    throw error
  }
}
