// Counts the uploads that each user has begun in each account and neither completed nor aborted, and bounds them
// (D-BEGUN). The first look-up of an account counts its rows. Later the count follows each begin and end. Uploads of
// other nodes on the same catalog are found by the next count of rows.
import { type Catalog, type Page, SCAN_LIMIT_MAX } from '../catalog/catalog.ts'
import { endOf, uploadsPrefix } from '../catalog/keys.ts'
import { uploadRow } from '../catalog/rows.ts'
import { CofferError, isCode } from '../errors.ts'

/** Begun uploads by user, as `account:user`, '' for anonymous clients. */
type Counts = Map<string, number>

export class BegunUploads {
  readonly #catalog: Catalog
  readonly #limit: number
  readonly #accounts = new Map<string, Promise<Counts>>()

  /** `limit` is the number of uploads that a user may have begun in one account. */
  constructor(catalog: Catalog, limit: number) {
    this.#catalog = catalog
    this.#limit = limit
  }

  /** Counts an upload that begins. Throws UploadsBegunExceeded where the user has `limit` of them, StoreUnavailable. */
  async claim(account: string, initiator: string): Promise<void> {
    const counts = await this.#countsOf(account)
    const now = counts.get(initiator) ?? 0
    if (now >= this.#limit) throw new CofferError('UploadsBegunExceeded', { limit: this.#limit })
    counts.set(initiator, now + 1)
  }

  /** Counts an upload that ended, or that could not begin, out again. */
  release(account: string, initiator: string): void {
    const less = (counts: Counts) => {
      const now = counts.get(initiator) ?? 0
      if (now > 1) counts.set(initiator, now - 1)
      else counts.delete(initiator)
    }
    // After a failed count of rows there is nothing to correct: the next look-up counts anew.
    this.#accounts.get(account)?.then(less, () => {})
  }

  /** Drops all counts. The next look-up of an account counts its rows. */
  forget(): void {
    this.#accounts.clear()
  }

  #countsOf(account: string): Promise<Counts> {
    const known = this.#accounts.get(account)
    if (known !== undefined) return known
    const counting = this.#count(account)
    this.#accounts.set(account, counting)
    counting.catch(() => {
      if (this.#accounts.get(account) === counting) this.#accounts.delete(account)
    })
    return counting
  }

  async #count(account: string): Promise<Counts> {
    const counts: Counts = new Map()
    const prefix = uploadsPrefix(account)
    let from: string | undefined = prefix
    try {
      while (from !== undefined) {
        const page: Page = await this.#catalog.scan({
          from,
          to: endOf(prefix),
          limit: SCAN_LIMIT_MAX,
        })
        for (const entry of page.entries) {
          if ('group' in entry) continue
          const { writer } = uploadRow.decodeUnproven(entry.value).rights
          counts.set(writer, (counts.get(writer) ?? 0) + 1)
        }
        from = page.cursor
      }
    } catch (error) {
      // A rotten row of one upload must not stop new uploads. The rows behind it are not counted.
      if (!isCode(error, 'StoreCorrupt')) throw error
    }
    return counts
  }
}
