// An operator's word that a catalog is the one to go on with although its volumes know of later commits: a
// restored backup, or what could be saved of a damaged one. What it does not name is dead from then on, and
// reclaim may destroy it.
import { allHeaders } from '../blobs/level/volume-headers.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { RESTORED_KEY, readRestored } from '../catalog/restore-mark.ts'
import { randomId } from '../names.ts'

export interface Accepted {
  /** The catalog's commit number before and after. */
  readonly before: number
  readonly after: number
  /** It was marked as restored from a backup, or of what a damaged one had left. */
  readonly restored: boolean
}

/** Accepts the catalog, whose volumes know of commits, and of which the node has seen `seen`. `keepMark`: a mark as restored
 * stays, and with it reclaim is off, so that the bytes of rows that are gone are kept. Nobody else uses it.
 * Throws StoreUnavailable; FilesUnreadable where a volume cannot be read, which may know of more commits. */
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

/** The highest commit number that a volume of the catalog knows of. Throws FilesUnreadable. */
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
