// What a caller may take of the node: connections and uploads at one time, and guesses at passwords. All are told
// before the work that they would cost.
import type { Server, Socket } from 'node:net'
import type { Middleware } from 'koa'
import { type BackoffOptions, LoginBackoff } from '../lib/auth/login-backoff.ts'
import type { Config } from '../lib/config/config.ts'
import { CofferError } from '../lib/errors.ts'
import { networkOf } from '../lib/network.ts'
import { makeShares, type Shares } from '../lib/shares.ts'
import { auditEntry, codeOf } from './audit.ts'
import { isLoopback, makeTrust, plainAddress } from './http/target.ts'
import { hasBody } from './http/unread.ts'
import type { Context, KeyRule, Node, State } from './state.ts'

/** What is under way and what was denied, of all listeners of a node. */
export interface Limits {
  readonly backoff: LoginBackoff
  /** Open connections, by the network that they are from. */
  readonly connections: Shares
  /** Uploads and copies under way, by who asked for them. */
  readonly uploads: Shares
}

export function makeLimits({ limits }: Config): Limits {
  const options: BackoffOptions = {
    failures: limits.loginFailures,
    failuresPerAddress: limits.loginFailuresPerAddress,
    backoffMs: limits.loginBackoffMs,
    backoffMaxMs: limits.loginBackoffMaxMs,
  }
  return { backoff: new LoginBackoff(options), connections: makeShares(), uploads: makeShares() }
}

/**
 * Closes connections of a network beyond those that it may have, and tells `cutOff` of them. A proxy brings the
 * connections of many: those that the configuration trusts are not counted, nor is this machine itself, where one most
 * often runs.
 */
export function boundConnections(
  server: Server,
  { limits, config }: Pick<Node, 'limits' | 'config'>,
  cutOff: () => void,
): void {
  const { connections } = limits
  const isTrusted = makeTrust(config.trustedProxies)
  server.on('connection', (socket: Socket) => {
    const address = plainAddress(socket.remoteAddress ?? '')
    if (isLoopback(address) || isTrusted(address)) return
    const network = networkOf(address)
    if (connections.take(network, 1, config.limits.connectionsPerAddress)) {
      socket.once('close', () => connections.give(network, 1))
      return
    }
    cutOff()
    socket.destroy()
  })
}

/** Denials that a guess would get. What a client's clock or a bug makes is none. */
const guesses: ReadonlySet<string> = new Set(['CredentialUnknown', 'SignatureMismatch'])

/** The access key whose signature was looked at and did not hold; undefined for what is no guess. */
function guessedKey(error: unknown): string | undefined {
  if (!(error instanceof CofferError) || !guesses.has(error.code)) return undefined
  return String(error.details.accessKey)
}

/** The same of a login of Swift: `account:user`. */
function guessedUser({ operation, loginAs }: State, error: unknown): string | undefined {
  return operation === 'Auth' && codeOf(error) === 'Swift401' ? loginAs : undefined
}

/** Throws LoginDelayed while denials of that user from that address have to wait. */
export function requireTurn({ limits, audit }: Node, { state }: Context, user: string): void {
  const { backoff } = limits
  if (backoff.idle) return
  const waitMs = backoff.waitMs(user, networkOf(state.target.address), performance.now())
  if (waitMs === 0) return
  audit.write(auditEntry(state, 'LoginDelayed'))
  throw new CofferError('LoginDelayed', { seconds: Math.ceil(waitMs / 1000) })
}

/**
 * Around auth and Swift's login: counts what was denied by what was looked at, not by what a request says. A signature is
 * always looked at: a right one passes, and a wrong one throws LoginDelayed instead while its like have to wait. Swift's
 * login asks `requireTurn` before it looks at a password, which costs more.
 */
export function logins(node: Node): Middleware<State> {
  const { backoff } = node.limits
  return async function logins(ctx, next) {
    const { state } = ctx
    state.provenAs = ''
    state.loginAs = ''
    try {
      await next()
    } catch (error) {
      const key = state.dialect === 's3' ? guessedKey(error) : guessedUser(state, error)
      if (key === undefined) throw error
      requireTurn(node, ctx as Context, key)
      backoff.failed(key, networkOf(state.target.address), performance.now())
      throw error
    } finally {
      if (!backoff.idle && state.provenAs !== '') {
        backoff.succeeded(state.provenAs, networkOf(state.target.address))
      }
    }
  }
}

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
    const name = caller === null ? networkOf(target.address) : `${caller.account}/${caller.user}`
    if (!under.take(name, 1, limit)) throw new CofferError('UploadsExceeded', { limit })
    try {
      await next()
    } finally {
      under.give(name, 1)
    }
  }
}
