// The rate of reclaim: so many bytes a second, and a quarter of that while requests keep the process busy.
import { setTimeout as sleep } from 'node:timers/promises'

/** From this share of its time on the event loop counts as busy. */
const BUSY = 0.5
const BUSY_FACTOR = 4

/**
 * Returns a function that waits, after so many bytes, until the rate allows for more. With `bytesPerSecond` 0
 * it does not wait, but lets other work run.
 */
export function makePace(
  bytesPerSecond: number,
  signal: AbortSignal,
): (bytes: number) => Promise<void> {
  let nextAtMs = performance.now()
  let loop = performance.eventLoopUtilization()
  return async (bytes) => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, loop)
    loop = now
    if (bytesPerSecond === 0) return await sleep(0)
    const slower = utilization > BUSY ? BUSY_FACTOR : 1
    const nowMs = performance.now()
    nextAtMs = Math.max(nextAtMs, nowMs) + (slower * bytes * 1000) / bytesPerSecond
    // The caller checks the signal after each wait.
    await sleep(Math.max(0, nextAtMs - nowMs), undefined, { signal }).catch(() => undefined)
  }
}
