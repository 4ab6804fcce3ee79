// Runs work in the background, one run at a time: at once, whenever woken, and from time to time.

export interface Worker {
  /** Starts a run, or another one after the run under way. */
  wake(): void
  /** Resolves when the run under way has stopped. */
  close(): Promise<void>
}

/**
 * Begins with a run of `work`, which must stop soon once `closed()` is true. `failed` is called with errors;
 * the next run does what a run has left undone. `everyMs`: a run also begins at this interval.
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
