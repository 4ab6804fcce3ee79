// The gate before a volume's database: at most PUTS_MAX puts in flight, the others wait in the order they
// came. Each put holds one of libuv's threads while LevelDB makes room, and all volumes share those:
// without a limit one loaded volume stops the reads of an idle one (D-POOL).
import { TRAILER_BYTES } from '../../bytes/slab.ts'
import { CofferError } from '../../errors.ts'

/** Puts in flight per volume. */
export const PUTS_MAX = 4

/** Buffers kept for copies: 1 MiB of full records a volume. */
const SPARES_MAX = 16

/** Takes a slab with a record in it, and puts it. The slab is copied before the call returns. */
export type Put = (slab: Buffer) => Promise<void>

interface Waiting {
  readonly copy: Buffer
  readonly put: Put
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class Puts {
  readonly #failed: (error: unknown) => void
  readonly #inFlight = new Set<Promise<void>>()
  readonly #waiting: Waiting[] = []
  /** Copies whose put has begun, for the next ones: a fresh 64 KiB costs more than filling it. */
  readonly #spares: Buffer[] = []
  #stopped: CofferError | undefined

  /** `failed` is told when a put has rejected. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  /**
   * Calls `put` now, or, where PUTS_MAX are in flight, later with a copy of `slab[0 … length)`: the slab
   * is free as soon as this returns. Resolves when the put has. Throws, and rejects with, what `stop`
   * was given.
   */
  run(slab: Buffer, length: number, put: Put): Promise<void> {
    if (this.#stopped !== undefined) throw this.#stopped
    if (this.#inFlight.size < PUTS_MAX && this.#waiting.length === 0) return this.#start(slab, put)
    const copy = this.#spareFor(length + TRAILER_BYTES)
    slab.copy(copy, 0, 0, length)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ copy, put, resolve, reject })
    })
  }

  /** Lets no put begin from now on; those in flight go on. */
  stop(error: CofferError): void {
    this.#stopped ??= error
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#stopped)
  }

  /** Resolves when every put that has begun by now has ended, well or badly. */
  async begun(): Promise<void> {
    await Promise.allSettled(this.#inFlight)
  }

  /** Resolves when none is in flight and none waits. */
  async idle(): Promise<void> {
    while (this.#inFlight.size > 0) await this.begun()
  }

  async #start(slab: Buffer, put: Put): Promise<void> {
    const running = put(slab)
    this.#inFlight.add(running)
    try {
      await running
    } catch (error) {
      this.#failed(error)
      throw new CofferError('StoreUnavailable', { what: 'a put failed' }, error)
    } finally {
      this.#inFlight.delete(running)
      this.#startNext()
    }
  }

  #startNext(): void {
    const next = this.#waiting.shift()
    if (next === undefined) return
    this.#start(next.copy, next.put).then(next.resolve, next.reject)
    // LevelDB has its own copy by now.
    if (this.#spares.length < SPARES_MAX) this.#spares.push(next.copy)
  }

  #spareFor(bytes: number): Buffer {
    const spare = this.#spares.pop()
    return spare !== undefined && spare.length >= bytes ? spare : Buffer.allocUnsafeSlow(bytes)
  }
}
