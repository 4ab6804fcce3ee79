// The connections of one listener, and which of them have a request under way. A node that ends waits for those alone
// (D-DRAIN). Node's own server.close() waits for every connection: also for one that sent no request yet, whose request
// ended after the call, or that is still in its TLS handshake.
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** A key for a connection of a listener. A request over TLS has another socket than the one that was accepted. */
const peerOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`

export class Connections {
  /** The sockets that were accepted, which are below TLS where there is TLS, and their keys. */
  readonly #accepted = new Map<Socket, string>()
  /** Answers under way, by connection. A connection without any is not in the map. */
  readonly #answers = new Map<string, Set<ServerResponse>>()
  #ending = false

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#accepted.set(socket, peerOf(socket))
      socket.once('close', () => this.#accepted.delete(socket))
    })
  }

  /** Marks a connection as busy from a request's beginning until its answer was sent or the client is gone. */
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

  /**
   * Closes each connection once no request is under way on it. Answers whose headers are not sent yet announce that
   * with `Connection: close`.
   */
  end(): void {
    this.#ending = true
    for (const answers of this.#answers.values()) {
      for (const res of answers) if (!res.headersSent) res.setHeader('Connection', 'close')
    }
    for (const [socket, peer] of this.#accepted) {
      if (!this.#answers.has(peer)) socket.destroy()
    }
  }

  /** Closes every connection at once, those with requests under way too. */
  cut(): void {
    for (const socket of this.#accepted.keys()) socket.destroy()
  }
}
