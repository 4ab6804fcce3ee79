// The HTTP servers: one per listener, with what Node would otherwise answer or cut by itself put right
// (DESIGN §4): uploads may take longer than five minutes, malformed requests get the dialect's form.
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Config, Listener } from '../lib/config.ts'
import { deferContinue } from './body.ts'
import { Connections } from './connections.ts'
import { dialectRules, makePipeline } from './index.ts'
import { makeLimits } from './limits.ts'
import { lingerBehindAnswers } from './linger.ts'
import { isOps, ops } from './ops/index.ts'
import { Metrics } from './ops/metrics.ts'
import { renderS3Unparsed } from './s3/unparsed.ts'
import type { Node, NodeParts } from './state.ts'
import { renderSwiftUnparsed } from './swift/unparsed.ts'
import { makeTrust } from './target.ts'
import { answerUnparsed } from './unparsed.ts'

/** PEM texts. */
export interface Certificate {
  readonly cert: string | Buffer
  readonly key: string | Buffer
}

export interface Servers {
  /** Where each listener for objects can be reached, in the order of the configuration. */
  readonly addresses: readonly string[]
  /** The same of listeners for ops alone. */
  readonly opsAddresses: readonly string[]
  /** New connections get these certificates; those that are open keep theirs. All are asked for before
   * any is changed: throws what `certificateOf` throws, and then nothing has changed. */
  replaceCertificates(certificateOf: (listener: Listener) => Certificate): void
  /** Refuses new requests, waits for those under way for so long, then cuts them off. Listeners for ops alone
   * go last, so that /ready tells why meanwhile. */
  close(options: { drainTimeoutMs: number }): Promise<void>
}

/** How often Node looks for connections whose headers take too long; its own default is 30 s. */
const CHECK_INTERVAL_MS_MAX = 5000

/** A listener that can accept nothing has a line in the log this often. */
const REFUSALS_LOG_MS = 1000

const optionsOf = ({ limits }: Config) => ({
  maxHeaderSize: limits.headerBytes,
  headersTimeout: limits.headersTimeoutMs,
  connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS_MAX, limits.headersTimeoutMs),
  keepAliveTimeout: limits.keepAliveTimeoutMs,
  // A whole request may take as long as it likes; a body that stalls is the body reader's business.
  requestTimeout: 0,
  noDelay: true,
})

/** A handshake that is not over in time ends, as headers do; Node's own default is two minutes. */
const tlsOptionsOf = ({ limits }: Config) => ({ handshakeTimeout: limits.headersTimeoutMs })

const renderers = { s3: renderS3Unparsed, swift: renderSwiftUnparsed }

interface Started {
  readonly listener: Listener
  readonly server: Server
  readonly connections: Connections
}

const servesObjects = ({ serves }: Listener) => serves.includes('object')
const servesOps = ({ serves }: Listener) => serves.includes('ops')

/** Starts every listener, or none. `certificateOf` reads the certificate of a TLS listener. */
export async function startServers(
  parts: NodeParts,
  certificateOf: (listener: Listener) => Certificate,
): Promise<Servers> {
  const { config, figures, version } = parts
  const { reserveBytes } = config.storage
  const metrics = new Metrics({ figures, version, reserveBytes })
  const node: Node = { ...parts, metrics, limits: makeLimits(config) }
  if (config.listen.some(servesOps)) metrics.watchProcess()
  let draining = false
  const started: Started[] = []
  const close = async (drainTimeoutMs: number) => {
    draining = true
    const closeAll = (those: Started[]) =>
      Promise.all(those.map((one) => closeServer(one, drainTimeoutMs)))
    await closeAll(started.filter(({ listener }) => servesObjects(listener)))
    await closeAll(started)
  }
  const addresses: string[] = []
  const opsAddresses: string[] = []
  try {
    for (const [place, listener] of config.listen.entries()) {
      if (!servesObjects(listener) && !servesOps(listener)) continue
      const options = optionsOf(config)
      const server =
        listener.tls === undefined
          ? createServer(options)
          : createTlsServer({ ...options, ...tlsOptionsOf(config), ...certificateOf(listener) })
      const one = { listener, server, connections: new Connections(server) }
      started.push(one)
      server.maxConnections = config.limits.connections
      server.setTimeout(config.limits.socketTimeoutMs)
      metrics.watchServer(place, server)
      const handle = handlerOf(node, listener, () => draining)
      const address = await listen(one, handle)
      logRefusals(server, parts.log)
      if (servesObjects(listener)) addresses.push(address)
      else opsAddresses.push(address)
    }
  } catch (error) {
    await close(0)
    throw error
  }
  return {
    addresses,
    opsAddresses,
    replaceCertificates: (certificateOf) => replaceCertificates(started, certificateOf),
    close: ({ drainTimeoutMs }) => close(drainTimeoutMs),
  }
}

/** Logs what accept(2) says of connections that it cannot take (a kernel without memory), which without a listener
 * ends the process. It may say so without end. */
function logRefusals(server: Server, log: NodeParts['log']): void {
  let loggedAtMs = Number.NEGATIVE_INFINITY
  server.on('error', (err) => {
    if (performance.now() < loggedAtMs + REFUSALS_LOG_MS) return
    loggedAtMs = performance.now()
    log.error({ err }, 'a connection could not be accepted')
  })
}

function handlerOf(node: Node, listener: Listener, draining: () => boolean): RequestListener {
  const answerOps = ops(node, draining)
  if (!servesObjects(listener)) return answerOps
  const answerObjects = makePipeline(node, draining, listener.url).callback()
  if (!servesOps(listener)) return answerObjects
  const rules = dialectRules(node.config)
  const trusted = makeTrust(node.config.trustedProxies)
  return (req, res) => (isOps(req, rules, trusted) ? answerOps : answerObjects)(req, res)
}

function replaceCertificates(
  started: readonly Started[],
  certificateOf: (listener: Listener) => Certificate,
): void {
  const secured = started.filter(({ listener }) => listener.tls !== undefined)
  const certificates = secured.map(({ listener }) => certificateOf(listener))
  for (const [i, { server }] of secured.entries()) {
    ;(server as TlsServer).setSecureContext(certificates[i]!)
  }
}

async function listen(
  { server, listener, connections }: Started,
  handle: RequestListener,
): Promise<string> {
  const last = new WeakMap<Socket, ServerResponse>()
  const serve: RequestListener = (req, res) => {
    // Nothing is done for what follows a request that was the connection's last (RFC 9112 §9.6).
    if (req.socket.writableEnded) return
    if (!last.has(req.socket)) {
      lingerBehindAnswers(req.socket, () => last.get(req.socket)?.req.complete === false)
    }
    last.set(req.socket, res)
    connections.begin(req, res)
    if (listener.tls !== undefined) keepReading(req.socket)
    handle(req, res)
  }
  server.on('request', serve)
  server.on('checkContinue', (req, res) => {
    deferContinue(res)
    serve(req, res)
  })
  // Any other expectation is ignored, as S3 does; Node would refuse it without the dialect's form.
  server.on('checkExpectation', serve)
  server.on('clientError', (error, socket) => {
    answerUnparsed(error, socket as Socket, last.get(socket as Socket), renderers)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: listener.host, port: listener.port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const { address, family, port } = server.address() as AddressInfo
  const host = family === 'IPv6' ? `[${address}]` : address
  return `${listener.tls === undefined ? 'http' : 'https'}://${host}:${port}`
}

/**
 * Node pauses a connection on which a request comes before the answer in front of it has drained. Over TLS
 * the next record may be decrypted by then and still reach the paused parser, which takes it for an error
 * (HPE_PAUSED), and the request fails with 400. 'drain' makes Node read on, unless answers pile up.
 */
function keepReading(socket: Socket): void {
  if (socket.writableNeedDrain) socket.emit('drain')
}

async function closeServer(
  { server, connections }: Started,
  drainTimeoutMs: number,
): Promise<void> {
  if (!server.listening) return
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  connections.end()
  const timer = setTimeout(() => connections.cut(), drainTimeoutMs)
  await closed
  clearTimeout(timer)
}
