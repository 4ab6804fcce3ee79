// Runs work in the background, one run at a time: now, whenever woken, and from time to time.

export interface Worker {
  /** There is work to do. */
  wake(): void
  /** Resolves when the run under way has stopped. */
  close(): Promise<void>
}

/**
 * Begins with a run of `work`, which should stop soon once `closed()` is true. `failed` hears of errors: what
 * a run has left undone is the next one's. `everyMs`: also that often, however long nobody wakes it.
 */
export function startWorker(
  work: (closed: () => boolean) => Promise<void>,
  failed: (error: unknown) => void,
  everyMs?: number,
): Worker {
  let closed = false
  let again = false
  let running: Promise<void> | undefined
  const run = async () => {
    do {
      again = false
      try {
        await work(() => closed)
      } catch (error) {
        failed(error)
      }
    } while (again && !closed)
    running = undefined
  }
  const wake = () => {
    again = true
    if (!closed && running === undefined) running = run()
  }
  wake()
  const timer = everyMs === undefined ? undefined : setInterval(wake, everyMs).unref()
  return {
    wake,
    close: async () => {
      closed = true
      clearInterval(timer)
      await running
    },
  }
}
