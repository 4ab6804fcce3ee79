// How many uploads each user has begun in each account and neither completed nor aborted, so that nobody fills the
// catalog with them. Counted from the rows where an account is first asked about, then as uploads come and go; what
// other nodes do on the same catalog shows at the next count.
import { type Catalog, type Page, SCAN_LIMIT_MAX } from '../catalog/catalog.ts'
import { endOf, uploadsPrefix } from '../catalog/keys.ts'
import { uploadRow } from '../catalog/rows.ts'
import { CofferError, isCode } from '../errors.ts'

/** By who began them: `account:user`, '' for anybody. */
type Counts = Map<string, number>

export class BegunUploads {
  readonly #catalog: Catalog
  readonly #limit: number
  readonly #accounts = new Map<string, Promise<Counts>>()

  /** `limit`: uploads that a user may have begun in one account. */
  constructor(catalog: Catalog, limit: number) {
    this.#catalog = catalog
    this.#limit = limit
  }

  /** Counts one more. Throws UploadsBegunExceeded where the user has as many as it may, StoreUnavailable. */
  async claim(account: string, initiator: string): Promise<void> {
    const counts = await this.#countsOf(account)
    const now = counts.get(initiator) ?? 0
    if (now >= this.#limit) throw new CofferError('UploadsBegunExceeded', { limit: this.#limit })
    counts.set(initiator, now + 1)
  }

  /** Counts one less: it has ended, or was not begun after all. */
  release(account: string, initiator: string): void {
    const less = (counts: Counts) => {
      const now = counts.get(initiator) ?? 0
      if (now > 1) counts.set(initiator, now - 1)
      else counts.delete(initiator)
    }
    // A count that fails is made anew.
    this.#accounts.get(account)?.then(less, () => {})
  }

  /** Lets every account be counted anew when it is next asked about. */
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
          const { initiator } = uploadRow.decode(entry.value)
          counts.set(initiator, (counts.get(initiator) ?? 0) + 1)
        }
        from = page.cursor
      }
    } catch (error) {
      // A rotten row of one upload must not stop all others: what lies behind it is not counted.
      if (!isCode(error, 'StoreCorrupt')) throw error
    }
    return counts
  }
}
