// How many bodies one caller may have under way at a time.
import type { Middleware } from 'koa'
import { CofferError } from '../lib/errors.ts'
import { networkOf } from '../lib/network.ts'
import { hasBody } from './http/unread.ts'
import type { Node } from './node.ts'
import type { SpokenState } from './speaker.ts'

/** Throws UploadsExceeded where the caller has as many bodies under way as it may. A copy's is read here instead of
 * coming from the client, and costs no less. */
export function uploads({ limits, config }: Node): Middleware<SpokenState> {
  const under = limits.uploads
  const limit = config.limits.uploadsPerUser
  return async function uploads(ctx, next) {
    const { caller, target, speaker } = ctx.state
    if (!hasBody(ctx.req) && speaker.keyRule(ctx.state) !== 'copy') return await next()
    const name = caller === null ? networkOf(target.address) : `${caller.account}/${caller.user}`
    if (!under.take(name, 1, limit)) throw new CofferError('UploadsExceeded', { limit })
    try {
      await next()
    } finally {
      under.give(name, 1)
    }
  }
}
