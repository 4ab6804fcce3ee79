// Removes objects whose time has come (Swift's X-Delete-At). Readers do not see such an object from its second
// on; the removal releases its bytes. In a container that keeps versions it makes a delete marker.
import { expiryPrefix, rowKeys } from '../catalog/keys.ts'
import { deleteDue } from '../service/changes.ts'
import type { Stores } from '../service/stores.ts'
import { eachRow } from './each-row.ts'
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
  await eachRow(stores.catalog, {
    from: expiryPrefix,
    to: rowKeys.expiry(dueBefore, ''),
    closed,
    work: ({ key }) => deleteDue(stores, key),
    failed: (_, error) => failed(error),
  })
}
