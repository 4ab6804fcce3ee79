// Names each request: the same id in the answer's headers, the log and the audit.
import { randomBytes } from 'node:crypto'
import type { Middleware } from 'koa'
import type { State } from './state.ts'

/** Ids of many requests are drawn at once: randomBytes costs the same for 8 bytes as for 4,096. */
const pool = { bytes: Buffer.alloc(0), next: 0 }

function drawId(): string {
  if (pool.next === pool.bytes.length) {
    pool.bytes = randomBytes(4096)
    pool.next = 0
  }
  pool.next += 8
  return pool.bytes.toString('hex', pool.next - 8, pool.next).toUpperCase()
}

export function requestId(): Middleware<State> {
  return async function requestId(ctx, next) {
    ctx.state.requestId = drawId()
    ctx.state.startedMs = performance.now()
    await next()
  }
}
