// The users of a node: those of users.yaml, and those of the catalog. A name of the file hides the same name of the
// catalog. A user, or a project, that is disabled is not there for anybody who logs in.
import { sha256 } from '../auth/hmac.ts'
import type { Delegate, Identity } from '../auth/identity.ts'
import type { PasswordChecks } from '../auth/password-checks.ts'
import { Credential, type ListedUsers, type Owner, type Users } from '../auth/users.ts'
import type { AppCredentialRow, Ec2CredentialRow, UserRow } from '../catalog/identity-rows.ts'
import type { SecretCipher } from '../crypto/sealed-secret.ts'
import type { Directory } from './directory.ts'

/** What an EC2 secret's envelope is bound to. */
export const ec2Context = (account: string, access: string) =>
  ({ kind: 'ec2-credential', project: account, id: access }) as const

export interface UserFacts {
  readonly account: string
  readonly user: string
  readonly roles: readonly string[]
  readonly isEnabled: boolean
  readonly description: string
  readonly email: string
  /** Of users.yaml, which only its operator edits. */
  readonly isOfFile: boolean
}

export interface ProjectFacts {
  readonly id: string
  readonly description: string
  readonly isEnabled: boolean
  readonly isOfFile: boolean
}

export class NodeUsers implements Users {
  readonly #file: ListedUsers
  readonly #directory: Directory
  readonly #cipher: SecretCipher
  readonly #checks: PasswordChecks
  readonly #identities = new WeakMap<UserRow, Identity>()
  readonly #credentials = new WeakMap<Ec2CredentialRow, Credential>()

  /** `checks` are those of the file's users too. */
  constructor(
    file: ListedUsers,
    directory: Directory,
    cipher: SecretCipher,
    checks: PasswordChecks,
  ) {
    this.#file = file
    this.#directory = directory
    this.#cipher = cipher
    this.#checks = checks
  }

  /** Throws StoreCorrupt where the secret does not open. */
  byAccessKey(access: string): Credential | undefined {
    const ofFile = this.#file.byAccessKey(access)
    if (ofFile !== undefined) return ofFile
    const row = this.#directory.ec2.get(access)
    if (row === undefined) return undefined
    const identity = this.#identityOf(row)
    if (identity === undefined) return undefined
    const known = this.#credentials.get(row)
    if (known?.identity === identity) return known
    const secret = this.#cipher.open(ec2Context(row.account, access), row.sealed)
    const owner = this.owner(row.account)
    const credential = new Credential(identity, access, secret.toString(), owner)
    secret.fill(0)
    this.#credentials.set(row, credential)
    return credential
  }

  owner(account: string): Owner {
    return this.#file.owner(account)
  }

  byCanonicalId(canonicalId: string): string | undefined {
    const ofFile = this.#file.byCanonicalId(canonicalId)
    if (ofFile !== undefined) return ofFile
    return this.#hasRows(canonicalId) ? canonicalId : undefined
  }

  byName(account: string, user: string): Identity | undefined {
    const ofFile = this.#file.byName(account, user)
    if (ofFile !== undefined) return ofFile
    const row = this.#enabledRow(account, user)
    if (row === undefined) return undefined
    let identity = this.#identities.get(row)
    if (identity === undefined) {
      identity = { account, user, roles: [...row.roles] }
      this.#identities.set(row, identity)
    }
    return identity
  }

  named(user: string): readonly Identity[] {
    const found = [...this.#file.named(user)]
    for (const account of this.#directory.users.keys()) {
      if (this.#file.byName(account, user) !== undefined) continue
      const identity = this.byName(account, user)
      if (identity !== undefined) found.push(identity)
    }
    return found
  }

  byRecentPassword(account: string, user: string, password: string): Identity | undefined {
    if (this.#file.byName(account, user) !== undefined) {
      return this.#file.byRecentPassword(account, user, password)
    }
    const stored = this.#enabledRow(account, user)?.password
    if (stored == null || !this.#checks.remembers(password, stored)) return undefined
    return this.byName(account, user)
  }

  async byPassword(
    account: string,
    user: string,
    password: string,
    address: string,
  ): Promise<Identity | undefined> {
    if (this.#file.byName(account, user) !== undefined) {
      return await this.#file.byPassword(account, user, password, address)
    }
    const stored = this.#enabledRow(account, user)?.password ?? undefined
    const isRight = await this.#checks.verify(password, stored, address)
    return isRight ? this.byName(account, user) : undefined
  }

  passwordDigest(account: string, user: string): string | undefined {
    if (this.#file.byName(account, user) !== undefined) {
      return this.#file.passwordDigest(account, user)
    }
    const stored = this.#enabledRow(account, user)?.password
    return stored == null ? undefined : sha256(stored)
  }

  delegate(id: string): Delegate | undefined {
    const row = this.#directory.delegates.get(id)
    return row === undefined ? undefined : this.#delegateOf(row)
  }

  /** The application credential where the secret is right. An unknown id takes as long. Rejects as `byPassword`. */
  async bySecret(id: string, secret: string, address: string): Promise<Delegate | undefined> {
    const stored = this.delegate(id) && this.#directory.delegates.get(id)?.secret
    const isRight = await this.#checks.verify(secret, stored, address)
    return isRight ? this.delegate(id) : undefined
  }

  /** True where the secret was right before. Takes next to no time. */
  remembersSecret(id: string, secret: string): boolean {
    const stored = this.#directory.delegates.get(id)?.secret
    return stored !== undefined && this.#checks.remembers(secret, stored)
  }

  /** The random id of a user's row, '' for one of the file; undefined where there is no such user. */
  rowIdOf(account: string, user: string): string | undefined {
    if (this.#file.byName(account, user) !== undefined) return ''
    return this.#directory.user(account, user)?.id
  }

  /** Any user, disabled or not. */
  factsOf(account: string, user: string): UserFacts | undefined {
    const ofFile = this.#file.byName(account, user)
    if (ofFile !== undefined) {
      return { ...ofFile, isEnabled: true, description: '', email: '', isOfFile: true }
    }
    const row = this.#directory.user(account, user)
    if (row === undefined) return undefined
    const { roles, enabled, description, email } = row
    return { account, user, roles, isEnabled: enabled, description, email, isOfFile: false }
  }

  /** Users of a project, those of the file first. */
  *usersOf(account: string): Generator<UserFacts> {
    for (const { user } of this.#file.of(account)) yield this.factsOf(account, user)!
    for (const user of this.#directory.users.get(account)?.keys() ?? []) {
      if (this.#file.byName(account, user) === undefined) yield this.factsOf(account, user)!
    }
  }

  project(id: string): ProjectFacts | undefined {
    const row = this.#directory.projects.get(id)
    const isOfFile = this.#isOfFile(id)
    if (row === undefined && !isOfFile) return undefined
    return {
      id,
      description: row?.description ?? '',
      isEnabled: isOfFile || row?.enabled !== false,
      isOfFile,
    }
  }

  *projects(): Generator<ProjectFacts> {
    for (const id of this.#file.accounts()) yield this.project(id)!
    for (const id of this.#directory.projects.keys()) {
      if (!this.#isOfFile(id)) yield this.project(id)!
    }
  }

  #isOfFile(account: string): boolean {
    return this.#file.byCanonicalId(account) === account
  }

  #hasRows(account: string): boolean {
    return this.#directory.projects.has(account) || this.#directory.users.has(account)
  }

  #enabledRow(account: string, user: string): UserRow | undefined {
    const row = this.#directory.user(account, user)
    if (row === undefined || !row.enabled) return undefined
    return this.project(account)?.isEnabled === false ? undefined : row
  }

  /** The user that a credential was made for, if it is still the same one. */
  #identityOf({ account, user, userId }: Ec2CredentialRow | AppCredentialRow) {
    return this.rowIdOf(account, user) === userId ? this.byName(account, user) : undefined
  }

  #delegateOf(row: AppCredentialRow): Delegate | undefined {
    const { expiresSeconds } = row
    if (expiresSeconds !== null && expiresSeconds * 1000 <= Date.now()) return undefined
    const identity = this.#identityOf(row)
    if (identity === undefined) return undefined
    const held = new Set(identity.roles)
    const roles = row.roles.filter((role) => held.has(role))
    return {
      identity: { ...identity, roles },
      digest: sha256(row.secret),
      expiresSeconds,
      isUnrestricted: row.unrestricted,
    }
  }
}
