// The gate before a volume's database: at most PUTS_MAX puts are in flight, and the others wait in their order. A
// put holds one of libuv's threads while LevelDB makes room, and all volumes share these threads. Without a limit
// one loaded volume would stop the reads of an idle one (D-POOL).
import { TRAILER_BYTES } from '../../bytes/slab.ts'
import { CofferError } from '../../errors.ts'

/** Puts in flight for one volume. */
export const PUTS_MAX = 4

/** Buffers kept for copies: 1 MiB of full records for one volume. */
const SPARES_MAX = 16

/** Puts the record in a slab. The slab is copied before the call returns. */
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
  /** Copies whose put has begun, for use by later records. A fresh 64 KiB costs more than filling it. */
  readonly #spares: Buffer[] = []
  #stopped: CofferError | undefined

  /** `failed` is called when a put has rejected. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  /**
   * Calls `put` now. Where PUTS_MAX are in flight, calls it later with a copy of `slab[0 … length)`, so that
   * the slab may be used again as soon as `run` returns. Resolves when the put has. Throws, and rejects with,
   * the error that was given to `stop`.
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

  /** No put begins from now on. Those in flight go on; those that wait reject with `error`. */
  stop(error: CofferError): void {
    this.#stopped ??= error
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#stopped)
  }

  /** Resolves when every put that has begun by now has succeeded or failed. */
  async begun(): Promise<void> {
    await Promise.allSettled(this.#inFlight)
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
    // LevelDB has copied the value by now.
    if (this.#spares.length < SPARES_MAX) this.#spares.push(next.copy)
  }

  #spareFor(bytes: number): Buffer {
    const spare = this.#spares.pop()
    return spare !== undefined && spare.length >= bytes ? spare : Buffer.allocUnsafeSlow(bytes)
  }
}
