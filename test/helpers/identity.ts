// A node that serves identity too, and its API as tests ask for it: JSON, with a token.
import { type Answer, exchange, startNode, type TestNode } from './node.ts'

export interface RestAnswer extends Answer {
  /** The body, read as JSON; {} where there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field
  readonly json: any
}

export interface RestOptions {
  readonly token?: string
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

export type Ask = (method: string, path: string, options?: RestOptions) => Promise<RestAnswer>

/** Asks the service at `base`. */
export function asker(base: () => string, ca: string): Ask {
  return async (method, path, { token, body, headers } = {}) => {
    const url = new URL(base())
    const sent = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await exchange(
      {
        method,
        path,
        host: url.hostname,
        port: url.port,
        headers: {
          host: url.host,
          ...(token !== undefined && { 'x-auth-token': token }),
          ...(body !== undefined && {
            'content-type': 'application/json',
            'content-length': String(Buffer.byteLength(sent)),
          }),
          ...headers,
        },
      },
      Buffer.from(sent),
      url.protocol === 'https:' ? ca : undefined,
    )
    return { ...answer, json: answer.text.startsWith('{') ? JSON.parse(answer.text) : {} }
  }
}

const host = '127.0.0.1'

export const listenWithIdentity = [
  { host, port: 0, serves: ['object'] },
  { host, port: 0, serves: ['object'], tls: 'auto' },
  { host, port: 0, serves: ['identity'], tls: 'auto' },
  { host, port: 0, serves: ['keymanager'], tls: 'auto' },
] as const

export interface IdentityNode {
  readonly node: TestNode
  readonly ask: Ask
  /** Asks the key manager. */
  readonly keys: Ask
  /** The body of a login by a password. */
  login(name: string, password: string, project?: string): Promise<RestAnswer>
  /** A token of the user, who must get one. */
  tokenOf(name: string, password: string, project?: string): Promise<string>
}

type Teardown = Parameters<typeof startNode>[0]
type Overrides = Parameters<typeof startNode>[1]

export const passwordLogin = (name: string, password: string, project?: string) => ({
  auth: {
    identity: {
      methods: ['password'],
      password: { user: { name, domain: { name: 'Default' }, password } },
    },
    ...(project !== undefined && {
      scope: { project: { name: project, domain: { id: 'default' } } },
    }),
  },
})

export const appCredentialLogin = (id: string, secret: string) => ({
  auth: {
    identity: { methods: ['application_credential'], application_credential: { id, secret } },
  },
})

/** A node that serves objects, identity and keys. `keyring` is that of the data, where a test changes it. */
export async function startIdentityNode(
  t: Teardown,
  overrides: Overrides = {},
  keyring?: Parameters<typeof startNode>[2],
): Promise<IdentityNode> {
  const node = await startNode(t, { listen: listenWithIdentity as never, ...overrides }, keyring)
  const ask = asker(() => node.addressesOf('identity')[0]!, node.ca)
  const login = (name: string, password: string, project?: string) =>
    ask('POST', '/v3/auth/tokens', { body: passwordLogin(name, password, project) })
  return {
    node,
    ask,
    keys: asker(() => node.addressesOf('keymanager')[0]!, node.ca),
    login,
    async tokenOf(name, password, project) {
      const answer = await login(name, password, project)
      if (answer.status !== 201) throw new Error(`${answer.status} ${answer.text}`)
      return String(answer.headers['x-subject-token'])
    },
  }
}

/** Users of tests of administration: the operator's own, who makes projects, and who owns one. */
export const administrators = {
  accounts: [
    {
      id: 'ops',
      users: [{ name: 'root', password: 'root-pass', roles: ['admin', 'reseller_admin'] }],
    },
    { id: 'test', users: [{ name: 'tester', password: 'testing', roles: ['admin'] }] },
    { id: 'other', users: [{ name: 'other', password: 'testing2', roles: ['admin'] }] },
  ],
}
