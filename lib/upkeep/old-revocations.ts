// Removes the rows of revoked tokens that would be over by now anyway.
import type { Catalog } from '../catalog/catalog.ts'
import { identityKeys, revocationPrefix } from '../catalog/identity-keys.ts'
import { Draft } from '../service/stores.ts'
import { eachRow } from './each-row.ts'
import { startWorker, type Worker } from './worker.ts'

/** How often such rows are looked for. */
const LOOK_EVERY_MS = 60_000

/** Starts the removal. `failed` is called with errors. */
export const startRevocationExpiry = (catalog: Catalog, failed: (error: unknown) => void): Worker =>
  startWorker((closed) => removeOldRevocations(catalog, failed, closed), failed, LOOK_EVERY_MS)

/** Removes them one by one. A token is over in the second that the key of its row begins with. Rejects with
 * StoreUnavailable. */
export async function removeOldRevocations(
  catalog: Catalog,
  failed: (error: unknown) => void,
  closed: () => boolean = () => false,
): Promise<void> {
  await eachRow(catalog, {
    from: revocationPrefix,
    to: identityKeys.revocation(Math.floor(Date.now() / 1000), ''),
    closed,
    work: (row) => new Draft().expect(row.key, row).del(row.key).commit(catalog),
    failed: (_, error) => failed(error),
  })
}
