// What a caller may take of the node: connections and uploads at one time, and guesses at passwords. All are told
// before the work that they would cost.
import type { Server, Socket } from 'node:net'
import type { Middleware } from 'koa'
import { type BackoffOptions, LoginBackoff } from '../lib/auth/login-backoff.ts'
import type { Config } from '../lib/config.ts'
import { CofferError } from '../lib/errors.ts'
import { networkOf } from '../lib/network.ts'
import { makeShares, type Shares } from '../lib/shares.ts'
import { auditEntry, codeOf } from './audit.ts'
import type { Context, Node, State } from './state.ts'
import { claimedUser } from './swift/login.ts'
import { isLoopback, makeTrust, plainAddress } from './target.ts'
import { hasBody } from './unread.ts'

/** What is under way and what was denied, of all listeners of a node. */
export interface Limits {
  readonly backoff: LoginBackoff
  /** Open connections, by the network that they are from. */
  readonly connections: Shares
  /** Uploads under way, by who sends them. */
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

/** Throws UploadsExceeded where the caller has as many bodies under way as it may. */
export function uploads({ limits, config }: Node): Middleware<State> {
  const under = limits.uploads
  const limit = config.limits.uploadsPerUser
  return async function uploads(ctx, next) {
    if (!hasBody(ctx.req)) return await next()
    const { caller, target } = ctx.state
    const name = caller === null ? target.address : `${caller.account}/${caller.user}`
    if (!under.take(name, 1, limit)) throw new CofferError('UploadsExceeded', { limit })
    try {
      await next()
    } finally {
      under.give(name, 1)
    }
  }
}
