// Seam 2, the interface of the catalog: an ordered key-value store whose only mutation is `commit`. It has
// rows, revisions and counters, and nothing of accounts or objects. `keys.ts` and `rows.ts` give rows their
// meaning.
import { CofferError } from '../errors.ts'

/**
 * A commit's id, drawn by the caller: 32 lower-case hex digits (16 random bytes). It becomes the revision of
 * every row that the commit changes. A caller whose answer was lost can thus settle the outcome by reading a
 * row.
 */
export type CommitId = string

export interface Row {
  /** UTF-8 text. Rows are ordered by its bytes. */
  readonly key: string
  /** The caller's bytes, without revision and checksum. For a counter row: its integers, 64-bit big-endian. */
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
  /** Most rows and groups in the page, 1 to SCAN_LIMIT_MAX. */
  readonly limit: number
  /** Reads from the last key downwards. A group then stands where its last key in the range is. */
  readonly reverse?: boolean
  /** Keys that begin with `prefix`, and contain `delimiter` (not empty) after it, become one entry: the key up
   * to and including the first such delimiter. The entry is in the page where at least one of those keys is in
   * the range. */
  readonly group?: { readonly prefix: string; readonly delimiter: string }
}

export interface Page {
  readonly entries: readonly (Row | Group)[]
  /** `from` of the next page (`to` of the next page when reverse); absent at the end of the range. */
  readonly cursor?: string
  /** The first entry of the next page. A caller that fills a page need not read one row more than it shows. */
  readonly following?: Row | Group
}

/** Stands for all rows whose key begins with `group`. */
export interface Group {
  readonly group: string
}

export interface Expectation {
  readonly key: string
  /** The revision that the row must still have; null where there must be no such row. */
  readonly revision: CommitId | null
}

export interface Commit {
  readonly id: CommitId
  readonly expect?: readonly Expectation[]
  readonly put?: readonly { readonly key: string; readonly value: Buffer }[]
  readonly del?: readonly string[]
  /** Adds to a counter row, and gives the row this commit's revision. Counters that are absent count as zeros.
   * A row is either a counter row or a plain row for ever. A sum below zero is a bug and rejects the commit.
   * All three lists together name a key at most once. */
  readonly add?: readonly { readonly key: string; readonly deltas: readonly number[] }[]
}

/** Most rows and groups in one page of `scan`. */
export const SCAN_LIMIT_MAX = 1000

/** Most rows in a commit, all four lists together. */
export const COMMIT_ROWS_MAX = 100

/** A row as a store keeps it, with revision and checksum (framing.ts). */
export interface RawRow {
  readonly key: string
  readonly framed: Buffer
}

/** All rows as they were at one moment, however long it takes to read them. */
export interface Snapshot {
  /** The commit number at that moment. */
  readonly commitNumber: number
  /**
   * The next rows behind the key `after` in byte order ('' at the beginning, then the last key returned),
   * without the meta row; none at the end. Checksums are not verified. Rejects with StoreUnavailable where the
   * snapshot is lost.
   */
  rowsBehind(after: string): Promise<RawRow[]>
  close(): Promise<void>
}

/**
 * Every read rejects with StoreUnavailable while it cannot be done. That includes a row, or a range with a row,
 * which a commit of unknown outcome would change: a decision made from such a row could be undone later.
 */
export interface Catalog {
  /** 32 hex digits, drawn when the catalog was made. Volumes carry the id in their headers. */
  readonly id: string
  /** Grows with every durable commit. Commits that are written as one batch may raise it only once. */
  readonly commitNumber: number
  /** The row of `key`. Rejects with StoreCorrupt where its checksum is wrong, StoreUnavailable where it cannot
   * be read. */
  get(key: string): Promise<Row | undefined>
  /** Several rows at one point in time, in the order of `keys`. */
  getMany(keys: readonly string[]): Promise<(Row | undefined)[]>
  getCounters(key: string): Promise<Counters | undefined>
  /** One page at one point in time, in byte order. */
  scan(range: Scan): Promise<Page>
  /**
   * Makes all changes or none. They are durable when it resolves. Rejects with
   * - `Conflict` when an expectation did not hold: nothing was done;
   * - CofferError StoreUnavailable when nothing can be written now: nothing was done;
   * - `CommitUnknown` when the changes may have been made or not, which shows later;
   * - CofferError Internal for a commit that breaks a rule of this interface, StoreCorrupt for a rotten row
   *   that it depends on: nothing was done.
   * The values of `put` are copied before it returns.
   */
  commit(commit: Commit): Promise<void>
  /** Null while writes are accepted, else why they are not, for health and log. */
  readonly impaired: string | null
  /** Opens a snapshot of the present moment. Rejects with StoreUnavailable. */
  snapshot(): Promise<Snapshot>
  /**
   * Rewrites the store's files without those rows from `from` to `to` that were replaced or removed before.
   * Absent where a store does that by itself. Neither end is, or will be, the key of a row. Reads and commits
   * go on. One call at a time. Rejects with StoreUnavailable.
   */
  compact?(from: string, to: string): Promise<void>
  /** Raises `commitNumber` to at least that, durably, for a catalog that is older than its volumes and that an
   * operator has accepted. Nothing is committed meanwhile. Rejects with StoreUnavailable. */
  advance(commitNumber: number): Promise<void>
  close(): Promise<void>
}

/** CofferError OutcomeUnknown: a commit may have been done or not. */
export class CommitUnknown extends CofferError {
  /** Resolves once the outcome is known: true where the commit was done. That may take as long as the store is
   * away, and never happens when the catalog is closed before. Never rejects. */
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

/** The integers of a counter row, from the value that `get` and `scan` return. Throws StoreCorrupt where they
 * are not whole, or one is beyond 2⁵³ − 1. */
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
