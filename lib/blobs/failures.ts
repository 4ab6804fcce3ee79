// The failures of a device: the lines for the log, and the sentence that explains why the device takes no blob.
// A repair is tried every second, for a whole night where need be, so that the same line is logged once an
// hour.
import { CofferError } from '../errors.ts'
import { sentenceOf } from '../unreadable.ts'
import type { StoreLog } from './options.ts'

/** What the log says of volumes that are not used or not written to. */
export const strange = {
  empty: 'empty: it was never used',
  foreign: "another catalog's: it is left alone",
  damaged: 'without a readable header: it is only read',
}

const REPEAT_MS = 3_600_000
/** Lines that are remembered. When there are more, all of them may be logged again. */
const LINES_MAX = 1000

export class Failures {
  readonly #log: StoreLog
  readonly #device: string
  /** When each line was logged last. */
  readonly #loggedAtMs = new Map<string, number>()
  #last: unknown

  constructor(log: StoreLog, device: string) {
    this.#log = log
    this.#device = device
  }

  /** The last failure; undefined while all is well. */
  get last(): unknown {
    return this.#last
  }

  /** The last failure as a sentence for an operator; null while all is well. */
  get sentence(): string | null {
    const last = this.#last
    if (last === undefined) return null
    if (last instanceof CofferError) return String(last.details.what)
    return sentenceOf(last)
  }

  /** Keeps a failure and logs it. */
  keep(error: unknown, about: object, message: string): void {
    this.#last = error
    const line = JSON.stringify([about, message, (error as Error)?.message])
    const nowMs = performance.now()
    if (nowMs < (this.#loggedAtMs.get(line) ?? Number.NEGATIVE_INFINITY) + REPEAT_MS) return
    if (this.#loggedAtMs.size === LINES_MAX) this.#loggedAtMs.clear()
    this.#loggedAtMs.set(line, nowMs)
    this.#log.error({ device: this.#device, ...about, err: error }, message)
  }

  /** Keeps a failure without logging it, where no other is kept: it came from a query, and not from work. */
  keepQuietly(error: unknown): void {
    this.#last ??= error
  }

  /** All is well again. The next failure is logged even where it is the same as before. */
  clear(): void {
    this.#last = undefined
    this.#loggedAtMs.clear()
  }
}
