// Names each request: the same id in the answer's headers, the log and the audit.
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
