// Writes one blob into one volume. A blob that is alone in its volume may have `appendsMax` puts in flight. Several
// blobs share that number, so that a slab seldom has to be copied to wait for its turn.
import { TRAILER_BYTES } from '../bytes/slab.ts'
import { CofferError } from '../errors.ts'
import { LocatorBuilder } from './locator.ts'
import { RecordSum } from './record.ts'
import type { BlobId, BlobWriter, Locator } from './store.ts'
import type { Volume } from './volume.ts'

/** Calls from the writer to the device that holds the volume. */
export interface WriterHooks {
  /** Throws StoreFull where a record of that many bytes may not be written. */
  readonly admit: (bytes: number) => void
  /** A record of so many bytes, with key and checksum, was put. */
  readonly wrote: (bytes: number) => void
  /** No more records come. */
  readonly ended: () => void
  /** The blob was aborted, finished or not. */
  readonly aborted: () => void
}

export class VolumeWriter implements BlobWriter {
  readonly id: BlobId
  readonly volume: string
  readonly #volume: Volume
  readonly #hooks: WriterHooks
  readonly #sum: RecordSum
  readonly #locator = new LocatorBuilder()
  /** Puts that have not resolved, oldest first. They never reject: `#error` keeps the first error. */
  readonly #pending: Promise<void>[] = []
  #state: 'open' | 'finished' | 'aborted' = 'open'
  #ended = false
  #index = 0
  #storedBytes = 0
  #error: unknown

  /** Begins the blob in a volume that is open. */
  constructor(id: BlobId, volume: Volume, hooks: WriterHooks) {
    this.id = id
    this.volume = volume.id
    this.#volume = volume
    this.#hooks = hooks
    this.#sum = new RecordSum(id)
    volume.begun.begin(id)
  }

  write(slab: Buffer, length: number): Promise<void> | undefined {
    this.#assertOpen()
    // A Buffer that was released too early has no bytes.
    if (length <= 0 || slab.length < length + TRAILER_BYTES) {
      throw new CofferError('Internal', { what: 'slab too short', length, slab: slab.length })
    }
    this.#rethrow()
    try {
      this.#hooks.admit(length)
      this.#append(slab, length)
    } catch (error) {
      // The record is missing from the blob, which can no longer be finished.
      this.#error = error
      throw error
    }
    const allowed = Math.max(1, Math.floor(this.#volume.appendsMax / this.#volume.begun.writing))
    const ahead = this.#pending[this.#pending.length - allowed]
    return ahead === undefined ? undefined : ahead.then(() => this.#rethrow())
  }

  async finish(): Promise<Locator> {
    this.#assertOpen()
    this.#state = 'finished'
    await Promise.all(this.#pending)
    this.#end()
    this.#rethrow()
    return {
      volume: this.volume,
      pieces: this.#locator.finish(),
      records: this.#locator.records,
      storedBytes: this.#storedBytes,
    }
  }

  abort(): void {
    if (this.#state === 'aborted') return
    this.#state = 'aborted'
    this.#end()
    this.#volume.begun.settle(this.id)
    if (this.#storedBytes > 0) this.#volume.dead.mark(this.#volume.location)
    this.#hooks.aborted()
  }

  #append(slab: Buffer, length: number): void {
    const record = { sum: this.#sum, blob: this.id, index: this.#index++, slab, length }
    const put = this.#volume.append(record, (number, bytes) => {
      this.#locator.add(number)
      this.#storedBytes += bytes
      this.#hooks.wrote(bytes)
    })
    const kept: Promise<void> = put.then(
      () => this.#forget(kept),
      (error) => {
        this.#error ??= error
        this.#forget(kept)
      },
    )
    this.#pending.push(kept)
  }

  #forget(put: Promise<void>): void {
    this.#pending.splice(this.#pending.indexOf(put), 1)
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#volume.begun.end(this.id)
    this.#hooks.ended()
  }

  #rethrow(): void {
    if (this.#error !== undefined) throw this.#error
  }

  #assertOpen(): void {
    if (this.#state !== 'open') {
      throw new CofferError('Internal', { what: `blob is ${this.#state}`, blob: this.id })
    }
  }
}
