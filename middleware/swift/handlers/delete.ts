// Deletes an object, or one version of it for good.
import type { DeleteResult } from '../../../lib/service/types.ts'
import { sendEmpty } from '../answer.ts'
import type { Context } from '../context.ts'
import { ifDeleteAtOf } from '../expiry.ts'
import { objectOf, versionIdOf } from '../object-ref.ts'
import { SwiftError } from '../swift-error.ts'
import { refusalOf } from '../version-refusals.ts'
import type { Handler } from './handler.ts'
import { asksForDeletion, deleteManifest } from './manifest.ts'

/** The version that went or the marker that was made; and what is current where a version was named. */
function versionHeaders(ctx: Context, result: DeleteResult): Record<string, string> {
  const asked = versionIdOf(ctx)
  if (asked !== undefined) {
    return {
      'X-Object-Version-Id': asked,
      'X-Object-Current-Version-Id': result.currentId ?? 'null',
    }
  }
  // Where versions are not kept now, the null version goes without leaving an id to tell.
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
