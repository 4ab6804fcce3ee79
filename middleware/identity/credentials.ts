// EC2 credentials and application credentials in Keystone's API v3.
import { compile } from '../../lib/document.ts'
import {
  type AppCredentialFacts,
  appCredentialFor,
  createAppCredential,
  deleteAppCredential,
  listAppCredentials,
} from '../../lib/identity/app-credentials.ts'
import {
  createEc2Credential,
  deleteEc2Credential,
  type Ec2Credential,
  ec2CredentialFor,
  listEc2Credentials,
} from '../../lib/identity/ec2-credentials.ts'
import { IdentityRefused } from '../../lib/identity/refused.ts'
import { userFor, userIdOf } from '../../lib/identity/user-names.ts'
import { networkOf } from '../../lib/network.ts'
import type { Node } from '../node.ts'
import { readJson } from '../rest/read-body.ts'
import { RestError } from '../rest/rest-error.ts'
import { type RoutedContext, sayJson, tokenOf } from '../rest/route.ts'
import { type AppCredentialBody, appCredentialSchema, ec2Schema } from './schemas.ts'
import { timeOf } from './views.ts'

const isEc2 = compile(ec2Schema)
const isAppCredential = compile(appCredentialSchema)

/** Who asks, and whose credentials the path names. */
function partiesOf(ctx: RoutedContext, { registry }: Node) {
  const { identity: actor } = tokenOf(ctx)
  return { registry, actor, name: userFor(registry, actor, ctx.params.user!) }
}

/** As `partiesOf`, for the user's own login alone. Throws IdentityRefused `forbidden` for a token of an application
 * credential, which would otherwise make itself a login that outlives it. */
function requireOwnLogin(ctx: RoutedContext, node: Node) {
  if (tokenOf(ctx).facts.delegate !== '') {
    throw new IdentityRefused('forbidden', 'Delegated tokens cannot access credentials directly.')
  }
  return partiesOf(ctx, node)
}

function ec2View({ state }: RoutedContext, credential: Ec2Credential) {
  const { account, access, secret } = credential
  const id = userIdOf(credential)
  const path = `/v3/users/${encodeURIComponent(id)}/credentials/OS-EC2/${access}`
  return {
    user_id: id,
    tenant_id: account,
    access,
    secret,
    trust_id: null,
    links: { self: state.target.baseUrl + path },
  }
}

export async function makeEc2(ctx: RoutedContext, node: Node): Promise<void> {
  const { registry, actor, name } = requireOwnLogin(ctx, node)
  const { tenant_id: project } = await readJson<{ tenant_id?: string | null }>(ctx, isEc2)
  if ((project ?? name.account) !== name.account) {
    throw new IdentityRefused('forbidden', 'A user has credentials for its own project alone.')
  }
  const made = await createEc2Credential(registry, actor, name)
  sayJson(ctx, 201, { credential: ec2View(ctx, made) })
}

export function listEc2(ctx: RoutedContext, node: Node): void {
  const { registry, actor, name } = requireOwnLogin(ctx, node)
  const credentials = listEc2Credentials(registry, actor, name).map((each) => ec2View(ctx, each))
  const self = ctx.state.target.baseUrl + ctx.path
  sayJson(ctx, 200, { credentials, links: { next: null, self, previous: null } })
}

export function showEc2(ctx: RoutedContext, node: Node): void {
  const { registry, actor, name } = requireOwnLogin(ctx, node)
  const found = ec2CredentialFor(registry, actor, name, ctx.params.access!)
  sayJson(ctx, 200, { credential: ec2View(ctx, found) })
}

export async function removeEc2(ctx: RoutedContext, node: Node): Promise<void> {
  const { registry, actor, name } = requireOwnLogin(ctx, node)
  await deleteEc2Credential(registry, actor, name, ctx.params.access!)
  ctx.status = 204
}

function appCredentialView(facts: AppCredentialFacts, secret?: string) {
  const { id, name, description, account, roles, expiresSeconds, unrestricted } = facts
  return {
    id,
    name,
    description,
    project_id: account,
    user_id: userIdOf(facts),
    roles: roles.map((role) => ({ id: role, name: role, domain_id: null })),
    expires_at: expiresSeconds === null ? null : timeOf(expiresSeconds * 1000).replace('Z', ''),
    unrestricted,
    system: null,
    ...(secret !== undefined && { secret }),
  }
}

/** Seconds since 1970 of a time in ISO 8601; a time without a zone is UTC. Throws RestError 400. */
function secondsOf(text: string): number {
  const isForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)?$/.test(text)
  const ms = isForm ? Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`) : Number.NaN
  if (Number.isNaN(ms)) throw new RestError(400, 'Invalid input for expires_at.')
  return Math.floor(ms / 1000)
}

/** Throws IdentityRefused `forbidden` for a token of an application credential that may not make others. */
function requireUnrestricted(ctx: RoutedContext, node: Node): void {
  const { delegate } = tokenOf(ctx).facts
  if (delegate !== '' && node.users.delegate(delegate)?.isUnrestricted !== true) {
    throw new IdentityRefused('forbidden', 'This application credential may not manage others.')
  }
}

export async function makeAppCredential(ctx: RoutedContext, node: Node): Promise<void> {
  requireUnrestricted(ctx, node)
  const { registry, actor, name } = partiesOf(ctx, node)
  const { application_credential: asked } = await readJson<AppCredentialBody>(ctx, isAppCredential)
  if ((asked.access_rules ?? []).length > 0) {
    throw new RestError(400, 'Access rules of application credentials are not built.')
  }
  const roles = asked.roles?.map(({ id, name }) => id ?? name ?? '')
  const { secret, ...made } = await createAppCredential(
    registry,
    actor,
    name,
    {
      name: asked.name,
      description: asked.description ?? '',
      expiresSeconds: asked.expires_at == null ? null : secondsOf(asked.expires_at),
      isUnrestricted: asked.unrestricted ?? false,
      ...(asked.secret != null && { secret: asked.secret }),
      ...(roles !== undefined && roles.length > 0 && { roles }),
    },
    networkOf(ctx.state.target.address),
  )
  sayJson(ctx, 201, { application_credential: appCredentialView(made, secret) })
}

export function listAppCredentialsOf(ctx: RoutedContext, node: Node): void {
  const { registry, actor, name } = partiesOf(ctx, node)
  const wanted = new URLSearchParams(ctx.state.target.query).get('name')
  const all = listAppCredentials(registry, actor, name)
  const shown = all.filter((each) => wanted === null || each.name === wanted)
  const self = ctx.state.target.baseUrl + ctx.path
  sayJson(ctx, 200, {
    application_credentials: shown.map((each) => appCredentialView(each)),
    links: { self, next: null, previous: null },
  })
}

export function showAppCredential(ctx: RoutedContext, node: Node): void {
  const { registry, actor, name } = partiesOf(ctx, node)
  const found = appCredentialFor(registry, actor, name, ctx.params.id!)
  sayJson(ctx, 200, { application_credential: appCredentialView(found) })
}

export async function removeAppCredential(ctx: RoutedContext, node: Node): Promise<void> {
  requireUnrestricted(ctx, node)
  const { registry, actor, name } = partiesOf(ctx, node)
  await deleteAppCredential(registry, actor, name, ctx.params.id!)
  ctx.status = 204
}
