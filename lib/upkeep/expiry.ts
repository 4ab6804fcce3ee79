// Removes objects whose time has come (Swift's X-Delete-At). Readers do not see such an object from its second
// on; the removal releases its bytes. In a container that keeps versions it makes a delete marker.
import { expiryPrefix, rowKeys } from '../catalog/keys.ts'
import { isUnavailable } from '../errors.ts'
import { deleteDue } from '../service/changes.ts'
import type { Stores } from '../service/stores.ts'
import { startWorker, type Worker } from './worker.ts'

/** How often due objects are looked for, at least. */
const LOOK_EVERY_MS = 30_000

/** Starts the removal of due objects. `failed` is called with errors. */
export function startExpiry(stores: Stores, failed: (error: unknown) => void): Worker {
  return startWorker((closed) => expire(stores, failed, closed), failed, LOOK_EVERY_MS)
}

/** Removes all objects that are due by now, one by one. `failed` is called with the error of each that cannot
 * be removed: the others are removed, and the next run tries that one again. Rejects with StoreUnavailable. */
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
