// Bytes of memory that all requests of a process share for one purpose. A request that cannot go on without
// memory waits for it, first come, first served. A request that would only be faster with memory goes on
// without it.
import { makeShares, type Shares } from './shares.ts'

/** The name of the one taker in the shares: the process. */
const ALL = ''

interface Waiting {
  readonly bytes: number
  readonly timer: NodeJS.Timeout
  readonly resolve: (taken: boolean) => void
}

export class Budget {
  readonly limitBytes: number
  readonly #shares: Shares
  readonly #waiting: Waiting[] = []

  constructor(limitBytes: number, shares: Shares = makeShares()) {
    this.limitBytes = limitBytes
    this.#shares = shares
  }

  /** Bytes that are taken. */
  get takenBytes(): number {
    return this.#shares.total
  }

  /** Takes bytes that are free, and that no earlier request waits for. False where there are none. */
  tryTake(bytes: number): boolean {
    return this.#waiting.length === 0 && this.#take(bytes)
  }

  /** Takes bytes as soon as they are free. False where they were not within `timeoutMs`. For more than the
   * whole budget it waits until all of the budget is free. */
  take(bytes: number, timeoutMs: number): Promise<boolean> | true {
    if (this.tryTake(bytes)) return true
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
        resolve(false)
        this.#serve()
      }, timeoutMs)
      const waiting = { bytes, timer, resolve }
      this.#waiting.push(waiting)
    })
  }

  /** Returns bytes to the budget. */
  give(bytes: number): void {
    this.#shares.give(ALL, bytes)
    this.#serve()
  }

  #take(bytes: number): boolean {
    return this.#shares.take(ALL, bytes, Math.max(this.limitBytes, bytes))
  }

  #serve(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (!this.#take(first.bytes)) return
      this.#waiting.shift()
      clearTimeout(first.timer)
      first.resolve(true)
    }
  }
}
