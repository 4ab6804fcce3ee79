// Seam 2: the catalog, an ordered key-value store with one mutation. It knows bytes, revisions and
// counters, and nothing of accounts or objects: `keys.ts` and `rows.ts` give rows their meaning.
import { CofferError } from '../errors.ts'

/** A commit's id, chosen by whoever commits: 32 lower-case hex digits (16 random bytes). It becomes
 * the revision of every row the commit touches, so a lost answer can be settled by reading a row. */
export type CommitId = string

export interface Row {
  /** UTF-8 text; rows are ordered by its bytes. */
  readonly key: string
  /** The caller's bytes, without revision and checksum; of a counter row its integers, 64-bit big-endian. */
  readonly value: Buffer
  readonly revision: CommitId
}

export interface Counters {
  readonly values: readonly number[]
  readonly revision: CommitId
}

export interface Scan {
  /** First key, inclusive. */
  readonly from: string
  /** End of the range, exclusive. */
  readonly to: string
  /** Rows and groups in the page, 1 to SCAN_LIMIT_MAX. */
  readonly limit: number
  /** From the last key downwards. A group is then met at its last key within the range. */
  readonly reverse?: boolean
  /** Keys that begin with `prefix` and contain `delimiter` (not empty) after it are folded into one
   * entry: the key up to and including the first such delimiter. It is an entry of the page as soon as one
   * of its keys lies within the range. */
  readonly group?: { readonly prefix: string; readonly delimiter: string }
}

export interface Page {
  readonly entries: readonly (Row | Group)[]
  /** `from` of the next page (`to` of the next, when reverse); absent at the end of the range. */
  readonly cursor?: string
  /** The entry that the next page begins with: whoever fills a page need not ask for one row more. */
  readonly following?: Row | Group
}

/** Stands for all rows whose key begins with `group`. */
export interface Group {
  readonly group: string
}

export interface Expectation {
  readonly key: string
  /** The revision the row must still have; null: there must be no such row. */
  readonly revision: CommitId | null
}

export interface Commit {
  readonly id: CommitId
  readonly expect?: readonly Expectation[]
  readonly put?: readonly { readonly key: string; readonly value: Buffer }[]
  readonly del?: readonly string[]
  /** Adds to a counter row (absent, or shorter, counts as zeros) and gives it this commit's revision. A
   * row is either a counter row or a plain row for ever. A sum below zero is a bug and rejects the commit.
   * All three lists together name a key at most once. */
  readonly add?: readonly { readonly key: string; readonly deltas: readonly number[] }[]
}

/** Most rows and groups in one page of `scan`. */
export const SCAN_LIMIT_MAX = 1000

/** Most rows a commit may touch, all four lists together. */
export const COMMIT_ROWS_MAX = 100

/** A row as the store keeps it, with revision and checksum (framing.ts). */
export interface RawRow {
  readonly key: string
  readonly framed: Buffer
}

/** All rows as they were at one moment, however long it takes to read them. */
export interface Snapshot {
  /** Of that moment. */
  readonly commitNumber: number
  /**
   * The next rows behind `after` ('' begins, then the last key given) in byte order, without the catalog's row about
   * itself; none at the end. Checks no checksum. Throws StoreUnavailable where the moment is lost.
   */
  rowsBehind(after: string): Promise<RawRow[]>
  close(): Promise<void>
}

/**
 * Every read throws StoreUnavailable where it cannot be done now. That includes a row, or a range with a row, that a
 * commit of unknown outcome would change: no caller can decide from it and be undone when the commit shows after all.
 */
export interface Catalog {
  /** Random and for ever the same: volumes carry it. 32 hex digits. */
  readonly id: string
  /** Grows with every durable commit (a group commit may raise it once). */
  readonly commitNumber: number
  /** Throws StoreCorrupt where the row's checksum does not hold, StoreUnavailable where it cannot be read. */
  get(key: string): Promise<Row | undefined>
  /** Several rows at one point in time, in the order asked. */
  getMany(keys: readonly string[]): Promise<(Row | undefined)[]>
  getCounters(key: string): Promise<Counters | undefined>
  /** One page of one snapshot, in byte order. */
  scan(range: Scan): Promise<Page>
  /**
   * All or nothing; durable when it resolves. Throws
   * - `Conflict` when an expectation did not hold: nothing was done;
   * - CofferError StoreUnavailable when nothing can be written now: nothing was done;
   * - `CommitUnknown` when it may have been done or not, which shows later;
   * - CofferError Internal for a commit that breaks a rule of this seam, StoreCorrupt for a rotten row
   *   that it depends on: nothing was done.
   * `put` values are copied before it returns.
   */
  commit(commit: Commit): Promise<void>
  /** Null when writes are accepted, else why not (for health and log). */
  readonly impaired: string | null
  /** Holds the present moment while others commit. Throws StoreUnavailable. */
  snapshot(): Promise<Snapshot>
  /**
   * Rewrites the store's files without those rows from `from` to `to` that were replaced or removed before;
   * absent where that is the store's own business. Neither end is, or will be, the key of a row. Reads and
   * commits go on; one call at a time. Throws StoreUnavailable.
   */
  compact?(from: string, to: string): Promise<void>
  /** Raises `commitNumber` to at least that, durably, for a catalog that an operator has accepted although it is
   * older than its volumes. Nobody commits meanwhile. Throws StoreUnavailable. */
  advance(commitNumber: number): Promise<void>
  close(): Promise<void>
}

/** CofferError OutcomeUnknown: a commit may have been done or not. */
export class CommitUnknown extends CofferError {
  /** Resolves once that is known: true where the commit was done. It may take as long as the store is away, and
   * stays pending where the catalog is closed before. Never rejects. */
  readonly done: Promise<boolean>

  constructor(done: Promise<boolean>, cause?: unknown) {
    super('OutcomeUnknown', { message: 'the outcome of the commit is not known yet' }, cause)
    this.done = done
  }
}

/** An expectation of a commit did not hold. `key` is the first such row. */
export class Conflict extends Error {
  readonly key: string
  constructor(key: string) {
    super('conflict')
    this.name = 'Conflict'
    this.key = key
  }
}

/** Bytes of one integer of a counter row. */
export const COUNTER_BYTES = 8

/** The integers of a counter row, from the value that `get` and `scan` give. Throws StoreCorrupt where they are
 * not whole, or one is beyond 2⁵³ − 1. */
export function countersOf(value: Buffer): number[] {
  const values: number[] = []
  for (let at = 0; at < value.length; at += COUNTER_BYTES) {
    const whole = at + COUNTER_BYTES <= value.length
    const count = whole ? Number(value.readBigInt64BE(at)) : Number.NaN
    if (!Number.isSafeInteger(count)) {
      throw new CofferError('StoreCorrupt', { what: 'a counter beyond its range' })
    }
    values.push(count)
  }
  return values
}
