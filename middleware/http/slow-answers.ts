// Cuts off clients that take their answers too slowly: each holds a connection and memory, and asks nothing else. What
// BodyTooSlow is for bodies, for answers of every kind; looked at now and then, so that no write pays for it.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Config } from '../../lib/config/config.ts'

/** How often answers are looked at, at the most and in parts of answerTimeoutMs. */
const LOOK_MS_MAX = 5000
const LOOKS_IN_TIMEOUT = 8

interface Answer {
  readonly socket: Socket
  /** What the connection had carried when the answer was last looked at. */
  leftBytes: number
  /** So long the client may still be waited for: a byte that it takes earns what it may take for one, up to the whole of
   * answerTimeoutMs. So a client that was fast may pause for that long, and no longer. */
  creditMs: number
}

/** What has left the process: what Node still holds for the socket has not. */
const leftBytesOf = (socket: Socket) => socket.bytesWritten - socket.writableLength

export class SlowAnswers {
  readonly #timeoutMs: number
  readonly #bytesPerSecond: number
  readonly #cutOff: () => void
  readonly #answers = new Set<Answer>()
  readonly #timer: NodeJS.Timeout
  #lookedMs = performance.now()

  /** Tells `cutOff` of each client. Must be closed. */
  constructor(
    limits: Pick<Config['limits'], 'answerTimeoutMs' | 'answerBytesPerSecond'>,
    cutOff: () => void,
  ) {
    this.#timeoutMs = limits.answerTimeoutMs
    this.#bytesPerSecond = limits.answerBytesPerSecond
    this.#cutOff = cutOff
    const everyMs = Math.min(LOOK_MS_MAX, Math.ceil(this.#timeoutMs / LOOKS_IN_TIMEOUT))
    this.#timer = setInterval(() => this.#look(), everyMs).unref()
  }

  /** Watches the answer to a request that is begun now, until it has left or its connection is gone. */
  watch({ socket }: IncomingMessage, res: ServerResponse): void {
    if (this.#bytesPerSecond === 0) return
    const answer = { socket, leftBytes: leftBytesOf(socket), creditMs: this.#timeoutMs }
    this.#answers.add(answer)
    res.once('close', () => this.#answers.delete(answer))
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const nowMs = performance.now()
    const sinceMs = nowMs - this.#lookedMs
    this.#lookedMs = nowMs
    for (const answer of this.#answers) {
      this.#earn(answer)
      // Nothing waits for the client: the node is what is slow.
      if (answer.socket.writableLength === 0) continue
      answer.creditMs -= sinceMs
      if (answer.creditMs >= 0) continue
      this.#cutOff()
      answer.socket.destroy()
    }
  }

  #earn(answer: Answer): void {
    const leftBytes = leftBytesOf(answer.socket)
    const earnedMs = ((leftBytes - answer.leftBytes) * 1000) / this.#bytesPerSecond
    answer.leftBytes = leftBytes
    answer.creditMs = Math.min(this.#timeoutMs, answer.creditMs + earnedMs)
  }
}
