// Where each record of a volume lies in its file, by number. A record takes 8 bytes of memory, so that the places of
// 32 GiB of full records take 4 MB.

export interface Place {
  /** Where the record's value begins in the file. */
  readonly offset: number
  /** Length of the value in bytes. */
  readonly length: number
}

const CHUNK_RECORDS = 4096

/** The places of one range of numbers. Records follow one another in the file, and none is longer than VALUE_BYTES_MAX,
 * so that all offsets of a range are less than 4 GiB behind the first. */
interface Chunk {
  readonly base: number
  readonly offsets: Uint32Array
  /** One more than the length; 0 where there is no record. */
  readonly lengths: Uint32Array
}

export class Places {
  readonly #chunks = new Map<number, Chunk>()
  #last: number | undefined

  /** The highest number; undefined where there is none. */
  get last(): number | undefined {
    return this.#last
  }

  /** Adds a record, whose number and offset are greater than those of all before. */
  add(number: number, offset: number, length: number): void {
    const key = Math.floor(number / CHUNK_RECORDS)
    let chunk = this.#chunks.get(key)
    if (chunk === undefined) {
      const [offsets, lengths] = [new Uint32Array(CHUNK_RECORDS), new Uint32Array(CHUNK_RECORDS)]
      chunk = { base: offset, offsets, lengths }
      this.#chunks.set(key, chunk)
    }
    const at = number % CHUNK_RECORDS
    chunk.offsets[at] = offset - chunk.base
    chunk.lengths[at] = length + 1
    this.#last = number
  }

  /** The place of a record; undefined where there is none. */
  of(number: number): Place | undefined {
    const chunk = this.#chunks.get(Math.floor(number / CHUNK_RECORDS))
    const at = number % CHUNK_RECORDS
    const length = chunk?.lengths[at] ?? 0
    if (length === 0) return undefined
    return { offset: chunk!.base + chunk!.offsets[at]!, length: length - 1 }
  }

  /** The records behind number `after`, in order. */
  *behind(after: number): Generator<Place & { readonly number: number }> {
    const first = Math.floor((after + 1) / CHUNK_RECORDS)
    // Numbers only grow, so that the chunks were made in order.
    for (const key of this.#chunks.keys()) {
      if (key < first) continue
      for (let at = 0; at < CHUNK_RECORDS; at++) {
        const number = key * CHUNK_RECORDS + at
        const place = number > after ? this.of(number) : undefined
        if (place !== undefined) yield { number, ...place }
      }
    }
  }
}
