// Rows that a node met and whose MAC does not hold: counted for the metric, and named in the log, each row once in a
// while, because every request for it meets it again.
import type { Logger } from 'pino'

/** How long a row is not named again. */
const NAME_AGAIN_MS = 600_000
/** Rows that are remembered as named. Beyond that the next ones are counted only, until a while is over. */
const NAMED_MAX = 1000

export class UnprovenRows {
  readonly #log: Logger
  readonly #named = new Set<string>()
  #sinceMs = performance.now()
  /** Times that such a row was read. */
  reads = 0

  constructor(log: Logger) {
    this.#log = log
  }

  note(row: string): void {
    this.reads++
    const nowMs = performance.now()
    if (nowMs - this.#sinceMs > NAME_AGAIN_MS) {
      this.#named.clear()
      this.#sinceMs = nowMs
    }
    if (this.#named.has(row) || this.#named.size >= NAMED_MAX) return
    this.#named.add(row)
    this.#log.error({ row }, 'the MAC of a row does not hold: it gives nobody a right')
  }
}
