// An operator's word that a catalog is the one to go on with although its volumes know of later commits: a
// restored backup, or what could be saved of a damaged one. What it does not name is dead from then on, and
// reclaim may destroy it.
import { generationsOf, locationOf } from '../blobs/directory.ts'
import { decodeHeader } from '../blobs/header.ts'
import { readUint64, recordKey } from '../blobs/record.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { RESTORED_KEY, readRestored } from '../catalog/restore-mark.ts'
import { CofferError } from '../errors.ts'
import { classicEngine } from '../level.ts'
import { DatabaseFiles } from '../leveldb/database-files.ts'
import { Rate } from '../leveldb/plain-file.ts'
import { randomId } from '../names.ts'

export interface Accepted {
  /** The catalog's commit number before and after. */
  readonly before: number
  readonly after: number
  /** It was marked as restored from a backup. */
  readonly restored: boolean
}

/** Accepts the catalog. Nobody else uses it. Throws NotSupported where its store cannot, StoreUnavailable. */
export async function acceptCatalog(
  catalog: Catalog,
  devices: readonly string[],
): Promise<Accepted> {
  const before = catalog.commitNumber
  const highest = await highestCommit(catalog.id, devices)
  if (highest > before) {
    if (catalog.advance === undefined) {
      throw new CofferError('NotSupported', { what: 'accepting an older catalog in this store' })
    }
    await catalog.advance(highest)
  }
  const restored = (await readRestored(catalog)) !== null
  if (restored) {
    const row = (await catalog.get(RESTORED_KEY))!
    const expect = [{ key: RESTORED_KEY, revision: row.revision }]
    await catalog.commit({ id: randomId(), expect, del: [RESTORED_KEY] })
  }
  return { before, after: catalog.commitNumber, restored }
}

/** The highest commit number that a volume of the catalog knows of. */
async function highestCommit(catalogId: string, devices: readonly string[]): Promise<number> {
  let highest = 0
  for (const device of devices) {
    const names = await classicEngine.list(device).catch(() => [] as string[])
    const ids = new Set(names.map((name) => /^([0-9a-f]{16})\.g\d+$/.exec(name)?.[1]))
    for (const id of ids) {
      if (id === undefined) continue
      const generation = (await generationsOf(classicEngine, device, id)).at(-1)
      if (generation === undefined) continue
      const location = locationOf(device, id, generation)
      highest = Math.max(highest, await commitOf(catalogId, location))
    }
  }
  return highest
}

/** As in the volume's first or, where it is sealed, its last record; 0 where neither is a header. */
async function commitOf(catalogId: string, location: string): Promise<number> {
  const files = await DatabaseFiles.open(location, new Rate(Number.POSITIVE_INFINITY))
  try {
    let highest = 0
    for (const from of [recordKey(0), files.lastKey ?? recordKey(0)]) {
      for await (const { key, value } of files.scan({ from, ahead: false }, () => {})) {
        const header = decodeHeader(value, readUint64(key, 0))
        if (header?.catalog === catalogId) highest = Math.max(highest, header.commitNumber)
        break
      }
    }
    return highest
  } finally {
    await files.close()
  }
}
