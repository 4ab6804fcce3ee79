// What an fsck gathers while it reads: problems, each with the commit that would mend it where that follows
// from other rows alone, and sums to hold counters against.
import type { Row } from '../catalog/catalog.ts'

/** The rows a repair changes, on condition that those it was computed from have not changed. */
export interface Repair {
  /** A sentence: what it does. */
  readonly what: string
  readonly expect: readonly { readonly key: string; readonly revision: string | null }[]
  readonly put?: readonly { readonly key: string; readonly value: Buffer }[]
  readonly del?: readonly string[]
  readonly add?: readonly { readonly key: string; readonly deltas: readonly number[] }[]
  /** Rows that only the commit's own id can name: work for the sweep. */
  readonly queue?: Buffer
}

export interface Problem {
  /** Which rule is broken: a word for programs. */
  readonly rule: string
  /** A sentence. */
  readonly what: string
  /** Absent: it cannot be proved what would be right. */
  readonly repair?: Repair
}

export class Findings {
  readonly problems: Problem[] = []

  add(rule: string, what: string, repair?: Repair): void {
    this.problems.push(repair === undefined ? { rule, what } : { rule, what, repair })
  }
}

/** Sums of counters under the keys of their rows. */
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

/** The condition that a row is as it was read, or is not there. */
export const unchanged = (key: string, row: Row | undefined) => ({
  key,
  revision: row?.revision ?? null,
})

/** A key as people read it. */
export const shown = (key: string) => JSON.stringify(key)
