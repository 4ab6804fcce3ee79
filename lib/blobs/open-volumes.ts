// The bound on a device's sealed volumes that are open for reads. An open LevelDB keeps a descriptor and the
// index of every table that was read: some 500 files and 16 MB for a volume of 32 GiB. Without a bound, a node
// on which everything is read once would keep all of them. Before one more volume is opened, the one that was
// read least recently is closed; the next read opens that volume again.

/** A volume's database that can be closed, and that its next read opens again. */
export interface Restable {
  /** The value of `turn` at the last read. */
  readonly readAt: number
  readonly isBeingRead: boolean
  /** Waits for the reads under way, and closes the database. An error of a read does not reject it. */
  close(): Promise<void>
}

/** `mayClose` is called at most once in this time; its answer is kept meanwhile. */
const ANSWER_KEPT_MS = 1000

export class OpenVolumes {
  readonly #max: number
  readonly #mayClose: () => Promise<boolean>
  readonly #open = new Set<Restable>()
  #turns = 0
  /** Admissions run one after the other: two at once would both close the same volume. */
  #admitting: Promise<void> = Promise.resolve()
  #answer = Promise.resolve(true)
  #answeredAtMs = Number.NEGATIVE_INFINITY

  /** At most `max` volumes are open. `mayClose` says whether a volume that is closed now could be opened
   * again. While it could not, more than `max` volumes are kept open. */
  constructor(max: number, mayClose: () => Promise<boolean>) {
    this.#max = max
    this.#mayClose = mayClose
  }

  /** A number greater than all before, which orders the reads of all volumes. */
  turn(): number {
    return ++this.#turns
  }

  /** Resolves when the volume may be opened, and counts it as open. Never rejects. */
  admit(volume: Restable): Promise<void> {
    this.#admitting = this.#admitting.then(() => this.#makeRoomFor(volume))
    return this.#admitting
  }

  /** Counts the volume as open: it may be closed when there are too many. */
  add(volume: Restable): void {
    this.#open.add(volume)
  }

  /** The volume is closed and counts no more. */
  leave(volume: Restable): void {
    this.#open.delete(volume)
  }

  /** Drops the kept answer of `mayClose`. */
  forget(): void {
    this.#answeredAtMs = Number.NEGATIVE_INFINITY
  }

  /** Closes a volume until its next read, unless it could not be opened again. Rejects with the database's
   * error. */
  async rest(volume: Pick<Restable, 'close'>): Promise<void> {
    if (await this.#mayCloseNow()) await volume.close()
  }

  async #makeRoomFor(volume: Restable): Promise<void> {
    while (this.#open.size >= this.#max && !this.#open.has(volume)) {
      const oldest = this.#leastRead()
      if (oldest === undefined || !(await this.#mayCloseNow())) break
      // A volume that cannot be closed is no longer counted, so that others are not refused for it.
      await oldest.close().catch(() => this.leave(oldest))
    }
    this.#open.add(volume)
  }

  /**
   * The open volume that was read least recently; one that is being read only where all are. To close that one
   * waits for its reads, so that a volume can be opened even while all others are being read all the time.
   */
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
    if (nowMs >= this.#answeredAtMs + ANSWER_KEPT_MS) {
      this.#answeredAtMs = nowMs
      this.#answer = this.#mayClose()
    }
    return this.#answer
  }
}
