// Where a blob's records lie in its volume: runs of numbers, cut into pieces of RECORDS_PER_PIECE records. For
// each run a piece holds two LEB128 numbers: the distance of its first number from the end of the run before
// (from 0 for the first run), and its length. Each piece begins anew, so that any piece can be decoded alone.
// Pieces are part of the stored format (docs/format.md).
import { CofferError } from '../errors.ts'
import { RECORDS_PER_PIECE } from './store.ts'

/** `length` records with the numbers `first`, `first` + 1, … */
export interface Run {
  readonly first: number
  readonly length: number
}

/** Encodes runs in rising order as one piece. */
export function encodePiece(runs: readonly Run[]): Buffer {
  const bytes: number[] = []
  let end = 0
  for (const run of runs) {
    pushVarint(bytes, run.first - end)
    pushVarint(bytes, run.length)
    end = run.first + run.length
  }
  return Buffer.from(bytes)
}

/** Decodes a piece. Throws StoreCorrupt where `encodePiece` cannot have made it. */
export function decodePiece(piece: Buffer): Run[] {
  const runs: Run[] = []
  let offset = 0
  let end = 0
  let records = 0
  const next = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = piece[offset++]
      // Also refuses what no safe integer holds, and a last byte of zero, which adds nothing.
      if (byte === undefined || (byte === 0 && scale > 1)) throw malformed(offset)
      value += (byte & 0x7f) * scale
      if (value > Number.MAX_SAFE_INTEGER) throw malformed(offset)
      if (byte < 0x80) return value
    }
  }
  while (offset < piece.length) {
    const first = end + next()
    const length = next()
    end = first + length
    records += length
    if (length === 0 || records > RECORDS_PER_PIECE || !Number.isSafeInteger(end)) {
      throw malformed(offset)
    }
    runs.push({ first, length })
  }
  return runs
}

/** Collects the numbers of a blob's records in the order of their indexes. The numbers only grow. */
export class LocatorBuilder {
  readonly #pieces: Buffer[] = []
  #runs: { first: number; length: number }[] = []
  #records = 0

  get records(): number {
    return this.#records
  }

  add(number: number): void {
    if (this.#records > 0 && this.#records % RECORDS_PER_PIECE === 0) this.#cut()
    this.#records++
    const run = this.#runs.at(-1)
    if (run !== undefined && run.first + run.length === number) run.length++
    else this.#runs.push({ first: number, length: 1 })
  }

  /** Returns the pieces. Nothing may be added afterwards. */
  finish(): Buffer[] {
    if (this.#runs.length > 0) this.#cut()
    return this.#pieces
  }

  #cut(): void {
    this.#pieces.push(encodePiece(this.#runs))
    this.#runs = []
  }
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
}

function malformed(offset: number): CofferError {
  return new CofferError('StoreCorrupt', { what: 'locator', offset })
}
