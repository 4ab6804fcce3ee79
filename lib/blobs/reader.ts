// Reads a range of a blob's records from one volume, and verifies the checksum of each. A few records are read
// ahead of the caller. All readers share one budget of memory for that, and records that no caller takes are
// given back.
import type { Budget } from '../budget.ts'
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

/** Records in one batch: to pass a batch between threads costs as much as to read one record. */
const BATCH_RECORDS = 8
/** About what a record takes in memory. */
const RECORD_BYTES = 65_536
/** Batches that may be in flight or wait for the caller. */
const AHEAD_MAX = 2
/** Records that were read ahead are dropped when no `read` came for this long: the client has stopped. */
const REST_MS = 1000

interface Batch {
  /** Index of the batch's first record. */
  readonly first: number
  readonly numbers: readonly number[]
  /** Bytes that were taken from the budget for the batch. */
  readonly bytes: number
  readonly values: Promise<Value[]>
}

/** A record could not be read. */
class ReadFailure {
  readonly error: unknown

  constructor(error: unknown) {
    this.error = error
  }
}

/** Undefined: the volume has no such record. */
type Value = Buffer | ReadFailure | undefined

export class VolumeReader implements BlobReader {
  readonly #volume: Volume
  readonly #id: BlobId
  readonly #pieces: PieceSource
  readonly #last: number
  readonly #sum: RecordSum
  readonly #memory: Budget
  readonly #ahead: Batch[] = []
  /** The batch that `read` takes records from, and its values that are left. */
  #batch: Batch | undefined
  #values: Value[] = []
  /** The rest of the piece that contains record `#next`. */
  #runs: Run[] = []
  /** Index of the next record to request from the volume. */
  #next: number
  /** Index up to which (exclusive) `#runs` reaches. */
  #known: number
  /** Index of the next record to return to the caller. */
  #turn: number
  #isReading = false
  #timer: NodeJS.Timeout | undefined
  #closed = false

  /** `memory` is the budget of what all readers read ahead. */
  constructor(
    volume: Volume,
    id: BlobId,
    pieces: PieceSource,
    first: number,
    last: number,
    memory: Budget,
  ) {
    this.#volume = volume
    this.#id = id
    this.#pieces = pieces
    this.#next = first
    this.#known = first
    this.#turn = first
    this.#last = last
    this.#sum = new RecordSum(id)
    this.#memory = memory
  }

  async read(): Promise<StoredRecord | undefined> {
    this.#isReading = true
    try {
      if (this.#values.length === 0 && !(await this.#nextBatch())) return undefined
      return this.#give()
    } finally {
      this.#isReading = false
      this.#watch()
    }
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#drop()
  }

  #give(): StoredRecord {
    const { first, numbers } = this.#batch!
    const at = numbers.length - this.#values.length
    const whole = this.#values.shift()
    if (this.#values.length === 0) this.#memory.give(this.#batch!.bytes)
    this.#turn++
    const number = numbers[at]!
    if (whole instanceof ReadFailure) throw this.#failed(number, whole.error)
    const sealed = whole && this.#sum.check(whole, number, first + at)
    if (whole === undefined || sealed === undefined) {
      throw this.#corrupt(whole === undefined ? 'record missing' : 'record checksum', number)
    }
    return { sealed, whole }
  }

  /** Starts the timer that drops what no caller takes. A later `read` requests those records again. */
  #watch(): void {
    if (this.#closed || (this.#values.length === 0 && this.#ahead.length === 0)) return
    if (this.#timer !== undefined) this.#timer.refresh()
    else this.#timer = setTimeout(() => this.#rest(), REST_MS).unref()
  }

  #rest(): void {
    // A pending `read` means that the disk is slow, and not that the client has stopped.
    if (this.#isReading) return
    this.#drop()
    this.#next = this.#turn
    this.#known = this.#turn
  }

  #drop(): void {
    if (this.#values.length > 0) this.#memory.give(this.#batch!.bytes)
    releaseAll(this.#values.splice(0))
    for (const { values, bytes } of this.#ahead.splice(0)) {
      // The memory is in use until the disk has answered.
      const given = () => this.#memory.give(bytes)
      values.then(releaseAll, () => undefined).then(given)
    }
  }

  /** Makes the oldest requested batch the current one, and requests more. False after the last record. */
  async #nextBatch(): Promise<boolean> {
    await this.#requestAhead()
    const batch = this.#ahead.shift()
    if (batch === undefined || this.#closed) return false
    const values = await this.#wait(batch)
    if (this.#closed) {
      releaseAll(values)
      this.#memory.give(batch.bytes)
      return false
    }
    this.#batch = batch
    this.#values = values
    await this.#requestAhead()
    return true
  }

  async #requestAhead(): Promise<void> {
    while (!this.#closed && this.#ahead.length < AHEAD_MAX && this.#next <= this.#last) {
      if (this.#next === this.#known) await this.#loadPiece()
      else if (!this.#request()) return
    }
  }

  /** Requests as many records as the budget allows. One record is requested without the budget where no other
   * is at hand, because the caller waits for it and holds its memory. False where nothing was requested. */
  #request(): boolean {
    const first = this.#next
    const most = Math.min(this.#last + 1 - first, this.#known - first, BATCH_RECORDS)
    let bytes = most * RECORD_BYTES
    let end = first + most
    if (!this.#memory.tryTake(bytes)) {
      if (this.#values.length > 0 || this.#ahead.length > 0) return false
      bytes = 0
      end = first + 1
    }
    const numbers: number[] = []
    while (this.#next < end) {
      const run = this.#runs[0]!
      numbers.push(run.first)
      if (run.length === 1) this.#runs.shift()
      else this.#runs[0] = { first: run.first + 1, length: run.length - 1 }
      this.#next++
    }
    const values = this.#readBatch(numbers)
    // A rejection is handled when `#wait` takes the batch, which may never happen.
    values.catch(() => undefined)
    this.#ahead.push({ first, numbers, bytes, values })
    return true
  }

  async #loadPiece(): Promise<void> {
    const piece = Math.floor(this.#next / RECORDS_PER_PIECE)
    const runs = decodePiece(await this.#pieces(piece))
    const begin = piece * RECORDS_PER_PIECE
    this.#known = runs.reduce((sum, run) => sum + run.length, begin)
    if (this.#known <= this.#next) throw this.#corrupt('locator too short')
    this.#runs = dropRecords(runs, this.#next - begin)
  }

  /** Where a batch cannot be read, each of its records is read alone: a bad sector costs one record. */
  async #readBatch(numbers: readonly number[]): Promise<Value[]> {
    try {
      return await this.#volume.getMany(numbers)
    } catch (error) {
      if (error instanceof CofferError) throw error
      if (numbers.length === 1) return [new ReadFailure(error)]
    }
    const values: Value[] = []
    for (const number of numbers) values.push(...(await this.#readBatch([number])))
    return values
  }

  async #wait(batch: Batch): Promise<Value[]> {
    try {
      return await batch.values
    } catch (error) {
      this.#memory.give(batch.bytes)
      throw error
    }
  }

  #failed(record: number, error: unknown): CofferError {
    if ((error as { code?: string }).code === 'LEVEL_CORRUPTION') {
      return this.#corrupt('database', record, error)
    }
    const details = { what: 'read failed', volume: this.#volume.id, record }
    return new CofferError('StoreUnavailable', details, error)
  }

  #corrupt(what: string, record?: number, cause?: unknown): CofferError {
    const details = { what, volume: this.#volume.id, record, blob: this.#id }
    return new CofferError('StoreCorrupt', details, cause)
  }
}

function releaseAll(values: readonly Value[]): void {
  for (const value of values) if (Buffer.isBuffer(value)) release(value)
}

/** The runs without their first `count` records. There are more than `count` records in them. */
function dropRecords(runs: Run[], count: number): Run[] {
  let left = count
  let at = 0
  while (runs[at]!.length <= left) left -= runs[at++]!.length
  const { first, length } = runs[at]!
  return [{ first: first + left, length: length - left }, ...runs.slice(at + 1)]
}
