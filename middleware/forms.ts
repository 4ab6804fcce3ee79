// Requests whose caller, signature and key come inside the body, as those of browsers' forms do: the fields are read
// before auth, and what follows them is the body that the operation reads.
import type { Next } from 'koa'
import { noPieces } from '../lib/bytes/verify.ts'
import { type BodyLimits, openBody, requirePlainTransfer } from './http/received-body.ts'
import type { SpokenContext } from './speaker.ts'

/** Lets the speaker read the fields of a form. Throws NotSupported, and what the speaker throws. */
export function forms(limits: BodyLimits) {
  return async function forms(ctx: SpokenContext, next: Next): Promise<void> {
    const { req, res, state } = ctx
    const { speaker } = state
    if (speaker.forms?.matches(ctx) !== true) return await next()
    requirePlainTransfer(req)
    const received = openBody(req, res, limits)
    if (received !== null) state.received = received
    try {
      await speaker.forms.read(ctx, received ?? noPieces)
      await next()
    } finally {
      received?.close()
    }
  }
}
