// The HTTP servers: one per listener, with what Node would otherwise answer or cut by
// itself put right: uploads may take longer than five minutes, malformed requests get the dialect's form.
import type { RequestListener, ServerResponse } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Listener } from '../../lib/config/config.ts'
import { deferContinue } from '../body.ts'
import { dialectRules, makePipeline } from '../index.ts'
import { boundConnections, makeLimits } from '../limits.ts'
import { useTargetHost } from '../message.ts'
import { isOps, ops } from '../ops/index.ts'
import { Metrics } from '../ops/metrics.ts'
import { renderS3Unparsed } from '../s3/unparsed.ts'
import type { Node, NodeParts } from '../state.ts'
import { renderSwiftUnparsed } from '../swift/unparsed.ts'
import { Connections } from './connections.ts'
import {
  addressOf,
  type BoundListener,
  bindListeners,
  servesObjects,
  servesOps,
} from './listeners.ts'
import { SlowAnswers } from './slow-answers.ts'
import { makeTrust } from './target.ts'
import { inTurn } from './turns.ts'
import { answerUnparsed } from './unparsed.ts'
import { closeUnread } from './unread.ts'

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

/** A listener that can accept nothing has a line in the log this often. */
const REFUSALS_LOG_MS = 1000

const renderers = { s3: renderS3Unparsed, swift: renderSwiftUnparsed }

interface Started extends BoundListener {
  readonly connections: Connections
}

/**
 * Serves on every listener, or on none; those that are not bound yet are. `certificateOf` reads the certificate of a
 * TLS listener. Throws what that throws, and ListenRefused.
 */
export async function startServers(
  parts: NodeParts,
  certificateOf: (listener: Listener) => Certificate,
  bound?: readonly BoundListener[],
): Promise<Servers> {
  const { config, figures, answerMemory, version } = parts
  const { reserveBytes } = config.storage
  const metrics = new Metrics({ figures, answerMemory, version, reserveBytes })
  const node: Node = { ...parts, metrics, limits: makeLimits(config) }
  const slowAnswers = new SlowAnswers(config.limits, () => metrics.cutOff('slow'))
  if (config.listen.some(servesOps)) metrics.watchProcess()
  let draining = false
  const started: Started[] = []
  const close = async (drainTimeoutMs: number) => {
    draining = true
    const closeAll = (those: Started[]) =>
      Promise.all(those.map((one) => closeServer(one, drainTimeoutMs)))
    await closeAll(started.filter(({ listener }) => servesObjects(listener)))
    await closeAll(started)
    slowAnswers.close()
  }
  for (const one of bound ?? (await bindListeners(config))) {
    started.push({ ...one, connections: new Connections(one.server) })
  }
  try {
    replaceCertificates(started, certificateOf)
    for (const one of started) {
      const { listener, place, server } = one
      server.setTimeout(config.limits.socketTimeoutMs)
      metrics.watchServer(place, server)
      boundConnections(server, node, () => metrics.cutOff('address'))
      const handle = handlerOf(node, listener, () => draining)
      const watched: RequestListener = (req, res) => {
        slowAnswers.watch(req, res)
        handle(req, res)
      }
      answer(
        one,
        inTurn(watched, () => metrics.cutOff('pipelined')),
      )
      logRefusals(server, parts.log)
      server.maxConnections = config.limits.connections
    }
  } catch (error) {
    await close(0)
    throw error
  }
  const isForObjects = ({ listener }: Started) => servesObjects(listener)
  return {
    addresses: started.filter(isForObjects).map(addressOf),
    opsAddresses: started.filter((one) => !isForObjects(one)).map(addressOf),
    replaceCertificates: (certificateOf) => replaceCertificates(started, certificateOf),
    close: ({ drainTimeoutMs }) => close(drainTimeoutMs),
  }
}

/** Logs what accept(2) says of connections that it cannot take (a kernel without memory), which without a listener
 * ends the process. It may say so without end. */
function logRefusals(server: Started['server'], log: NodeParts['log']): void {
  let loggedAtMs = Number.NEGATIVE_INFINITY
  server.on('error', (err: Error) => {
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

/** From now on requests are answered, by `handle` or with the form that its dialect has for what cannot be read. */
function answer({ server, listener, connections }: Started, handle: RequestListener): void {
  const last = new WeakMap<Socket, ServerResponse>()
  const serve: RequestListener = (req, res) => {
    // Nothing is done for what follows a request that was the connection's last (RFC 9112 §9.6).
    if (req.socket.writableEnded) return
    last.set(req.socket, res)
    connections.begin(req, res)
    closeUnread(req, res)
    if (listener.tls !== undefined) keepReading(req.socket)
    useTargetHost(req)
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
  // No tunnels; Node itself would close the connection without an answer.
  server.on('connect', (req, socket) => {
    const unknown = Object.assign(new Error(), { code: 'HPE_INVALID_METHOD' })
    answerUnparsed(unknown, socket as Socket, last.get(req.socket), renderers)
  })
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
