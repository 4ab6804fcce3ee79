// `coffer --check`: reads all files that a start would read, makes none, and reports what is wrong. It warns
// before a first start draws root keys: the operator may have meant to use others, and must keep a copy of
// them.
import { join } from 'node:path'
import { loadUsers } from '../../lib/auth/users-file.ts'
import { readCertificate } from '../../lib/certificate.ts'
import type { Config } from '../../lib/config/config.ts'
import { isPutBySystemd, openKeyring } from '../../lib/crypto/keyring.ts'
import { FileInvalid, isThere } from '../../lib/file-invalid.ts'
import { hasTraces } from '../../lib/open-catalog.ts'

/** Rejects with FileInvalid and a line for each problem in the files of `config`. */
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
  // A first start makes missing files.
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

/** A warning about a missing keyring; null where a start would fail without it. */
async function expectKeyring(config: Config): Promise<string | null> {
  const { keyring } = config
  if (isPutBySystemd(keyring)) {
    if (process.env.CREDENTIALS_DIRECTORY !== undefined) return null
    return `${keyring}: is there while the service runs, by LoadCredential= in its unit: not checked`
  }
  if (await hasTraces(config)) return null
  return `${keyring}: there is no keyring: a first start draws root keys into it, and without a copy of them all objects are lost`
}
