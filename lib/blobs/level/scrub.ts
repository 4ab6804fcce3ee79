// Reads a volume from its files alone and holds every record against its checksum, without keys, without
// LevelDB, and without disturbing a node that has it open. Changes nothing.
import type { Damage } from '../../leveldb/coding.ts'
import type { DatabaseFiles } from '../../leveldb/database-files.ts'
import { decodeHeader } from '../header.ts'
import { KEY_BYTES, readUint64, recordKey } from '../record.ts'
import type { NamedRecords, NamedRun } from '../scrub-records.ts'
import type { BlobId } from '../store.ts'

/** Something in a volume that is not as it was written. */
export type VolumeFinding =
  | { readonly kind: 'file'; readonly damage: Damage }
  | { readonly kind: 'header'; readonly what: string }
  | RecordsFinding

/** Records of one blob that follow one another, and have the same wrong with them. */
export interface RecordsFinding {
  readonly kind: 'records'
  readonly wrong: 'missing' | 'rotten'
  /** The first one's number. */
  readonly record: number
  readonly blob: BlobId
  /** The first one's index in the blob. */
  readonly index: number
  readonly count: number
  /** Missing ones may be in a piece that cannot be read: the system's error of that. */
  readonly unreadable?: string
}

export interface VolumeScrub {
  readonly files: DatabaseFiles
  readonly volume: string
  /** Null: not known. */
  readonly catalogId: string | null
  readonly named: NamedRecords
  /** Records with lower numbers were read by an earlier run. */
  readonly fromNumber: number
  readonly tell: (finding: VolumeFinding) => void
  /** All records below that number have been read. False: stop here. */
  readonly passed: (number: number) => Promise<boolean> | boolean
}

/** Returns how many named records were read and hold. */
export async function scrubVolume(scrub: VolumeScrub): Promise<number> {
  const { files, named, fromNumber, tell } = scrub
  const wrong = new WrongRecords(tell)
  const damaged = (damage: Damage) => {
    wrong.unreadable ??= damage.unreadable
    tell({ kind: 'file', damage })
  }
  for (const damage of files.damages) damaged(damage)
  const walk = new RunWalk(named, fromNumber, (run, number) => wrong.add('missing', run, number))
  let sound = 0
  let header = fromNumber > 0
  let isEmpty = true
  for await (const { key, value } of files.scan({ from: recordKey(fromNumber) }, damaged)) {
    if (key.length !== KEY_BYTES) continue
    isEmpty = false
    const number = readUint64(key, 0)
    if (number === 0) {
      header = true
      checkHeader(scrub, value)
    }
    for (const run of walk.at(number)) {
      if (named.holds(run, number, value)) sound++
      else wrong.add('rotten', run, number)
    }
    if (!(await scrub.passed(number + 1))) {
      wrong.end()
      return sound
    }
  }
  walk.end()
  wrong.end()
  // One without any record is being made, or was never used.
  if (!header && !isEmpty && wrong.unreadable === undefined)
    tell({ kind: 'header', what: 'is missing' })
  return sound
}

/** Joins what is wrong with records that follow one another: a lost volume is a line a blob, not one a record. */
class WrongRecords {
  readonly #tell: (finding: RecordsFinding) => void
  #last: RecordsFinding | undefined
  /** The system's error, once a piece could not be read. */
  unreadable: string | undefined

  constructor(tell: (finding: RecordsFinding) => void) {
    this.#tell = tell
  }

  add(wrong: RecordsFinding['wrong'], run: NamedRun, record: number): void {
    const { blob } = run
    const index = run.index + record - run.first
    const last = this.#last
    if (
      last?.blob === blob &&
      last.wrong === wrong &&
      last.record + last.count === record &&
      last.index + last.count === index
    ) {
      this.#last = { ...last, count: last.count + 1 }
      return
    }
    this.end()
    const found = { kind: 'records', wrong, record, blob, index, count: 1 } as const
    const { unreadable } = this
    this.#last = wrong === 'missing' && unreadable !== undefined ? { ...found, unreadable } : found
  }

  end(): void {
    if (this.#last !== undefined) this.#tell(this.#last)
    this.#last = undefined
  }
}

function checkHeader({ volume, catalogId, tell }: VolumeScrub, value: Buffer): void {
  const header = decodeHeader(value, 0)
  if (header === undefined) tell({ kind: 'header', what: 'does not hold its checksum' })
  else if (header.volume !== volume) tell({ kind: 'header', what: `is of volume ${header.volume}` })
  else if (catalogId !== null && header.catalog !== catalogId)
    tell({ kind: 'header', what: 'is of another catalog' })
}

/** Walks the named runs along rising numbers, and tells of those that were passed over. */
class RunWalk {
  readonly #runs: readonly NamedRun[]
  readonly #missing: (run: NamedRun, number: number) => void
  #next = 0
  /** Runs that have begun and not ended: one, where no two blobs claim the same record. */
  #begun: { readonly run: NamedRun; number: number }[] = []

  constructor(
    named: NamedRecords,
    fromNumber: number,
    missing: (run: NamedRun, number: number) => void,
  ) {
    this.#missing = missing
    this.#runs = named.runs().filter(({ first, length }) => first + length > fromNumber)
    this.#begin(fromNumber)
    for (const each of this.#begun) each.number = Math.max(each.number, fromNumber)
  }

  /** The runs that have that number. */
  at(number: number): NamedRun[] {
    this.#passTo(number)
    const here = this.#begun.filter((each) => each.number === number)
    for (const each of here) each.number++
    this.#drop()
    return here.map(({ run }) => run)
  }

  end(): void {
    this.#passTo(Number.MAX_SAFE_INTEGER)
  }

  #passTo(number: number): void {
    this.#begin(number)
    for (const each of this.#begun) {
      const end = Math.min(number, each.run.first + each.run.length)
      for (; each.number < end; each.number++) this.#missing(each.run, each.number)
    }
    this.#drop()
  }

  #begin(number: number): void {
    for (; this.#next < this.#runs.length; this.#next++) {
      const run = this.#runs[this.#next]!
      if (run.first > number) return
      this.#begun.push({ run, number: run.first })
    }
  }

  #drop(): void {
    this.#begun = this.#begun.filter(({ run, number }) => number < run.first + run.length)
  }
}
