// The end of a connection whose client is still sending. A connection that is closed with bytes unread is reset, and
// a reset takes an answer away that the client has not read yet (RFC 9112 §9.6).
import type { Socket } from 'node:net'

/** How long a client may send on behind its answer. */
export interface Lingering {
  /** Longest wait for more of it, in milliseconds. */
  readonly idleMs: number
  /** Longest time altogether, in milliseconds. */
  readonly totalMs: number
}

const LINGERING: Lingering = { idleMs: 2_000, totalMs: 30_000 }

/**
 * Writes what is left to say and ends that side; what still comes is read, and whoever reads it drops it, until the
 * client closes its side or its time is over. Safe more than once.
 */
export function endLingering(
  socket: Socket,
  answer = '',
  { idleMs, totalMs }: Lingering = LINGERING,
): void {
  if (socket.writableEnded || socket.destroyed) return
  socket.end(answer)
  socket.resume()
  // A socket that Node's parser reads emits no 'data'.
  let { bytesRead } = socket
  const idle = setInterval(() => {
    if (socket.bytesRead === bytesRead) socket.destroy()
    bytesRead = socket.bytesRead
  }, idleMs)
  const total = setTimeout(() => socket.destroy(), totalMs)
  socket.once('close', () => {
    clearInterval(idle)
    clearTimeout(total)
  })
}

/**
 * From now on the connection ends in this way wherever Node ends it behind an answer and `isSending` says that the
 * request's body has not come whole. Once a connection.
 */
export function lingerBehindAnswers(socket: Socket, isSending: () => boolean): void {
  const destroySoon = socket.destroySoon.bind(socket)
  // Node's HTTP server calls it behind the last answer of a connection.
  socket.destroySoon = () => {
    if (isSending()) endLingering(socket)
    else destroySoon()
  }
}
