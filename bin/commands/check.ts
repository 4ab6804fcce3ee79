// `coffer --check`: reads everything that a start would read, makes nothing, says what is wrong, and warns of root keys
// that a first start would draw: whoever meant to use others, or to keep a copy, has to know before.
import { join } from 'node:path'
import { loadUsers } from '../../lib/auth/users-file.ts'
import { readCertificate } from '../../lib/certificate.ts'
import type { Config } from '../../lib/config/config.ts'
import { isPutBySystemd, openKeyring } from '../../lib/crypto/keyring.ts'
import { FileInvalid, isThere } from '../../lib/file-invalid.ts'
import { hasTraces } from '../../lib/open-catalog.ts'

/** Throws FileInvalid with a line for each thing that is wrong in the files that `config` names. */
export async function check(config: Config): Promise<void> {
  const problems: string[] = []
  const gather = (read: () => unknown) => {
    try {
      read()
    } catch (error) {
      if (!(error instanceof FileInvalid)) throw error
      problems.push(...error.problems)
    }
  }
  // Files that a first start makes may be missing.
  const users = config.users ?? join(config.data, 'users.yaml')
  gather(() => isThere(users) && loadUsers(users))
  let isKeyringThere = true
  let warning: string | null = null
  gather(() => {
    isKeyringThere = isThere(config.keyring)
  })
  if (!isKeyringThere) warning = await expectKeyring(config)
  if (warning === null) gather(() => openKeyring(config.keyring, { create: false }))
  for (const { tls } of config.listen) {
    if (typeof tls === 'object') gather(() => readCertificate(tls))
  }
  if (problems.length > 0) throw new FileInvalid([...new Set(problems)])
  if (warning !== null) process.stderr.write(`warning: ${warning}\n`)
  process.stdout.write('the configuration is valid\n')
}

/** What to know of a keyring that is not there; null where a start would not go on without it. */
async function expectKeyring(config: Config): Promise<string | null> {
  const { keyring } = config
  if (isPutBySystemd(keyring)) {
    if (process.env.CREDENTIALS_DIRECTORY !== undefined) return null
    return `${keyring}: is there while the service runs, by LoadCredential= in its unit: not checked`
  }
  if (await hasTraces(config)) return null
  return `${keyring}: there is no keyring: a first start draws root keys into it, and without a copy of them all objects are lost`
}
