// What a caller may take of the node: connections and uploads at one time, and guesses at passwords. Connections are
// bounded here; logins.ts and uploads.ts bound the others, before the work that they would cost.
import type { Server, Socket } from 'node:net'
import { type BackoffOptions, LoginBackoff } from '../lib/auth/login-backoff.ts'
import type { Config } from '../lib/config/config.ts'
import { networkOf } from '../lib/network.ts'
import { makeShares, type Shares } from '../lib/shares.ts'
import { isLoopback, makeTrust, plainAddress } from './http/target.ts'

/** The counts of what is under way and of what was denied, for all listeners of a node together. */
export interface Limits {
  readonly backoff: LoginBackoff
  /** Open connections by the network of the client. */
  readonly connections: Shares
  /** Uploads and copies under way, by user, and by network for anonymous clients. */
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
 * Closes connections of a network beyond its share, and calls `cutOff` for each. A proxy brings the connections of many
 * clients, so that trusted proxies are not counted, and neither is this machine, on which a proxy often runs
 * (D-PROXIES).
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
