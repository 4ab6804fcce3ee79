// The writing side of a volume's file. Records are gathered in a slab and written as one batch of whole pages; a batch
// that is written or synced is never written again. What was not yet written is read from its slab. After a failed
// write or sync nothing is written any more: what the kernel has in its cache then may not be on the disk.
import { TRAILER_BYTES } from '../../bytes/slab.ts'
import type { NumberedValue, SealedRecord } from '../format.ts'
import type { WrittenFile } from './data-file.ts'
import { HEAD_BYTES, toPage, writeHead } from './layout.ts'
import type { Place } from './places.ts'
import { BATCH_BYTES, giveSlab, takeSlab } from './slabs.ts'

/** Batches in flight; a third one fills meanwhile. */
const IN_FLIGHT_MAX = 2

interface Batch {
  readonly slab: Buffer
  /** Where the batch begins in the file. */
  readonly start: number
  /** Bytes of records so far. */
  fill: number
  /** The number of the last record. */
  number: number
}

/** A place up to which everything is on the disk. */
export interface Mark {
  /** The number of the last record before it; -1 where there is none. */
  readonly number: number
  readonly end: number
}

export class Batches {
  readonly #file: WrittenFile
  readonly #failed: (error: unknown) => void
  readonly #inFlight = new Map<Batch, Promise<void>>()
  #current: Batch | undefined
  /** What was given to writes, what was written, and what was synced. */
  #begun: Mark
  #written: Mark
  #synced: Mark
  /** The error of the first write or sync that failed. */
  #failure: unknown

  /** The first batch begins at the end of `mark`, which is a page. `failed` is called when a write has failed. */
  constructor(file: WrittenFile, mark: Mark, failed: (error: unknown) => void) {
    this.#file = file
    this.#begun = mark
    this.#written = mark
    this.#synced = mark
    this.#failed = failed
  }

  /** The error of the first write or sync that failed; undefined before that. */
  get failure(): unknown {
    return this.#failure
  }

  /** Up to where everything is on the disk. */
  get synced(): Mark {
    return this.#synced
  }

  /** Adds a record under `number`, and returns where its value lies. The slab may be used again afterwards. */
  add({ sum, blob, index, slab, length }: SealedRecord, number: number): Place {
    const value = sum.append(slab, length, number, index)
    return this.#put({ number, blob, index, value })
  }

  /** Adds a value as it is, and returns where it lies. */
  addValue(record: NumberedValue): Place {
    return this.#put(record)
  }

  /** Resolves when more may be added. */
  async room(): Promise<void> {
    // A write that failed is reported by `failed`.
    if (this.#inFlight.size < IN_FLIGHT_MAX) return
    const [oldest] = this.#inFlight.values()
    await oldest
  }

  /** Writes what was added before the call. Resolves when all writes have ended, failed or not. */
  async written(): Promise<void> {
    this.#flush()
    const mark = this.#begun
    await Promise.all(this.#inFlight.values())
    this.#written = mark
  }

  /** Makes what was written durable by fdatasync, unless it is. Rejects with the system's error. */
  async sync(): Promise<void> {
    const mark = this.#written
    if (mark.end === this.#synced.end) return
    try {
      await this.#file.datasync()
    } catch (error) {
      this.#failure ??= error
      throw error
    }
    this.#synced = mark
  }

  /** A copy of a value that is not yet written; undefined where it is. */
  unwritten({ offset, length }: Place): Buffer | undefined {
    for (const batch of this.#unwritten()) {
      const at = offset - batch.start
      if (at < 0 || at >= batch.fill) continue
      const copy = Buffer.allocUnsafeSlow(length)
      batch.slab.copy(copy, 0, at, at + length)
      return copy
    }
    return undefined
  }

  *#unwritten(): Generator<Batch> {
    if (this.#current !== undefined) yield this.#current
    yield* this.#inFlight.keys()
  }

  #put({ number, blob, index, value }: NumberedValue): Place {
    const batch = this.#current ?? { slab: takeSlab(), start: this.#begun.end, fill: 0, number }
    this.#current = batch
    const { length } = value
    writeHead(batch.slab, batch.fill, { number, blob, index, length })
    const at = batch.fill + HEAD_BYTES
    value.copy(batch.slab, at)
    batch.fill = at + length
    batch.number = number
    const place = { offset: batch.start + at, length }
    if (batch.fill >= BATCH_BYTES) this.#flush()
    return place
  }

  #flush(): void {
    const batch = this.#current
    if (batch === undefined || this.#failure !== undefined) return
    this.#current = undefined
    const bytes = toPage(batch.fill)
    // A slab was used before, and an old head in the rest of the page would be taken for a record.
    batch.slab.fill(0, batch.fill, bytes)
    this.#begun = { number: batch.number, end: batch.start + bytes }
    this.#inFlight.set(batch, this.#write(batch, bytes))
  }

  async #write(batch: Batch, bytes: number): Promise<void> {
    try {
      await this.#file.write(batch.slab, bytes, batch.start)
    } catch (error) {
      this.#failure ??= error
      this.#failed(error)
      // The slab stays for those who read what was not written.
      return
    }
    this.#inFlight.delete(batch)
    giveSlab(batch.slab)
  }
}

/** Bytes that a sealed record takes in the file. */
export const storedBytesOf = (length: number) => HEAD_BYTES + length + TRAILER_BYTES
