// Cuts off clients that take their answers too slowly, because each holds a connection and memory. It is for answers
// what BodyTooSlow is for bodies. Answers are checked at intervals, so that writes cost nothing more.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Config } from '../../lib/config/config.ts'

/** The interval between checks is this at most, and the LOOKS_IN_TIMEOUT-th part of answerTimeoutMs. */
const LOOK_MS_MAX = 5000
const LOOKS_IN_TIMEOUT = 8

interface Answer {
  readonly socket: Socket
  /** Bytes that had left on the connection at the last check. */
  leftBytes: number
  /**
   * Time for which the client may still be slow. Each byte that it takes adds the time that one byte may take, up to
   * the whole of answerTimeoutMs. A client that was fast may therefore pause for answerTimeoutMs.
   */
  creditMs: number
}

/** Bytes that have left the process on a connection, without those that Node still holds for the socket. */
const leftBytesOf = (socket: Socket) => socket.bytesWritten - socket.writableLength

export class SlowAnswers {
  readonly #timeoutMs: number
  readonly #bytesPerSecond: number
  readonly #cutOff: () => void
  readonly #answers = new Set<Answer>()
  readonly #timer: NodeJS.Timeout
  #lookedMs = performance.now()

  /** Calls `cutOff` for each client that is cut off. Must be closed. */
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

  /** Watches the answer to a request that begins now, until the answer was sent or the connection ended. */
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
      // Nothing waits for the client, so that it is the node that is slow.
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
