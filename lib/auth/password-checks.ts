// Checks passwords a few at a time. To check a scrypt hash takes a thread of the pool for 50 ms, and the same
// threads read and write all objects. Any stranger can cause such a check. Checks beyond RUNNING_MAX wait,
// address by address in turn, and checks beyond the bounds are refused. A user that has logged in before needs
// no second check.
import { randomBytes } from 'node:crypto'
import { CofferError } from '../errors.ts'
import { HmacKey, sameSignature } from './hmac.ts'
import { hashPassword, looksHashed, verifyPassword } from './passwords.ts'

/** Checks that run at the same time. */
const RUNNING_MAX = 2
/** Checks that may wait, which takes about two seconds. */
const WAITING_MAX = 64
/** Checks that may wait for one address. */
const WAITING_PER_ADDRESS_MAX = 16
/** Records whose last right password is remembered. */
const RIGHT_MAX = 100_000

export class PasswordChecks {
  /** A random key of this process, so that the kept MACs are worthless elsewhere. */
  readonly #key = new HmacKey('sha256', randomBytes(32))
  /** The MAC of the last right password, by stored record. The oldest are dropped beyond RIGHT_MAX. */
  readonly #right = new Map<string, string>()
  /** Checks that wait, by address. The address whose turn is next comes first. */
  readonly #waiting = new Map<string, (() => void)[]>()
  #waitingCount = 0
  #running = 0
  /** A hash whose check is done in the place of any cheaper one. Without it the time of an answer would show
   * which users exist. Undefined where no record is a hash. */
  #priceOf: string | undefined

  /** Must be called with every password record that may come to `verify`, before it does. */
  note(record: string): void {
    if (this.#priceOf === undefined && looksHashed(record)) this.#priceOf = record
  }

  /** True when `password` was right for `stored` before. Takes next to no time. */
  remembers(password: string, stored: string): boolean {
    const known = this.#right.get(stored)
    return known !== undefined && sameSignature(known, this.#macOf(password))
  }

  /**
   * True when `password` is right for `stored`. `stored` is undefined for an unknown user, which takes as long.
   * Rejects with StoreUnavailable where too many checks wait, altogether or for that address.
   */
  async verify(password: string, stored: string | undefined, address: string): Promise<boolean> {
    if (stored !== undefined && this.remembers(password, stored)) return true
    const isHash = stored !== undefined && looksHashed(stored)
    const hash = isHash ? stored : this.#priceOf
    let isRight = false
    if (hash !== undefined) {
      await this.#enter(address)
      try {
        isRight = await verifyPassword(password, hash)
      } finally {
        this.#leave()
      }
    }
    // The check of another record's hash, done for its time alone, does not count.
    if (!isHash) isRight = stored !== undefined && (await verifyPassword(password, stored))
    if (isRight) {
      this.#right.set(stored!, this.#macOf(password))
      if (this.#right.size > RIGHT_MAX) this.#right.delete(this.#right.keys().next().value!)
    }
    return isRight
  }

  /** The hash of a new password, which takes as long as a check, and waits as one does. Rejects as `verify`. */
  async hash(password: string, address: string): Promise<string> {
    await this.#enter(address)
    try {
      return await hashPassword(password)
    } finally {
      this.#leave()
    }
  }

  #macOf(password: string): string {
    return this.#key.sign(Buffer.from(password).toString('latin1'), 'hex')
  }

  async #enter(address: string): Promise<void> {
    if (this.#running < RUNNING_MAX) {
      this.#running++
      return
    }
    const queue = this.#waiting.get(address) ?? []
    if (this.#waitingCount >= WAITING_MAX || queue.length >= WAITING_PER_ADDRESS_MAX) {
      throw new CofferError('StoreUnavailable', { reason: 'too many logins' })
    }
    this.#waiting.set(address, queue)
    this.#waitingCount++
    // A check that ends passes its place to the next one.
    await new Promise<void>((resolve) => queue.push(resolve))
  }

  #leave(): void {
    const [first] = this.#waiting
    if (first === undefined) {
      this.#running--
      return
    }
    const [address, queue] = first
    this.#waiting.delete(address)
    this.#waitingCount--
    const next = queue.shift()!
    if (queue.length > 0) this.#waiting.set(address, queue)
    next()
  }
}
