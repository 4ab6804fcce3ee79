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

/** Node's code of what was wrong, and the request's path as sent, where there is one. */
export type UnparsedRenderer = (code: string, path: Buffer | undefined) => Unparsed

/** The longest start of a packet in which a path is looked for. */
const FIRST_LINE_BYTES_MAX = 32 << 10

interface ParseError extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer
  /** Of the packet, up to where it went wrong. */
  readonly bytesParsed?: number
}

/** A code beside Node's: what overflowed the headers is the request's target (RFC 9112 §3). */
const TARGET_OVERFLOW = 'TARGET_OVERFLOW'

/** A method, known or not, and what can begin a target. */
const requestLine = /^[!#$%&'*+.^`|~\w-]+ (?:[/*]|https?:)/i

/** Node's code, or a better one by what the packet begins with. */
function codeOf({ code = '', rawPacket, bytesParsed }: ParseError): string {
  if (rawPacket === undefined) return code
  const startOf = (bytes: number | undefined) => rawPacket.toString('latin1', 0, bytes)
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return /^[A-Z]+ [^ \n]+$/.test(startOf(bytesParsed)) ? TARGET_OVERFLOW : code
    // So Node's parser calls a line of any version that does not end in CRLF …
    case 'HPE_INVALID_VERSION':
      return /HTTP\/1\.[01]\s?$/.test(startOf(bytesParsed)) ? '' : code
    // … and so whatever else comes to the port.
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

/** True where the answer to a request does not depend on what could not be read behind its head: it was
 * whole, or its body is packed in a way that is refused unread. */
function needsNoMore({ complete, headers }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding']
  return complete || (coding !== undefined && coding.toLowerCase() !== 'chunked')
}

/**
 * Answers what could not be parsed and ends the connection. `last` is the answer to the request before it on
 * the same connection: where that request has an answer whatever follows (a body without a length, or in an
 * unknown coding, or one that is under way), it gets its own answer, and no other.
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
  // What cannot be read may wait behind other requests of its connection, whose answers come first.
  if (isUnderWay && last.socket === null) last.once('socket', say)
  else say()
}
