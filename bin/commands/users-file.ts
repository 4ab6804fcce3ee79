// users.yaml as a node reads it: the file that the configuration names, or the one in the data directory, which need not
// be there.
import { join } from 'node:path'
import type { PasswordChecks } from '../../lib/auth/password-checks.ts'
import { type ListedUsers, makeUsers } from '../../lib/auth/users.ts'
import { listUsers, loadUsers, type UserLine } from '../../lib/auth/users-file.ts'
import type { Config } from '../../lib/config/config.ts'
import { isThere } from '../../lib/file-invalid.ts'

/** The users file of a node; undefined where it has none. Throws FileInvalid where that cannot be looked up. */
export function usersFileOf({ users, data }: Pick<Config, 'users' | 'data'>): string | undefined {
  if (users !== undefined) return users
  const file = join(data, 'users.yaml')
  return isThere(file) ? file : undefined
}

/** The users of the file, or none. Throws FileInvalid. */
export function readUsersFile(config: Config, checks: PasswordChecks): ListedUsers {
  const file = usersFileOf(config)
  return file === undefined ? makeUsers({ accounts: [] }, checks) : loadUsers(file, checks)
}

/** The users of the file as a list, with their access keys. Throws FileInvalid. */
export function listUsersFile(config: Config): readonly UserLine[] {
  const file = usersFileOf(config)
  return file === undefined ? [] : listUsers(file)
}
