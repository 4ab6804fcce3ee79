// How much a device may still take. The filesystem is asked at most once a second; in between, what was
// written since counts, and always what begun blobs claim.
import { CofferError } from '../errors.ts'
import type { Engine } from '../level.ts'

const CACHED_MS = 1000

export class Space {
  readonly #engine: Engine
  readonly #directory: string
  readonly #reserveBytes: number
  #freeBytes = 0
  #writtenBytes = 0
  #promisedBytes = 0
  #askedAtMs = Number.NEGATIVE_INFINITY

  /** Keeps `reserveBytes` free; 0 turns that off. */
  constructor(engine: Engine, directory: string, reserveBytes: number) {
    this.#engine = engine
    this.#directory = directory
    this.#reserveBytes = reserveBytes
  }

  /** True where `bytes` more leave the reserve, and what is promised, untouched. Throws
   * StoreUnavailable where the filesystem does not say. */
  takes(bytes: number): boolean {
    if (this.#reserveBytes === 0) return true
    return this.has(this.#reserveBytes + this.#promisedBytes + bytes)
  }

  /** True where at least `bytes` are free. A refusal rests on figures of this moment. Throws
   * StoreUnavailable where the filesystem does not say. */
  has(bytes: number): boolean {
    if (performance.now() < this.#askedAtMs + CACHED_MS && this.#left() >= bytes) return true
    this.#freeBytes = this.#ask()
    this.#writtenBytes = 0
    this.#askedAtMs = performance.now()
    return this.#left() >= bytes
  }

  /** Bytes that are free beyond the reserve, 0 where it is touched. Throws StoreUnavailable. */
  get freeBytes(): number {
    return Math.max(0, this.#ask() - this.#reserveBytes)
  }

  /** The next question goes to the filesystem: something did not find room. */
  forget(): void {
    this.#askedAtMs = Number.NEGATIVE_INFINITY
  }

  /** Counts bytes that have gone to the device. */
  wrote(bytes: number): void {
    this.#writtenBytes += bytes
  }

  /** Counts bytes that a begun blob claims; negative where they were written or given up. */
  promise(bytes: number): void {
    this.#promisedBytes += bytes
  }

  #ask(): number {
    try {
      return this.#engine.freeBytes(this.#directory)
    } catch (error) {
      const details = { what: 'free space unknown', device: this.#directory }
      throw new CofferError('StoreUnavailable', details, error)
    }
  }

  #left(): number {
    return this.#freeBytes - this.#writtenBytes
  }
}

/** What one blob has announced and not yet written. */
export class Claim {
  readonly #space: Space
  #leftBytes: number

  /** `expectedBytes` is plaintext: records take a little more, less than a thousandth. */
  constructor(space: Space, expectedBytes: number) {
    this.#space = space
    this.#leftBytes = Math.ceil(expectedBytes * 1.001) + 64
    space.promise(this.#leftBytes)
  }

  /** True where a record of so many bytes may be written: what was announced was admitted when the blob
   * began, what goes beyond it must leave the reserve untouched. Throws StoreUnavailable. */
  admits(bytes: number): boolean {
    return bytes <= this.#leftBytes || this.#space.takes(bytes - this.#leftBytes)
  }

  /** Counts bytes that were written for the blob. */
  wrote(bytes: number): void {
    this.#give(Math.min(bytes, this.#leftBytes))
    this.#space.wrote(bytes)
  }

  /** The blob writes no more. */
  end(): void {
    this.#give(this.#leftBytes)
  }

  #give(bytes: number): void {
    this.#leftBytes -= bytes
    this.#space.promise(-bytes)
  }
}
