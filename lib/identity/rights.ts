// Who may do what with projects, users, credentials and secrets. Rights on what is stored as objects are decided in
// lib/service/access.ts alone.
import type { Identity } from '../auth/identity.ts'
import { IdentityRefused } from './refused.ts'

/** Who acts: a user by the roles of its token, or the operator at the command line, who may everything. */
export type Actor = Identity | 'operator'

/** Roles that reach beyond one project. Whoever has none of them gives none. */
const farRoles: ReadonlySet<string> = new Set(['reseller_admin', 'reseller_reader'])

const has = (actor: Actor, ...roles: readonly string[]) =>
  actor !== 'operator' && roles.some((role) => actor.roles.includes(role))

/** May make projects, and whatever else there is. */
export const reachesAll = (actor: Actor) => actor === 'operator' || has(actor, 'reseller_admin')

/** May change the users and credentials of a project. */
export const managesProject = (actor: Actor, project: string) =>
  reachesAll(actor) || (actor !== 'operator' && actor.account === project && has(actor, 'admin'))

/** May know of a project, and of its users. */
export const seesProject = (actor: Actor, project: string) =>
  reachesAll(actor) || (actor !== 'operator' && actor.account === project)

/** The actor is that user. */
export const isSelf = (actor: Actor, account: string, user: string) =>
  actor !== 'operator' && actor.account === account && actor.user === user

/** May change a user. Whoever reaches beyond its project is changed only by those who do, too: a password set by
 * another would be a way to that user's roles. */
export const managesUser = (actor: Actor, { account, roles }: Identity) =>
  reachesAll(actor) || (managesProject(actor, account) && !roles.some((role) => farRoles.has(role)))

/** May make and see credentials of a user. */
export const actsFor = (actor: Actor, whom: Identity) =>
  isSelf(actor, whom.account, whom.user) || managesUser(actor, whom)

/** Throws IdentityRefused `forbidden` unless `isAllowed`. */
export function requireRight(isAllowed: boolean): void {
  if (!isAllowed) {
    throw new IdentityRefused(
      'forbidden',
      'You are not authorized to perform the requested action.',
    )
  }
}

/** Throws IdentityRefused for a role that the actor may not give or take. */
export function requireGrant(actor: Actor, project: string, role: string): void {
  requireRight(managesProject(actor, project) && (!farRoles.has(role) || reachesAll(actor)))
}

/**
 * What the key manager's roles allow (Barbican's default policy, barbican/common/policies/): `admin` and `creator` make
 * and delete, `observer` reads payloads, `audit` reads what is beside them.
 */
export const keepsSecrets = (actor: Actor) => has(actor, 'admin', 'creator', 'reseller_admin')
export const readsPayloads = (actor: Actor) => keepsSecrets(actor) || has(actor, 'observer')
export const readsSecretFacts = (actor: Actor) => readsPayloads(actor) || has(actor, 'audit')

/** May ask whose a token is that is not the caller's own: other services, which get it from its user. */
export const judgesTokens = (actor: Actor) => reachesAll(actor) || has(actor, 'service')

/** May do with every secret of the project what its creator may. */
export const ownsSecrets = (actor: Actor) => has(actor, 'admin', 'reseller_admin')
