// Logins: a password, a token or an application credential becomes a token. The guesses that a client may make are those
// of all logins of the node (D-GUESSES).

import type { Identity } from '../../lib/auth/identity.ts'
import type { LoginMethod, OpenToken } from '../../lib/auth/tokens.ts'
import { compile } from '../../lib/document.ts'
import { idOfAppCredential } from '../../lib/identity/app-credentials.ts'
import { nameOfUserId } from '../../lib/identity/user-names.ts'
import { networkOf } from '../../lib/network.ts'
import { auditEntry } from '../audit.ts'
import { requireTurn } from '../logins.ts'
import type { Node } from '../node.ts'
import { readJson } from '../rest/read-body.ts'
import { RestError } from '../rest/rest-error.ts'
import { type Context, sayJson } from '../rest/route.ts'
import { unauthenticated } from '../rest/speaker.ts'
import { type Login, loginSchema, type V2Login, v2LoginSchema } from './schemas.ts'
import { accountUrl, domain, timeOf, tokenView } from './views.ts'

const isLogin = compile(loginSchema)
const isV2Login = compile(v2LoginSchema)

/** A user that has proven who it is, and how. */
interface Proven {
  readonly identity: Identity
  readonly methods: readonly LoginMethod[]
  readonly delegate: string
  /** Absent: the whole life of a token. */
  readonly expiresSeconds?: number
}

/** A new token, and what it says. */
interface Issued extends OpenToken {
  readonly token: string
}

interface Named {
  readonly id?: string
  readonly name?: string
  readonly domain?: { readonly id?: string; readonly name?: string }
}

/** Writes the audit line of a login that was denied. An unknown name is not in it: it may be a password in the wrong
 * place. */
function denied(ctx: Context, { audit }: Node, known?: Pick<Identity, 'account' | 'user'>) {
  const { account = '', user = '' } = known ?? {}
  audit.write({ ...auditEntry(ctx.state, 'LoginDenied'), account, user })
  return unauthenticated()
}

/** Throws RestError: 400 for a name without its domain, 401 for a domain that is not here. */
function requireDomain(
  ctx: Context,
  node: Node,
  what: string,
  { id, name, domain: of }: Named,
): void {
  if (id !== undefined) return
  if (name === undefined) throw new RestError(400, `Expecting to find id or name in ${what}.`)
  if (of?.id === undefined && of?.name === undefined) {
    throw new RestError(400, `Expecting to find domain in ${what}.`)
  }
  const isHere = of.id === undefined ? of.name === domain.name : of.id === domain.id
  if (!isHere) throw denied(ctx, node)
}

/** Whom a name means: in the project of the scope, or without one in the only project that has the name. */
function whoIs(node: Node, { id, name }: Named, project: string | undefined) {
  const byId = id === undefined ? undefined : nameOfUserId(id)
  if (id !== undefined) return byId ?? { account: '', user: id }
  if (project !== undefined) return { account: project, user: name! }
  const [only, second] = node.users.named(name!)
  return { account: only !== undefined && second === undefined ? only.account : '', user: name! }
}

/** Checks a password. Throws LoginDelayed, StoreUnavailable where too many logins wait, RestError 401. */
async function provePassword(
  ctx: Context,
  node: Node,
  { account, user }: { readonly account: string; readonly user: string },
  password: string,
): Promise<Proven> {
  const { state } = ctx
  const { users } = node
  state.loginAs = `${account}:${user}`
  let identity = users.byRecentPassword(account, user, password)
  if (identity === undefined) {
    requireTurn(node, ctx, state.loginAs)
    identity = await users.byPassword(account, user, password, networkOf(state.target.address))
  }
  if (identity === undefined) throw denied(ctx, node, users.byName(account, user))
  return { identity, methods: ['password'], delegate: '' }
}

/** Checks a token that stands for a login. Throws RestError 401 and, for what may not get another token, 403. */
async function proveToken(ctx: Context, node: Node, id: string): Promise<Proven> {
  const found = await node.tokens.read(node.users, id, Date.now())
  if (found === undefined) {
    node.audit.write(auditEntry(ctx.state, 'TokenDenied'))
    throw unauthenticated()
  }
  const { identity, facts } = found
  if (facts.delegate !== '') {
    throw new RestError(403, 'A token of an application credential gets no other token.')
  }
  const methods = [...new Set<LoginMethod>(['token', ...facts.methods])]
  // The new token ends with the one that it comes from: otherwise a token could live for ever.
  return { identity, methods, delegate: '', expiresSeconds: facts.expiresSeconds }
}

/** Checks an application credential, by its id or by its name and user. Throws as `provePassword`. */
async function proveAppCredential(
  ctx: Context,
  node: Node,
  sent: NonNullable<Login['auth']['identity']['application_credential']>,
): Promise<Proven> {
  const { registry } = node
  const { state } = ctx
  let { id } = sent
  if (id === undefined) {
    if (sent.name === undefined || sent.user === undefined) {
      throw new RestError(400, 'Expecting to find id, or name and user, in application_credential.')
    }
    requireDomain(ctx, node, 'user', sent.user)
    id = idOfAppCredential(registry, whoIs(node, sent.user, undefined), sent.name) ?? ''
  }
  state.loginAs = `application credential ${id}`
  const { users } = registry
  let found = users.remembersSecret(id, sent.secret) ? users.delegate(id) : undefined
  if (found === undefined) {
    requireTurn(node, ctx, state.loginAs)
    found = await users.bySecret(id, sent.secret, networkOf(state.target.address))
  }
  if (found === undefined) throw denied(ctx, node, registry.directory.delegates.get(id))
  const { identity, expiresSeconds } = found
  const lastSeconds = Math.floor(Date.now() / 1000) + node.config.swift.tokenSeconds
  return {
    identity,
    methods: ['application_credential'],
    delegate: id,
    expiresSeconds: Math.min(expiresSeconds ?? lastSeconds, lastSeconds),
  }
}

/** Issues the token, and notes who has proven who it is. Throws RestError 401. */
async function issue(ctx: Context, node: Node, proven: Proven, isScoped: boolean): Promise<Issued> {
  const { state } = ctx
  const { identity, ...said } = proven
  const issued = await node.tokens.issueOwn(node.users, identity, { ...said, isScoped }, Date.now())
  if (issued === undefined) throw denied(ctx, node, identity)
  state.caller = identity
  state.provenAs = state.loginAs
  return { token: issued.token, identity, facts: issued.facts }
}

/** The project of a scope: its id, none, or the user's own project. Throws RestError 400, 401. */
function scopeOf(ctx: Context, node: Node, scope: Login['auth']['scope']) {
  if (scope === undefined) return { project: undefined, isScoped: true }
  if (typeof scope === 'string') {
    if (scope !== 'unscoped') throw new RestError(400, 'Invalid input for scope.')
    return { project: undefined, isScoped: false }
  }
  const { project } = scope as { project?: Named }
  // Nobody has roles on the domain, or on the system.
  if (project === undefined) throw denied(ctx, node)
  requireDomain(ctx, node, 'project', project)
  return { project: project.id ?? project.name!, isScoped: true }
}

async function prove(ctx: Context, node: Node, { auth }: Login, project: string | undefined) {
  const { methods, password, token, application_credential: appCredential } = auth.identity
  const [method, ...others] = methods
  if (others.length > 0)
    throw new RestError(400, 'One method of authentication is taken at a time.')
  if (method === 'password' && password !== undefined) {
    const { user } = password
    requireDomain(ctx, node, 'user', user)
    return await provePassword(ctx, node, whoIs(node, user, project), user.password)
  }
  if (method === 'token' && token !== undefined) return await proveToken(ctx, node, token.id)
  if (method === 'application_credential' && appCredential !== undefined) {
    return await proveAppCredential(ctx, node, appCredential)
  }
  throw new RestError(400, 'Expecting to find the method of authentication in identity.')
}

/** `POST /v3/auth/tokens`. Throws RestError, LoginDelayed, StoreUnavailable. */
export async function login(ctx: Context, node: Node): Promise<void> {
  const sent = await readJson<Login>(ctx, isLogin)
  const { project, isScoped } = scopeOf(ctx, node, sent.auth.scope)
  const proven = await prove(ctx, node, sent, project)
  if (project !== undefined && project !== proven.identity.account) {
    throw denied(ctx, node, proven.identity)
  }
  const issued = await issue(ctx, node, proven, isScoped)
  ctx.set('X-Subject-Token', issued.token)
  sayJson(
    ctx,
    201,
    tokenView(node, ctx, issued, !/(?:^|&)nocatalog(?:[=&]|$)/.test(ctx.state.target.query)),
  )
}

/** `POST /v2.0/tokens` and `/v3/tokens`, which swiftclient sends when no domain is named. Throws as `login`. */
export async function loginV2(ctx: Context, node: Node): Promise<void> {
  const { auth } = await readJson<V2Login>(ctx, isV2Login)
  const { username, password } = auth.passwordCredentials
  const project = auth.tenantId ?? auth.tenantName
  const who = whoIs(node, { name: username }, project)
  const proven = await provePassword(ctx, node, who, password)
  const { token, identity, facts } = await issue(ctx, node, proven, true)
  const { account, user, roles } = identity
  const { endpoints, config } = node
  const base = endpoints.urlOf('object', ctx.state.target)
  const { region } = config.identity
  const url = base && accountUrl(base, config, account)
  const stores = { publicURL: url, internalURL: url, adminURL: url, region }
  sayJson(ctx, 200, {
    access: {
      token: {
        id: token,
        expires: timeOf(facts.expiresSeconds * 1000),
        tenant: { id: account, name: account, enabled: true },
      },
      user: { id: `${account}:${user}`, name: user, roles: roles.map((name) => ({ name })) },
      serviceCatalog:
        url === undefined ? [] : [{ type: 'object-store', name: 'swift', endpoints: [stores] }],
    },
  })
}
