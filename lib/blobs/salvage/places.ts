// Where the found records lie in a volume's files. A record takes 16 bytes, because a volume may have millions.

export interface RecordPlace {
  /** The position of the file in the list of those that were read. */
  readonly file: number
  readonly offset: number
  /** Length of the value in bytes. */
  readonly length: number
}

const CHUNK_RECORDS = 65_536

/** The places of one range of record numbers. */
interface Chunk {
  readonly files: Uint32Array
  readonly offsets: Float64Array
  /** One more than the length; 0 where no place is known. */
  readonly lengths: Uint32Array
}

export class RecordPlaces {
  readonly #chunks = new Map<number, Chunk>()

  set(number: number, { file, offset, length }: RecordPlace): void {
    const place = Math.floor(number / CHUNK_RECORDS)
    let chunk = this.#chunks.get(place)
    if (chunk === undefined) {
      chunk = {
        files: new Uint32Array(CHUNK_RECORDS),
        offsets: new Float64Array(CHUNK_RECORDS),
        lengths: new Uint32Array(CHUNK_RECORDS),
      }
      this.#chunks.set(place, chunk)
    }
    const at = number % CHUNK_RECORDS
    chunk.files[at] = file
    chunk.offsets[at] = offset
    chunk.lengths[at] = length + 1
  }

  /** The place of a record; undefined where none was set. */
  of(number: number): RecordPlace | undefined {
    const chunk = this.#chunks.get(Math.floor(number / CHUNK_RECORDS))
    const at = number % CHUNK_RECORDS
    const length = chunk?.lengths[at] ?? 0
    if (length === 0) return undefined
    return { file: chunk!.files[at]!, offset: chunk!.offsets[at]!, length: length - 1 }
  }
}
