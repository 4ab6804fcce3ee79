// users.yaml on disk: read and checked, made at a first start, and edited by `coffer user`, which keeps the
// operator's comments. Secrets are returned to the caller once, and logged nowhere.
import { randomBytes } from 'node:crypto'
import { type Document, isMap, isSeq, parseDocument, type YAMLMap, type YAMLSeq } from 'yaml'
import { compile, type ParsedFile, parseText, pathOf, readDocument } from '../document.ts'
import { isThere, readText } from '../file-invalid.ts'
import { requirePrivate, writePrivately } from '../private-file.ts'
import type { PasswordChecks } from './password-checks.ts'
import { hashPassword } from './passwords.ts'
import { type ListedUsers, makeUsers, type UsersFile, UsersInvalid, usersSchema } from './users.ts'

export interface NewUser {
  readonly account: string
  readonly name: string
  readonly roles: readonly string[]
}

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

/**
 * Adds a user with one S3 credential, and its account where that is new. Makes the file (0600) where there is
 * none. The password is stored as a scrypt hash. The S3 secret is stored readable, because signatures are
 * computed from it. Throws UserRefused where the user exists or the password is empty, FileInvalid where the
 * file is wrong, or would be wrong afterwards.
 */
export async function addUser(
  file: string,
  user: NewUser,
  secrets: Secrets = drawSecrets(),
): Promise<Secrets> {
  const { password } = secrets
  if (password === '') throw new UserRefused('a password cannot be empty')
  const entry = {
    name: user.name,
    password: await hashPassword(password),
    roles: [...user.roles],
    s3: [{ access: secrets.access, secret: secrets.secret }],
  }
  edit(file, (document) => {
    const accounts = accountsOf(document)
    const account = find(accounts, 'id', user.account)
    if (account === undefined) {
      accounts.add(document.createNode({ id: user.account, users: [entry] }))
      return
    }
    const users = account.get('users') as YAMLSeq
    if (find(users, 'name', user.name) !== undefined) {
      throw new UserRefused(`account ${user.account} has a user ${user.name} already`)
    }
    users.add(document.createNode(entry))
  })
  return secrets
}

/**
 * Changes a user's Swift password, which ends the user's earlier tokens. Throws UserRefused where there is no
 * such user or the password is empty, FileInvalid where the file is wrong.
 */
export async function changePassword(
  file: string,
  { account, name, password }: { account: string; name: string; password: string },
): Promise<void> {
  if (password === '') throw new UserRefused('a password cannot be empty')
  const hash = await hashPassword(password)
  edit(file, (document) => userIn(accountsOf(document), account, name).user.set('password', hash))
}

/**
 * Adds an S3 credential to a user. S3 shows the same owner for all credentials of the user. Throws UserRefused
 * where there is no such user, FileInvalid where the file is wrong.
 */
export function addAccess(
  file: string,
  { account, name, access, secret }: { account: string; name: string } & Omit<Secrets, 'password'>,
): void {
  edit(file, (document) => {
    const { user } = userIn(accountsOf(document), account, name)
    const entry: Record<string, unknown> = { access, secret }
    const earlier = user.get('s3') as YAMLSeq | undefined
    const [first] = (earlier?.items ?? []).filter((item) => isMap(item))
    for (const key of ['canonicalId', 'displayName', 'email']) {
      const value = first?.get(key)
      if (value !== undefined) entry[key] = value
    }
    if (earlier === undefined) user.set('s3', document.createNode([entry]))
    else earlier.add(document.createNode(entry))
  })
}

/** Removes an S3 credential. Throws UserRefused where no user has that access key, FileInvalid where the file
 * is wrong. */
export function removeAccess(file: string, access: string): void {
  edit(file, (document) => {
    const users = accountsOf(document).items.flatMap((account) =>
      isMap(account) ? (account.get('users') as YAMLSeq<YAMLMap>).items : [],
    )
    for (const user of users) {
      const list = user.get('s3') as YAMLSeq | undefined
      const entry = list && find(list, 'access', access)
      if (list === undefined || entry === undefined) continue
      list.items.splice(list.items.indexOf(entry), 1)
      return
    }
    throw new UserRefused(`nobody has the access key ${access}`)
  })
}

/**
 * Removes a user, and with the last user its account from the file. The account's objects stay. Throws
 * UserRefused where there is no such user, FileInvalid where the file is wrong.
 */
export function removeUser(file: string, account: string, name: string): void {
  edit(file, (document) => {
    const accounts = accountsOf(document)
    const { users, user } = userIn(accounts, account, name)
    users.items.splice(users.items.indexOf(user), 1)
    if (users.items.length > 0) return
    accounts.items.splice(accounts.items.indexOf(find(accounts, 'id', account)!), 1)
  })
}

const EMPTY =
  '# Users of this coffer node. `coffer user add|list|remove` edits this file.\naccounts: []\n'

function edit(file: string, change: (document: Document) => void): void {
  const exists = isThere(file)
  if (exists) requireOwn(file)
  const text = exists ? readText(file) : EMPTY
  const validate = compile(usersSchema)
  check(parseText<UsersFile>(text, file, validate))
  const document = parseDocument(text)
  change(document)
  const edited = document.toString({ lineWidth: 0 })
  check(parseText<UsersFile>(edited, file, validate))
  writePrivately(file, edited)
}

/** The list of accounts. An empty list is changed from `[]` to the form with one entry on each line. */
function accountsOf(document: Document): YAMLSeq {
  const accounts = document.get('accounts') as YAMLSeq
  if (accounts.items.length === 0) accounts.flow = false
  return accounts
}

/** Throws UserRefused where there is no such user. */
function userIn(
  accounts: YAMLSeq,
  account: string,
  name: string,
): { users: YAMLSeq; user: YAMLMap } {
  const users = find(accounts, 'id', account)?.get('users') as YAMLSeq | undefined
  const user = users && find(users, 'name', name)
  if (users === undefined || user === undefined) {
    throw new UserRefused(`account ${account} has no user ${name}`)
  }
  return { users, user }
}

function find(list: YAMLSeq, field: string, value: string): YAMLMap | undefined {
  if (!isSeq(list)) return undefined
  return list.items.filter((item) => isMap(item)).find((item) => item.get(field) === value)
}

/** Random characters of A-Z and 2-7 (five bits each), which shells, URLs and options leave unchanged. */
function randomWord(length: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  return Array.from(randomBytes(length), (byte) => alphabet[byte & 31]).join('')
}
