// Accepts a catalog that is older than its volumes: a restored backup, or the rows of a damaged catalog. Only
// an operator can decide that. Blobs that the catalog does not name are dead from then on, and reclaim may
// destroy them.
import { allHeaders } from '../blobs/volume-headers.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { RESTORED_KEY, readRestored } from '../catalog/restore-mark.ts'
import { randomId } from '../names.ts'

export interface Accepted {
  /** The catalog's commit number before and after. */
  readonly before: number
  readonly after: number
  /** The catalog was marked as restored from a backup, or as salvaged. */
  readonly restored: boolean
}

/**
 * Accepts the catalog whose headers lie on `devices`. `seen` is the last commit number that this node saw of
 * it. `keepMark`: the mark as restored stays, so that reclaim stays off and keeps the bytes of missing rows. No
 * other process may use the catalog. Rejects with StoreUnavailable; with FilesUnreadable where a volume cannot
 * be read, because it may hold a later commit number.
 */
export async function acceptCatalog(
  catalog: Catalog,
  devices: readonly string[],
  { seen, keepMark }: { readonly seen: number; readonly keepMark: boolean },
): Promise<Accepted> {
  const before = catalog.commitNumber
  await catalog.advance(Math.max(seen, await highestCommit(catalog.id, devices)))
  const restored = (await readRestored(catalog)) !== null
  if (restored && !keepMark) {
    const row = (await catalog.get(RESTORED_KEY))!
    const expect = [{ key: RESTORED_KEY, revision: row.revision }]
    await catalog.commit({ id: randomId(), expect, del: [RESTORED_KEY] })
  }
  return { before, after: catalog.commitNumber, restored }
}

/** The highest commit number in the headers of the catalog's volumes. Rejects with FilesUnreadable. */
export async function highestCommit(
  catalogId: string,
  devices: readonly string[],
): Promise<number> {
  let highest = 0
  for (const { catalog, commitNumber } of await allHeaders(devices)) {
    if (catalog === catalogId) highest = Math.max(highest, commitNumber)
  }
  return highest
}
