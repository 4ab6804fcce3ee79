// The caller of a request, in either dialect.

export interface Identity {
  /** The stable storage id of the user's account. */
  readonly account: string
  readonly user: string
  readonly roles: readonly string[]
}

/** An application credential: a password of its own with some of its user's roles. */
export interface Delegate {
  /** The user, with those roles of the credential that the user still has. */
  readonly identity: Identity
  /** Changes whenever the credential does. As secret as its record. */
  readonly digest: string
  /** Seconds since 1970; null where it does not end. */
  readonly expiresSeconds: number | null
  /** Its tokens may make and remove application credentials. */
  readonly isUnrestricted: boolean
}

/** Null is the anonymous caller. */
export type Caller = Identity | null

/** The roles that give rights by themselves (lib/service/access.ts): to the user's own account, and to all
 * accounts. */
export const grantingRoles = ['admin', 'reseller_admin', 'reseller_reader'] as const
