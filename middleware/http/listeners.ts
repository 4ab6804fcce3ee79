// The sockets that a node listens on, one server each. They are bound before a start makes anything, so that a port
// that is taken leaves nothing behind. Until the node serves, each connection is closed at once (D-PORTS).
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Config, Listener } from '../../lib/config/config.ts'
import { RequestMessage } from './request-message.ts'

/** A listener that has its port. */
export interface BoundListener {
  readonly listener: Listener
  /** The listener's index in the configuration's list. */
  readonly place: number
  readonly server: Server
}

/** Thrown where an address cannot be listened on. The message has the address and the reason. */
export class ListenRefused extends Error {
  /** The code of the system's error: EADDRINUSE, EACCES, EADDRNOTAVAIL, ENOTFOUND … */
  readonly code: string

  constructor({ host, port }: Listener, code: string) {
    const reason = reasons[code] ?? 'it cannot be listened on'
    const place = `${host.includes(':') ? `[${host}]` : host}:${port}`
    super(`cannot listen on ${place}: ${reason} (${code}); --port or listen names another port`)
    this.name = 'ListenRefused'
    this.code = code
  }
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there',
  EACCES: 'this user may not listen there',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'no such host name',
}

/** Longest time between two of Node's looks for connections whose headers take too long. Node's default is 30 s. */
const CHECK_INTERVAL_MS_MAX = 5000

const optionsOf = ({ limits }: Config) => ({
  maxHeaderSize: limits.headerBytes,
  headersTimeout: limits.headersTimeoutMs,
  connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS_MAX, limits.headersTimeoutMs),
  keepAliveTimeout: limits.keepAliveTimeoutMs,
  // A whole request has no timeout of Node's. The reader of its body ends one that stalls (lib/bytes/pull.ts).
  requestTimeout: 0,
  // middleware/message.ts refuses a request without Host, in the dialect's form.
  requireHostHeader: false,
  noDelay: true,
  IncomingMessage: RequestMessage,
})

/** A TLS handshake has the timeout of headers. Node's default is two minutes. */
const tlsOptionsOf = ({ limits }: Config) => ({ handshakeTimeout: limits.headersTimeoutMs })

export const servesObjects = ({ serves }: Listener) => serves.includes('object')
export const servesOps = ({ serves }: Listener) => serves.includes('ops')
/** What a listener serves beside ops; undefined where that is nothing. A configuration names one service at most. */
export const serviceOf = ({ serves }: Listener) =>
  serves.find((service): service is Exclude<typeof service, 'ops'> => service !== 'ops')

/** Binds every listener, or none. Listeners with TLS get their certificates later. Throws ListenRefused. */
export async function bindListeners(config: Config): Promise<readonly BoundListener[]> {
  const bound: BoundListener[] = []
  try {
    for (const [place, listener] of config.listen.entries()) {
      const options = optionsOf(config)
      const server =
        listener.tls === undefined
          ? createServer(options)
          : createTlsServer({ ...options, ...tlsOptionsOf(config) })
      // 0 closes each connection as it arrives (Node.js, net.Server.maxConnections).
      server.maxConnections = 0
      // 0 is no limit. middleware/message.ts refuses too many headers, in the dialect's form.
      server.maxHeadersCount = 0
      await listen(server, listener)
      bound.push({ listener, place, server })
    }
    return bound
  } catch (error) {
    await closeListeners(bound)
    throw error
  }
}

/** Closes listeners that never served. Nothing changes for those that serve or were closed. */
export async function closeListeners(bound: readonly BoundListener[]): Promise<void> {
  const open = bound.filter(({ server }) => server.listening)
  await Promise.all(
    open.map(({ server }) => new Promise<void>((resolve) => server.close(() => resolve()))),
  )
}

/** The URL of a listener's address, as `http://127.0.0.1:8080`. */
export function addressOf({ listener, server }: BoundListener): string {
  const { address, family, port } = server.address() as AddressInfo
  const host = family === 'IPv6' ? `[${address}]` : address
  return `${listener.tls === undefined ? 'http' : 'https'}://${host}:${port}`
}

/** The port that a listener has, also where any free one was asked for. */
export const portOf = ({ server }: BoundListener) => (server.address() as AddressInfo).port

function listen(server: Server, listener: Listener): Promise<void> {
  const { host, port } = listener
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException) =>
      reject(error.code === undefined ? error : new ListenRefused(listener, error.code))
    server.once('error', refuse)
    server.listen({ host, port }, () => {
      server.off('error', refuse)
      resolve()
    })
  })
}
