// Removes objects that are due (Swift's X-Delete-At). They are hidden from their second on whether this has
// run or not; it gives their bytes back. Where versions are kept, the current one leaves a delete marker.
import { expiryPrefix, rowKeys } from '../catalog/keys.ts'
import { isUnavailable } from '../errors.ts'
import { deleteDue } from '../service/changes.ts'
import type { Stores } from '../service/stores.ts'
import { startWorker, type Worker } from './worker.ts'

/** How often due objects are looked for, at least. */
const LOOK_EVERY_MS = 30_000

/** Begins to remove what is due. `failed` hears of errors. */
export function startExpiry(stores: Stores, failed: (error: unknown) => void): Worker {
  return startWorker((closed) => expire(stores, failed, closed), failed, LOOK_EVERY_MS)
}

/** Removes all that is due by now, object by object. `failed` hears of those that cannot be removed; they are the
 * next run's, and hold up no other. Throws StoreUnavailable. */
export async function expire(
  stores: Stores,
  failed: (error: unknown) => void,
  closed: () => boolean = () => false,
): Promise<void> {
  const dueBefore = Math.floor(Date.now() / 1000) + 1
  let from: string | undefined = expiryPrefix
  const to = rowKeys.expiry(dueBefore, '')
  while (from !== undefined) {
    const page = await stores.catalog.scan({ from, to, limit: 100 })
    for (const entry of page.entries) {
      if (closed()) return
      if ('group' in entry) continue
      try {
        await deleteDue(stores, entry.key)
      } catch (error) {
        if (isUnavailable(error)) throw error
        failed(error)
      }
    }
    from = page.cursor
  }
}
