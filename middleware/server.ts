// The HTTP servers: one per listener, with what Node would otherwise answer or cut by itself put right
// (DESIGN §4): uploads may take longer than five minutes, malformed requests get the dialect's form.
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Listener } from '../lib/config.ts'
import { deferContinue } from './body.ts'
import { makePipeline } from './index.ts'
import { renderS3Unparsed } from './s3/unparsed.ts'
import type { Node } from './state.ts'
import { renderSwiftUnparsed } from './swift/unparsed.ts'
import { answerUnparsed } from './unparsed.ts'

/** PEM texts. */
export interface Certificate {
  readonly cert: string | Buffer
  readonly key: string | Buffer
}

export interface Servers {
  /** Where each listener can be reached, in the order of the configuration. */
  readonly addresses: readonly string[]
  /** Refuses new requests, waits for those under way for so long, then cuts them off. */
  close(options: { drainTimeoutMs: number }): Promise<void>
}

/** All headers of a request together; S3 allows 8 KB, Swift a few headers of 8 KB each. */
const HEADER_BYTES_MAX = 32 << 10
/** The headers of a request must be there within this. */
const HEADERS_TIMEOUT_MS = 60_000
/** Longer than what load balancers keep idle connections for, so that they close them, not we. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000
/** A connection on which nothing moved in either direction for so long is given up. */
const SOCKET_IDLE_TIMEOUT_MS = 300_000

const options = {
  maxHeaderSize: HEADER_BYTES_MAX,
  headersTimeout: HEADERS_TIMEOUT_MS,
  keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
  // A whole request may take as long as it likes; a body that stalls is the body reader's business.
  requestTimeout: 0,
  noDelay: true,
}

const renderers = { s3: renderS3Unparsed, swift: renderSwiftUnparsed }

/** Starts every listener, or none. `certificateOf` reads the certificate of a TLS listener. */
export async function startServers(
  node: Node,
  certificateOf: (listener: Listener) => Certificate,
): Promise<Servers> {
  let draining = false
  const servers: Server[] = []
  const close = async (drainTimeoutMs: number) => {
    draining = true
    await Promise.all(servers.map((server) => closeServer(server, drainTimeoutMs)))
  }
  const addresses: string[] = []
  try {
    for (const listener of node.config.listen) {
      if (!listener.serves.includes('object')) continue
      const server =
        listener.tls === undefined
          ? createServer(options)
          : createTlsServer({ ...options, ...certificateOf(listener) })
      servers.push(server)
      const handle = makePipeline(node, () => draining, listener.url).callback()
      addresses.push(await listen(server, listener, handle))
    }
  } catch (error) {
    await close(0)
    throw error
  }
  return { addresses, close: ({ drainTimeoutMs }) => close(drainTimeoutMs) }
}

async function listen(
  server: Server,
  listener: Listener,
  handle: RequestListener,
): Promise<string> {
  server.setTimeout(SOCKET_IDLE_TIMEOUT_MS)
  const last = new WeakMap<Socket, ServerResponse>()
  const serve: RequestListener = (req, res) => {
    last.set(req.socket, res)
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

async function closeServer(server: Server, drainTimeoutMs: number): Promise<void> {
  if (!server.listening) return
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), drainTimeoutMs)
  await closed
  clearTimeout(timer)
}
