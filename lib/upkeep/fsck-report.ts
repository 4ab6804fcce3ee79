// What an fsck gathers while it reads: problems, each with the commit that repairs it where other rows prove
// what is right, and the sums that counters must have.
import type { Row } from '../catalog/catalog.ts'

/** The rows that a repair changes, and the rows from which it was computed, which must be unchanged. */
export interface Repair {
  /** What the repair does, as a sentence. */
  readonly what: string
  readonly expect: readonly { readonly key: string; readonly revision: string | null }[]
  readonly put?: readonly { readonly key: string; readonly value: Buffer }[]
  readonly del?: readonly string[]
  readonly add?: readonly { readonly key: string; readonly deltas: readonly number[] }[]
  /** A row of work for the sweep, whose key contains the id of the commit. */
  readonly queue?: Buffer
}

export interface Problem {
  /** The broken rule, as a word for programs. */
  readonly rule: string
  /** The problem as a sentence. */
  readonly what: string
  /** Absent where no rows prove what is right. */
  readonly repair?: Repair
}

export class Findings {
  readonly problems: Problem[] = []

  add(rule: string, what: string, repair?: Repair): void {
    this.problems.push(repair === undefined ? { rule, what } : { rule, what, repair })
  }
}

/** Sums of counters, by the keys of their rows. */
export class Sums {
  readonly #sums = new Map<string, number[]>()

  add(key: string, ...deltas: number[]): void {
    const sums = this.#sums.get(key)
    if (sums === undefined) this.#sums.set(key, deltas)
    else for (const [i, delta] of deltas.entries()) sums[i] = sums[i]! + delta
  }

  get(key: string): readonly number[] | undefined {
    return this.#sums.get(key)
  }

  keys(): IterableIterator<string> {
    return this.#sums.keys()
  }
}

/** The condition that a row is as it was read, or still missing. */
export const unchanged = (key: string, row: Row | undefined) => ({
  key,
  revision: row?.revision ?? null,
})

/** A key as text in a report. */
export const shown = (key: string) => JSON.stringify(key)
