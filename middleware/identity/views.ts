// How users, projects, tokens and the catalog of services look in Keystone's API v3.
import type { Identity } from '../../lib/auth/identity.ts'
import type { OpenToken, TokenFacts } from '../../lib/auth/tokens.ts'
import type { Config } from '../../lib/config/config.ts'
import type { ProjectFacts, UserFacts } from '../../lib/identity/node-users.ts'
import { userIdOf } from '../../lib/identity/user-names.ts'
import { spend } from '../../lib/turns.ts'
import type { Node } from '../node.ts'
import type { Context } from '../rest/route.ts'

/** The one domain, which is all of this node. */
export const domain = { id: 'default', name: 'Default' } as const

/** ISO 8601 with microseconds, as Keystone writes times. */
export const timeOf = (ms: number) => new Date(ms).toISOString().replace('Z', '000Z')

/** A link to what lies below the listener's URL. */
const linkTo = ({ state }: Context, path: string) => ({ self: `${state.target.baseUrl}/v3${path}` })

const listLinks = (ctx: Context, path: string) => ({
  ...linkTo(ctx, path),
  next: null,
  previous: null,
})

/** A list of at most LIST_MAX, which says so where there are more. What is undefined was looked at and is not shown: it
 * counts as a step of the thread's turn too. */
export async function listOf(
  ctx: Context,
  name: string,
  path: string,
  all: Iterable<object | undefined>,
): Promise<object> {
  const shown: object[] = []
  const links = listLinks(ctx, path)
  for (const each of all) {
    const turn = spend(1)
    if (turn !== undefined) await turn
    if (each === undefined) continue
    if (shown.length === LIST_MAX) return { [name]: shown, links, truncated: true }
    shown.push(each)
  }
  return { [name]: shown, links }
}

/** Most entries of a list: a filter finds what is beyond. */
export const LIST_MAX = 5000

export const domainView = (ctx: Context) => ({
  ...domain,
  description: '',
  enabled: true,
  links: linkTo(ctx, '/domains/default'),
})

export const projectView = (ctx: Context, { id, description, isEnabled }: ProjectFacts) => ({
  id,
  name: id,
  description,
  enabled: isEnabled,
  domain_id: domain.id,
  parent_id: domain.id,
  is_domain: false,
  tags: [],
  options: {},
  links: linkTo(ctx, `/projects/${encodeURIComponent(id)}`),
})

export function userView(ctx: Context, facts: UserFacts) {
  const id = userIdOf(facts)
  const { email, description } = facts
  return {
    id,
    name: facts.user,
    enabled: facts.isEnabled,
    domain_id: domain.id,
    default_project_id: facts.account,
    password_expires_at: null,
    ...(email !== '' && { email }),
    ...(description !== '' && { description }),
    options: {},
    links: linkTo(ctx, `/users/${encodeURIComponent(id)}`),
  }
}

export const roleView = (ctx: Context, role: string) => ({
  id: role,
  name: role,
  domain_id: null,
  description: null,
  options: {},
  links: linkTo(ctx, `/roles/${encodeURIComponent(role)}`),
})

const projectOf = (account: string) => ({ domain, id: account, name: account })

const userOf = (identity: Identity) => ({
  domain,
  id: userIdOf(identity),
  name: identity.user,
  password_expires_at: null,
})

/** The URL of an account in Swift's API below the base URL of its listener. */
export const accountUrl = (base: string, { swift }: Pick<Config, 'swift'>, account: string) =>
  `${base}/v1/${swift.resellers[0]!.prefix}_${encodeURIComponent(account)}`

/** The services of this node, each with a URL for whoever sent the request. */
export function catalogOf({ endpoints, config }: Node, { state }: Context, account: string) {
  const { target } = state
  const object = endpoints.urlOf('object', target)
  const identity = endpoints.urlOf('identity', target)
  const keys = endpoints.urlOf('keymanager', target)
  const services = [
    ['identity', 'keystone', identity && `${identity}/v3`],
    ['object-store', 'swift', object && accountUrl(object, config, account)],
    ['s3', 's3', object],
    ['key-manager', 'barbican', keys],
  ] as const
  const { region } = config.identity
  return services.flatMap(([type, name, url]) => {
    if (url === undefined) return []
    const endpoints = ['public', 'internal', 'admin'].map((side) => ({
      id: `${name}-${side}`,
      interface: side,
      region,
      region_id: region,
      url,
    }))
    return [{ id: name, type, name, endpoints }]
  })
}

/** The body that says whose a token is. */
export function tokenView(
  node: Node,
  ctx: Context,
  { identity, facts }: OpenToken,
  withCatalog: boolean,
): object {
  const { account } = identity
  return {
    token: {
      methods: facts.methods,
      user: userOf(identity),
      audit_ids: [facts.id],
      expires_at: timeOf(facts.expiresSeconds * 1000),
      issued_at: timeOf(facts.issuedMs),
      ...(facts.isScoped && {
        project: projectOf(account),
        is_domain: false,
        roles: identity.roles.map((role) => ({ id: role, name: role })),
        ...(withCatalog && { catalog: catalogOf(node, ctx, account) }),
      }),
      ...delegateOf(node, facts),
    },
  }
}

function delegateOf({ registry }: Node, { delegate }: TokenFacts): object {
  const row = delegate === '' ? undefined : registry.directory.delegates.get(delegate)
  if (row === undefined) return {}
  const { name, unrestricted } = row
  return { application_credential: { id: delegate, name, restricted: !unrestricted } }
}
