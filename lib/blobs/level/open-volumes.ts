// The sealed volumes of a device that are open for reads: at most so many. An open LevelDB keeps a descriptor and
// the index of every table that was read, some 500 files and 16 MB of a volume of 32 GiB, so that a node
// on which everything is read once would end with all of it. Before one more is opened the one that was
// read least recently is closed; its next read opens it again.

/** What can be closed, and is opened again by its next read. */
export interface Restable {
  /** What `turn` gave at its last read. */
  readonly readAt: number
  readonly isBeingRead: boolean
  /** Waits for the reads in it, and closes it. Never rejects because of them. */
  close(): Promise<void>
}

/** What closing needs is looked at once in so long. */
const ASKED_MS = 1000

export class OpenVolumes {
  readonly #max: number
  readonly #mayClose: () => Promise<boolean>
  readonly #open = new Set<Restable>()
  #turns = 0
  /** One after the other: two that came at once would both close the same one. */
  #admitting: Promise<void> = Promise.resolve()
  #answer = Promise.resolve(true)
  #askedAtMs = Number.NEGATIVE_INFINITY

  /** At most `max` are open. `mayClose` says whether what is closed now could be opened again; while it could
   * not, more are opened rather than one closed for good. */
  constructor(max: number, mayClose: () => Promise<boolean>) {
    this.#max = max
    this.#mayClose = mayClose
  }

  /** A number that is greater than all before: when something was read. */
  turn(): number {
    return ++this.#turns
  }

  /** Resolves when the volume may be opened, which counts from now on. Never rejects. */
  admit(volume: Restable): Promise<void> {
    this.#admitting = this.#admitting.then(() => this.#makeRoomFor(volume))
    return this.#admitting
  }

  /** The volume is open: it counts, and is the next one's to close where there are too many. */
  add(volume: Restable): void {
    this.#open.add(volume)
  }

  /** The volume is closed. */
  leave(volume: Restable): void {
    this.#open.delete(volume)
  }

  /** The next answer of `mayClose` is one of that moment. */
  forget(): void {
    this.#askedAtMs = Number.NEGATIVE_INFINITY
  }

  /** Closes a volume until its next read, where it could be opened again. Rejects with the database's error. */
  async rest(volume: Restable): Promise<void> {
    if (await this.#mayCloseNow()) await volume.close()
  }

  async #makeRoomFor(volume: Restable): Promise<void> {
    while (this.#open.size >= this.#max && !this.#open.has(volume)) {
      const oldest = this.#leastRead()
      if (oldest === undefined || !(await this.#mayCloseNow())) break
      // Where it cannot be closed it is lost anyway; it has left either way.
      await oldest.close().catch(() => this.leave(oldest))
    }
    this.#open.add(volume)
  }

  /** The one that was read least recently, of those that are not being read where there are any: the reads
   * in one are waited for, so that nobody waits for ever where all are being read all the time. */
  #leastRead(): Restable | undefined {
    let least: Restable | undefined
    for (const each of this.#open) {
      const isLess =
        least === undefined ||
        (each.isBeingRead === least.isBeingRead ? each.readAt < least.readAt : least.isBeingRead)
      if (isLess) least = each
    }
    return least
  }

  #mayCloseNow(): Promise<boolean> {
    const nowMs = performance.now()
    if (nowMs >= this.#askedAtMs + ASKED_MS) {
      this.#askedAtMs = nowMs
      this.#answer = this.#mayClose()
    }
    return this.#answer
  }
}
