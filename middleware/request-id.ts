// Names each request: the same id in the answer's headers, the log and the audit. A dialect with a form
// of its own for it puts that in its place, as soon as the dialect is known.
import type { Middleware } from 'koa'
import { randomHex } from '../lib/names.ts'
import type { State } from './state.ts'

export function requestId(): Middleware<State> {
  return async function requestId(ctx, next) {
    ctx.state.requestId = randomHex(8).toUpperCase()
    ctx.state.startedMs = performance.now()
    await next()
  }
}
