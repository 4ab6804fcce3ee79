// The caller of a request, in either dialect.

export interface Identity {
  /** The stable storage id of the user's account. */
  readonly account: string
  readonly user: string
  readonly roles: readonly string[]
}

/** Null is the anonymous caller. */
export type Caller = Identity | null

/** The roles that give rights by themselves (lib/service/access.ts): to the user's own account, and to all
 * accounts. */
export const grantingRoles = ['admin', 'reseller_admin', 'reseller_reader'] as const
