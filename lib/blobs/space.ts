// How much a device may still take. The filesystem is asked at most once a second; in between, what was
// written since counts, and always what begun blobs claim: not all that they have announced, or whoever announces
// much and sends little would lock everybody out.
import { CofferError } from '../errors.ts'
import type { Engine } from '../leveldb/engine.ts'
import { makeShares } from '../shares.ts'

const CACHED_MS = 1000

/** A blob claims so much of what it has announced at a time, and the next when that is written. */
const STEP_BYTES = 1 << 20

export class Space {
  readonly #engine: Engine
  readonly #directory: string
  readonly #reserveBytes: number
  /** What begun blobs have announced and not yet claimed, by who sends them. */
  readonly announced = makeShares()
  #freeBytes = 0
  #writtenBytes = 0
  #claimedBytes = 0
  #askedAtMs = Number.NEGATIVE_INFINITY

  /** Keeps `reserveBytes` free; 0 turns that off. */
  constructor(engine: Engine, directory: string, reserveBytes: number) {
    this.#engine = engine
    this.#directory = directory
    this.#reserveBytes = reserveBytes
  }

  /** True where `bytes` more leave the reserve, and what is claimed, untouched; of `sender`, what it has announced
   * too, so that nobody announces more than there is room for. Throws StoreUnavailable where the filesystem does
   * not say. */
  takes(bytes: number, sender?: string): boolean {
    if (this.#reserveBytes === 0) return true
    const announcedBytes = sender === undefined ? 0 : this.announced.of(sender)
    return this.has(this.#reserveBytes + this.#claimedBytes + announcedBytes + bytes)
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

  /** What begun blobs, and a reclaim, may write without asking. */
  get claimedBytes(): number {
    return this.#claimedBytes
  }

  /** Counts bytes that are claimed; negative where they were written or given up. */
  claim(bytes: number): void {
    this.#claimedBytes += bytes
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

/** What one blob has announced and not yet written, of which it has claimed what comes next. */
export class Claim {
  readonly #space: Space
  readonly #sender: string
  readonly #stepBytes: number
  #claimedBytes = 0
  /** Announced beyond what is claimed. */
  #aheadBytes: number

  /** `expectedBytes` is plaintext: records take a little more, less than a thousandth. `stepBytes` is claimed at a
   * time: Infinity for what must not be stopped half-way. */
  constructor(space: Space, expectedBytes: number, sender: string, stepBytes = STEP_BYTES) {
    this.#space = space
    this.#sender = sender
    this.#stepBytes = stepBytes
    this.#aheadBytes = Math.ceil(expectedBytes * 1.001) + 64
    space.announced.take(sender, this.#aheadBytes, Number.POSITIVE_INFINITY)
    this.#claim(Math.min(stepBytes, this.#aheadBytes))
  }

  /** Claims the next step where that is needed for a record of so many bytes. Throws StoreFull where the reserve would
   * be touched, StoreUnavailable. */
  require(bytes: number): void {
    const missingBytes = bytes - this.#claimedBytes
    if (missingBytes <= 0) return
    const step = Math.max(missingBytes, Math.min(this.#stepBytes, this.#aheadBytes))
    if (this.#space.takes(step)) this.#claim(step)
    else if (this.#space.takes(missingBytes)) this.#claim(missingBytes)
    else throw new CofferError('StoreFull')
  }

  /** Counts bytes that were written for the blob. */
  wrote(bytes: number): void {
    this.#giveClaimed(Math.min(bytes, this.#claimedBytes))
    this.#space.wrote(bytes)
  }

  /** The blob writes no more. */
  end(): void {
    this.#giveClaimed(this.#claimedBytes)
    this.#giveAhead(this.#aheadBytes)
  }

  #claim(bytes: number): void {
    this.#giveAhead(Math.min(bytes, this.#aheadBytes))
    this.#claimedBytes += bytes
    this.#space.claim(bytes)
  }

  #giveClaimed(bytes: number): void {
    this.#claimedBytes -= bytes
    this.#space.claim(-bytes)
  }

  #giveAhead(bytes: number): void {
    this.#aheadBytes -= bytes
    this.#space.announced.give(this.#sender, bytes)
  }
}
