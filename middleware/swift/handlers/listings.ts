// Listings of a container: its objects, and all of their versions.
// https://docs.openstack.org/api-ref/object-store/#show-container-details-and-list-objects
import type { ListedObject, ListedVersion } from '../../../lib/service/types.ts'
import { bestMatch } from '../accept.ts'
import { sendText } from '../answer.ts'
import type { Context } from '../context.ts'
import { DELETE_MARKER_TYPE } from '../error-table.ts'
import { manifestEtag } from '../etag.ts'
import { jsonFormat } from '../formats/json.ts'
import { sendListing, writeListing } from '../formats/listing.ts'
import { headerOf, textOfBytes } from '../headers.ts'
import { objectPageOf, versionPageOf } from '../listing-parameters.ts'
import { SwiftError } from '../swift-error.ts'
import { isoMicros } from '../times.ts'
import { negotiate } from './accounts.ts'
import { containerOf, setContainerHeaders } from './containers.ts'
import type { Handler } from './handler.ts'

const JSON_TYPE = 'application/json'
const DEFAULT_TYPE = 'application/octet-stream'
/** The hash of a delete marker in listings, as Swift shows it: the MD5 of no bytes. */
const EMPTY_MD5 = 'd41d8cd98f00b204e9800998ecf8427e'

/** A stored Content-Type as text, without blanks around `;`, as listings show it. */
function typeOf(stored: string): string {
  if (stored === '') return DEFAULT_TYPE
  const type = stored.includes(';')
    ? stored
        .split(';')
        .map((part) => part.trim())
        .join(';')
    : stored
  return textOfBytes(type) ?? type
}

const entryOf = (entry: ListedObject | string) =>
  typeof entry === 'string'
    ? { subdir: entry }
    : {
        bytes: entry.size,
        hash: entry.manifest ?? entry.etag,
        name: entry.object,
        content_type: typeOf(entry.type),
        last_modified: isoMicros(entry.timeMicros),
        ...(entry.manifest !== undefined && { slo_etag: `"${manifestEtag(entry.etag)}"` }),
      }

export const getContainer: Handler = async (ctx, node) => {
  const { asker, swift } = ctx.state
  const chosen = negotiate(ctx)
  const ref = containerOf(ctx)
  const page = objectPageOf(swift.query)
  const [info, listing] = await Promise.all([
    node.service.headContainer(asker, ref),
    node.service.list(asker, ref, page),
  ])
  await setContainerHeaders(ctx, node, info)
  const listed = { level: 'container', name: ref.container } as const
  await sendListing(ctx, chosen, listed, listing.entries, entryOf)
}

function versionOf(entry: ListedVersion | string) {
  if (typeof entry === 'string') return { subdir: entry }
  const { versionId, isLatest, isMarker, object, timeMicros } = entry
  const described = isMarker
    ? {
        bytes: 0,
        hash: EMPTY_MD5,
        name: object,
        content_type: DELETE_MARKER_TYPE,
        last_modified: isoMicros(timeMicros),
      }
    : (entryOf(entry) as Exclude<ReturnType<typeof entryOf>, { subdir: string }>)
  return { ...described, version_id: versionId, is_latest: isLatest }
}

/** Throws SwiftError 406 where the client chooses another format than JSON: versions are listed in JSON only. */
function requireJson(ctx: Context): void {
  const format = ctx.state.swift.query.get('format')
  if (format) {
    if (format.toLowerCase() !== 'json') throw new SwiftError(406)
    return
  }
  const accept = headerOf(ctx, 'accept')
  if (accept && bestMatch(accept, [JSON_TYPE]) === undefined) throw new SwiftError(406)
  if (format === undefined) ctx.set('Vary', 'Accept')
}

/** Lists all versions of a container's objects: `GET ?versions`. */
export const listVersions: Handler = async (ctx, node) => {
  const { asker, swift } = ctx.state
  requireJson(ctx)
  const ref = containerOf(ctx)
  const page = versionPageOf(swift.query)
  const [info, listing] = await Promise.all([
    node.service.headContainer(asker, ref),
    node.service.listVersions(asker, ref, page),
  ])
  await setContainerHeaders(ctx, node, info)
  const bytes = await writeListing(jsonFormat, listing.entries, versionOf)
  sendText(ctx, `${JSON_TYPE}; charset=utf-8`, bytes)
}
