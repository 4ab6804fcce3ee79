// What a caller may take of the node: connections and uploads at one time, and guesses at passwords. Connections are
// bounded here; logins.ts and uploads.ts bound the others, before the work that they would cost.
import type { Server, Socket } from 'node:net'
import { type BackoffOptions, LoginBackoff } from '../lib/auth/login-backoff.ts'
import type { Config } from '../lib/config/config.ts'
import { networkOf } from '../lib/network.ts'
import { makeShares, type Shares } from '../lib/shares.ts'
import { isLoopback, makeTrust, plainAddress } from './http/target.ts'

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
  limits: Limits,
  config: Config,
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
