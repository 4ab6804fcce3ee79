// Tokens of the identity service once they are issued: whose they are, and their end.
import type { OpenToken } from '../../lib/auth/tokens.ts'
import { IdentityRefused } from '../../lib/identity/refused.ts'
import { isSelf, judgesTokens, managesUser, requireRight } from '../../lib/identity/rights.ts'
import type { Node } from '../node.ts'
import { RestError } from '../rest/rest-error.ts'
import { type Context, sayJson, tokenOf } from '../rest/route.ts'
import { catalogOf, domainView, listOf, projectView, tokenView } from './views.ts'

/** The token that a request is about. Throws RestError 400, IdentityRefused `missing`. */
async function subjectOf(ctx: Context, node: Node): Promise<{ token: string; open: OpenToken }> {
  const token = String(ctx.req.headers['x-subject-token'] ?? '')
  if (token === '') throw new RestError(400, 'Expecting to find X-Subject-Token.')
  const open = await node.tokens.read(node.users, token, Date.now())
  if (open === undefined) throw new IdentityRefused('missing', 'Could not find token.')
  return { token, open }
}

/** GET and HEAD of `/v3/auth/tokens`: to its own user, and to services. */
export async function showToken(ctx: Context, node: Node): Promise<void> {
  const { identity: actor } = tokenOf(ctx)
  const { token, open } = await subjectOf(ctx, node)
  const { account, user } = open.identity
  requireRight(isSelf(actor, account, user) || judgesTokens(actor))
  ctx.set('X-Subject-Token', token)
  const withCatalog = !/(?:^|&)nocatalog(?:[=&]|$)/.test(ctx.state.target.query)
  sayJson(ctx, 200, tokenView(node, ctx, open, withCatalog))
}

/** DELETE of `/v3/auth/tokens`: over for every node when it is answered. */
export async function revokeToken(ctx: Context, node: Node): Promise<void> {
  const { identity: actor } = tokenOf(ctx)
  const { token, open } = await subjectOf(ctx, node)
  const { account, user } = open.identity
  requireRight(isSelf(actor, account, user) || managesUser(actor, open.identity))
  await node.tokens.revoke(token, open)
  ctx.status = 204
}

export async function showCatalog(ctx: Context, node: Node): Promise<void> {
  const { identity, facts } = tokenOf(ctx)
  if (!facts.isScoped) throw new IdentityRefused('forbidden', 'The token is not scoped.')
  const catalog = catalogOf(node, ctx, identity.account)
  sayJson(ctx, 200, await listOf(ctx, 'catalog', '/auth/catalog', catalog))
}

/** The projects that the caller may have a token for: its own. */
export async function listOwnProjects(ctx: Context, node: Node): Promise<void> {
  const { account } = tokenOf(ctx).identity
  const project = node.registry.users.project(account)
  const shown = project === undefined ? [] : [projectView(ctx, project)]
  sayJson(ctx, 200, await listOf(ctx, 'projects', '/auth/projects', shown))
}

export async function listDomains(ctx: Context): Promise<void> {
  tokenOf(ctx)
  const name = new URLSearchParams(ctx.state.target.query).get('name') ?? 'Default'
  const shown = name === 'Default' ? [domainView(ctx)] : []
  sayJson(ctx, 200, await listOf(ctx, 'domains', '/domains', shown))
}

export function showDomain(ctx: Context & { params: Record<string, string> }): void {
  if (ctx.params.domain !== 'default') {
    throw new IdentityRefused('missing', 'Could not find domain.')
  }
  sayJson(ctx, 200, { domain: domainView(ctx) })
}
