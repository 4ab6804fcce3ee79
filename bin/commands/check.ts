// `coffer --check`: reads everything that a start would read, makes nothing, and says what is wrong.
import { join } from 'node:path'
import { readCertificate } from '../../lib/certificate.ts'
import { type Config, FileInvalid } from '../../lib/config.ts'
import { openKeyring } from '../../lib/crypto/keyring.ts'
import { isThere } from '../../lib/file-invalid.ts'
import { loadUsers } from '../../lib/users-file.ts'

/** Throws FileInvalid with a line for each thing that is wrong in the files that `config` names. */
export function check(config: Config): void {
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
  gather(() => isThere(config.keyring) && openKeyring(config.keyring, { create: false }))
  for (const { tls } of config.listen) {
    if (typeof tls === 'object') gather(() => readCertificate(tls))
  }
  if (problems.length > 0) throw new FileInvalid(problems)
  process.stdout.write('the configuration is valid\n')
}
