// The parameters of a listing, as Swift reads them.
import type { ListInput, VersionListInput } from '../../lib/service/types.ts'
import { isTrue } from './headers.ts'
import { LISTING_LIMIT } from './limits.ts'
import { SwiftError } from './swift-error.ts'

type Query = ReadonlyMap<string, string>

/** The `limit`. A value that is no number means the default. Throws SwiftError 412 beyond LISTING_LIMIT. */
function limitOf(query: Query): number {
  const given = query.get('limit') ?? ''
  if (!/^\d+$/.test(given)) return LISTING_LIMIT
  const limit = Number(given)
  if (limit > LISTING_LIMIT) throw new SwiftError(412, `Maximum limit is ${LISTING_LIMIT}`)
  return limit
}

/** The parameters that every listing has. Throws SwiftError 412. */
export function pageOf(query: Query) {
  return {
    prefix: query.get('prefix') ?? '',
    ...(query.get('delimiter') ? { delimiter: query.get('delimiter')! } : {}),
    after: query.get('marker') ?? '',
    until: query.get('end_marker') ?? '',
    reverse: isTrue(query.get('reverse')),
    limit: limitOf(query),
  }
}

/** The prefix for `path`, a directory of which only the children are listed. '' is the root. */
function directoryOf(path: string): string {
  let end = path.length
  while (end > 0 && path[end - 1] === '/') end--
  return path === '' ? '' : `${path.slice(0, end)}/`
}

/** The parameters of a listing of objects. `path` counts before prefix and delimiter. Throws SwiftError 412. */
export function objectPageOf(query: Query): ListInput {
  const page = pageOf(query)
  const path = query.get('path')
  if (path === undefined) return page
  return { ...page, prefix: directoryOf(path), delimiter: '/', childrenOnly: true }
}

/** The parameters of a listing of versions, which has no `end_marker`. Throws SwiftError 412 and 400. */
export function versionPageOf(query: Query): VersionListInput {
  const { prefix, delimiter, reverse, limit } = pageOf(query)
  const marker = query.get('marker')
  const versionMarker = query.get('version_marker')
  if (versionMarker !== undefined && !marker) {
    throw new SwiftError(400, 'version_marker param requires marker')
  }
  return {
    prefix,
    ...(delimiter === undefined ? {} : { delimiter }),
    ...(marker ? { afterObject: marker } : {}),
    ...(marker && versionMarker !== undefined ? { afterVersion: versionMarker } : {}),
    reverse,
    limit,
  }
}
