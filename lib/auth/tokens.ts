// Tokens, of Swift's v1 auth and of the identity service. A token names its user and carries a MAC, so that it survives a
// restart, and no token is stored. The MAC covers the record of what the user logged in with, a password or an
// application credential: a changed password, or a removed user, ends its tokens. A logout ends all of a user's, a
// revocation one. A token is as secret as a password, and is never logged.
import { hkdfSync } from 'node:crypto'
import type { Keyring } from '../crypto/cipher.ts'
import { CofferError } from '../errors.ts'
import { randomId } from '../names.ts'
import { HmacKey, sameSignature, sha256 } from './hmac.ts'
import type { Identity } from './identity.ts'
import type { Users } from './users.ts'

/** Distinguishes the key of tokens from every other key derived from a root key. */
const LABEL = 'coffer/v2 token'
const KEY_BYTES = 32
const MAC_BYTES = 32

export interface IssuedToken {
  readonly token: string
  /** Seconds since 1970. */
  readonly expiresSeconds: number
}

type User = Pick<Identity, 'account' | 'user'>

/** The rows about tokens that are over before their time. */
export interface Revocations {
  /** The id of the user's last logout; '' where there was none. */
  idOf(user: User): Promise<string>
  /** Replaces the id by another one, durably. */
  renew(user: User): Promise<void>
  /** The id of the user's last logout, and whether that token was revoked, of one moment. */
  stateOf(
    user: User,
    expiresSeconds: number,
    tokenHash: string,
  ): Promise<{ readonly logoutId: string; readonly isRevoked: boolean }>
  /** Notes that a token is revoked, durably. */
  revoke(user: User, expiresSeconds: number, tokenHash: string): Promise<void>
}

/** How the holder of a token logged in: words of Keystone's (`methods` of a token in its API v3). */
export type LoginMethod = 'password' | 'token' | 'application_credential'

/** What a token says beside who its user is. */
export interface TokenFacts {
  /** Random, and no secret: Keystone calls it an audit id. */
  readonly id: string
  readonly issuedMs: number
  readonly expiresSeconds: number
  readonly methods: readonly LoginMethod[]
  /** Id of the application credential that it came from; '' where it came from none. */
  readonly delegate: string
  /** False: it names its user and gives no right to anything that is stored. */
  readonly isScoped: boolean
}

/** A valid token: the user, with present roles, and what the token says. */
export interface OpenToken {
  readonly identity: Identity
  readonly facts: TokenFacts
}

export interface Tokens {
  /**
   * A token for a user whose password was just checked. While the token that this process issued last is valid,
   * it is returned again. Undefined where the user has no password (any more). `nowMs`: milliseconds since 1970.
   * Rejects with Internal where the keyring has no active key, StoreUnavailable where the row about logouts cannot
   * be read.
   */
  issue(users: Users, identity: Identity, nowMs: number): Promise<IssuedToken | undefined>
  /** A token of its own with those facts, as far as they are not drawn here. `expiresSeconds`: absent where it has the
   * whole life of a token. Undefined and rejects as `issue` does. */
  issueOwn(
    users: Users,
    identity: Identity,
    facts: Omit<TokenFacts, 'id' | 'issuedMs' | 'expiresSeconds'> & { expiresSeconds?: number },
    nowMs: number,
  ): Promise<(IssuedToken & { readonly facts: TokenFacts }) | undefined>
  /** The user of a token, with the user's present roles; undefined where the token is not valid, or not scoped. Rejects
   * with StoreUnavailable. */
  open(users: Users, token: string, nowMs: number): Promise<Identity | undefined>
  /** As `open`, with all that the token says, and also for tokens that are not scoped. */
  read(users: Users, token: string, nowMs: number): Promise<OpenToken | undefined>
  /** Ends a token, which must be valid, durably when it resolves. Rejects with StoreUnavailable, CommitUnknown. */
  revoke(token: string, { identity, facts }: OpenToken): Promise<void>
  /** Ends every token of the user, durably when it resolves. Rejects with StoreUnavailable, CommitUnknown. */
  logout(user: User): Promise<void>
}

/** The claims of a token, in the order in which it holds them. */
type Claims = readonly [
  keyId: string,
  account: string,
  user: string,
  expiresSeconds: number,
  logoutId: string,
  id: string,
  issuedMs: number,
  methods: string,
  delegate: string,
  isScoped: boolean,
]
const CLAIM_TYPES = 'string,string,string,number,string,string,number,string,string,boolean'

/** The claims in the bytes of a token, not yet verified; undefined for any other bytes. */
function readClaims(bytes: Buffer): Claims | undefined {
  let claims: unknown
  try {
    claims = JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
  if (!Array.isArray(claims)) return undefined
  const types = claims.map((claim) => typeof claim).join()
  return types === CLAIM_TYPES ? (claims as unknown as Claims) : undefined
}

/** What the MAC covers beside the claims; undefined where the user, or the application credential, is gone. */
function recordOf(users: Users, { account, user }: User, delegate: string): string | undefined {
  if (delegate === '') return users.passwordDigest(account, user)
  const found = users.delegate(delegate)
  const isTheirs = found?.identity.account === account && found.identity.user === user
  return isTheirs ? found.digest : undefined
}

class MacTokens implements Tokens {
  readonly #keyring: Keyring
  readonly #revocations: Revocations
  readonly #start: string
  readonly #lifeSeconds: number
  readonly #keys = new Map<string, HmacKey>()
  /** The last token that was issued to each user. */
  readonly #issued = new Map<string, IssuedToken>()

  constructor(keyring: Keyring, revocations: Revocations, prefix: string, lifeSeconds: number) {
    this.#keyring = keyring
    this.#revocations = revocations
    this.#start = `${prefix}_tk`
    this.#lifeSeconds = lifeSeconds
  }

  async issue(users: Users, identity: Identity, nowMs: number): Promise<IssuedToken | undefined> {
    const { account, user } = identity
    const name = JSON.stringify([account, user])
    const before = this.#issued.get(name)
    if (before !== undefined && (await this.open(users, before.token, nowMs))) return before
    const plain = { methods: ['password'], delegate: '', isScoped: true } as const
    const issued = await this.issueOwn(users, identity, plain, nowMs)
    if (issued !== undefined) this.#issued.set(name, issued)
    return issued
  }

  async issueOwn(
    users: Users,
    identity: Identity,
    asked: Parameters<Tokens['issueOwn']>[2],
    nowMs: number,
  ): Promise<(IssuedToken & { readonly facts: TokenFacts }) | undefined> {
    const { account, user } = identity
    const logoutId = await this.#revocations.idOf(identity)
    const record = recordOf(users, identity, asked.delegate)
    if (record === undefined) return undefined
    const expiresSeconds = asked.expiresSeconds ?? Math.floor(nowMs / 1000) + this.#lifeSeconds
    const facts = { ...asked, id: randomId(), issuedMs: nowMs, expiresSeconds }
    const { id, methods, delegate, isScoped } = facts
    const keyId = this.#keyring.active
    const start = [keyId, account, user, expiresSeconds, logoutId] as const
    const claims: Claims = [...start, id, nowMs, methods.join(), delegate, isScoped]
    const said = Buffer.from(JSON.stringify(claims))
    const mac = this.#mac(keyId, record, said)
    if (mac === undefined) throw new CofferError('Internal', { what: 'active root key missing' })
    const bytes = Buffer.concat([Buffer.from(mac, 'latin1'), said])
    return { token: this.#start + bytes.toString('base64url'), expiresSeconds, facts }
  }

  async open(users: Users, token: string, nowMs: number): Promise<Identity | undefined> {
    const found = await this.read(users, token, nowMs)
    return found?.facts.isScoped ? found.identity : undefined
  }

  async read(users: Users, token: string, nowMs: number): Promise<OpenToken | undefined> {
    const claims = this.#proven(users, token, nowMs)
    if (claims === undefined) return undefined
    const [, account, user, expiresSeconds, logoutId, id, issuedMs, methods, delegate, isScoped] =
      claims
    // Read after the MAC was verified, so that a stranger causes no read of the catalog.
    const state = await this.#revocations.stateOf({ account, user }, expiresSeconds, sha256(token))
    if (state.isRevoked || state.logoutId !== logoutId) return undefined
    const identity =
      delegate === '' ? users.byName(account, user) : users.delegate(delegate)?.identity
    if (identity === undefined) return undefined
    const facts = { id, issuedMs, expiresSeconds, delegate, isScoped }
    return { identity, facts: { ...facts, methods: methods.split(',') as LoginMethod[] } }
  }

  async revoke(token: string, { identity, facts }: OpenToken): Promise<void> {
    await this.#revocations.revoke(identity, facts.expiresSeconds, sha256(token))
  }

  async logout(user: User): Promise<void> {
    await this.#revocations.renew(user)
  }

  /** The claims of a token whose MAC is right and that has not expired. */
  #proven(users: Users, token: string, nowMs: number): Claims | undefined {
    if (!token.startsWith(this.#start)) return undefined
    const text = token.slice(this.#start.length)
    const bytes = Buffer.from(text, 'base64url')
    // Decoding skips foreign characters. Only one spelling of a token is accepted.
    if (bytes.toString('base64url') !== text) return undefined
    const said = bytes.subarray(MAC_BYTES)
    const claims = readClaims(said)
    if (claims === undefined) return undefined
    const [keyId, account, user, expiresSeconds, , , , , delegate] = claims
    const record = recordOf(users, { account, user }, delegate)
    const mac = record === undefined ? undefined : this.#mac(keyId, record, said)
    const given = bytes.toString('latin1', 0, MAC_BYTES)
    if (mac === undefined || !sameSignature(given, mac)) return undefined
    return expiresSeconds * 1000 > nowMs ? claims : undefined
  }

  /** The MAC as a byte string; undefined where the keyring has no such key. */
  #mac(keyId: string, record: string, said: Buffer): string | undefined {
    // The keyring is read each time, because the removal of a key ends its tokens.
    const root = this.#keyring.key(keyId)
    if (root === undefined) return undefined
    let key = this.#keys.get(keyId)
    if (key === undefined) {
      // HKDF (RFC 5869).
      key = new HmacKey('sha256', Buffer.from(hkdfSync('sha256', root, '', LABEL, KEY_BYTES)))
      this.#keys.set(keyId, key)
    }
    return key.sign(record + said.toString('latin1'), 'binary')
  }
}

/** Tokens that begin with `<prefix>_tk` and are valid for `lifeSeconds`. */
export function makeTokens(
  keyring: Keyring,
  revocations: Revocations,
  options: { readonly prefix: string; readonly lifeSeconds: number },
): Tokens {
  return new MacTokens(keyring, revocations, options.prefix, options.lifeSeconds)
}
