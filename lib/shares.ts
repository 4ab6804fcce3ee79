// Counts who has how much of a limited good: connections, uploads, bytes. All counts go through this interface,
// so that threads can share them later.

export interface Shares {
  /** Takes `amount` for `name`. Returns false, and takes nothing, where `name` would then have more than
   * `limit`. */
  take(name: string, amount: number, limit: number): boolean
  /** Returns an amount that was taken. */
  give(name: string, amount: number): void
  /** The amount of `name`; 0 where it has none. */
  of(name: string): number
  /** The amount of all names together. */
  readonly total: number
}

/** Shares within one process. A name is kept only while its amount is above 0. */
export function makeShares(): Shares {
  const had = new Map<string, number>()
  const of = (name: string) => had.get(name) ?? 0
  let total = 0
  return {
    of,
    get total() {
      return total
    },
    take(name, amount, limit) {
      const wanted = of(name) + amount
      if (wanted > limit) return false
      if (wanted > 0) had.set(name, wanted)
      total += amount
      return true
    },
    give(name, amount) {
      const left = of(name) - amount
      if (left > 0) had.set(name, left)
      else had.delete(name)
      total -= amount
    },
  }
}
