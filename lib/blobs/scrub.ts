// Reads a volume from its files and verifies the checksum of every record. Needs no keys, does
// not disturb a node that has the volume open, and changes nothing.
import type { Damage } from '../damage.ts'
import { decodeHeader } from './header.ts'
import type { VolumeFiles } from './scan.ts'
import type { NamedRecords, NamedRun } from './scrub-records.ts'
import type { BlobId } from './store.ts'

/** A part of a volume that is not as it was written. */
export type VolumeFinding =
  | { readonly kind: 'file'; readonly damage: Damage }
  | { readonly kind: 'header'; readonly what: string }
  | RecordsFinding

/** Records of one blob that follow one another and have the same fault. */
export interface RecordsFinding {
  readonly kind: 'records'
  readonly wrong: 'missing' | 'rotten'
  /** Number of the first record. */
  readonly record: number
  readonly blob: BlobId
  /** Index of the first record in the blob. */
  readonly index: number
  readonly count: number
  /** The system's error of a piece that could not be read, in which missing records may lie. */
  readonly unreadable?: string
}

export interface VolumeScrub {
  readonly files: VolumeFiles
  readonly volume: string
  /** Null where the catalog is not known. */
  readonly catalogId: string | null
  readonly named: NamedRecords
  /** Records with lower numbers were read by an earlier run. */
  readonly fromNumber: number
  readonly report: (finding: VolumeFinding) => void
  /** Called when all records below `number` have been read. The scrub ends where it returns false. */
  readonly passed: (number: number) => Promise<boolean> | boolean
}

/** Reports findings. Returns how many named records were read and are whole. */
export async function scrubVolume(scrub: VolumeScrub): Promise<number> {
  const { files, named, fromNumber, report } = scrub
  const wrong = new WrongRecords(report)
  const damaged = (damage: Damage) => {
    wrong.unreadable ??= damage.unreadable
    report({ kind: 'file', damage })
  }
  for (const damage of files.damages) damaged(damage)
  const walk = new RunWalk(named, fromNumber, (run, number) => wrong.add('missing', run, number))
  let sound = 0
  let header = fromNumber > 0
  let isEmpty = true
  for await (const { number, value } of files.scan(fromNumber, damaged)) {
    isEmpty = false
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
  // A volume without any record is being made, or was never used.
  if (!header && !isEmpty && wrong.unreadable === undefined)
    report({ kind: 'header', what: 'is missing' })
  return sound
}

/** Joins findings about records that follow one another: a lost volume is a line for each blob, not for each
 * record. */
class WrongRecords {
  readonly #report: (finding: RecordsFinding) => void
  #last: RecordsFinding | undefined
  /** The system's error of a piece that could not be read; undefined before that. */
  unreadable: string | undefined

  constructor(report: (finding: RecordsFinding) => void) {
    this.#report = report
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
    if (this.#last !== undefined) this.#report(this.#last)
    this.#last = undefined
  }
}

function checkHeader({ volume, catalogId, report }: VolumeScrub, value: Buffer): void {
  const header = decodeHeader(value, 0)
  if (header === undefined) report({ kind: 'header', what: 'does not hold its checksum' })
  else if (header.volume !== volume)
    report({ kind: 'header', what: `is of volume ${header.volume}` })
  else if (catalogId !== null && header.catalog !== catalogId)
    report({ kind: 'header', what: 'is of another catalog' })
}

/** Walks the named runs along rising numbers, and reports the records that were skipped. */
class RunWalk {
  readonly #runs: readonly NamedRun[]
  readonly #missing: (run: NamedRun, number: number) => void
  #next = 0
  /** Runs that have begun and not ended. There is one, unless two blobs claim the same record. */
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

  /** The runs that contain that number. */
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
