// The HTTP servers: one per listener, with what Node would otherwise answer or cut by itself put
// right: uploads may take longer than five minutes, malformed requests get the dialect's form.
import type { RequestListener, ServerResponse } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Listener } from '../lib/config/config.ts'
import { makeEndpoints } from './endpoints.ts'
import { Connections } from './http/connections.ts'
import {
  addressOf,
  type BoundListener,
  bindListeners,
  portOf,
  servesOps,
  serviceOf,
} from './http/listeners.ts'
import { useTargetHost } from './http/message-fault.ts'
import { deferContinue } from './http/received-body.ts'
import { SlowAnswers } from './http/slow-answers.ts'
import { makeTrust } from './http/target.ts'
import { inTurn } from './http/turns.ts'
import { answerUnparsed, type UnparsedRenderer } from './http/unparsed.ts'
import { closeUnread } from './http/unread.ts'
import { makePipeline } from './index.ts'
import { boundConnections, makeLimits } from './limits.ts'
import type { Node, NodeParts } from './node.ts'
import { isOps, ops } from './ops/index.ts'
import { Metrics } from './ops/metrics.ts'
import type { Speakers } from './speaker.ts'
import { dialectRules, objectSpeakers, type Service, serviceSpeakers } from './speakers.ts'

/** PEM texts. */
export interface Certificate {
  readonly cert: string | Buffer
  readonly key: string | Buffer
}

export interface Servers {
  /** URLs of the listeners that serve objects, in the order of the configuration. */
  readonly addresses: readonly string[]
  /** URLs of the listeners that serve ops alone. */
  readonly opsAddresses: readonly string[]
  /** URLs of the listeners of another service, in the order of the configuration. */
  addressesOf(service: Service): readonly string[]
  /**
   * Gives new connections these certificates. Open connections keep theirs. Every certificate is read before the
   * first is changed, so that nothing has changed where `certificateOf` throws. Throws what `certificateOf` throws.
   */
  replaceCertificates(certificateOf: (listener: Listener) => Certificate): void
  /**
   * Refuses new requests, waits for those under way at most `drainTimeoutMs`, then cuts them off. Listeners that
   * serve ops alone are closed last (D-OPS-LAST).
   */
  close(options: { drainTimeoutMs: number }): Promise<void>
}

/** Time between two lines in the log about a listener that cannot accept connections. */
const REFUSALS_LOG_MS = 1000

interface Started extends BoundListener {
  readonly connections: Connections
}

/**
 * Serves on every listener, or on none; those that are not bound yet are. `certificateOf` reads the certificate of a
 * TLS listener; `speakersOf` makes those who answer on listeners for objects. Throws what `certificateOf` throws, and
 * ListenRefused.
 */
export async function startServers(
  parts: NodeParts,
  certificateOf: (listener: Listener) => Certificate,
  bound?: readonly BoundListener[],
  speakersOf: (node: Node) => Speakers = objectSpeakers,
): Promise<Servers> {
  const { config, figures, answerMemory, version } = parts
  const { reserveBytes } = config.storage
  const metrics = new Metrics({ figures, answerMemory, version, reserveBytes })
  const endpoints = makeEndpoints(() =>
    started.map((one) => ({ listener: one.listener, port: portOf(one) })),
  )
  const node: Node = { ...parts, metrics, limits: makeLimits(config), endpoints }
  const speakersFor = speakerTable(node, speakersOf)
  const slowAnswers = new SlowAnswers(config.limits, () => metrics.cutOff('slow'))
  if (config.listen.some(servesOps)) metrics.watchProcess()
  let draining = false
  const started: Started[] = []
  const close = async (drainTimeoutMs: number) => {
    draining = true
    const closeAll = (those: Started[]) =>
      Promise.all(those.map((one) => closeServer(one, drainTimeoutMs)))
    await closeAll(started.filter(({ listener }) => serviceOf(listener) !== undefined))
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
      boundConnections(server, node.limits, config, () => metrics.cutOff('address'))
      const speakers = speakersFor(serviceOf(listener) ?? 'object')
      const handle = handlerOf(node, speakers, listener, () => draining)
      const watched: RequestListener = (req, res) => {
        slowAnswers.watch(req, res)
        handle(req, res)
      }
      answer(
        one,
        inTurn(watched, () => metrics.cutOff('pipelined')),
        renderedBy(speakers),
      )
      logRefusals(server, parts.log)
      server.maxConnections = config.limits.connections
    }
  } catch (error) {
    await close(0)
    throw error
  }
  const addressesOf = (service: Service | undefined) =>
    started.filter(({ listener }) => serviceOf(listener) === service).map(addressOf)
  return {
    addresses: addressesOf('object'),
    opsAddresses: addressesOf(undefined),
    addressesOf,
    replaceCertificates: (certificateOf) => replaceCertificates(started, certificateOf),
    close: ({ drainTimeoutMs }) => close(drainTimeoutMs),
  }
}

/** The speakers of each service, made when a listener first needs them. */
function speakerTable(node: Node, objectsOf: (node: Node) => Speakers) {
  const made = new Map<Service, Speakers>()
  return (service: Service): Speakers => {
    const found =
      made.get(service) ?? (service === 'object' ? objectsOf : serviceSpeakers[service])(node)
    made.set(service, found)
    return found
  }
}

/**
 * Logs errors of accept(2), as of a kernel without memory. Without a listener such an error ends the process. Errors
 * may follow one another without end, so that one line is written in REFUSALS_LOG_MS.
 */
function logRefusals(server: Started['server'], log: NodeParts['log']): void {
  let loggedAtMs = Number.NEGATIVE_INFINITY
  server.on('error', (err: Error) => {
    if (performance.now() < loggedAtMs + REFUSALS_LOG_MS) return
    loggedAtMs = performance.now()
    log.error({ err }, 'a connection could not be accepted')
  })
}

function handlerOf(
  node: Node,
  speakers: Speakers,
  listener: Listener,
  draining: () => boolean,
): RequestListener {
  const answerOps = ops(node, draining)
  if (serviceOf(listener) === undefined) return answerOps
  const answerObjects = makePipeline(node, speakers, draining, listener.url).callback()
  if (!servesOps(listener)) return answerObjects
  const rules = dialectRules(node.config)
  const trusted = makeTrust(node.config.trustedProxies)
  return (req, res) => (isOps(req, rules, trusted) ? answerOps : answerObjects)(req, res)
}

/** Of what cannot be read at most the path is known, which picks the speaker. */
function renderedBy(speakers: Speakers): UnparsedRenderer {
  return (code, path) => {
    const target = { path: path?.toString('latin1') ?? '/', query: '', host: '' }
    return speakers.of(target, {}).unparsed(code, path)
  }
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

/** From now on requests are answered, by `handle` or with what `render` makes of those that cannot be read. */
function answer(
  { server, listener, connections }: Started,
  handle: RequestListener,
  render: UnparsedRenderer,
): void {
  const last = new WeakMap<Socket, ServerResponse>()
  const serve: RequestListener = (req, res) => {
    // A request behind the connection's last one is ignored (RFC 9112 §9.6).
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
  // Other expectations than 100-continue are ignored, as in S3. Node would refuse them, and not in the dialect's form.
  server.on('checkExpectation', serve)
  server.on('clientError', (error, socket) => {
    answerUnparsed(error, socket as Socket, last.get(socket as Socket), render)
  })
  // CONNECT is refused. Node would close the connection without an answer.
  server.on('connect', (req, socket) => {
    const unknown = Object.assign(new Error(), { code: 'HPE_INVALID_METHOD' })
    answerUnparsed(unknown, socket as Socket, last.get(req.socket), render)
  })
}

/**
 * Resumes a connection that Node has paused because a request arrived before the answer in front of it had drained.
 * Over TLS the next record may already be decrypted. It then reaches the paused parser, which fails with HPE_PAUSED,
 * and the request with 400 (D-KEEP-READING). An emitted 'drain' makes Node read on, unless answers pile up.
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
