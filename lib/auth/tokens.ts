// Tokens of Swift's v1 auth: they name their user and carry a MAC, so that they survive a restart and nothing
// is kept of them. The MAC covers the user's present password record: a changed password, or a user that is
// gone, ends its tokens. A logout ends them too. A token is as good as a password: it is never logged or stored.
import { hkdfSync } from 'node:crypto'
import type { Keyring } from '../crypto/cipher.ts'
import { CofferError } from '../errors.ts'
import { HmacKey, sameSignature } from './hmac.ts'
import type { Identity } from './identity.ts'
import type { Users } from './users.ts'

/** Tells the key of tokens from every other that is derived of a root key. */
const LABEL = 'coffer/v1 token'
const KEY_BYTES = 32
const MAC_BYTES = 32

export interface IssuedToken {
  readonly token: string
  /** Seconds since 1970. */
  readonly expiresSeconds: number
}

/** What is kept of logouts: an id a user, which is no secret. */
export interface Logouts {
  /** That of the last logout; '' where there was none. */
  idOf(user: Pick<Identity, 'account' | 'user'>): Promise<string>
  /** Draws another, durably. */
  renew(user: Pick<Identity, 'account' | 'user'>): Promise<void>
}

export interface Tokens {
  /**
   * A token for a user whose password was just checked: the one that this process handed out before, as long as
   * it is good. Undefined where the user has no password (any more). `nowMs`: milliseconds since 1970. Throws
   * Internal where the keyring has no active key, StoreUnavailable where it is not known who logged out.
   */
  issue(users: Users, identity: Identity, nowMs: number): Promise<IssuedToken | undefined>
  /** Whom the token stands for, with the roles that the user has now; undefined: it is not good. Throws
   * StoreUnavailable. */
  open(users: Users, token: string, nowMs: number): Promise<Identity | undefined>
  /** Ends every token of the user, durably when it resolves. Throws StoreUnavailable, CommitUnknown. */
  logout(user: Pick<Identity, 'account' | 'user'>): Promise<void>
}

/** What a token says, in the order in which it is written. */
type Claims = readonly [
  keyId: string,
  account: string,
  user: string,
  expiresSeconds: number,
  logoutId: string,
]

/** The claims that bytes of a token hold, not yet proven; undefined for anything else. */
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
  /** The last token of each user that asked. */
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
    // Only of what is genuine: strangers cost the catalog nothing.
    if (logoutId !== (await this.#logouts.idOf({ account, user }))) return undefined
    return users.byName(account, user)
  }

  async logout(user: Pick<Identity, 'account' | 'user'>): Promise<void> {
    await this.#logouts.renew(user)
  }

  /** What a token says that bears the right MAC and is not expired. */
  #proven(users: Users, token: string, nowMs: number): Claims | undefined {
    if (!token.startsWith(this.#start)) return undefined
    const text = token.slice(this.#start.length)
    const bytes = Buffer.from(text, 'base64url')
    // One spelling a token: decoding skips foreign characters.
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

  /** As a byte string; undefined where the keyring has no such key. */
  #mac(keyId: string, record: string, said: Buffer): string | undefined {
    // Asked each time: a key that was taken out of the keyring ends its tokens.
    const root = this.#keyring.key(keyId)
    if (root === undefined) return undefined
    let key = this.#keys.get(keyId)
    if (key === undefined) {
      // RFC 5869.
      key = new HmacKey('sha256', Buffer.from(hkdfSync('sha256', root, '', LABEL, KEY_BYTES)))
      this.#keys.set(keyId, key)
    }
    return key.sign(record + said.toString('latin1'), 'binary')
  }
}

/** Tokens that begin with `<prefix>_tk` and are good for `lifeSeconds`. */
export function makeTokens(
  keyring: Keyring,
  logouts: Logouts,
  options: { readonly prefix: string; readonly lifeSeconds: number },
): Tokens {
  return new MacTokens(keyring, logouts, options.prefix, options.lifeSeconds)
}
