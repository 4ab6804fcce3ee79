// The end of a connection on which a client still sends what nobody reads: a body that was refused, or what no parser
// can read. A reset at once would take the answer away from whoever reads it only after sending; reading on for ever
// would let a refused client hold the connection, and the node's thread with it.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** So much is still read and dropped behind the last answer … */
const LINGER_BYTES_MAX = 1 << 20
/** … and for so long, whichever is reached first. */
const LINGER_MS = 5_000

/** A body that is announced to be no longer is read to its end behind the answer, so that the connection can go on:
 * many clients send head and body apart. */
const READ_BYTES_MAX = 65_536

const announcedBytes = ({ headers }: IncomingMessage) =>
  headers['transfer-encoding'] === undefined
    ? Number(headers['content-length'] ?? 0)
    : Number.POSITIVE_INFINITY

/** True for a request that announces a body. */
export const hasBody = (req: IncomingMessage) => announcedBytes(req) > 0

/**
 * Writes what is left to say, closes the sending side, and drops what still comes within LINGER_BYTES_MAX and LINGER_MS;
 * then the connection is destroyed (RFC 9112 §9.6). A client that is still sending then finds a closed connection first
 * and a reset later, so that it can read the answer. Safe more than once.
 */
export function endLingering(socket: Socket, answer = ''): void {
  if (socket.writableEnded || socket.destroyed) return
  socket.end(answer)
  let leftBytes = LINGER_BYTES_MAX
  // Node stops reading below a socket whose body nobody takes, and only its own listener starts that again. It goes with
  // the listener for 'data'.
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

/** Closes the connection unless the body has come to its end in time. */
function readRest(req: IncomingMessage): void {
  const { socket } = req
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  const isOver = () => {
    clearTimeout(timer)
    socket.off('close', isOver)
    // What was set for the time in which the body still came.
    Reflect.deleteProperty(socket, 'destroySoon')
  }
  req.once('end', isOver)
  socket.once('close', isOver)
  req.resume()
}

/**
 * Makes the answer to a request the last one on its connection where the body has not come to its end when the answer
 * begins, and is not short. What is left of it waits in the client until the answer has left, and is dropped then.
 */
export function closeUnread(req: IncomingMessage, res: ServerResponse): void {
  if (!hasBody(req)) return
  const { socket } = req
  const writeHead = res.writeHead as (...args: unknown[]) => ServerResponse
  res.writeHead = (...args: unknown[]) => {
    if (!req.complete) {
      if (announcedBytes(req) > READ_BYTES_MAX) res.setHeader('Connection', 'close')
      // Node calls it when the last answer of a connection has left. Its own would reset the connection at once.
      socket.destroySoon = () => endLingering(socket)
    }
    return writeHead.apply(res, args)
  }
  res.once('finish', () => {
    // What nobody read stands in front of the next request.
    if (!req.readableEnded && !socket.writableEnded) readRest(req)
  })
}
