// What goes wrong on a device, for the log and for whoever asks why it takes no blob. A repair is tried again
// every second, for a whole night where need be: the same line is told once an hour.
import { CofferError } from '../errors.ts'
import { sentenceOf } from '../unreadable.ts'
import type { StoreLog } from './options.ts'

/** What the log says of volumes that are not used, or not written to. */
export const strange = {
  empty: 'empty: it was never used',
  foreign: "another catalog's: it is left alone",
  damaged: 'without a readable header: it is only read',
}

const TOLD_AGAIN_MS = 3_600_000
/** Lines that are remembered; more of them are not the same line. */
const LINES_MAX = 1000

export class Failures {
  readonly #log: StoreLog
  readonly #device: string
  /** When each line was told. */
  readonly #toldAtMs = new Map<string, number>()
  #last: unknown

  constructor(log: StoreLog, device: string) {
    this.#log = log
    this.#device = device
  }

  /** The last one; undefined while all is well. */
  get last(): unknown {
    return this.#last
  }

  /** The last one for people, null while all is well. */
  get sentence(): string | null {
    const last = this.#last
    if (last === undefined) return null
    if (last instanceof CofferError) return String(last.details.what)
    return sentenceOf(last)
  }

  /** Keeps a failure and tells the log. */
  keep(error: unknown, about: object, message: string): void {
    this.#last = error
    const line = JSON.stringify([about, message, (error as Error)?.message])
    const nowMs = performance.now()
    if (nowMs < (this.#toldAtMs.get(line) ?? Number.NEGATIVE_INFINITY) + TOLD_AGAIN_MS) return
    if (this.#toldAtMs.size === LINES_MAX) this.#toldAtMs.clear()
    this.#toldAtMs.set(line, nowMs)
    this.#log.error({ device: this.#device, ...about, err: error }, message)
  }

  /** Keeps a failure where none is known, without a word: it comes of a question, and not of work. */
  keepQuietly(error: unknown): void {
    this.#last ??= error
  }

  /** All is well: whatever comes from now on is new. */
  clear(): void {
    this.#last = undefined
    this.#toldAtMs.clear()
  }
}
