// Makes the request's body readable: out of the socket, out of how the dialect packs it, and verified against all that
// came with it.
import type { Next } from 'koa'
import { noPieces } from '../lib/bytes/verify.ts'
import { announced, type BodyLimits, openBody, requirePlainTransfer } from './http/received-body.ts'
import type { SpokenContext } from './speaker.ts'

/** Gives each request its `source`. Throws NotSupported, and what the speaker's `prepareBody` throws; the source throws
 * the rest when it is read. */
export function body(limits: BodyLimits) {
  return async function body(ctx: SpokenContext, next: Next): Promise<void> {
    const { req, res, state } = ctx
    // A form's has been opened, and is closed where it was.
    const own = state.received === undefined ? openBody(req, res, limits) : null
    try {
      requirePlainTransfer(req)
      state.speaker.prepareBody(ctx, own ?? state.received ?? noPieces, announced(req))
      await next()
    } finally {
      own?.close()
    }
  }
}
