// The connections of one listener, and which of them have a request under way: a node that ends waits for those alone.
// Node's own server.close() waits for every connection, closes none that has asked nothing yet or whose request ended
// after the call, and cannot cut one that is still in its TLS handshake.
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Tells a listener's connections apart. The socket of a request over TLS is another than the one that was accepted. */
const peerOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`

export class Connections {
  /** As they were accepted: below TLS, where there is TLS. */
  readonly #accepted = new Map<Socket, string>()
  /** What is being answered, by connection; none is in it without an answer. */
  readonly #answers = new Map<string, Set<ServerResponse>>()
  #ending = false

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#accepted.set(socket, peerOf(socket))
      socket.once('close', () => this.#accepted.delete(socket))
    })
  }

  /** A request has begun; its connection is busy until the answer has left, or the client. */
  begin({ socket }: IncomingMessage, res: ServerResponse): void {
    const peer = peerOf(socket)
    const answers = this.#answers.get(peer) ?? new Set()
    this.#answers.set(peer, answers.add(res))
    res.once('close', () => {
      answers.delete(res)
      if (answers.size > 0) return
      this.#answers.delete(peer)
      if (this.#ending) socket.destroySoon()
    })
  }

  /** Closes each connection that has nothing under way, at once or when that is so; clients that can still be told are. */
  end(): void {
    this.#ending = true
    for (const answers of this.#answers.values()) {
      for (const res of answers) if (!res.headersSent) res.setHeader('Connection', 'close')
    }
    for (const [socket, peer] of this.#accepted) {
      if (!this.#answers.has(peer)) socket.destroy()
    }
  }

  /** Closes every connection, whatever is under way on it. */
  cut(): void {
    for (const socket of this.#accepted.keys()) socket.destroy()
  }
}
