// Which record of a volume belongs to which blob, by the catalog. Scrub verifies a record with it, because the
// checksum covers the blob's id and the record's index.
import { decodePiece } from './locator.ts'
import { RecordSum } from './record.ts'
import type { BlobId } from './store.ts'

/** Records `first`, `first` + 1, … of a volume are records `index`, `index` + 1, … of a blob. */
export interface NamedRun {
  readonly first: number
  readonly length: number
  readonly blob: BlobId
  readonly index: number
}

/** Blobs whose checksums are kept ready. Records of blobs that were written together lie mixed. */
const SUMS_MAX = 64

export class NamedRecords {
  readonly #runs: NamedRun[] = []
  readonly #sums = new Map<BlobId, RecordSum>()
  #sorted = true

  get records(): number {
    return this.#runs.reduce((sum, { length }) => sum + length, 0)
  }

  /** Adds a blob with all pieces of its locator. Returns how many records it names. Throws StoreCorrupt. */
  add(blob: BlobId, pieces: readonly Buffer[]): number {
    const runs = pieces.flatMap(decodePiece)
    let index = 0
    for (const { first, length } of runs) {
      this.#runs.push({ first, length, blob, index })
      index += length
    }
    this.#sorted = false
    return index
  }

  /** All runs, by rising first number. */
  runs(): readonly NamedRun[] {
    if (!this.#sorted) this.#runs.sort((a, b) => a.first - b.first)
    this.#sorted = true
    return this.#runs
  }

  /** Pairs of blobs that claim the same record, each pair once, with the first such number. */
  overlaps(): { readonly number: number; readonly blobs: readonly [BlobId, BlobId] }[] {
    const found: { number: number; blobs: [BlobId, BlobId] }[] = []
    let widest: NamedRun | undefined
    for (const run of this.runs()) {
      if (widest !== undefined && run.first < widest.first + widest.length) {
        found.push({ number: run.first, blobs: [widest.blob, run.blob] })
      }
      const end = widest === undefined ? 0 : widest.first + widest.length
      if (run.first + run.length > end) widest = run
    }
    return found
  }

  /** True where `value` is record `number` of the run, and whole. */
  holds(run: NamedRun, number: number, value: Buffer): boolean {
    const index = run.index + number - run.first
    return this.#sumOf(run.blob).check(value, number, index) !== undefined
  }

  #sumOf(blob: BlobId): RecordSum {
    const known = this.#sums.get(blob)
    if (known !== undefined) return known
    if (this.#sums.size === SUMS_MAX) this.#sums.delete(this.#sums.keys().next().value!)
    const sum = new RecordSum(blob)
    this.#sums.set(blob, sum)
    return sum
  }
}
