// The Swift dialect. Gaps: all of it. Every request that the dialect rules send here is refused until it
// is built, in Swift's own form, so that no client takes an S3 answer for one of Swift.
import type { Middleware } from 'koa'
import { CofferError } from '../../lib/errors.ts'
import type { Context, State } from '../state.ts'

export function swift(): Middleware<State> {
  return async function swift(ctx) {
    ctx.state.operation = 'Swift'
    throw new CofferError('NotSupported', { what: 'the Swift API' })
  }
}

/** Renders an error as Swift's proxy does: a small HTML page. */
export function renderSwiftError(ctx: Context, error: unknown): void {
  const supported = !(error instanceof CofferError && error.code === 'NotSupported')
  ctx.status = supported ? 500 : 501
  ctx.type = 'text/html; charset=UTF-8'
  ctx.set('X-Trans-Id', ctx.state.requestId)
  ctx.body = supported
    ? '<html><h1>Internal Error</h1><p>The server was unable to handle the request.</p></html>'
    : '<html><h1>Not Implemented</h1><p>The requested method is not implemented by this server.</p></html>'
}
