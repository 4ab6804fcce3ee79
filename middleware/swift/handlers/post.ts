// Replaces an object's description: its metadata and headers. Those that are not sent again are removed, except the
// type.

import { sendEmpty } from '../answer.ts'
import { readDescription, sentTypeOf } from '../object-headers.ts'
import { objectOf, versionIdOf } from '../object-ref.ts'
import { SwiftError } from '../swift-error.ts'
import type { Handler } from './handler.ts'

/** https://docs.openstack.org/api-ref/object-store/#create-or-update-object-metadata */
export const postObject: Handler = async (ctx, node) => {
  if (versionIdOf(ctx) !== undefined) {
    throw new SwiftError(400, 'POST to a specific version is not allowed')
  }
  const ref = objectOf(ctx)
  const sent = readDescription(ctx)
  const type = sentTypeOf(ctx, ref.object)
  await node.service.update(ctx.state.asker, ref, {
    cipher: ctx.state.cipher,
    revise: ({ headers }) => ({
      ...sent,
      headers: { ...sent.headers, type: type ?? headers.type },
    }),
  })
  sendEmpty(ctx, 202)
}
