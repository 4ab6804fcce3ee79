// Opens the stores for a command in the place of a node: the lock of the data directory, then catalog and
// volumes, without sweep, expiry, keyring or listeners.
import { type OpenStores, openStores } from '../../lib/coffer.ts'
import type { Config } from '../../lib/config/config.ts'
import { acquireControl, DataDirectoryInUse } from '../../lib/control.ts'
import { FileInvalid } from '../../lib/file-invalid.ts'
import { makeLog } from '../../lib/log.ts'
import { requireCatalog } from '../../lib/open-catalog.ts'

/** The lock of the data directory for a command. Rejects with FileInvalid where another process has it. */
export async function lockFor(config: Config, command: string) {
  try {
    return await acquireControl(config.data, {})
  } catch (error) {
    if (!(error instanceof DataDirectoryInUse)) throw error
    throw new FileInvalid([`${error.message}: ${command} wants it for itself, stop that one first`])
  }
}

/** Opens the stores for `work`, and closes them after it. Rejects with FileInvalid where there is no catalog,
 * DataDirectoryInUse, the errors of opening a store, and those of `work`. */
export async function withStores<T>(
  config: Config,
  work: (stores: OpenStores) => Promise<T>,
): Promise<T> {
  await requireCatalog(config)
  const lock = await acquireControl(config.data, {})
  try {
    const stores = await openStores(config, makeLog('error', process.stderr))
    try {
      return await work(stores)
    } finally {
      await stores.close()
    }
  } finally {
    await lock.close()
  }
}
