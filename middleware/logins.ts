// Guesses at passwords and at secret keys: who was denied too often waits.
import type { Middleware } from 'koa'
import { CofferError } from '../lib/errors.ts'
import { networkOf } from '../lib/network.ts'
import { auditEntry } from './audit.ts'
import type { Node } from './node.ts'
import type { SpokenState } from './speaker.ts'
import type { Context } from './state.ts'

/** Throws LoginDelayed while the user's denials from this address, or the address's own, hold it up (D-GUESSES). */
export function requireTurn({ limits, audit }: Node, { state }: Context, user: string): void {
  const { backoff } = limits
  if (backoff.idle) return
  const waitMs = backoff.waitMs(user, networkOf(state.target.address), performance.now())
  if (waitMs === 0) return
  audit.write(auditEntry(state, 'LoginDelayed'))
  throw new CofferError('LoginDelayed', { seconds: Math.ceil(waitMs / 1000) })
}

/**
 * Around auth and whatever handles logins: counts what was denied by what was looked at, not by what a request says. A
 * signature is always looked at: a right one passes, and a wrong one throws LoginDelayed instead while its like have to
 * wait. A handler that looks at a password, which costs more, calls `requireTurn` first.
 */
export function logins(node: Node): Middleware<SpokenState> {
  const { backoff } = node.limits
  return async function logins(ctx, next) {
    const { state } = ctx
    state.provenAs = ''
    try {
      await next()
    } catch (error) {
      const key = state.speaker.guessed(state, error)
      if (key === undefined) throw error
      requireTurn(node, ctx, key)
      backoff.failed(key, networkOf(state.target.address), performance.now())
      throw error
    } finally {
      if (!backoff.idle && state.provenAs !== '') {
        backoff.succeeded(state.provenAs, networkOf(state.target.address))
      }
    }
  }
}
