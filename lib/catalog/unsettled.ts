// The rows that a failed batch would have changed. LevelDB may hold the batch in its log although it reported a
// failure, and then applies it when the database is opened again. Until then no verb may decide anything from
// such a row: a DELETE that finds no object would be answered, and undone by the reopening.
import { CofferError } from '../errors.ts'

interface Batch {
  readonly commitNumber: number
  readonly keys: ReadonlySet<string>
  readonly outcome: Promise<boolean>
  readonly settle: (done: boolean) => void
}

export class Unsettled {
  /** At most one, because a handle whose write failed takes no other. */
  #batch: Batch | null = null

  /** Whether the batch was done, once that is known; null where no batch is in doubt. Never rejects. */
  get outcome(): Promise<boolean> | null {
    return this.#batch?.outcome ?? null
  }

  /** Batch `commitNumber`, which changes the rows `keys`, may have been done or not. */
  begin(commitNumber: number, keys: Iterable<string>): void {
    const { promise: outcome, resolve: settle } = Promise.withResolvers<boolean>()
    this.#batch = { commitNumber, keys: new Set(keys), outcome, settle }
  }

  /** The database was opened again and holds batches up to `commitNumber`. A batch that failed before stays
   * undone. */
  settle(commitNumber: number): void {
    this.#batch?.settle(commitNumber >= this.#batch.commitNumber)
    this.#batch = null
  }

  /** Throws StoreUnavailable where the batch in doubt may change one of the rows. */
  requireSettled(...keys: readonly string[]): void {
    const batch = this.#batch
    if (batch !== null && keys.some((key) => batch.keys.has(key))) throw inDoubt()
  }

  /** Throws StoreUnavailable where it may change a row between `from` (inclusive) and `to` (exclusive). */
  requireSettledBetween(from: string, to: string): void {
    if (this.#batch === null) return
    const [first, end] = [Buffer.from(from), Buffer.from(to)]
    for (const key of this.#batch.keys) {
      const bytes = Buffer.from(key)
      if (bytes.compare(first) >= 0 && bytes.compare(end) < 0) throw inDoubt()
    }
  }
}

const inDoubt = () =>
  new CofferError('StoreUnavailable', {
    message: 'a write to the catalog failed, and whether it changed this row is not known yet',
  })
