// Shares the one thread: whoever has much to do in memory counts it in steps, and waits for another turn of the
// event loop once this turn's are spent. A budget for all requests together, so that neither one long document nor
// a hundred at once keep the others from being answered. Waits for disks and sockets need none of it.

/** Steps of one turn. A step is what one row or one element of a listing costs, some 10 µs. */
export const TURN_STEPS = 500

/** What was counted; for tests. */
export interface CountedWork {
  readonly steps: number
  /** The most of any one turn. */
  readonly longestTurn: number
}

const waiting: (() => void)[] = []
let left = TURN_STEPS
let isCounting = false
let steps = 0
let longestTurn = 0

function nextTurn(): void {
  left = TURN_STEPS
  // One a turn: what it does until it spends again or ends is this turn's work.
  const next = waiting.shift()
  isCounting = next !== undefined
  if (isCounting) setImmediate(nextTurn)
  next?.()
}

/**
 * Counts steps that the caller has just done. Undefined where it may go on at once; else a promise to wait for, in
 * the order of those who wait. The most that is counted at once is a page of the catalog (SCAN_LIMIT_MAX).
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

/** What it costs to write some text, escapes and all. */
export const textSteps = (text: string) => 1 + (text.length >> 9)

/** Writes each item as text. */
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

/** What was counted since the last call. */
export function takeCountedWork(): CountedWork {
  const counted = { steps, longestTurn }
  steps = 0
  longestTurn = 0
  return counted
}
