// `multipart-manifest` on objects that bear the mark of a large object because their ETag is no MD5. Clients
// that see the mark ask for the segments before they overwrite or delete; there are none that they could
// reach, and the answers say so.
import { isCode } from '../../../lib/errors.ts'
import type { PartInfo, VersionInfo } from '../../../lib/service/types.ts'
import type { Context, Node } from '../../state.ts'
import { chooseFormat } from '../accept.ts'
import { sendText } from '../answer.ts'
import { type Deletion, deletionDocument } from '../bulk-document.ts'
import { isMarked } from '../etag.ts'
import { headerOf } from '../headers.ts'
import { setObjectHeaders, typeOf } from '../object-headers.ts'
import { objectOf, versionIdOf } from '../object-ref.ts'
import { quotePath } from '../quote.ts'
import { isoMicros } from '../times.ts'

const PARTS_MAX = 10_000

export const asksForManifest = ({ state }: Context) =>
  state.swift.query.get('multipart-manifest') === 'get'

export const asksForDeletion = ({ state }: Context) =>
  state.swift.query.get('multipart-manifest') === 'delete'

/** The parts of a multipart object whose key is here; they have no names. */
async function partsOf(ctx: Context, node: Node, info: VersionInfo): Promise<readonly PartInfo[]> {
  const { caller, cipher } = ctx.state
  if (info.parts === 0 || info.sealing !== cipher.sealing) return []
  const input = { versionId: versionIdOf(ctx), cipher, referrer: headerOf(ctx, 'referer') }
  const page = { afterPart: 0, limit: PARTS_MAX }
  return (await node.service.listObjectParts(caller, objectOf(ctx), { ...input, ...page })).parts
}

/** Answers `?multipart-manifest=get` on a marked object with its parts (features/cross.md, 'large objects'). */
export async function sendManifest(ctx: Context, node: Node, info: VersionInfo): Promise<void> {
  const parts = await partsOf(ctx, node, info)
  setObjectHeaders(ctx, info)
  const items = parts.map(({ size, etag, timeMicros }) => ({
    bytes: size,
    hash: etag,
    content_type: typeOf(info),
    last_modified: isoMicros(timeMicros),
  }))
  sendText(ctx, 'application/json; charset=utf-8', JSON.stringify(items))
}

/** Deletes the object if it bears the mark. */
async function deleteMarked(ctx: Context, node: Node): Promise<Deletion> {
  const { caller, cipher } = ctx.state
  const ref = objectOf(ctx)
  const versionId = versionIdOf(ctx)
  const none = { deleted: 0, notFound: 0, errors: [] }
  try {
    const { info } = await node.service.head(caller, ref, { versionId, cipher, keyOptional: true })
    if (!isMarked(info)) {
      const path = quotePath(`/${ref.container}/${ref.object}`)
      return { ...none, errors: [[path, 'Not an SLO manifest']] }
    }
  } catch (error) {
    if (missing.some((code) => isCode(error, code))) return { ...none, notFound: 1 }
    throw error
  }
  const { existed } = await node.service.delete(caller, ref, { versionId, promote: false })
  return existed ? { ...none, deleted: 1 } : { ...none, notFound: 1 }
}

const missing = ['ObjectMissing', 'VersionMissing', 'VersionIsMarker', 'ContainerMissing'] as const

/**
 * Answers `DELETE ?multipart-manifest=delete`: the status is 200 whatever happened, the document tells.
 * Swift: swift/common/middleware/slo.py, handle_multipart_delete.
 */
export async function deleteManifest(ctx: Context, node: Node): Promise<void> {
  const { format, contentType } = chooseFormat(undefined, headerOf(ctx, 'accept'))
  const deletion = await deleteMarked(ctx, node)
  sendText(ctx, contentType, deletionDocument(format, deletion))
}
