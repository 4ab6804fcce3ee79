// Seeded randomness for tests. The seed comes from SEED in the environment or from the clock, and a failing
// test prints it.

export interface Random {
  readonly seed: number
  /** An integer from 0 to `below` − 1. */
  integer(below: number): number
  pick<T>(list: readonly T[]): T
  bytes(length: number): Buffer
}

export function seedOfRun(): number {
  return Number(process.env.SEED ?? Date.now() % 1_000_000_007)
}

/** Mulberry32, with 32 bits of state. It is good enough to vary tests, and the same on every machine. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const integer = (below: number) => Math.floor((next() / 2 ** 32) * below)
  return {
    seed,
    integer,
    pick: (list) => list[integer(list.length)]!,
    bytes: (length) => Buffer.from(Array.from({ length }, () => integer(256))),
  }
}
