// Begins the requests of a connection one at a time, each when the answer before it was sent (D-TURNS). Node emits all
// requests of a packet at once, and two thousand GETs of 34 bytes fit in one.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests of one connection that may wait. Browsers and SDKs do not pipeline, and proxies that do send fewer. */
const WAITING_MAX = 32

type Turn = readonly [req: IncomingMessage, res: ServerResponse]

/**
 * Makes a listener that calls `handle` for one request of a connection at a time. The others wait, with their bodies
 * unread. A connection on which more than WAITING_MAX wait is closed, and `cutOff` is called. A server may close a
 * connection at any time (RFC 9112 §9.3.2): the client then repeats the requests without answers.
 */
export function inTurn(handle: RequestListener, cutOff: () => void): RequestListener {
  /** Requests that wait, by connection. A connection is in the map while one of its requests is under way. */
  const lines = new WeakMap<Socket, Turn[]>()

  function begin(req: IncomingMessage, res: ServerResponse): void {
    const { socket } = req
    res.once('close', () => {
      if (lines.get(socket)!.length === 0) lines.delete(socket)
      // Other connections' work comes first.
      else setImmediate(goOn, socket)
    })
    handle(req, res)
  }

  function goOn(socket: Socket): void {
    const line = lines.get(socket)!
    // After the connection's last answer, or when the client is gone, waiting requests are never answered.
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
      // Node resumes the connection later in this step, when it has parsed this request to its end.
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
