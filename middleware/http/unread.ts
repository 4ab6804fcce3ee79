// The end of a connection on which a client still sends bytes that are not read: a refused body, or a message that
// cannot be parsed (D-UNREAD). A reset at once would take the answer from a client that reads only after sending.
// Reading on without end would let a refused client hold the connection, and the node's thread.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Bytes that are still read and dropped behind the last answer. */
const LINGER_BYTES_MAX = 1 << 20
/** Time for which bytes are read and dropped behind the last answer. */
const LINGER_MS = 5_000

/**
 * Announced bytes up to which a body is read to its end behind the answer, so that the connection can go on: many
 * clients send head and body in two packets.
 */
const READ_BYTES_MAX = 65_536

const announcedBytes = ({ headers }: IncomingMessage) =>
  headers['transfer-encoding'] === undefined
    ? Number(headers['content-length'] ?? 0)
    : Number.POSITIVE_INFINITY

/** True for a request that announces a body. */
export const hasBody = (req: IncomingMessage) => announcedBytes(req) > 0

/**
 * Writes `answer`, closes the sending side, and reads and drops bytes up to LINGER_BYTES_MAX and LINGER_MS. Then the
 * connection is destroyed (RFC 9112 §9.6). A client that still sends meets the closed connection before the reset, so
 * that it can read the answer. A second call does nothing.
 */
export function endLingering(socket: Socket, answer = ''): void {
  if (socket.writableEnded || socket.destroyed) return
  socket.end(answer)
  let leftBytes = LINGER_BYTES_MAX
  // Node stops reading from the handle of a socket whose body is not read. Only Node's own listener for 'resume'
  // starts it again. That listener is removed together with the one for 'data', so that 'resume' is emitted before.
  socket.emit('resume')
  socket.removeAllListeners('data')
  socket.on('data', (piece: Buffer) => {
    leftBytes -= piece.length
    if (leftBytes < 0) socket.destroy()
  })
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
}

/** Reads and drops the rest of a body. Closes the connection where the body does not end within LINGER_MS. */
function readRest(req: IncomingMessage): void {
  const { socket } = req
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  const isOver = () => {
    clearTimeout(timer)
    socket.off('close', isOver)
    // `closeUnread` has replaced this method for the time in which the body still arrived.
    Reflect.deleteProperty(socket, 'destroySoon')
  }
  req.once('end', isOver)
  socket.once('close', isOver)
  req.resume()
}

/**
 * Makes the answer to a request the connection's last one where the body is not short and has not ended when the answer
 * begins. The rest of the body stays in the client until the answer was sent, and is dropped then.
 */
export function closeUnread(req: IncomingMessage, res: ServerResponse): void {
  if (!hasBody(req)) return
  const { socket } = req
  const writeHead = res.writeHead as (...args: unknown[]) => ServerResponse
  res.writeHead = (...args: unknown[]) => {
    if (!req.complete) {
      if (announcedBytes(req) > READ_BYTES_MAX) res.setHeader('Connection', 'close')
      // Node calls destroySoon when a connection's last answer was sent. Node's method would reset the connection at
      // once.
      socket.destroySoon = () => endLingering(socket)
    }
    return writeHead.apply(res, args)
  }
  res.once('finish', () => {
    // The unread rest of the body is in front of the next request.
    if (!req.readableEnded && !socket.writableEnded) readRest(req)
  })
}
