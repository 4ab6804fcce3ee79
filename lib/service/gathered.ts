// Objects that gather: a read gives the bytes of all objects of a container whose names have a prefix, as they are at the
// time of the read, one behind the other. Swift calls them dynamic large objects (swift/common/middleware/dlo.py).
import { createHash } from 'node:crypto'
import type { Gathers, VersionRow } from '../catalog/rows.ts'
import { CofferError } from '../errors.ts'
import { spend } from '../turns.ts'
import type { ListedObject } from './container-types.ts'
import type { Following } from './links.ts'
import { listObjects } from './listing.ts'
import type { Link, ResolvedBody } from './resolve.ts'
import type { Stores } from './stores.ts'
import type { VersionInfo } from './types.ts'
import { describeVersion, type FoundVersion, type Shown, type StoredVersion } from './versions.ts'

/** Objects that one object gathers: a page of Swift's listings, beyond which Swift's own know no size. */
export const GATHERED_MAX = 10_000

/** What is read in the place of an object's own bytes. */
export interface Gathered {
  readonly body: ResolvedBody
  /** Hex MD5 of the listed ETags. */
  readonly md5: string
  /** The same, with the number of objects behind it. */
  readonly etag: string
}

/**
 * Lists what an object gathers, with the right of whoever reads; undefined where it gathers nothing. Throws AccessDenied,
 * ContainerMissing, LinkBroken where there are more than GATHERED_MAX.
 */
export async function gather(
  stores: Stores,
  asking: Following,
  { ref, row }: StoredVersion,
): Promise<Gathered | undefined> {
  if (!doesGather(row)) return undefined
  const { container, prefix } = requireNames(row.gathers!, ref.object)
  const { account } = ref
  const { entries, truncated } = await listObjects(
    stores,
    asking.asker,
    { account, container },
    { prefix, limit: GATHERED_MAX },
  )
  if (truncated) throw new CofferError('LinkBroken', { why: 'many' })
  const objects = entries as readonly ListedObject[]
  const hash = createHash('md5')
  for (const { etag, manifest } of objects) {
    hash.update(manifest ?? etag)
    const turn = spend(1)
    if (turn !== undefined) await turn
  }
  const md5 = hash.digest('hex')
  const segments = asking.follow(
    objects.map(
      ({ object, size, etag }): Link => ({ target: { account, container, object }, size, etag }),
    ),
  )
  const size = objects.reduce((sum, each) => sum + each.size, 0)
  if (!Number.isSafeInteger(size)) throw new CofferError('LinkBroken', { why: 'many' })
  const body = { size, segments, parts: null }
  return { body, md5, etag: `${md5}-${objects.length}` }
}

/** A row may hold anything in the place of names. Throws StoreCorrupt. */
function requireNames(gathers: Gathers, object: string): Gathers {
  const { container, prefix, sent } = gathers
  if ([container, prefix, sent].every((name) => typeof name === 'string' && name !== ''))
    return gathers
  throw new CofferError('StoreCorrupt', { object, what: 'gathers' })
}

/** True for a version whose own bytes a read does not give. A manifest stays one. */
const doesGather = ({ gathers, manifest }: VersionRow) => gathers != null && manifest === undefined

/** What a read says of a version, with size and ETag of what it gathers, where it does. */
export function describeRead(
  found: FoundVersion,
  shown: Shown | null,
  gathered: Gathered | undefined,
  size?: number,
): VersionInfo {
  const info = describeVersion(found, shown, size)
  if (gathered === undefined) return info
  const { body, md5, etag } = gathered
  return { ...info, size: body.size, etag, md5, checksum: null, isGathered: true }
}
