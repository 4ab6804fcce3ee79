// Leases on bodies that this process reads (D-LEASES). A body that loses its last reference while it is read is freed
// when its last reader ends, so that an overwrite or a delete never cuts a download short.

export class Leases {
  readonly #readers = new Map<string, number>()
  readonly #awaited = new Set<string>()
  readonly #released: () => void

  /** `released` is called when the last reader of a body ends for which `isTaken` has returned true. */
  constructor(released: () => void) {
    this.#released = released
  }

  /** Takes a lease on the body. The returned function ends it; a second call does nothing. */
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

  /** True while the body is read. Then `released` is called when its last reader ends. */
  isTaken(body: string): boolean {
    if (!this.#readers.has(body)) return false
    this.#awaited.add(body)
    return true
  }
}
