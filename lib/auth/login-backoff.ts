// Slows down password guessing. After some denied logins in a row, a user from one address must wait, and so
// must an address whatever users it names, each time twice as long. A user alone is never delayed: any stranger
// could lock that user out. Whether a right password is accepted during a wait is the caller's decision.
// Tallies are bounded in number, and kept in this process only.

export interface BackoffOptions {
  /** Denials in a row, of one user from one address, without a wait. */
  readonly failures: number
  /** Denials in a row from one address, without a wait. */
  readonly failuresPerAddress: number
  /** First wait, in milliseconds. */
  readonly backoffMs: number
  /** Longest wait, in milliseconds. Tallies are dropped when no login was denied for twice as long. */
  readonly backoffMaxMs: number
}

interface Tally {
  failures: number
  lastMs: number
  /** Logins before this time must wait. */
  untilMs: number
}

/** Most tallies, for users and for addresses each. The oldest are dropped first. */
export const TALLIES_MAX = 10_000
/** Names that are longer share a tally when they begin alike. No user has such a name. */
const NAME_CHARS_MAX = 300

export class LoginBackoff {
  readonly #options: BackoffOptions
  readonly #users = new Map<string, Tally>()
  readonly #addresses = new Map<string, Tally>()

  constructor(options: BackoffOptions) {
    this.#options = options
  }

  /** True while no tally is kept. Then `waitMs` is 0 for all, and `succeeded` has no effect. */
  get idle(): boolean {
    return this.#users.size === 0 && this.#addresses.size === 0
  }

  /** Milliseconds until a denial of this login may be answered; 0: at once. `nowMs` is of any steady clock. */
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

  /** Ends the row of denials of a user at an address. The tally of the address stays: with one known password
   * a guesser could otherwise clear it again and again. */
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
    // A Map keeps the order of insertion, so that the oldest tally is the first.
    tallies.delete(name)
    tallies.set(name, tally)
    if (tallies.size > TALLIES_MAX) tallies.delete(tallies.keys().next().value!)
  }
}

const pairOf = (user: string, address: string) => `${address} ${user.slice(0, NAME_CHARS_MAX)}`
