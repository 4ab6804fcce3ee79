// Bodies that are being read in this process. A body that lost its last reference while somebody reads it
// is freed when the last reader is done: an overwrite or a delete never cuts a download short.

export class Leases {
  readonly #readers = new Map<string, number>()
  readonly #awaited = new Set<string>()
  readonly #released: () => void

  /** `released` is told when a body that `isTaken` was asked about has no reader any more. */
  constructor(released: () => void) {
    this.#released = released
  }

  /** Counts a reader of the body in; the returned function counts it out, once. */
  take(body: string): () => void {
    this.#readers.set(body, (this.#readers.get(body) ?? 0) + 1)
    let taken = true
    return () => {
      if (!taken) return
      taken = false
      const left = this.#readers.get(body)! - 1
      if (left > 0) {
        this.#readers.set(body, left)
        return
      }
      this.#readers.delete(body)
      if (this.#awaited.delete(body)) this.#released()
    }
  }

  /** True while somebody reads the body; who asked is told, by `released`, when nobody does. */
  isTaken(body: string): boolean {
    if (!this.#readers.has(body)) return false
    this.#awaited.add(body)
    return true
  }
}
