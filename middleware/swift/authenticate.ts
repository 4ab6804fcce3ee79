// Who asks, of a Swift request: opens its token, or finds none. A token that is denied goes to the audit trail.
import { auditEntry, codeOf } from '../audit.ts'
import type { Node } from '../node.ts'
import { type Proof, tokenProofs } from '../speaker.ts'
import type { Context, SwiftState } from './context.ts'
import { challengeOf, resellerPrefix } from './resellers.ts'
import { SwiftError } from './swift-error.ts'

/** Operations that are open to all, in which a token that is not good is ignored. */
const open: ReadonlySet<string> = new Set(['Auth', 'Info', 'Healthcheck', 'Crossdomain', 'Options'])

/** The token of a request; '' where there is none. X-Auth-Token counts, even empty, if it is there. */
function tokenOf({ req }: Context): string {
  return String(req.headers['x-auth-token'] ?? req.headers['x-storage-token'] ?? '')
}

/**
 * Opens the token of a request. A token of another issuer is ignored, as TempAuth does: what is public is served all
 * the same. It throws SwiftError 401 for a token that is not good, and StoreUnavailable where it is not known whether
 * its user has logged out.
 */
export function authenticator(node: Node): (ctx: Context) => void | Promise<void> {
  const tokenStart = `${resellerPrefix(node.config)}_`

  async function verify({ state }: Context, token: string): Promise<void> {
    const identity = await node.tokens.open(node.users, token, Date.now())
    if (identity === undefined) {
      node.audit.write(auditEntry(state, 'TokenDenied'))
      throw new SwiftError(401, undefined, challengeOf(state.swift.accountName))
    }
    state.caller = identity
    state.token = 'valid'
  }

  return function authenticate(ctx) {
    const { state } = ctx
    const token = open.has(state.operation) ? '' : tokenOf(ctx)
    state.token = token === '' ? 'none' : 'invalid'
    return token.startsWith(tokenStart) ? verify(ctx, token) : undefined
  }
}

/** The `account:user` of a login that was denied; undefined for what is no guess. */
export function guessed({ operation, loginAs }: SwiftState, error: unknown): string | undefined {
  return operation === 'Auth' && codeOf(error) === 'Swift401' ? loginAs : undefined
}

/** What metrics count of the request's login or token; undefined where it had neither. */
export function proofOf({ operation, token }: SwiftState, status: number): Proof | undefined {
  if (operation === 'Auth') {
    return status === 200
      ? tokenProofs.granted
      : status === 401
        ? tokenProofs.denied
        : tokenProofs.refused
  }
  return token === 'valid' || token === 'invalid' ? tokenProofs[token] : undefined
}
