// Who asks, whichever dialect proved it.

export interface Identity {
  /** The stable storage id of the account the user belongs to. */
  readonly account: string
  readonly user: string
  readonly roles: readonly string[]
}

/** Null is the anonymous caller. */
export type Caller = Identity | null

/** The roles that give rights by themselves (lib/service/access.ts): to the own account, and to all of them. */
export const grantingRoles = ['admin', 'reseller_admin', 'reseller_reader'] as const
