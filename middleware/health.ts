// Refuses new work while the node drains, so that clients go elsewhere.
import type { Middleware } from 'koa'
import { CofferError } from '../lib/errors.ts'
import type { State } from './state.ts'

export function health(draining: () => boolean): Middleware<State> {
  return async function health(ctx, next) {
    if (draining()) {
      ctx.set('Connection', 'close')
      throw new CofferError('StoreUnavailable', { reason: 'draining' })
    }
    await next()
  }
}
