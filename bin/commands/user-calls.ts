// How `coffer user` reaches the users of the catalog: through the running node, or in its place where none runs.
import { PasswordChecks } from '../../lib/auth/password-checks.ts'
import type { Config } from '../../lib/config/config.ts'
import { acquireControl, ControlRefused, callControl } from '../../lib/control.ts'
import { openKeyring } from '../../lib/crypto/keyring.ts'
import { replaceableKeyring } from '../../lib/crypto/keyring-edit.ts'
import { rowMacs } from '../../lib/crypto/row-mac.ts'
import { secretCipher } from '../../lib/crypto/sealed-secret.ts'
import { isThere } from '../../lib/file-invalid.ts'
import { openRegistry } from '../../lib/identity/registry.ts'
import { makeLog } from '../../lib/log.ts'
import { isFirstStart, openCatalog, requireCatalog } from '../../lib/open-catalog.ts'
import { makePrivateDirectory } from '../../lib/private-file.ts'
import { checkKeyring } from './keyring.ts'
import { userHandlers } from './user-handlers.ts'
import { readUsersFile } from './users-file.ts'

type Answer = Record<string, unknown>

/** What a command does where there is no catalog yet: it makes one, as a first start does; it has nothing to do; or it is
 * refused. */
type WhenNew = 'make' | 'nothing' | 'refuse'

/**
 * Calls a handler of the node, or of this process where no node runs. Null where there is no catalog and `whenNew` is
 * `nothing`. Rejects with ControlRefused and the handler's message, and with the errors of opening a catalog.
 */
export async function callUsers(
  config: Config,
  verb: string,
  args: object,
  whenNew: WhenNew = 'refuse',
): Promise<Answer | null> {
  const answer = await callControl(config.data, verb, args)
  if (answer !== null) return answer
  const isNew = await isFirstStart(config)
  if (isNew && whenNew === 'nothing') return null
  if (!isNew || whenNew === 'refuse') await requireCatalog(config)
  return await withRegistry(config, isNew, async (handle) => await handle(verb, args))
}

async function withRegistry<T>(
  config: Config,
  isNew: boolean,
  work: (handle: (verb: string, args: object) => Promise<Answer>) => Promise<T>,
): Promise<T> {
  makePrivateDirectory(config.data)
  const lock = await acquireControl(config.data, {})
  const log = makeLog('error', process.stderr)
  try {
    const create = isNew && !isThere(config.keyring)
    const keyring = replaceableKeyring(openKeyring(config.keyring, { create }))
    const checks = new PasswordChecks()
    const file = readUsersFile(config, checks)
    const { catalog, close } = await openCatalog(config, log)
    try {
      await checkKeyring({ catalog, keyring }, log)
      const damaged = (key: string) => log.error({ key }, 'a row of a user cannot be read')
      const ciphers = { cipher: secretCipher(keyring), macs: rowMacs(keyring, catalog.id) }
      const registry = await openRegistry(catalog, ciphers, file, checks, damaged)
      const handlers = userHandlers(() => registry)
      return await work(async (verb, args) => {
        try {
          return (await handlers[verb]!(args)) as Answer
        } catch (error) {
          throw error instanceof Error ? new ControlRefused(error.message) : error
        }
      })
    } finally {
      await close()
    }
  } finally {
    await lock.close()
  }
}
