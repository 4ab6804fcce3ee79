// Amounts that somebody has of something that a node has only so much of: connections, uploads, bytes. All of them are
// kept behind this one interface, so that threads can share them.

export interface Shares {
  /** Takes `amount` more for `name`, unless it would then have more than `limit`: false, and nothing is taken. */
  take(name: string, amount: number, limit: number): boolean
  /** Gives back what was taken. */
  give(name: string, amount: number): void
  /** What `name` has; 0 for one that has nothing. */
  of(name: string): number
  /** What all have together. */
  readonly total: number
}

/** Shares of one process. A name is kept only while it has something. */
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
