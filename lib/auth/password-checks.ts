// Checks passwords a few at a time. A check of a scrypt hash takes 50 ms of a thread of the pool that also
// reads and writes every object, and anybody may ask for one: what comes faster waits, address by address in turn, and
// what would wait too long is refused. Whoever logged in before is known again without one.
import { randomBytes } from 'node:crypto'
import { CofferError } from '../errors.ts'
import { HmacKey, sameSignature } from './hmac.ts'
import { looksHashed, verifyPassword } from './passwords.ts'

/** Checks at one time. */
const RUNNING_MAX = 2
/** That many wait about two seconds. */
const WAITING_MAX = 64
/** Of them, of one address. */
const WAITING_PER_ADDRESS_MAX = 16

export class PasswordChecks {
  /** Of this process alone: what is remembered with it is worth nothing elsewhere. */
  readonly #key = new HmacKey('sha256', randomBytes(32))
  /** The password that was right last, as a MAC, by the stored record. */
  readonly #right = new Map<string, string>()
  /** Who waits, by address; the address whose turn is next comes first. */
  readonly #waiting = new Map<string, (() => void)[]>()
  #waitingCount = 0
  #running = 0
  /** Where some record is a hash, what costs less than a hash is checked at its price, so that time tells nobody
   * which users there are. */
  readonly #priceOf: string | undefined

  /** `records`: all that may come to `verify`. */
  constructor(records: Iterable<string> = []) {
    this.#priceOf = [...records].find(looksHashed)
  }

  /** True when `password` was right for `stored` lately. Costs next to nothing. */
  remembers(password: string, stored: string): boolean {
    const known = this.#right.get(stored)
    return known !== undefined && sameSignature(known, this.#macOf(password))
  }

  /**
   * True when `password` is the one that `stored` stands for; undefined is nobody's record, and takes as long. Throws
   * StoreUnavailable where too many wait, of all or of that address.
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
    // What the price was paid for says nothing of somebody else's password.
    if (!isHash) isRight = stored !== undefined && (await verifyPassword(password, stored))
    if (isRight) this.#right.set(stored!, this.#macOf(password))
    return isRight
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
    // Whoever leaves hands its place on.
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
