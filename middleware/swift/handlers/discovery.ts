// Requests that need no login: /info, the health check, /crossdomain.xml and OPTIONS.
import { sendEmpty, sendText } from '../answer.ts'
import { describeNode } from '../info.ts'
import { allowOf } from '../methods.ts'
import { SwiftError } from '../swift-error.ts'
import type { Handler } from './handler.ts'

/**
 * `/info`. Throws SwiftError 403 for its signed form, which Swift has for operators and for which coffer has no key.
 */
export const info: Handler = async (ctx, node) => {
  const { query } = ctx.state.swift
  if (query.has('swiftinfo_sig') || query.has('swiftinfo_expires')) throw new SwiftError(403)
  sendText(ctx, 'application/json; charset=UTF-8', JSON.stringify(describeNode(node.config)))
}

/**
 * `/healthcheck`. Throws SwiftError 503 with the reason where a store is impaired. A node that drains answers 503
 * before this handler (middleware/health.ts).
 */
export const healthcheck: Handler = async (ctx, node) => {
  const reason = node.impaired()
  if (reason !== null) throw new SwiftError(503, `${reason}\n`, { 'Retry-After': '1' })
  sendText(ctx, 'text/plain; charset=UTF-8', 'OK')
}

/** `/crossdomain.xml`, which is 404: coffer has no policy for browser plug-ins. */
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
