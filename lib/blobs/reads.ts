// Counts the reads under way in one generation of a volume, so that its files are closed behind the last one.

export class Reads {
  #count = 0
  #waiting: (() => void)[] = []

  get areUnderWay(): boolean {
    return this.#count > 0
  }

  /** Runs `read`, which counts until it has ended. */
  async during<T>(read: () => Promise<T>): Promise<T> {
    this.#count++
    try {
      return await read()
    } finally {
      this.#count--
      if (this.#count === 0) for (const resolve of this.#waiting.splice(0)) resolve()
    }
  }

  /** Resolves when none is under way. */
  async idle(): Promise<void> {
    if (this.#count > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
}
