// Deletes objects in the background: the request queues their names, and the sweep deletes them one by one.
import type { Asker } from '../auth/asker.ts'
import { nowMicros } from '../names.ts'
import { authorize } from './access.ts'
import type { ContainerRef } from './container-types.ts'
import { commitWithRetry, type Stores } from './stores.ts'
import { requireContainer } from './versions.ts'

/** Names in one row of the queue. */
const ROW_NAMES_MAX = 100

/**
 * Queues the deletion of objects of one container, each as it is now: what is written under its name later stays. Throws
 * AccessDenied, ContainerMissing.
 */
export async function deleteLater(
  stores: Stores,
  asker: Asker,
  ref: ContainerRef,
  objects: readonly string[],
): Promise<void> {
  const { account, container } = ref
  await authorize(stores, asker, 'deleteObjects', ref)
  const sinceMicros = nowMicros()
  await commitWithRetry(stores.catalog, async (draft) => {
    const held = await requireContainer(stores.catalog, ref)
    draft.expect(held.key, held)
    for (let at = 0; at < objects.length; at += ROW_NAMES_MAX) {
      const names = objects.slice(at, at + ROW_NAMES_MAX)
      draft.queue(stores, { kind: 'objects', account, container, objects: names, sinceMicros })
    }
  })
}
