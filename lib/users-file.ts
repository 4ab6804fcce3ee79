// users.yaml on disk: read and checked, made at a first start, and edited by `coffer user` so that the
// comments of whoever wrote it stay. Secrets are handed back to the caller once and logged nowhere.
import { randomBytes } from 'node:crypto'
import { type Document, isMap, isSeq, parseDocument, type YAMLMap, type YAMLSeq } from 'yaml'
import { hashPassword } from './auth/passwords.ts'
import { makeUsers, type Users, type UsersFile, UsersInvalid, usersSchema } from './auth/users.ts'
import { compile, type ParsedFile, parseText, pathOf, readDocument } from './config/document.ts'
import { isThere, readText } from './file-invalid.ts'
import { writePrivately } from './private-file.ts'

export interface NewUser {
  readonly account: string
  readonly name: string
  readonly roles: readonly string[]
  /** Absent: a random one is drawn. */
  readonly password?: string
}

/** What the user must be told, once. */
export interface Secrets {
  readonly password: string
  readonly access: string
  readonly secret: string
}

/** A user's line in a list, without secrets. */
export interface UserLine {
  readonly account: string
  readonly name: string
  readonly roles: readonly string[]
  readonly accessKeys: readonly string[]
}

/** A user that cannot be added or removed; the message says why. */
export class UserRefused extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UserRefused'
  }
}

/** Reads `file` into the lookup that requests use. Throws FileInvalid with path and line. */
export function loadUsers(file: string): Users {
  return check(readDocument<UsersFile>(file, compile(usersSchema)))
}

function check(parsed: ParsedFile<UsersFile>): Users {
  try {
    return makeUsers(parsed.value)
  } catch (error) {
    if (!(error instanceof UsersInvalid)) throw error
    parsed.refuse([{ path: pathOf(error.path), message: error.message }])
    throw error
  }
}

/**
 * Users that can be replaced while requests run: `replace` takes effect for the next look-up. A
 * credential that a request already holds stays what it was.
 */
export function replaceableUsers(first: Users): Users & { replace(users: Users): void } {
  let current = first
  return {
    byAccessKey: (access) => current.byAccessKey(access),
    owner: (account) => current.owner(account),
    byCanonicalId: (canonicalId) => current.byCanonicalId(canonicalId),
    byName: (account, user) => current.byName(account, user),
    byPassword: (account, user, password) => current.byPassword(account, user, password),
    passwordDigest: (account, user) => current.passwordDigest(account, user),
    replace(users) {
      current = users
    },
  }
}

/** Every user of `file`, in its order. Throws FileInvalid. */
export function listUsers(file: string): UserLine[] {
  const { accounts } = readDocument<UsersFile>(file, compile(usersSchema)).value
  return accounts.flatMap(({ id, users }) =>
    users.map((user) => ({
      account: id,
      name: user.name,
      roles: user.roles ?? [],
      accessKeys: (user.s3 ?? []).map(({ access }) => access),
    })),
  )
}

/**
 * Adds a user with one S3 credential, and its account where that is new; makes the file (0600) where
 * there is none. The password is stored as a scrypt hash; the S3 secret has to stay readable, because
 * signatures are computed from it. Throws UserRefused where the user exists or the password is empty,
 * FileInvalid where the file is wrong before or would be after.
 */
export async function addUser(file: string, user: NewUser): Promise<Secrets> {
  if (user.password === '') throw new UserRefused('a password cannot be empty')
  const password = user.password ?? randomWord(26)
  // 20 and 40 characters are the lengths of AWS's own; some clients look at them.
  const secrets = { password, access: randomWord(20), secret: randomWord(40) }
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
 * Removes a user, and with the last one its account from the file; what the account stores stays.
 * Throws UserRefused where there is no such user, FileInvalid where the file is wrong.
 */
export function removeUser(file: string, account: string, name: string): void {
  edit(file, (document) => {
    const accounts = accountsOf(document)
    const users = find(accounts, 'id', account)?.get('users') as YAMLSeq | undefined
    const user = users && find(users, 'name', name)
    if (users === undefined || user === undefined) {
      throw new UserRefused(`account ${account} has no user ${name}`)
    }
    users.items.splice(users.items.indexOf(user), 1)
    if (users.items.length > 0) return
    accounts.items.splice(accounts.items.indexOf(find(accounts, 'id', account)!), 1)
  })
}

const EMPTY =
  '# Users of this coffer node. `coffer user add|list|remove` edits this file.\naccounts: []\n'

function edit(file: string, change: (document: Document) => void): void {
  const text = isThere(file) ? readText(file) : EMPTY
  const validate = compile(usersSchema)
  check(parseText<UsersFile>(text, file, validate))
  const document = parseDocument(text)
  change(document)
  const edited = document.toString({ lineWidth: 0 })
  check(parseText<UsersFile>(edited, file, validate))
  writePrivately(file, edited)
}

/** The list of accounts, ready to take maps: `[]` is turned into a list of lines. */
function accountsOf(document: Document): YAMLSeq {
  const accounts = document.get('accounts') as YAMLSeq
  if (accounts.items.length === 0) accounts.flow = false
  return accounts
}

function find(list: YAMLSeq, field: string, value: string): YAMLMap | undefined {
  if (!isSeq(list)) return undefined
  return list.items.filter((item) => isMap(item)).find((item) => item.get(field) === value)
}

/** Random characters of A-Z and 2-7 (five bits each): nothing that a shell, a URL or an option mishandles. */
function randomWord(length: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  return Array.from(randomBytes(length), (byte) => alphabet[byte & 31]).join('')
}
