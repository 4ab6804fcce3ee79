// Users in Keystone's API v3.
import { compile } from '../../lib/document.ts'
import type { UserFacts } from '../../lib/identity/node-users.ts'
import { isSelf, managesProject, reachesAll, requireRight } from '../../lib/identity/rights.ts'
import { nameOfUserId, userFor } from '../../lib/identity/user-names.ts'
import { changeOwnPassword, createUser, deleteUser, updateUser } from '../../lib/identity/users.ts'
import { networkOf } from '../../lib/network.ts'
import { requireTurn } from '../logins.ts'
import type { Node } from '../node.ts'
import { readJson } from '../rest/read-body.ts'
import { RestError } from '../rest/rest-error.ts'
import { type RoutedContext, sayJson, tokenOf } from '../rest/route.ts'
import { unauthenticated } from '../rest/speaker.ts'
import { filtersOf } from './projects.ts'
import {
  newUserSchema,
  type OwnPasswordBody,
  ownPasswordSchema,
  type UserFields,
  userPatchSchema,
} from './schemas.ts'
import { domain, listOf, projectView, userView } from './views.ts'

const isNewUser = compile(newUserSchema)
const isUserPatch = compile(userPatchSchema)
const isOwnPassword = compile(ownPasswordSchema)

const addressOf = ({ state }: RoutedContext) => networkOf(state.target.address)

/** Users that the caller may know of: all, those of the project that it manages, or itself. Undefined for each that it may
 * not know of. */
export function* visibleUsers(
  ctx: RoutedContext,
  { registry }: Node,
): Generator<UserFacts | undefined> {
  const { identity } = tokenOf(ctx)
  const { users } = registry
  const projects = reachesAll(identity)
    ? Array.from(users.projects(), ({ id }) => id)
    : [identity.account]
  for (const project of projects) {
    const isManaged = managesProject(identity, project)
    for (const facts of users.usersOf(project)) {
      yield isManaged || isSelf(identity, facts.account, facts.user) ? facts : undefined
    }
  }
}

export async function listUsers(ctx: RoutedContext, node: Node): Promise<void> {
  const { name, isOfDomain, project, isEnabled } = filtersOf(ctx)
  function* shown(): Generator<object | undefined> {
    if (!isOfDomain) return
    for (const facts of visibleUsers(ctx, node)) {
      const isWanted =
        facts !== undefined &&
        (name === null || facts.user === name) &&
        (project === null || facts.account === project) &&
        (isEnabled === undefined || facts.isEnabled === isEnabled)
      yield isWanted ? userView(ctx, facts) : undefined
    }
  }
  sayJson(ctx, 200, await listOf(ctx, 'users', '/users', shown()))
}

export function showUser(ctx: RoutedContext, { registry }: Node): void {
  const facts = userFor(registry, tokenOf(ctx).identity, ctx.params.user!)
  sayJson(ctx, 200, { user: userView(ctx, facts) })
}

export async function listProjectsOfUser(ctx: RoutedContext, { registry }: Node): Promise<void> {
  const id = ctx.params.user!
  const { account } = userFor(registry, tokenOf(ctx).identity, id)
  const project = registry.users.project(account)
  const shown = project === undefined ? [] : [projectView(ctx, project)]
  sayJson(
    ctx,
    200,
    await listOf(ctx, 'projects', `/users/${encodeURIComponent(id)}/projects`, shown),
  )
}

/** A user without `default_project_id` is made in the caller's own project. */
export async function makeUser(ctx: RoutedContext, { registry }: Node): Promise<void> {
  const { user } = await readJson<{ user: UserFields & { name: string } }>(ctx, isNewUser)
  const { identity } = tokenOf(ctx)
  if ((user.domain_id ?? domain.id) !== domain.id) throw new RestError(400, 'There is one domain.')
  const { password } = user
  const made = await createUser(
    registry,
    identity,
    {
      account: user.default_project_id ?? identity.account,
      user: user.name,
      roles: [],
      isEnabled: user.enabled ?? true,
      description: user.description ?? '',
      email: user.email ?? '',
      ...(password != null && { password }),
    },
    { address: addressOf(ctx) },
  )
  sayJson(ctx, 201, { user: userView(ctx, made) })
}

export async function changeUser(ctx: RoutedContext, { registry }: Node): Promise<void> {
  const { user } = await readJson<{ user: UserFields }>(ctx, isUserPatch)
  const { identity } = tokenOf(ctx)
  const facts = userFor(registry, identity, ctx.params.user!)
  const { name = facts.user, default_project_id: project = facts.account } = user
  if (name !== facts.user || project !== facts.account) {
    throw new RestError(400, 'A user keeps its name and its project.')
  }
  const { password, description, email, enabled } = user
  const patch = {
    ...(password != null && { password }),
    ...(description !== undefined && { description: description ?? '' }),
    ...(email !== undefined && { email: email ?? '' }),
    ...(enabled !== undefined && { isEnabled: enabled }),
  }
  const changed = await updateUser(registry, identity, facts, patch, addressOf(ctx))
  sayJson(ctx, 200, { user: userView(ctx, changed) })
}

export async function removeUser(ctx: RoutedContext, { registry }: Node): Promise<void> {
  const { identity } = tokenOf(ctx)
  await deleteUser(registry, identity, userFor(registry, identity, ctx.params.user!))
  ctx.status = 204
}

/** A user changes its own password, with the old one: a guess like any other. */
export async function setOwnPassword(ctx: RoutedContext, node: Node): Promise<void> {
  const { user: sent } = await readJson<OwnPasswordBody>(ctx, isOwnPassword)
  const { identity } = tokenOf(ctx)
  const { account, user } = nameOfUserId(ctx.params.user!) ?? { account: '', user: '' }
  requireRight(isSelf(identity, account, user))
  const { state } = ctx
  state.loginAs = ctx.params.user!
  requireTurn(node, ctx, state.loginAs)
  const { users, registry } = node
  const proven = await users.byPassword(account, user, sent.original_password, addressOf(ctx))
  if (proven === undefined) throw unauthenticated()
  state.provenAs = state.loginAs
  await changeOwnPassword(registry, { account, user }, sent.password, addressOf(ctx))
  ctx.status = 204
}
