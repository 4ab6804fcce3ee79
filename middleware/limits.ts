// What a caller may take of the node: uploads at one time, and guesses at passwords. Both are told before
// the work that they would cost.
import type { IncomingMessage } from 'node:http'
import type { Middleware } from 'koa'
import { type BackoffOptions, LoginBackoff } from '../lib/auth/login-backoff.ts'
import type { Config } from '../lib/config.ts'
import { CofferError } from '../lib/errors.ts'
import { auditEntry, codeOf } from './audit.ts'
import type { Context, KeyRule, Node, State } from './state.ts'
import { claimedUser } from './swift/login.ts'

/** What is under way and what was denied, of all listeners of a node. */
export interface Limits {
  readonly backoff: LoginBackoff
  /** Uploads and copies under way, by who asked for them; nobody is in it with 0. */
  readonly uploads: Map<string, number>
}

export function makeLimits({ limits }: Config): Limits {
  const options: BackoffOptions = {
    failures: limits.loginFailures,
    failuresPerAddress: limits.loginFailuresPerAddress,
    backoffMs: limits.loginBackoffMs,
    backoffMaxMs: limits.loginBackoffMaxMs,
  }
  return { backoff: new LoginBackoff(options), uploads: new Map() }
}

/** Who a request says that it comes from, not yet proven: an access key, or `account:user`; '' for no login. */
function claimedName({ req, state }: Context): string {
  if (state.dialect === 'swift') {
    return state.operation === 'Auth' ? claimedUser(state.target.path, req.headers) : ''
  }
  const authorization = req.headers.authorization ?? ''
  const named = /^AWS4-HMAC-SHA256\s.*?Credential=([^/,\s]+)|^AWS +(\S+):[^\s:]+$/.exec(
    authorization,
  )
  if (named !== null) return named[1] ?? named[2]!
  if (!/(?:^|&)(?:X-Amz-Credential|AWSAccessKeyId)=/.test(state.target.query)) return ''
  const query = new URLSearchParams(state.target.query)
  return query.get('AWSAccessKeyId') ?? query.get('X-Amz-Credential')!.split('/', 1)[0]!
}

/** Denials that a guess would get. What a client's clock or a bug makes is none. */
const guesses: ReadonlySet<string> = new Set(['CredentialUnknown', 'SignatureMismatch'])

function isGuess({ dialect, operation }: State, error: unknown): boolean {
  const code = codeOf(error)
  return dialect === 's3' ? guesses.has(code) : operation === 'Auth' && code === 'Swift401'
}

/**
 * Around auth and Swift's login: throws LoginDelayed where too many were denied, before a password or a
 * signature is looked at.
 */
export function logins({ limits, audit }: Node): Middleware<State> {
  const { backoff } = limits
  return async function logins(ctx, next) {
    const { state } = ctx
    const { address } = state.target
    if (!backoff.idle) {
      const name = claimedName(ctx as Context)
      const waitMs = name === '' ? 0 : backoff.waitMs(name, address, performance.now())
      if (waitMs > 0) {
        audit.write(auditEntry(state, 'LoginDelayed'))
        throw new CofferError('LoginDelayed', { seconds: Math.ceil(waitMs / 1000) })
      }
    }
    try {
      await next()
    } catch (error) {
      const name = isGuess(state, error) ? claimedName(ctx as Context) : ''
      if (name !== '') backoff.failed(name, address, performance.now())
      throw error
    } finally {
      if (!backoff.idle && state.caller !== null) {
        const name = claimedName(ctx as Context)
        if (name !== '') backoff.succeeded(name, address)
      }
    }
  }
}

const hasBody = ({ headers }: IncomingMessage) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/** Throws UploadsExceeded where the caller has as many bodies under way as it may. A copy's is read here instead of
 * coming from the client, and costs no less. `ruleOf` is what a copy is known by. */
export function uploads(
  { limits, config }: Node,
  ruleOf: (state: State) => KeyRule,
): Middleware<State> {
  const under = limits.uploads
  const limit = config.limits.uploadsPerUser
  return async function uploads(ctx, next) {
    if (!hasBody(ctx.req) && ruleOf(ctx.state) !== 'copy') return await next()
    const { caller, target } = ctx.state
    const name = caller === null ? target.address : `${caller.account}/${caller.user}`
    const now = under.get(name) ?? 0
    if (now >= limit) throw new CofferError('UploadsExceeded', { limit })
    under.set(name, now + 1)
    try {
      await next()
    } finally {
      const left = under.get(name)! - 1
      if (left === 0) under.delete(name)
      else under.set(name, left)
    }
  }
}
