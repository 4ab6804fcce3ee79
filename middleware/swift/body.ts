// The body of a Swift request, held to the MD5 that came with it.
import type { Pieces } from '../../lib/bytes/pull.ts'
import { VerifiedSource } from '../../lib/bytes/verify.ts'
import { type Announced, requireLength, requireWhole } from '../http/received-body.ts'
import type { Context } from './context.ts'

/**
 * The MD5 that a Swift client sends as ETag with an object: lower-case hex, in quotes or bare. A text of another
 * form fits no object. Swift: swift/obj/server.py, PUT.
 */
function claimedEtag({ req, state }: Context): Buffer | undefined {
  const sent = state.operation === 'PutObject' ? String(req.headers.etag ?? '') : ''
  if (sent === '') return undefined
  const etag = /^"(.*)"$/.exec(sent)?.[1] ?? sent
  return /^[0-9a-f]{32}$/.test(etag) ? Buffer.from(etag, 'hex') : Buffer.alloc(0)
}

/** Sets `source`. Throws LengthMissing, BodyPartial. */
export function prepareBody(ctx: Context, raw: Pieces, announced: Announced): void {
  const { chunked, length } = announced
  if (ctx.state.operation === 'PutObject' || ctx.state.operation === 'PutManifest') {
    requireLength(announced)
    requireWhole(ctx.req)
  }
  const md5 = claimedEtag(ctx)
  ctx.state.source = new VerifiedSource(raw, {
    ...(!chunked && { length: length ?? 0 }),
    ...(md5 !== undefined && { md5 }),
  })
}
