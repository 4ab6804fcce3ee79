// Answers to what Node's parser could not read, written to the socket itself. Of such a request at most the
// first line is known: where that has a path, it tells the dialect.
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { dialectOf } from './dialect.ts'
import { endLingering } from './linger.ts'
import type { Dialect } from './state.ts'

/** A whole answer in a dialect's form. */
export interface Unparsed {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Node's code of what was wrong, and the request's path as sent, where there is one. */
export type UnparsedRenderer = (code: string, path: Buffer | undefined) => Unparsed

/** The longest start of a packet in which a path is looked for. */
const FIRST_LINE_BYTES_MAX = 32 << 10

interface ParseError extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer
}

/** The path of a request line at the start of the packet; undefined where there is none. */
function pathOf({ rawPacket }: ParseError): Buffer | undefined {
  const line = rawPacket?.toString('latin1', 0, FIRST_LINE_BYTES_MAX) ?? ''
  const path = /^[A-Za-z_-]+ (\/[^ ?\r\n]*)/.exec(line)?.[1]
  return path === undefined ? undefined : Buffer.from(path, 'latin1')
}

const noRules = { domains: [], remapDomains: [], resellers: [] }

function dialectOfPath(path: Buffer | undefined): Dialect {
  const target = { path: path?.toString('latin1') ?? '/', query: '', host: '' }
  return dialectOf(target, {}, noRules)
}

/** True where the answer to a request does not depend on what could not be read behind its head: it was
 * whole, or its body is packed in a way that is refused unread. */
function needsNoMore({ complete, headers }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding']
  return complete || (coding !== undefined && coding.toLowerCase() !== 'chunked')
}

/**
 * Answers what could not be parsed and ends the connection. `last` is the answer to the request before it on
 * the same connection: where that request has an answer whatever follows (a body without a length, or in an
 * unknown coding), it gets its own answer, and no other.
 */
export function answerUnparsed(
  error: ParseError,
  socket: Socket,
  last: ServerResponse | undefined,
  renderers: Readonly<Record<Dialect, UnparsedRenderer>>,
): void {
  if (socket.writableEnded) return
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  if (last !== undefined && !last.closed && needsNoMore(last.req)) {
    if (!last.headersSent) last.setHeader('Connection', 'close')
    last.once('close', () => endUnread(socket))
    return
  }
  const path = pathOf(error)
  const { status, headers, body } = renderers[dialectOfPath(path)](error.code ?? '', path)
  const all = { ...headers, 'Content-Length': Buffer.byteLength(body), Connection: 'close' }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n`
  endUnread(socket, head + body)
}

/** Ends a connection whose parser has failed: what still comes is dropped. */
function endUnread(socket: Socket, answer?: string): void {
  socket.removeAllListeners('data')
  socket.on('data', () => {})
  endLingering(socket, answer)
}
