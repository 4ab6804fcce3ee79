// Slows down whoever guesses: after some denied logins in a row, a user from an address, and an address whatever users it
// names, must wait, each time twice as long. A user alone is never held up: anybody could lock out anybody else. What is
// right all the same is for the caller to let through. Bounded in memory, and of this process.

export interface BackoffOptions {
  /** Denials in a row of one user from one address that cost nothing. */
  readonly failures: number
  /** The same of an address. */
  readonly failuresPerAddress: number
  /** First wait. */
  readonly backoffMs: number
  /** Longest wait; what was denied is forgotten when nothing was denied for twice as long. */
  readonly backoffMaxMs: number
}

interface Tally {
  failures: number
  lastMs: number
  /** No attempt is looked at before. */
  untilMs: number
}

/** Tallies kept at most, for users and for addresses; the oldest go first. */
export const TALLIES_MAX = 10_000
/** Longer names are told apart by their beginning alone: they are nobody's. */
const NAME_CHARS_MAX = 300

export class LoginBackoff {
  readonly #options: BackoffOptions
  readonly #users = new Map<string, Tally>()
  readonly #addresses = new Map<string, Tally>()

  constructor(options: BackoffOptions) {
    this.#options = options
  }

  /** True while nothing was denied lately: then `waitMs` is 0 for everybody and `succeeded` does nothing. */
  get idle(): boolean {
    return this.#users.size === 0 && this.#addresses.size === 0
  }

  /** Milliseconds that a denial of this login must still wait; 0: it may be answered. `nowMs` of any steady clock. */
  waitMs(user: string, address: string, nowMs: number): number {
    const until = Math.max(
      this.#read(this.#users, pairOf(user, address), nowMs)?.untilMs ?? 0,
      this.#read(this.#addresses, address, nowMs)?.untilMs ?? 0,
    )
    return Math.max(0, until - nowMs)
  }

  /** Counts a denied login. */
  failed(user: string, address: string, nowMs: number): void {
    const { failures, failuresPerAddress } = this.#options
    this.#count(this.#users, pairOf(user, address), failures, nowMs)
    this.#count(this.#addresses, address, failuresPerAddress, nowMs)
  }

  /** A login that was right ends the row of denials of its user at that address. That of the address stays: it would be
   * worth one known password to whoever guesses others. */
  succeeded(user: string, address: string): void {
    this.#users.delete(pairOf(user, address))
  }

  #read(tallies: Map<string, Tally>, name: string, nowMs: number): Tally | undefined {
    const tally = tallies.get(name)
    if (tally === undefined || nowMs - tally.lastMs <= 2 * this.#options.backoffMaxMs) return tally
    tallies.delete(name)
    return undefined
  }

  #count(tallies: Map<string, Tally>, name: string, free: number, nowMs: number): void {
    const tally = this.#read(tallies, name, nowMs) ?? { failures: 0, lastMs: 0, untilMs: 0 }
    const { backoffMs, backoffMaxMs } = this.#options
    tally.failures++
    tally.lastMs = nowMs
    if (tally.failures >= free) {
      tally.untilMs = nowMs + Math.min(backoffMaxMs, backoffMs * 2 ** (tally.failures - free))
    }
    // Behind the others: a Map keeps the order in which names came, and the first goes first.
    tallies.delete(name)
    tallies.set(name, tally)
    if (tallies.size > TALLIES_MAX) tallies.delete(tallies.keys().next().value!)
  }
}

const pairOf = (user: string, address: string) => `${address} ${user.slice(0, NAME_CHARS_MAX)}`
