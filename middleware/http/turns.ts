// The requests of one connection are begun one at a time: each when the answer before it has left. Node hands
// out whatever lies in a packet at once, and two thousand GETs of 34 bytes fit in one.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests of one connection that wait. Browsers and SDKs do not pipeline; a proxy that does keeps far below. */
const WAITING_MAX = 32

type Turn = readonly [req: IncomingMessage, res: ServerResponse]

/**
 * `handle`, for one request of a connection at a time. The others wait unread, their bodies with them; a connection
 * with more than WAITING_MAX of them is told to `cutOff` and closed, which a server may do at any time (RFC 9112
 * §9.3.2: the client then sends again what was not answered).
 */
export function inTurn(handle: RequestListener, cutOff: () => void): RequestListener {
  /** What waits, by connection; a connection is in it while a request of it is answered. */
  const lines = new WeakMap<Socket, Turn[]>()

  function begin(req: IncomingMessage, res: ServerResponse): void {
    const { socket } = req
    res.once('close', () => {
      if (lines.get(socket)!.length === 0) lines.delete(socket)
      // Whoever else has something to do comes first.
      else setImmediate(goOn, socket)
    })
    handle(req, res)
  }

  function goOn(socket: Socket): void {
    const line = lines.get(socket)!
    // The answer before was the last, or the client is gone: what waits is never answered.
    if (socket.destroyed || socket.writableEnded) return
    const [req, res] = line.shift()!
    if (line.length === 0) socket.resume()
    begin(req, res)
  }

  return (req, res) => {
    const { socket } = req
    const line = lines.get(socket)
    if (line === undefined) {
      lines.set(socket, [])
      begin(req, res)
    } else if (line.length < WAITING_MAX) {
      line.push([req, res])
      // Node resumes the connection when it has parsed this request to its end: later in this step.
      process.nextTick(pauseWhileWaiting, socket, line)
    } else if (!socket.destroyed) {
      cutOff()
      socket.destroy()
    }
  }
}

function pauseWhileWaiting(socket: Socket, line: readonly Turn[]): void {
  if (line.length > 0) socket.pause()
}
