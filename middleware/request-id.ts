// Names each request: the same id in the answer's headers, the log and the audit. Swift's form takes the
// place of S3's as soon as the dialect is known.
import type { Middleware } from 'koa'
import { randomHex } from '../lib/names.ts'
import type { State } from './state.ts'

/** What clients may add to a transaction id, in characters. */
const EXTRA_CHARS_MAX = 32

/**
 * An id in Swift's form: `tx`, 21 hex digits, `-`, the time in seconds as 10 hex digits, and behind another
 * `-` what the client sent as X-Trans-Id-Extra, percent-encoded.
 */
export function transactionId(extra: string): string {
  const time = Math.floor(Date.now() / 1000)
  const id = `tx${randomHex(11).slice(0, 21)}-${time.toString(16).padStart(10, '0')}`
  return extra === '' ? id : `${id}-${encodeURIComponent(extra.slice(0, EXTRA_CHARS_MAX))}`
}

export function requestId(): Middleware<State> {
  return async function requestId(ctx, next) {
    ctx.state.requestId = randomHex(8).toUpperCase()
    ctx.state.startedMs = performance.now()
    await next()
  }
}
