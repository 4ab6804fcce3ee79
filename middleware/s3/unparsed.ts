// Answers to what Node's parser could not read: nothing is known of such a request, not even its path, so
// the answer is S3's error document.
import { randomBytes } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'

const answers: Record<string, { status: number; code: string; message: string }> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: 'RequestHeaderSectionTooLarge',
    message: 'Your request header section exceeds the maximum allowed request header section size.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 400,
    code: 'RequestTimeout',
    message:
      'Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.',
  },
}

const otherwise = {
  status: 400,
  code: 'BadRequest',
  message: 'An error occurred when parsing the HTTP request.',
}

/** A client that is still sending gets this long to read the answer: a reset would take it away. */
const LINGER_MS = 2_000

/** Writes the whole answer to the socket and ends it. Called once for a connection. */
export function answerUnparsed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (socket.writableEnded) return
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const { status, code, message } = answers[error.code ?? ''] ?? otherwise
  const id = randomBytes(8).toString('hex').toUpperCase()
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message><RequestId>${id}</RequestId></Error>`
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nx-amz-request-id: ${id}\r\nContent-Type: application/xml\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
  socket.removeAllListeners('data')
  socket.on('data', () => {})
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
}
