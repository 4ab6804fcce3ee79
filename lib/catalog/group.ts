// The commits of one synced batch. They are added one after the other, each checked against LevelDB plus the changes
// of those before it in the batch. Without those changes two creates of one name that arrive together would both
// succeed (D-GROUP). A commit that is refused leaves no trace in the group.
import { CofferError } from '../errors.ts'
import { COMMIT_ROWS_MAX, type Commit, type CommitId, Conflict } from './catalog.ts'
import { frameCounters, frameRow, isCounters, openCounters, openRow } from './framing.ts'
import type { Operation } from './log-names.ts'
import { META_KEY } from './meta.ts'

/** A commit that keeps the rules for a single commit. Its plain rows are framed, so that the caller may use
 * the values again. */
export interface Prepared {
  readonly id: CommitId
  readonly expect: NonNullable<Commit['expect']>
  readonly puts: readonly { readonly key: string; readonly framed: Buffer }[]
  readonly del: readonly string[]
  readonly add: NonNullable<Commit['add']>
  readonly rows: number
  readonly bytes: number
}

const wrong = (message: string, key?: string) =>
  new CofferError('Internal', key === undefined ? { message } : { message, key })

const isCommitId = (text: string) => /^[0-9a-f]{32}$/.test(text)

function checkKey(key: string): void {
  if (key === '' || !key.isWellFormed()) throw wrong('a key is UTF-8 text and not empty', key)
}

/**
 * Checks the rules for a single commit, and copies it. Throws Internal for more than COMMIT_ROWS_MAX rows, a
 * malformed id, revision or key, a key that is changed twice, the meta row, and deltas that are no safe
 * integers.
 */
export function prepare({ id, expect = [], put = [], del = [], add = [] }: Commit): Prepared {
  const rows = expect.length + put.length + del.length + add.length
  if (rows > COMMIT_ROWS_MAX) throw wrong(`a commit touches at most ${COMMIT_ROWS_MAX} rows`)
  if (!isCommitId(id)) throw wrong('a commit id is 32 lower-case hex digits')
  for (const { key, revision } of expect) {
    checkKey(key)
    if (revision !== null && !isCommitId(revision)) {
      throw wrong('a revision is 32 lower-case hex digits', key)
    }
  }
  const changed = new Set<string>()
  for (const key of [...put.map((row) => row.key), ...del, ...add.map((row) => row.key)]) {
    checkKey(key)
    if (key === META_KEY) throw wrong('the meta row belongs to the catalog')
    if (changed.has(key)) throw wrong('a commit changes a row once', key)
    changed.add(key)
  }
  for (const { key, deltas } of add) {
    if (deltas.length === 0 || !deltas.every(Number.isSafeInteger)) {
      throw wrong('deltas are safe integers, at least one', key)
    }
  }
  const puts = put.map(({ key, value }) => ({ key, framed: frameRow(key, id, value) }))
  const bytes = puts.reduce((sum, { key, framed }) => sum + key.length + framed.length, 0)
  return { id, expect: [...expect], puts, del: [...del], add: copyAdds(add), rows, bytes }
}

const copyAdds = (add: NonNullable<Commit['add']>) =>
  add.map(({ key, deltas }) => ({ key, deltas: [...deltas] }))

/** Adds counter by counter. The shorter list counts as followed by zeros. */
function sum(key: string, values: readonly number[], deltas: readonly number[]): number[] {
  const sums: number[] = []
  for (let i = 0; i < Math.max(values.length, deltas.length); i++) {
    const total = (values[i] ?? 0) + (deltas[i] ?? 0)
    if (total < 0) throw wrong('a counter would fall below zero', key)
    if (!Number.isSafeInteger(total)) throw wrong('a counter would grow beyond 2⁵³ − 1', key)
    sums.push(total)
  }
  return sums
}

export class Group {
  readonly #read: (key: string) => Buffer | undefined
  /** Rows as they will be after the group, as far as a commit needed them. */
  readonly #rows = new Map<string, Buffer | undefined>()
  readonly #changes = new Map<string, Buffer | undefined>()

  /** `read` returns a row's bytes in LevelDB. No other write may happen while the group is made. */
  constructor(read: (key: string) => Buffer | undefined) {
    this.#read = read
  }

  /**
   * Adds a whole commit to the group. Throws Conflict where an expectation does not hold, Internal for a sum
   * below zero or a row of the other kind, StoreCorrupt for a rotten row that the commit depends on. The group
   * is unchanged then.
   */
  admit(commit: Prepared): void {
    for (const { key, revision } of commit.expect) {
      const framed = this.#current(key)
      const actual = framed === undefined ? null : openRow(key, framed).revision
      if (actual !== revision) throw new Conflict(key)
    }
    for (const { key } of commit.puts) {
      const framed = this.#current(key)
      if (framed !== undefined && isCounters(framed)) {
        throw wrong('a counter row cannot become a plain one', key)
      }
    }
    const counters = commit.add.map(({ key, deltas }) => {
      const framed = this.#current(key)
      const values = framed === undefined ? [] : openCounters(key, framed).values
      return { key, framed: frameCounters(key, commit.id, sum(key, values, deltas)) }
    })
    for (const { key, framed } of [...commit.puts, ...counters]) this.#change(key, framed)
    for (const key of commit.del) this.#change(key, undefined)
  }

  #current(key: string): Buffer | undefined {
    if (!this.#rows.has(key)) this.#rows.set(key, this.#read(key))
    return this.#rows.get(key)
  }

  #change(key: string, framed: Buffer | undefined): void {
    this.#rows.set(key, framed)
    this.#changes.set(key, framed)
  }

  /** The changes of all commits in the group, one for each row. */
  operations(): Operation[] {
    return Array.from(this.#changes, ([key, value]) =>
      value === undefined ? { type: 'del', key } : { type: 'put', key, value },
    )
  }
}
