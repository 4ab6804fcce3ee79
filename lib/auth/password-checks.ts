// Checks passwords a few at a time. A check of a scrypt hash takes 50 ms of a thread of the pool that also
// reads and writes every object, and anybody may ask for one: what comes faster waits, and what would wait
// too long is refused. Whoever logged in before is known again without one.
import { randomBytes } from 'node:crypto'
import { CofferError } from '../errors.ts'
import { HmacKey, sameSignature } from './hmac.ts'
import { verifyPassword } from './passwords.ts'

/** Checks at one time. */
const RUNNING_MAX = 2
/** That many wait about two seconds. */
const WAITING_MAX = 64

export class PasswordChecks {
  /** Of this process alone: what is remembered with it is worth nothing elsewhere. */
  readonly #key = new HmacKey('sha256', randomBytes(32))
  /** The password that was right last, as a MAC, by the stored record. */
  readonly #right = new Map<string, string>()
  readonly #waiting: (() => void)[] = []
  #running = 0

  /** True when `password` is the one that `stored` stands for. Throws StoreUnavailable where too many wait. */
  async verify(password: string, stored: string): Promise<boolean> {
    const mac = this.#key.sign(Buffer.from(password).toString('latin1'), 'hex')
    const known = this.#right.get(stored)
    if (known !== undefined && sameSignature(known, mac)) return true
    await this.#enter()
    try {
      const isRight = await verifyPassword(password, stored)
      if (isRight) this.#right.set(stored, mac)
      return isRight
    } finally {
      this.#leave()
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < RUNNING_MAX) {
      this.#running++
      return
    }
    if (this.#waiting.length >= WAITING_MAX) {
      throw new CofferError('StoreUnavailable', { reason: 'too many logins' })
    }
    // Whoever leaves hands its place on.
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#running--
    else next()
  }
}
