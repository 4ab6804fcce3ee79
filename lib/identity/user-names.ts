// Names and ids of users, and which of them somebody may know of.
import type { UserFacts } from './node-users.ts'
import { missing, type Registry } from './registry.ts'
import { type Actor, actsFor, isSelf, managesProject, requireRight, seesProject } from './rights.ts'

export interface UserName {
  readonly account: string
  readonly user: string
}

/** A user's id: `account:user`, where the account has no colon. */
export const userIdOf = ({ account, user }: UserName) => `${account}:${user}`

/** The name in a user's id; undefined for what is none. */
export function nameOfUserId(id: string): UserName | undefined {
  const colon = id.indexOf(':')
  if (colon < 1 || colon === id.length - 1) return undefined
  return { account: id.slice(0, colon), user: id.slice(colon + 1) }
}

/** A user that the actor may know of: of the actor's own project. Throws IdentityRefused `missing`. */
export function userFor({ users }: Registry, actor: Actor, id: string): UserFacts {
  const name = nameOfUserId(id)
  const found =
    name !== undefined && seesProject(actor, name.account)
      ? users.factsOf(name.account, name.user)
      : undefined
  const isShown =
    found !== undefined &&
    (managesProject(actor, found.account) || isSelf(actor, found.account, found.user))
  if (!isShown) throw missing(`user: ${id}`)
  return found
}

/** Throws IdentityRefused unless the actor may see and make credentials of that user. */
export function requireActsFor(registry: Registry, actor: Actor, id: string): UserFacts {
  const facts = userFor(registry, actor, id)
  requireRight(actsFor(actor, facts))
  return facts
}
