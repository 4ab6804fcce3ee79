// The blobs for which a volume must stay unsealed. A blob is one of them from its creation until the blob has
// ended (finished or aborted) and the outcome of its commit is final. Reclaim would drop the records of a blob
// without rows, and reclaims sealed volumes only.
import type { BlobId } from './store.ts'

interface Begun {
  ended: boolean
  settled: boolean
}

export class BegunBlobs {
  readonly #blobs = new Map<BlobId, Begun>()
  readonly #letGo: () => void
  #writing = 0

  /** `letGo` is called each time a blob leaves the list. */
  constructor(letGo: () => void) {
    this.#letGo = letGo
  }

  /** Blobs that have not both ended and been settled. */
  get size(): number {
    return this.#blobs.size
  }

  /** Blobs that may still get records. */
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

  /** The outcome of the blob's commit is final, or the blob was aborted. */
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
