// Refuses a request whose head breaks a rule of HTTP, in the dialect's form and before anything of it is read.
import type { IncomingMessage } from 'node:http'
import type { Middleware } from 'koa'
import { malformed, messageFault } from './http/message-fault.ts'
import type { SpokenState } from './speaker.ts'
import type { Target } from './state.ts'

/** True for a target of https in a request that did not come over TLS (RFC 9110 §7.4). */
const isMisdirected = ({ url = '' }: IncomingMessage, { secure }: Target): boolean =>
  secure !== 'direct' && secure !== 'forwarded' && /^https:/i.test(url)

/**
 * Refuses what breaks a rule, and ends the connection: how the rest is framed cannot be trusted. Answers
 * `OPTIONS *`, which is about no resource, whoever asks: with `methods`, which are those that any speaker of the
 * listener takes (RFC 9110 §9.3.7). Throws the speaker's refusal.
 */
export function message(methods: readonly string[]): Middleware<SpokenState> {
  const allow = methods.join(', ')
  return async function message(ctx, next) {
    const { req, state } = ctx
    const fault =
      messageFault(req) ??
      (isMisdirected(req, state.target)
        ? malformed('A target of https must come over TLS.')
        : undefined)
    if (fault !== undefined) {
      ctx.set('Connection', 'close')
      throw state.speaker.refuseMessage(fault)
    }
    if (req.url !== '*') return await next()
    ctx.status = 200
    ctx.set('Allow', allow)
    ctx.body = ''
    ctx.remove('Content-Type')
  }
}
