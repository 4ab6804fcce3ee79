// Reads a range of a blob's records out of one volume, a few of them ahead, and lets out none whose
// checksum does not hold for its number, its blob and its index.
import { release } from '../bytes/release.ts'
import { CofferError } from '../errors.ts'
import { decodePiece, type Run } from './locator.ts'
import { RecordSum } from './record.ts'
import {
  type BlobId,
  type BlobReader,
  type PieceSource,
  RECORDS_PER_PIECE,
  type StoredRecord,
} from './store.ts'
import type { Volume } from './volume.ts'

/** Records asked for at once: each hand-over between threads costs as much as reading a record. */
const BATCH_RECORDS = 8
/** Batches asked for and not yet given out. */
const AHEAD_MAX = 2

interface Batch {
  /** Index of the batch's first record. */
  readonly first: number
  readonly numbers: readonly number[]
  readonly values: Promise<(Buffer | undefined)[]>
}

export class VolumeReader implements BlobReader {
  readonly #volume: Volume
  readonly #id: BlobId
  readonly #pieces: PieceSource
  readonly #last: number
  readonly #sum: RecordSum
  readonly #ahead: Batch[] = []
  /** The batch that records are given out of, and those of its values that are left. */
  #batch: Batch | undefined
  #values: (Buffer | undefined)[] = []
  /** What is left of the piece that `#next` lies in. */
  #runs: Run[] = []
  /** Index of the next record to ask for. */
  #next: number
  /** Index up to which (exclusive) `#runs` reaches. */
  #known: number
  #closed = false

  constructor(volume: Volume, id: BlobId, pieces: PieceSource, first: number, last: number) {
    this.#volume = volume
    this.#id = id
    this.#pieces = pieces
    this.#next = first
    this.#known = first
    this.#last = last
    this.#sum = new RecordSum(id)
  }

  async read(): Promise<StoredRecord | undefined> {
    if (this.#values.length === 0 && !(await this.#nextBatch())) return undefined
    const { first, numbers } = this.#batch!
    const at = numbers.length - this.#values.length
    const whole = this.#values.shift()
    const number = numbers[at]!
    const sealed = whole && this.#sum.check(whole, number, first + at)
    if (whole === undefined || sealed === undefined) {
      throw this.#corrupt(whole === undefined ? 'record missing' : 'record checksum', number)
    }
    return { sealed, whole }
  }

  close(): void {
    this.#closed = true
    releaseAll(this.#values.splice(0))
    for (const { values } of this.#ahead.splice(0)) values.then(releaseAll, () => undefined)
  }

  /** Takes the batch that was asked for first, and keeps others coming. False at the end. */
  async #nextBatch(): Promise<boolean> {
    await this.#askAhead()
    const batch = this.#ahead.shift()
    if (batch === undefined || this.#closed) return false
    const values = await this.#wait(batch)
    if (this.#closed) {
      releaseAll(values)
      return false
    }
    this.#batch = batch
    this.#values = values
    await this.#askAhead()
    return true
  }

  async #askAhead(): Promise<void> {
    while (!this.#closed && this.#ahead.length < AHEAD_MAX && this.#next <= this.#last) {
      if (this.#next === this.#known) await this.#loadPiece()
      else this.#ask()
    }
  }

  #ask(): void {
    const first = this.#next
    const end = Math.min(this.#last + 1, this.#known, first + BATCH_RECORDS)
    const numbers: number[] = []
    while (this.#next < end) {
      const run = this.#runs[0]!
      numbers.push(run.first)
      if (run.length === 1) this.#runs.shift()
      else this.#runs[0] = { first: run.first + 1, length: run.length - 1 }
      this.#next++
    }
    const values = this.#volume.getMany(numbers)
    // Heard of when its turn comes, which may be never.
    values.catch(() => undefined)
    this.#ahead.push({ first, numbers, values })
  }

  async #loadPiece(): Promise<void> {
    const piece = Math.floor(this.#next / RECORDS_PER_PIECE)
    const runs = decodePiece(await this.#pieces(piece))
    const begin = piece * RECORDS_PER_PIECE
    this.#known = runs.reduce((sum, run) => sum + run.length, begin)
    if (this.#known <= this.#next) throw this.#corrupt('locator too short')
    this.#runs = dropRecords(runs, this.#next - begin)
  }

  async #wait(batch: Batch): Promise<(Buffer | undefined)[]> {
    try {
      return await batch.values
    } catch (error) {
      if (error instanceof CofferError) throw error
      const record = batch.numbers[0]!
      if ((error as { code?: string }).code === 'LEVEL_CORRUPTION') {
        throw this.#corrupt('database', record, error)
      }
      const details = { what: 'read failed', volume: this.#volume.id, record }
      throw new CofferError('StoreUnavailable', details, error)
    }
  }

  #corrupt(what: string, record?: number, cause?: unknown): CofferError {
    const details = { what, volume: this.#volume.id, record, blob: this.#id }
    return new CofferError('StoreCorrupt', details, cause)
  }
}

function releaseAll(values: readonly (Buffer | undefined)[]): void {
  for (const value of values) if (value !== undefined) release(value)
}

/** Runs without their first `count` records, of which there are more. */
function dropRecords(runs: Run[], count: number): Run[] {
  let left = count
  let at = 0
  while (runs[at]!.length <= left) left -= runs[at++]!.length
  const { first, length } = runs[at]!
  return [{ first: first + left, length: length - left }, ...runs.slice(at + 1)]
}
