// users.yaml on disk, which its operator edits and the node reads; and secrets as they are drawn for users.
import { randomBytes } from 'node:crypto'
import { compile, type ParsedFile, pathOf, readDocument } from '../document.ts'
import { isThere } from '../file-invalid.ts'
import { requirePrivate } from '../private-file.ts'
import type { PasswordChecks } from './password-checks.ts'
import { type ListedUsers, makeUsers, type UsersFile, UsersInvalid, usersSchema } from './users.ts'

/** The secrets of a user, shown to the operator once. */
export interface Secrets {
  readonly password: string
  readonly access: string
  readonly secret: string
}

/** A user in a list, without secrets. */
export interface UserLine {
  readonly account: string
  readonly name: string
  readonly roles: readonly string[]
  readonly accessKeys: readonly string[]
}

/** A user cannot be added, changed or removed. The message is a sentence for the operator. */
export class UserRefused extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UserRefused'
  }
}

/** Reads `file` into the lookup that requests use. Throws FileInvalid with path and line. */
export function loadUsers(file: string, checks?: PasswordChecks): ListedUsers {
  return check(readFile(file), checks)
}

/** Throws FileInvalid, also for a file that others than its owner may read. */
function readFile(file: string): ParsedFile<UsersFile> {
  if (isThere(file)) requireOwn(file)
  return readDocument<UsersFile>(file, compile(usersSchema))
}

const requireOwn = (file: string) => requirePrivate(file, 'passwords and secrets')

function check(parsed: ParsedFile<UsersFile>, checks?: PasswordChecks): ListedUsers {
  try {
    return makeUsers(parsed.value, checks)
  } catch (error) {
    if (!(error instanceof UsersInvalid)) throw error
    parsed.refuse([{ path: pathOf(error.path), message: error.message }])
    throw error
  }
}

/**
 * Users that can be replaced while requests run. `replace` takes effect for the next lookup. A request that
 * holds a credential keeps it.
 */
export function replaceableUsers(
  first: ListedUsers,
): ListedUsers & { replace(users: ListedUsers): void } {
  let current = first
  return {
    byAccessKey: (access) => current.byAccessKey(access),
    owner: (account) => current.owner(account),
    byCanonicalId: (canonicalId) => current.byCanonicalId(canonicalId),
    byName: (account, user) => current.byName(account, user),
    byRecentPassword: (...login) => current.byRecentPassword(...login),
    byPassword: (...login) => current.byPassword(...login),
    passwordDigest: (account, user) => current.passwordDigest(account, user),
    named: (user) => current.named(user),
    delegate: (id) => current.delegate(id),
    accounts: () => current.accounts(),
    of: (account) => current.of(account),
    replace(users) {
      current = users
    },
  }
}

/** Every user of `file`, in the order of the file. Throws FileInvalid. */
export function listUsers(file: string): UserLine[] {
  const { accounts } = readFile(file).value
  return accounts.flatMap(({ id, users }) =>
    users.map((user) => ({
      account: id,
      name: user.name,
      roles: user.roles ?? [],
      accessKeys: (user.s3 ?? []).map(({ access }) => access),
    })),
  )
}

/** Random secrets for a user. 20 and 40 characters are the lengths of AWS's own, which some clients check. */
export function drawSecrets(password = randomWord(26)): Secrets {
  return { password, access: randomWord(20), secret: randomWord(40) }
}

/** Random characters of A-Z and 2-7 (five bits each), which shells, URLs and options leave unchanged. */
function randomWord(length: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  return Array.from(randomBytes(length), (byte) => alphabet[byte & 31]).join('')
}
