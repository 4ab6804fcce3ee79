// Groups the barriers of a volume: those that wait together share one sync. A failed barrier is never retried: the
// kernel reports a lost page once, and the next fdatasync would succeed (D-BARRIER).

/** Groups barriers. A caller waits for a run that begins after its call, never for one already under way. */
export class Barrier {
  readonly #run: () => Promise<void>
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined

  /** `run` is not called again once it has rejected. */
  constructor(run: () => Promise<void>) {
    this.#run = run
  }

  /** Resolves after the next run; rejects with the error of the first run that failed. */
  wait(): Promise<void> {
    if (this.#next !== undefined) return this.#next
    if (this.#running === undefined) return this.#start()
    this.#next = this.#running.then(() => {
      this.#next = undefined
      return this.#start()
    })
    return this.#next
  }

  #start(): Promise<void> {
    const running = this.#run().then(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }
}
