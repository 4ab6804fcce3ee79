// Deletes an object, or removes one version of it.
import type { DeleteResult } from '../../../lib/service/types.ts'
import { sendEmpty } from '../answer.ts'
import type { Context } from '../context.ts'
import { ifDeleteAtOf } from '../expiry.ts'
import { objectOf, versionIdOf } from '../object-ref.ts'
import { SwiftError } from '../swift-error.ts'
import { refusalOf } from '../version-refusals.ts'
import type { Handler } from './handler.ts'
import { asksForDeletion } from './manifest.ts'
import { deleteManifest } from './manifest-delete.ts'

/**
 * The headers with the id of the version that was removed, or of the marker that was made. Where the request names a
 * version, the id of the current one is added.
 */
function versionHeaders(ctx: Context, result: DeleteResult): Record<string, string> {
  const asked = versionIdOf(ctx)
  if (asked !== undefined) {
    return {
      'X-Object-Version-Id': asked,
      'X-Object-Current-Version-Id': result.currentId ?? 'null',
    }
  }
  // The null version has no id that is shown.
  const { versionId } = result
  return versionId === undefined || versionId === 'null' ? {} : { 'X-Object-Version-Id': versionId }
}

/** https://docs.openstack.org/api-ref/object-store/#delete-object */
export const deleteObject: Handler = async (ctx, node) => {
  if (asksForDeletion(ctx)) {
    await deleteManifest(ctx, node)
    return
  }
  const result = await node.service.delete(ctx.state.asker, objectOf(ctx), {
    versionId: versionIdOf(ctx),
    ifDeleteAtSeconds: ifDeleteAtOf(ctx),
    promote: false,
  })
  const headers = versionHeaders(ctx, result)
  if (!result.existed) {
    const missing = new SwiftError(404, undefined, headers)
    throw versionIdOf(ctx) === undefined ? missing : await refusalOf(ctx, node, missing)
  }
  ctx.set(headers)
  sendEmpty(ctx, 204)
}
