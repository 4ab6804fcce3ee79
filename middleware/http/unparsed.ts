// Answers to what Node's parser could not read, written to the socket itself. Of such a request at most the
// first line is known.
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { endLingering } from './unread.ts'

/** A whole answer in a dialect's form. */
export interface Unparsed {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Makes an answer from the code of Node's error and the request's path as it was sent, undefined without one. */
export type UnparsedRenderer = (code: string, path: Buffer | undefined) => Unparsed

/** Bytes at the start of a packet in which a path is looked for. */
const FIRST_LINE_BYTES_MAX = 32 << 10

interface ParseError extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer
  /** Bytes of the packet in front of the error. */
  readonly bytesParsed?: number
}

/** A code of coffer's own: the request's target is what is too long (RFC 9112 §3). */
const TARGET_OVERFLOW = 'TARGET_OVERFLOW'

/** The beginning of a request line: any method, and the beginning of a target. */
const requestLine = /^[!#$%&'*+.^`|~\w-]+ (?:[/*]|https?:)/i

/** Node's code, or a more exact one that follows from the packet's beginning. */
function codeOf({ code = '', rawPacket, bytesParsed }: ParseError): string {
  if (rawPacket === undefined) return code
  const startOf = (bytes: number | undefined) => rawPacket.toString('latin1', 0, bytes)
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return /^[A-Z]+ [^ \n]+$/.test(startOf(bytesParsed)) ? TARGET_OVERFLOW : code
    // Node's parser has this code for a request line of any version that does not end in CRLF.
    case 'HPE_INVALID_VERSION':
      return /HTTP\/1\.[01]\s?$/.test(startOf(bytesParsed)) ? '' : code
    // Node's parser has this code for bytes that are no HTTP.
    case 'HPE_INVALID_METHOD':
      return requestLine.test(startOf(FIRST_LINE_BYTES_MAX)) ? code : ''
    default:
      return code
  }
}

/** The path of a request line at the start of the packet; undefined where there is none. */
function pathOf({ rawPacket }: ParseError): Buffer | undefined {
  const line = rawPacket?.toString('latin1', 0, FIRST_LINE_BYTES_MAX) ?? ''
  const path = /^[A-Za-z_-]+ (\/[^ ?\r\n]*)/.exec(line)?.[1]
  return path === undefined ? undefined : Buffer.from(path, 'latin1')
}

/**
 * True where the answer to a request does not depend on the bytes behind its head that could not be parsed: the
 * request was complete, or its transfer coding is refused without its body.
 */
function needsNoMore({ complete, headers }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding']
  return complete || (coding !== undefined && coding.toLowerCase() !== 'chunked')
}

/**
 * Answers a message that could not be parsed, and ends the connection. `last` is the answer to the connection's
 * request before it. Where that request has an answer whatever follows (a body without a length, a body in an unknown
 * coding, or an answer under way), that answer is the only one.
 */
export function answerUnparsed(
  error: ParseError,
  socket: Socket,
  last: ServerResponse | undefined,
  render: UnparsedRenderer,
): void {
  if (socket.writableEnded) return
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const isUnderWay = last !== undefined && !last.closed
  if (isUnderWay && (last.headersSent || needsNoMore(last.req))) {
    if (!last.headersSent) last.setHeader('Connection', 'close')
    last.once('close', () => endLingering(socket))
    return
  }
  const path = pathOf(error)
  const { status, headers, body } = render(codeOf(error), path)
  const all = {
    ...headers,
    'Content-Length': Buffer.byteLength(body),
    Date: new Date().toUTCString(),
    Connection: 'close',
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n`
  const say = () => endLingering(socket, head + body)
  // Requests in front of the message may still wait. Their answers are sent first.
  if (isUnderWay && last.socket === null) last.once('socket', say)
  else say()
}
