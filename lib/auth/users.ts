// Users, accounts and S3 credentials of users.yaml. Secrets are in private fields, so that neither
// `util.inspect` nor JSON shows them.
import type { FromSchema } from 'json-schema-to-ts'
import { sha256 } from './hmac.ts'
import type { Delegate, Identity } from './identity.ts'
import { PasswordChecks } from './password-checks.ts'
import { isPasswordHash, looksHashed, MEMORY_BYTES_MAX } from './passwords.ts'

// `/` would break the catalog's keys, and a control character every log of lines.
const plainWord = { type: 'string', minLength: 1, maxLength: 256 } as const
const name = { ...plainWord, pattern: '^[^/\\u0000-\\u001f\\u007f]+$' } as const
// In `account:user` the account ends at the first colon.
const account = { ...plainWord, pattern: '^[^/:\\u0000-\\u001f\\u007f]+$' } as const

/** Why a text cannot be the name of a user, account or role; null where it can. */
export function faultOfName(text: string): string | null {
  const { maxLength, pattern } = name
  if (text === '') return 'is empty'
  // Characters are counted, not UTF-16 units, as JSON Schema does (draft 7, 6.3.1).
  if ([...text].length > maxLength) return `has more than ${maxLength} characters`
  if (!new RegExp(pattern, 'u').test(text)) return 'has a slash or a control character'
  return /^\s|\s$/.test(text) ? 'begins or ends with a blank' : null
}

// The characters of an access key, which stands in `Credential=<access>/<date>/…, ` and in `AWS
// <access>:<signature>`.
const accessKey = { ...plainWord, pattern: '^[!-+.0-~-]+$' } as const

/** The form of users.yaml. `makeUsers` checks what a schema cannot express: unique names and keys. */
export const usersSchema = {
  type: 'object',
  description: 'Accounts, their users and their S3 credentials',
  required: ['accounts'],
  additionalProperties: false,
  properties: {
    accounts: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id', 'users'],
        additionalProperties: false,
        properties: {
          id: { ...account, description: 'Stable storage id of the account; never changes' },
          users: {
            type: 'array',
            items: {
              type: 'object',
              required: ['name'],
              additionalProperties: false,
              properties: {
                name: { ...name, description: 'Name of the user within the account' },
                password: {
                  type: 'string',
                  minLength: 1,
                  maxLength: 1024,
                  description: 'In the clear, or a hash $scrypt$N$r$p$salt$hash',
                },
                roles: {
                  type: 'array',
                  items: name,
                  description: 'admin, reseller_admin, reseller_reader, or free words',
                },
                s3: {
                  type: 'array',
                  description: 'S3 credentials of the user',
                  items: {
                    type: 'object',
                    required: ['access', 'secret'],
                    additionalProperties: false,
                    properties: {
                      access: { ...accessKey, description: 'Access key id, unique on the node' },
                      secret: { ...plainWord, description: 'Secret access key' },
                      canonicalId: { ...plainWord, description: "Absent: the account's id" },
                      displayName: { ...plainWord, description: "Absent: the account's id" },
                      email: { ...plainWord, description: 'For grants by e-mail address' },
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
} as const

export type UsersFile = FromSchema<typeof usersSchema>

/** users.yaml has the right form, but contradicts itself. `path` is a JSON pointer into it. */
export class UsersInvalid extends Error {
  readonly path: string
  constructor(path: string, message: string) {
    super(message)
    this.name = 'UsersInvalid'
    this.path = path
  }
}

/** The owner of a bucket or an object in the answers of S3. */
export interface Owner {
  readonly canonicalId: string
  readonly displayName: string
}

/** An S3 access key, and the user that it belongs to. */
export class Credential implements Owner {
  readonly identity: Identity
  readonly access: string
  readonly canonicalId: string
  readonly displayName: string
  readonly email: string | undefined
  readonly #secret: string

  constructor(identity: Identity, access: string, secret: string, shown: Owner, email?: string) {
    this.identity = identity
    this.access = access
    this.#secret = secret
    this.canonicalId = shown.canonicalId
    this.displayName = shown.displayName
    this.email = email
  }

  /** The secret access key. It must not be logged or stored. */
  get secret(): string {
    return this.#secret
  }
}

export interface Users {
  /** The credential with that access key. */
  byAccessKey(access: string): Credential | undefined
  /** The owner of an account's objects in S3: the canonical id of the account's first S3 credential, else its
   * id. */
  owner(account: string): Owner
  /** Id of the account with that canonical id. */
  byCanonicalId(canonicalId: string): string | undefined
  /** The user of that name. */
  byName(account: string, user: string): Identity | undefined
  /** The user, where that password was right before. */
  byRecentPassword(account: string, user: string, password: string): Identity | undefined
  /** The user, where the password is right. An unknown name takes as long. Rejects with StoreUnavailable where
   * too many checks wait, altogether or for `address`. */
  byPassword(
    account: string,
    user: string,
    password: string,
    address: string,
  ): Promise<Identity | undefined>
  /** Changes whenever the user's password record does; undefined where there is none. As secret as the
   * record. */
  passwordDigest(account: string, user: string): string | undefined
  /** The users of that name, of all accounts. */
  named(user: string): readonly Identity[]
  /** The application credential of that id, where it and its user are good. */
  delegate(id: string): Delegate | undefined
}

/** Users of a file, which can also be listed. */
export interface ListedUsers extends Users {
  /** Ids of its accounts. */
  accounts(): Iterable<string>
  /** Users of an account. */
  of(account: string): Iterable<Identity>
}

class UserTable implements ListedUsers {
  readonly credentials = new Map<string, Credential>()
  readonly owners = new Map<string, Owner>()
  /** By canonical id. */
  readonly holders = new Map<string, string>()
  readonly identities = new Map<string, Map<string, Identity>>()
  readonly #passwords = new Map<Identity, string>()
  readonly #digests = new Map<Identity, string>()
  readonly #checks: PasswordChecks

  constructor(checks: PasswordChecks) {
    this.#checks = checks
  }

  setPassword(identity: Identity, password: string): void {
    this.#checks.note(password)
    this.#passwords.set(identity, password)
    this.#digests.set(identity, sha256(password))
  }

  byAccessKey(access: string): Credential | undefined {
    return this.credentials.get(access)
  }

  owner(account: string): Owner {
    return this.owners.get(account) ?? { canonicalId: account, displayName: account }
  }

  byCanonicalId(canonicalId: string): string | undefined {
    return this.holders.get(canonicalId)
  }

  byName(account: string, user: string): Identity | undefined {
    return this.identities.get(account)?.get(user)
  }

  byRecentPassword(account: string, user: string, password: string): Identity | undefined {
    const identity = this.byName(account, user)
    const stored = identity && this.#passwords.get(identity)
    const isRight = stored !== undefined && this.#checks.remembers(password, stored)
    return isRight ? identity : undefined
  }

  async byPassword(
    account: string,
    user: string,
    password: string,
    address: string,
  ): Promise<Identity | undefined> {
    const identity = this.byName(account, user)
    const stored = identity && this.#passwords.get(identity)
    return (await this.#checks.verify(password, stored, address)) ? identity : undefined
  }

  passwordDigest(account: string, user: string): string | undefined {
    const identity = this.byName(account, user)
    return identity && this.#digests.get(identity)
  }

  named(user: string): Identity[] {
    return [...this.identities.values()].flatMap((users) => users.get(user) ?? [])
  }

  delegate(): undefined {}

  accounts(): Iterable<string> {
    return this.identities.keys()
  }

  of(account: string): Iterable<Identity> {
    return this.identities.get(account)?.values() ?? []
  }
}

/**
 * The users of a users.yaml that fits `usersSchema`. Throws UsersInvalid for accounts, users or access keys
 * that occur twice, a canonical id of two accounts, and hashes that cannot be checked. `checks` are those of the node,
 * where other users have passwords too.
 */
export function makeUsers(parsed: UsersFile, checks = new PasswordChecks()): ListedUsers {
  const table = new UserTable(checks)
  const claim = (canonicalId: string, account: string, path: string) => {
    const holder = table.holders.get(canonicalId)
    if (holder !== undefined && holder !== account) {
      throw new UsersInvalid(path, `canonical id is account ${holder}'s already`)
    }
    table.holders.set(canonicalId, account)
  }
  // Ids come first, because a written canonical id must not be the id of an account further below.
  for (const [i, { id }] of parsed.accounts.entries()) {
    if (table.identities.has(id))
      throw new UsersInvalid(`/accounts/${i}/id`, 'account occurs twice')
    table.identities.set(id, new Map())
    claim(id, id, `/accounts/${i}/id`)
  }
  for (const [i, account] of parsed.accounts.entries()) {
    const identities = table.identities.get(account.id)!
    for (const [j, user] of account.users.entries()) {
      const path = `/accounts/${i}/users/${j}`
      if (identities.has(user.name)) throw new UsersInvalid(`${path}/name`, 'user occurs twice')
      const identity = { account: account.id, user: user.name, roles: [...(user.roles ?? [])] }
      identities.set(user.name, identity)
      if (user.password !== undefined) {
        if (looksHashed(user.password) && !isPasswordHash(user.password)) {
          throw new UsersInvalid(
            `${path}/password`,
            `no $scrypt$N$r$p$salt$hash within ${MEMORY_BYTES_MAX >> 20} MiB`,
          )
        }
        table.setPassword(identity, user.password)
      }
      for (const [k, s3] of (user.s3 ?? []).entries()) {
        if (table.credentials.has(s3.access)) {
          throw new UsersInvalid(`${path}/s3/${k}/access`, 'access key occurs twice')
        }
        const shown = {
          canonicalId: s3.canonicalId ?? account.id,
          displayName: s3.displayName ?? account.id,
        }
        claim(shown.canonicalId, account.id, `${path}/s3/${k}/canonicalId`)
        const credential = new Credential(identity, s3.access, s3.secret, shown, s3.email)
        table.credentials.set(s3.access, credential)
        if (!table.owners.has(account.id)) table.owners.set(account.id, shown)
      }
    }
  }
  return table
}
