// The blobs that hold a volume: each from its beginning until it has ended (finished or given up) and its
// commit's outcome is final. While there is one, its volume is not sealed: reclaim would drop its records.
import type { BlobId } from './store.ts'

interface Begun {
  ended: boolean
  settled: boolean
}

export class BegunBlobs {
  readonly #blobs = new Map<BlobId, Begun>()
  readonly #letGo: () => void
  #writing = 0

  /** `letGo` is told each time a blob no longer holds the volume. */
  constructor(letGo: () => void) {
    this.#letGo = letGo
  }

  /** Blobs that have not both ended and been settled. */
  get size(): number {
    return this.#blobs.size
  }

  /** Blobs that records may still be written for. */
  get writing(): number {
    return this.#writing
  }

  /** Begins a blob under an id that is not in use. */
  begin(id: BlobId): void {
    this.#blobs.set(id, { ended: false, settled: false })
    this.#writing++
  }

  /** The blob gets no more records. */
  end(id: BlobId): void {
    const blob = this.#blobs.get(id)
    if (blob === undefined || blob.ended) return
    blob.ended = true
    this.#writing--
    this.#release(id, blob)
  }

  /** The outcome of the blob's commit is final, or the blob was given up. */
  settle(id: BlobId): void {
    const blob = this.#blobs.get(id)
    if (blob === undefined) return
    blob.settled = true
    this.#release(id, blob)
  }

  #release(id: BlobId, blob: Begun): void {
    if (!blob.ended || !blob.settled) return
    this.#blobs.delete(id)
    this.#letGo()
  }
}
