// Tokens of Swift's v1 auth. A token names its user and carries a MAC, so that it survives a restart, and no
// token is stored. The MAC covers the user's password record: a changed password, or a removed user, ends its
// tokens. A logout ends them too. A token is as secret as a password, and is never logged.
import { hkdfSync } from 'node:crypto'
import type { Keyring } from '../crypto/cipher.ts'
import { CofferError } from '../errors.ts'
import { HmacKey, sameSignature } from './hmac.ts'
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

/** The rows about logouts: one id for each user, which is no secret. */
export interface Logouts {
  /** The id of the user's last logout; '' where there was none. */
  idOf(user: Pick<Identity, 'account' | 'user'>): Promise<string>
  /** Replaces the id by another one, durably. */
  renew(user: Pick<Identity, 'account' | 'user'>): Promise<void>
}

export interface Tokens {
  /**
   * A token for a user whose password was just checked. While the token that this process issued last is valid,
   * it is returned again. Undefined where the user has no password (any more). `nowMs`: milliseconds since 1970.
   * Rejects with Internal where the keyring has no active key, StoreUnavailable where the row about logouts cannot
   * be read.
   */
  issue(users: Users, identity: Identity, nowMs: number): Promise<IssuedToken | undefined>
  /** The user of a token, with the user's present roles; undefined where the token is not valid. Rejects with
   * StoreUnavailable. */
  open(users: Users, token: string, nowMs: number): Promise<Identity | undefined>
  /** Ends every token of the user, durably when it resolves. Rejects with StoreUnavailable, CommitUnknown. */
  logout(user: Pick<Identity, 'account' | 'user'>): Promise<void>
}

/** The claims of a token, in the order in which it holds them. */
type Claims = readonly [
  keyId: string,
  account: string,
  user: string,
  expiresSeconds: number,
  logoutId: string,
]

/** The claims in the bytes of a token, not yet verified; undefined for any other bytes. */
function readClaims(bytes: Buffer): Claims | undefined {
  let claims: unknown
  try {
    claims = JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
  if (!Array.isArray(claims) || claims.length !== 5) return undefined
  const types = claims.map((claim) => typeof claim).join()
  return types === 'string,string,string,number,string' ? (claims as unknown as Claims) : undefined
}

class MacTokens implements Tokens {
  readonly #keyring: Keyring
  readonly #logouts: Logouts
  readonly #start: string
  readonly #lifeSeconds: number
  readonly #keys = new Map<string, HmacKey>()
  /** The last token that was issued to each user. */
  readonly #issued = new Map<string, IssuedToken>()

  constructor(keyring: Keyring, logouts: Logouts, prefix: string, lifeSeconds: number) {
    this.#keyring = keyring
    this.#logouts = logouts
    this.#start = `${prefix}_tk`
    this.#lifeSeconds = lifeSeconds
  }

  async issue(users: Users, identity: Identity, nowMs: number): Promise<IssuedToken | undefined> {
    const { account, user } = identity
    const name = JSON.stringify([account, user])
    const before = this.#issued.get(name)
    if (before !== undefined && (await this.open(users, before.token, nowMs))) return before
    const logoutId = await this.#logouts.idOf(identity)
    const record = users.passwordDigest(account, user)
    if (record === undefined) return undefined
    const expiresSeconds = Math.floor(nowMs / 1000) + this.#lifeSeconds
    const claims: Claims = [this.#keyring.active, account, user, expiresSeconds, logoutId]
    const said = Buffer.from(JSON.stringify(claims))
    const mac = this.#mac(this.#keyring.active, record, said)
    if (mac === undefined) throw new CofferError('Internal', { what: 'active root key missing' })
    const bytes = Buffer.concat([Buffer.from(mac, 'latin1'), said])
    const issued = { token: this.#start + bytes.toString('base64url'), expiresSeconds }
    this.#issued.set(name, issued)
    return issued
  }

  async open(users: Users, token: string, nowMs: number): Promise<Identity | undefined> {
    const claims = this.#proven(users, token, nowMs)
    if (claims === undefined) return undefined
    const [, account, user, , logoutId] = claims
    // Read after the MAC was verified, so that a stranger causes no read of the catalog.
    if (logoutId !== (await this.#logouts.idOf({ account, user }))) return undefined
    return users.byName(account, user)
  }

  async logout(user: Pick<Identity, 'account' | 'user'>): Promise<void> {
    await this.#logouts.renew(user)
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
    const [keyId, account, user, expiresSeconds] = claims
    const record = users.passwordDigest(account, user)
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
  logouts: Logouts,
  options: { readonly prefix: string; readonly lifeSeconds: number },
): Tokens {
  return new MacTokens(keyring, logouts, options.prefix, options.lifeSeconds)
}
