// `multipart-manifest` on objects that bear the mark of a large object because their ETag is no MD5. Clients that see
// the mark read the list of segments before they overwrite or delete the object. The list is empty, because the object
// has no segments that a client could reach (D-MANIFEST-GET).
import { isCode } from '../../../lib/errors.ts'
import type { VersionInfo } from '../../../lib/service/types.ts'
import { noteFailure } from '../../late-failure.ts'
import type { Node } from '../../node.ts'
import { chooseFormat } from '../accept.ts'
import { sendText } from '../answer.ts'
import { type Deletion, deletionDocument } from '../bulk-document.ts'
import type { Context } from '../context.ts'
import { isMarked } from '../etag.ts'
import { headerOf } from '../headers.ts'
import { setObjectHeaders } from '../object-headers.ts'
import { objectOf, versionIdOf } from '../object-ref.ts'
import { quotePath } from '../quote.ts'

export const asksForManifest = ({ state }: Context) =>
  state.swift.query.get('multipart-manifest') === 'get'

export const asksForDeletion = ({ state }: Context) =>
  state.swift.query.get('multipart-manifest') === 'delete'

/**
 * Answers `?multipart-manifest=get` on a marked object with an empty list. Clients delete listed segments by name when
 * they delete the object. Parts have no names, and rclone 1.60 crashes on items without one.
 */
export function sendManifest(ctx: Context, info: VersionInfo): void {
  setObjectHeaders(ctx, info)
  sendText(ctx, 'application/json; charset=utf-8', '[]')
}

/** Deletes the object if it bears the mark. */
async function deleteMarked(ctx: Context, node: Node): Promise<Deletion> {
  const { asker, cipher } = ctx.state
  const ref = objectOf(ctx)
  const versionId = versionIdOf(ctx)
  const none = { deleted: 0, notFound: 0, errors: [] }
  try {
    const { info } = await node.service.head(asker, ref, { versionId, cipher, keyOptional: true })
    if (!isMarked(info)) {
      const path = quotePath(`/${ref.container}/${ref.object}`)
      return { ...none, errors: [[path, 'Not an SLO manifest']] }
    }
  } catch (error) {
    if (missing.some((code) => isCode(error, code))) return { ...none, notFound: 1 }
    throw error
  }
  const { existed } = await node.service.delete(asker, ref, { versionId, promote: false })
  return existed ? { ...none, deleted: 1 } : { ...none, notFound: 1 }
}

const missing = ['ObjectMissing', 'VersionMissing', 'VersionIsMarker', 'ContainerMissing'] as const

/**
 * Answers `DELETE ?multipart-manifest=delete`. The status is 200 in any case; the document holds the result.
 * Swift: swift/common/middleware/slo.py, handle_multipart_delete.
 */
export async function deleteManifest(ctx: Context, node: Node): Promise<void> {
  const { format, contentType } = chooseFormat(undefined, headerOf(ctx, 'accept'))
  const deletion = await deleteMarked(ctx, node)
  if (deletion.errors.length > 0) noteFailure(ctx.state, 'Swift400', 400)
  sendText(ctx, contentType, deletionDocument(format, deletion))
}
