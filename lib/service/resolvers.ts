// Which resolver resolves a body, by what its version's row has, which its envelope binds.
import type { Catalog } from '../catalog/catalog.ts'
import { CofferError } from '../errors.ts'
import { linkedSegments } from './manifest-body.ts'
import { readParts } from './part-list.ts'
import type { Resolve } from './resolve.ts'
import type { Stores } from './stores.ts'

/** Resolves bodies of their own segments, as a write in one piece or a completed upload leaves them. */
export const ownSegments =
  (catalog: Catalog): Resolve =>
  async ({ row, secret, ref, versionId }) => {
    const { size } = row
    if (row.parts === 0) return { size, segments: [{ first: 1, count: 1, size }], parts: null }
    const parts = await readParts(catalog, row, secret.bodyKey)
    if (parts.size !== size) {
      throw new CofferError('StoreCorrupt', { object: ref.object, version: versionId })
    }
    return { size, segments: parts.layout, parts }
  }

/** Resolves every body. `stores` are those that the resolver becomes a part of. */
export function resolveBodies(stores: () => Stores): Resolve {
  const manifest = linkedSegments(stores)
  return (opened, asking) => {
    if (opened.row.manifest !== undefined) return manifest(opened, asking)
    return ownSegments(stores().catalog)(opened, asking)
  }
}
