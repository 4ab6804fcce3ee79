// Takes the place of a node that does not run: the lock of its data directory, then its catalog and volumes,
// without sweep, expiry, keyring or listeners.
import { existsSync } from 'node:fs'
import type { Volumes } from '../../lib/blobs/volumes.ts'
import type { Catalog } from '../../lib/catalog/catalog.ts'
import { catalogLocation, openStores } from '../../lib/coffer.ts'
import { type Config, FileInvalid } from '../../lib/config.ts'
import { acquireControl } from '../../lib/control.ts'
import { makeLog } from '../../lib/log.ts'

export interface OpenStores {
  readonly catalog: Catalog
  readonly blobs: Volumes
}

/** Opens the stores for `work` and closes them after it. Throws FileInvalid where there is no catalog,
 * DataDirectoryInUse, what a store says when it is opened, and what `work` throws. */
export async function withStores<T>(
  config: Config,
  work: (stores: OpenStores) => Promise<T>,
): Promise<T> {
  if (config.catalog === 'level' && !existsSync(catalogLocation(config))) {
    throw new FileInvalid([`${config.data}: there is no catalog here`])
  }
  const lock = await acquireControl(config.data, {})
  try {
    const stores = await openStores(config, makeLog('error', process.stderr))
    try {
      return await work(stores)
    } finally {
      await stores.blobs.close()
      await stores.catalog.close()
    }
  } finally {
    await lock.close()
  }
}
