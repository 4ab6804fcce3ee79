// What anyone may ask: what this node is and can, whether it is well, and which methods an address takes.
import { sendEmpty, sendText } from '../answer.ts'
import { describeNode } from '../info.ts'
import { allowOf } from '../methods.ts'
import { SwiftError } from '../swift-error.ts'
import type { Handler } from './handler.ts'

/** `/info`. Throws SwiftError 403 for its signed form, which would show an operator more: there is no such key. */
export const info: Handler = async (ctx, node) => {
  const { query } = ctx.state.swift
  if (query.has('swiftinfo_sig') || query.has('swiftinfo_expires')) throw new SwiftError(403)
  sendText(ctx, 'application/json; charset=UTF-8', JSON.stringify(describeNode(node.config)))
}

/** `/healthcheck`. Throws SwiftError 503 with the reason where a store is impaired; a node that drains has
 * refused before. */
export const healthcheck: Handler = async (ctx, node) => {
  const reason = node.impaired()
  if (reason !== null) throw new SwiftError(503, `${reason}\n`, { 'Retry-After': '1' })
  sendText(ctx, 'text/plain; charset=UTF-8', 'OK')
}

/** No policy is published, so a browser plug-in finds none. */
export const crossdomain: Handler = async () => {
  throw new SwiftError(404)
}

/** Throws SwiftError 401 for a browser's preflight: no origin is allowed. */
export const options: Handler = async (ctx) => {
  const { level } = ctx.state.swift
  const allow = allowOf(level!)
  const isPreflight = ctx.get('Origin') !== '' && (level === 'container' || level === 'object')
  if (isPreflight) throw new SwiftError(401, undefined, { Allow: allow })
  ctx.set('Allow', allow)
  sendEmpty(ctx, 200)
}
