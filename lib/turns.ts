// Shares the one thread: work in memory counts its steps, and waits for another turn of the event loop when the
// steps of the turn are spent. All requests share one count, so that neither one long document nor a hundred at
// once delay the others. Waits for disks and sockets are not counted.

/** Steps in one turn. A step is the work for one row, or one element of a listing, some 10 µs. */
export const TURN_STEPS = 500

/** The work that was counted, for tests. */
export interface CountedWork {
  readonly steps: number
  /** Most steps in one turn. */
  readonly longestTurn: number
}

const waiting: (() => void)[] = []
let left = TURN_STEPS
let isCounting = false
let steps = 0
let longestTurn = 0

function nextTurn(): void {
  left = TURN_STEPS
  // One waiting caller for each turn: its work until it spends again, or ends, is the work of this turn.
  const next = waiting.shift()
  isCounting = next !== undefined
  if (isCounting) setImmediate(nextTurn)
  next?.()
}

/**
 * Counts steps that the caller has just done. Returns undefined where the caller may go on at once, else a
 * promise to wait for; waiting callers go on in their order. At most a page of the catalog is counted at once
 * (SCAN_LIMIT_MAX).
 */
export function spend(count: number): Promise<void> | undefined {
  left -= count
  steps += count
  longestTurn = Math.max(longestTurn, TURN_STEPS - left)
  if (!isCounting) {
    isCounting = true
    setImmediate(nextTurn)
  }
  if (left > 0) return undefined
  return new Promise((resolve) => waiting.push(resolve))
}

/** Steps for writing a text with its escapes. */
export const textSteps = (text: string) => 1 + (text.length >> 9)

/** Writes each item as text, in turns. */
export async function writeInTurns<T, U extends string>(
  items: Iterable<T>,
  write: (item: T) => U,
): Promise<U[]> {
  const texts: U[] = []
  for (const item of items) {
    const text = write(item)
    texts.push(text)
    const turn = spend(textSteps(text))
    if (turn !== undefined) await turn
  }
  return texts
}

/** The work that was counted since the last call. */
export function takeCountedWork(): CountedWork {
  const counted = { steps, longestTurn }
  steps = 0
  longestTurn = 0
  return counted
}
