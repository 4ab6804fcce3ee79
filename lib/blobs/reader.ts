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

/** Records asked for and not yet given out. */
const AHEAD_MAX = 4

interface Asked {
  readonly number: number
  readonly index: number
  readonly value: Promise<Buffer | undefined>
}

export class VolumeReader implements BlobReader {
  readonly #volume: Volume
  readonly #id: BlobId
  readonly #pieces: PieceSource
  readonly #last: number
  readonly #sum: RecordSum
  readonly #ahead: Asked[] = []
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
    while (!this.#closed && this.#ahead.length < AHEAD_MAX && this.#next <= this.#last) {
      if (this.#next === this.#known) await this.#loadPiece()
      else this.#ask()
    }
    const asked = this.#ahead.shift()
    if (asked === undefined) return undefined
    const whole = await this.#wait(asked)
    const sealed = whole && this.#sum.check(whole, asked.number, asked.index)
    if (whole === undefined || sealed === undefined) {
      throw this.#corrupt(whole === undefined ? 'record missing' : 'record checksum', asked.number)
    }
    return { sealed, whole }
  }

  close(): void {
    this.#closed = true
    for (const { value } of this.#ahead.splice(0)) {
      value.then((whole) => whole && release(whole)).catch(() => undefined)
    }
  }

  #ask(): void {
    const run = this.#runs[0]!
    const number = run.first
    if (run.length === 1) this.#runs.shift()
    else this.#runs[0] = { first: number + 1, length: run.length - 1 }
    const value = this.#volume.get(number)
    // Heard of when its turn comes, which may be never.
    value.catch(() => undefined)
    this.#ahead.push({ number, index: this.#next++, value })
  }

  async #loadPiece(): Promise<void> {
    const piece = Math.floor(this.#next / RECORDS_PER_PIECE)
    const runs = decodePiece(await this.#pieces(piece))
    const begin = piece * RECORDS_PER_PIECE
    this.#known = runs.reduce((sum, run) => sum + run.length, begin)
    if (this.#known <= this.#next) throw this.#corrupt('locator too short')
    this.#runs = dropRecords(runs, this.#next - begin)
  }

  async #wait(asked: Asked): Promise<Buffer | undefined> {
    try {
      return await asked.value
    } catch (error) {
      if (error instanceof CofferError) throw error
      if ((error as { code?: string }).code === 'LEVEL_CORRUPTION') {
        throw this.#corrupt('database', asked.number, error)
      }
      const details = { what: 'read failed', volume: this.#volume.id, record: asked.number }
      throw new CofferError('StoreUnavailable', details, error)
    }
  }

  #corrupt(what: string, record?: number, cause?: unknown): CofferError {
    const details = { what, volume: this.#volume.id, record, blob: this.#id }
    return new CofferError('StoreCorrupt', details, cause)
  }
}

/** Runs without their first `count` records, of which there are more. */
function dropRecords(runs: Run[], count: number): Run[] {
  let left = count
  let at = 0
  while (runs[at]!.length <= left) left -= runs[at++]!.length
  const { first, length } = runs[at]!
  return [{ first: first + left, length: length - left }, ...runs.slice(at + 1)]
}
