// How much a device may still take. The filesystem is queried at most once a second; bytes written since then
// are subtracted. Bytes that begun blobs have claimed count as used. A blob claims what it has announced step
// by step: a client that announces much and sends little would otherwise lock all others out.
import { CofferError } from '../errors.ts'
import type { Files } from '../files.ts'
import { makeShares } from '../shares.ts'

const CACHED_MS = 1000

/** A blob claims this much of what it has announced at a time, and the next step when that is written. */
const STEP_BYTES = 1 << 20

export class Space {
  readonly #files: Files
  readonly #directory: string
  readonly #reserveBytes: number
  /** Bytes that begun blobs have announced and not yet claimed, by sender. */
  readonly announced = makeShares()
  #freeBytes = 0
  #writtenBytes = 0
  #claimedBytes = 0
  #measuredAtMs = Number.NEGATIVE_INFINITY

  /** `reserveBytes` are kept free; 0 turns that off. */
  constructor(files: Files, directory: string, reserveBytes: number) {
    this.#files = files
    this.#directory = directory
    this.#reserveBytes = reserveBytes
  }

  /** True where `bytes` more touch neither the reserve nor what is claimed. With a `sender`, what that sender
   * has announced counts as used too, so that nobody announces more than there is room for. Throws
   * StoreUnavailable where the filesystem cannot be queried. */
  takes(bytes: number, sender?: string): boolean {
    if (this.#reserveBytes === 0) return true
    const announcedBytes = sender === undefined ? 0 : this.announced.of(sender)
    return this.has(this.#reserveBytes + this.#claimedBytes + announcedBytes + bytes)
  }

  /** True where at least `bytes` are free. Before it returns false the filesystem is queried. Throws
   * StoreUnavailable where the filesystem cannot be queried. */
  has(bytes: number): boolean {
    if (performance.now() < this.#measuredAtMs + CACHED_MS && this.#left() >= bytes) return true
    this.#freeBytes = this.#measure()
    this.#writtenBytes = 0
    this.#measuredAtMs = performance.now()
    return this.#left() >= bytes
  }

  /** Bytes that are free beyond the reserve; 0 where the reserve is touched. Throws StoreUnavailable. */
  get freeBytes(): number {
    return Math.max(0, this.#measure() - this.#reserveBytes)
  }

  /** Makes the next call query the filesystem, because a write has failed for want of space. */
  forget(): void {
    this.#measuredAtMs = Number.NEGATIVE_INFINITY
  }

  /** Counts bytes that were written to the device. */
  wrote(bytes: number): void {
    this.#writtenBytes += bytes
  }

  /** Bytes that begun blobs, and a reclaim, may write without another check. */
  get claimedBytes(): number {
    return this.#claimedBytes
  }

  /** Adds to the claimed bytes; negative for bytes that were written or are not claimed any more. */
  claim(bytes: number): void {
    this.#claimedBytes += bytes
  }

  #measure(): number {
    try {
      return this.#files.freeBytes(this.#directory)
    } catch (error) {
      const details = { what: 'free space unknown', device: this.#directory }
      throw new CofferError('StoreUnavailable', details, error)
    }
  }

  #left(): number {
    return this.#freeBytes - this.#writtenBytes
  }
}

/** What one blob has announced and not yet written. The part that comes next is claimed. */
export class Claim {
  readonly #space: Space
  readonly #sender: string
  readonly #stepBytes: number
  #claimedBytes = 0
  /** Bytes announced beyond those claimed. */
  #aheadBytes: number

  /** `expectedBytes` counts plaintext; sealed records take less than a thousandth more. `stepBytes` is claimed
   * at a time: Infinity for work that must not be stopped half-way. */
  constructor(space: Space, expectedBytes: number, sender: string, stepBytes = STEP_BYTES) {
    this.#space = space
    this.#sender = sender
    this.#stepBytes = stepBytes
    this.#aheadBytes = Math.ceil(expectedBytes * 1.001) + 64
    space.announced.take(sender, this.#aheadBytes, Number.POSITIVE_INFINITY)
    this.#claim(Math.min(stepBytes, this.#aheadBytes))
  }

  /** Claims the next step where a record of so many bytes needs it. Throws StoreFull where the reserve would
   * be touched, and StoreUnavailable where the filesystem cannot be queried. */
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
