// Counts the work of a node in this process while it answers a request, and how often other requests had a
// turn.
import { TURN_STEPS, takeCountedWork } from '../../lib/turns.ts'

/** Steps of the longest turn: those of a turn, and the most that is counted at once, a page of the catalog. */
export const LONGEST_TURN = TURN_STEPS + 1000

export interface Watched<T> {
  readonly answer: T
  readonly steps: number
  readonly longestTurn: number
  /** Turns of the event loop. */
  readonly turns: number
}

export async function watchTurns<T>(work: () => Promise<T>): Promise<Watched<T>> {
  let turns = 0
  let done = false
  const count = () => {
    turns++
    if (!done) setImmediate(count)
  }
  takeCountedWork()
  setImmediate(count)
  try {
    const answer = await work()
    return { answer, turns, ...takeCountedWork() }
  } finally {
    done = true
  }
}
