// Roles in Keystone's API v3. A role is a word: its id is its name. A user has roles in its own project alone.
import { grantingRoles } from '../../lib/auth/identity.ts'
import { projectFor } from '../../lib/identity/projects.ts'
import { IdentityRefused } from '../../lib/identity/refused.ts'
import { userFor, userIdOf } from '../../lib/identity/user-names.ts'
import { addRole, removeRole } from '../../lib/identity/users.ts'
import { spend } from '../../lib/turns.ts'
import type { Node } from '../node.ts'
import { type RoutedContext, sayJson, tokenOf } from '../rest/route.ts'
import { visibleUsers } from './users.ts'
import { domain, listOf, roleView } from './views.ts'

/** Roles that mean something to identity or the key manager, beside those of the configuration. */
const known = [...grantingRoles, 'creator', 'observer', 'audit', 'service'] as const

/** Roles that mean something here, or that a user has whom the caller may know of. */
async function rolesFor(ctx: RoutedContext, node: Node): Promise<Set<string>> {
  const roles = new Set<string>([...known, ...node.config.identity.operatorRoles])
  for (const user of visibleUsers(ctx, node)) {
    const turn = spend(1)
    if (turn !== undefined) await turn
    for (const role of user?.roles ?? []) roles.add(role)
  }
  return roles
}

export async function listRoles(ctx: RoutedContext, node: Node): Promise<void> {
  const name = new URLSearchParams(ctx.state.target.query).get('name')
  const shown = [...(await rolesFor(ctx, node))].filter((role) => name === null || role === name)
  sayJson(
    ctx,
    200,
    await listOf(
      ctx,
      'roles',
      '/roles',
      shown.map((role) => roleView(ctx, role)),
    ),
  )
}

export async function showRole(ctx: RoutedContext, node: Node): Promise<void> {
  const role = ctx.params.role!
  if (!(await rolesFor(ctx, node)).has(role)) {
    throw new IdentityRefused('missing', `Could not find role: ${role}.`)
  }
  sayJson(ctx, 200, { role: roleView(ctx, role) })
}

/** The user of a role's path, which must be of that path's project. */
function userOfPath(ctx: RoutedContext, { registry }: Node) {
  const { identity } = tokenOf(ctx)
  const { id } = projectFor(registry, identity, ctx.params.project!)
  const facts = userFor(registry, identity, ctx.params.user!)
  if (facts.account !== id) {
    throw new IdentityRefused('forbidden', 'A user has roles in its own project alone.')
  }
  return facts
}

export async function listRolesOfUser(ctx: RoutedContext, node: Node): Promise<void> {
  const { roles } = userOfPath(ctx, node)
  const shown = roles.map((role) => roleView(ctx, role))
  sayJson(ctx, 200, await listOf(ctx, 'roles', ctx.path.slice('/v3'.length), shown))
}

export function checkRole(ctx: RoutedContext, node: Node): void {
  const { role } = ctx.params
  if (!new Set(userOfPath(ctx, node).roles).has(role!)) {
    throw new IdentityRefused('missing', `Could not find role assignment with role: ${role}.`)
  }
  ctx.status = 204
}

export async function grantRole(ctx: RoutedContext, node: Node): Promise<void> {
  const facts = userOfPath(ctx, node)
  await addRole(node.registry, tokenOf(ctx).identity, facts, ctx.params.role!)
  ctx.status = 204
}

export async function revokeRole(ctx: RoutedContext, node: Node): Promise<void> {
  const facts = userOfPath(ctx, node)
  await removeRole(node.registry, tokenOf(ctx).identity, facts, ctx.params.role!)
  ctx.status = 204
}

export async function listAssignments(ctx: RoutedContext, node: Node): Promise<void> {
  const query = new URLSearchParams(ctx.state.target.query)
  const [user, project, role] = ['user.id', 'scope.project.id', 'role.id'].map((name) =>
    query.get(name),
  )
  const withNames = query.has('include_names')
  const named = (id: string, name: string) => (withNames ? { id, name, domain } : { id })
  function* shown(): Generator<object | undefined> {
    for (const facts of visibleUsers(ctx, node)) {
      if (facts === undefined) {
        yield undefined
        continue
      }
      const { account, roles } = facts
      const id = userIdOf(facts)
      const isWanted = (user ?? id) === id && (project ?? account) === account
      if (!isWanted) yield undefined
      for (const each of isWanted ? roles : []) {
        if (role !== null && role !== each) continue
        yield {
          role: withNames ? { id: each, name: each } : { id: each },
          user: named(id, facts.user),
          scope: { project: named(account, account) },
          links: {},
        }
      }
    }
  }
  sayJson(ctx, 200, await listOf(ctx, 'role_assignments', '/role_assignments', shown()))
}
