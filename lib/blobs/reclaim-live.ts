// Which records of a volume are named by rows, and which blob each belongs to. It is filled from the catalog
// for reclaim and salvage. A record takes about eight bytes, so that a volume of millions of records
// fits into memory.
import { CofferError } from '../errors.ts'
import { decodePiece } from './locator.ts'
import type { BlobId } from './store.ts'

export interface LiveRecord {
  readonly number: number
  readonly blob: BlobId
  /** The record's index in its blob. */
  readonly index: number
}

const CHUNK_RECORDS = 65_536
const ID_BYTES = 16

/** The owners of one range of record numbers. */
interface Chunk {
  /** For each record, one more than the position of its blob in the list of ids; 0 where no blob owns it. */
  readonly owners: Uint32Array
  readonly indexes: Uint32Array
}

export class LiveRecords {
  readonly #volume: string
  readonly #end: number
  readonly #chunks = new Map<number, Chunk>()
  #ids = Buffer.alloc(ID_BYTES * 64)
  #blobs = 0
  #records = 0
  #lastNumber = 0

  /** `end` is one more than the highest number of a record in the volume. */
  constructor(volume: string, end: number) {
    this.#volume = volume
    this.#end = end
  }

  get blobs(): number {
    return this.#blobs
  }

  get records(): number {
    return this.#records
  }

  /** The highest number of a live record; 0 where there is none. */
  get lastNumber(): number {
    return this.#lastNumber
  }

  /**
   * Adds a blob with all pieces of its locator. Returns how many records the blob has. Throws StoreCorrupt
   * where the locator names a record that the volume cannot have, or one that another blob owns.
   */
  add(blob: BlobId, pieces: readonly Buffer[]): number {
    this.#keepId(blob)
    let index = 0
    for (const piece of pieces) {
      for (const { first, length } of decodePiece(piece)) {
        for (let number = first; number < first + length; number++) {
          this.#claim(number, blob, index++)
        }
      }
    }
    return index
  }

  /** The record with that number; undefined where no blob owns it. */
  at(number: number): LiveRecord | undefined {
    const chunk = this.#chunks.get(Math.floor(number / CHUNK_RECORDS))
    const at = number % CHUNK_RECORDS
    const owner = chunk?.owners[at] ?? 0
    return owner === 0 ? undefined : { number, blob: this.#idOf(owner), index: chunk!.indexes[at]! }
  }

  /** The live record with the lowest number above `number`. */
  behind(number: number): LiveRecord | undefined {
    for (let next = number + 1; next <= this.#lastNumber; next++) {
      const record = this.at(next)
      if (record !== undefined) return record
    }
    return undefined
  }

  /** All live records by rising number, in slices of `count`. */
  *slices(count: number): Generator<LiveRecord[]> {
    let slice: LiveRecord[] = []
    for (const [place, { owners, indexes }] of [...this.#chunks].sort(([a], [b]) => a - b)) {
      for (let at = 0; at < CHUNK_RECORDS; at++) {
        const owner = owners[at]!
        if (owner === 0) continue
        const number = place * CHUNK_RECORDS + at
        slice.push({ number, blob: this.#idOf(owner), index: indexes[at]! })
        if (slice.length < count) continue
        yield slice
        slice = []
      }
    }
    if (slice.length > 0) yield slice
  }

  #claim(number: number, blob: BlobId, index: number): void {
    // Number 0 is the volume's header.
    if (number < 1 || number >= this.#end)
      throw this.#corrupt('a row names no record', number, blob)
    const chunk = this.#chunkOf(Math.floor(number / CHUNK_RECORDS))
    const at = number % CHUNK_RECORDS
    if (chunk.owners[at] !== 0) throw this.#corrupt('two blobs have one record', number, blob)
    chunk.owners[at] = this.#blobs
    chunk.indexes[at] = index
    this.#records++
    this.#lastNumber = Math.max(this.#lastNumber, number)
  }

  #chunkOf(place: number): Chunk {
    let chunk = this.#chunks.get(place)
    if (chunk === undefined) {
      const [owners, indexes] = [new Uint32Array(CHUNK_RECORDS), new Uint32Array(CHUNK_RECORDS)]
      chunk = { owners, indexes }
      this.#chunks.set(place, chunk)
    }
    return chunk
  }

  #keepId(blob: BlobId): void {
    if (this.#blobs * ID_BYTES === this.#ids.length) {
      this.#ids = Buffer.concat([this.#ids, Buffer.alloc(this.#ids.length)])
    }
    this.#ids.write(blob, this.#blobs * ID_BYTES, 'hex')
    this.#blobs++
  }

  #idOf(owner: number): BlobId {
    return this.#ids.toString('hex', (owner - 1) * ID_BYTES, owner * ID_BYTES)
  }

  #corrupt(what: string, record: number, blob: BlobId): CofferError {
    return new CofferError('StoreCorrupt', { what, volume: this.#volume, record, blob })
  }
}
