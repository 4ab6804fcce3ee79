// The end of a connection on which a client still sends what nobody reads: a body that was refused, or what no parser
// can read. A reset at once would take the answer away from whoever reads it only after sending; reading on for ever
// would let a refused client hold the connection, and the node's thread with it.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** So much is still read and dropped behind the last answer … */
const LINGER_BYTES_MAX = 1 << 20
/** … and for so long, whichever is reached first. */
const LINGER_MS = 5_000

/** True for a request that announces a body. */
export const hasBody = ({ headers }: IncomingMessage) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/**
 * Writes what is left to say, closes the sending side, and drops what still comes within LINGER_BYTES_MAX and LINGER_MS;
 * then the connection is destroyed (RFC 9112 §9.6). A client that is still sending then finds a closed connection first
 * and a reset later, so that it can read the answer. Safe more than once.
 */
export function endLingering(socket: Socket, answer = ''): void {
  if (socket.writableEnded || socket.destroyed) return
  socket.end(answer)
  let leftBytes = LINGER_BYTES_MAX
  socket.removeAllListeners('data')
  socket.on('data', (piece: Buffer) => {
    leftBytes -= piece.length
    if (leftBytes < 0) socket.destroy()
  })
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
}

/**
 * Makes the answer to a request the last one on its connection where the body has not been read to its end when the
 * answer begins. What is left of it waits in the client until the answer has left, and is dropped then. Where all of it
 * had come, the connection goes on.
 */
export function closeUnread(req: IncomingMessage, res: ServerResponse): void {
  if (!hasBody(req)) return
  const { socket } = req
  const writeHead = res.writeHead as (...args: unknown[]) => ServerResponse
  res.writeHead = (...args: unknown[]) => {
    if (!req.complete) {
      res.setHeader('Connection', 'close')
      // Node calls it when the last answer of a connection has left. Its own would reset the connection at once.
      socket.destroySoon = () => endLingering(socket)
    }
    return writeHead.apply(res, args)
  }
  // A body that came whole, and that nobody read to its end, stands in front of the next request.
  res.once('finish', () => {
    if (req.complete && !req.readableEnded) req.resume()
  })
}
