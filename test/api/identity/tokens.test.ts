// Logins at the identity service, and the tokens that they give: to whom, for what, and until when.
import t from 'tap'
import { administrators, passwordLogin, startIdentityNode } from '../../helpers/identity.ts'

t.test('a password gives a token that opens the account in Swift', async (t) => {
  const { node, ask, login } = await startIdentityNode(t)
  const answer = await login('tester', 'testing', 'test')
  t.equal(answer.status, 201, answer.text)
  const { token } = answer.json
  t.match(token, {
    methods: ['password'],
    user: { id: 'test:tester', name: 'tester', domain: { id: 'default', name: 'Default' } },
    project: { id: 'test', name: 'test', domain: { id: 'default', name: 'Default' } },
    roles: [{ id: 'admin', name: 'admin' }],
    is_domain: false,
  })
  t.ok(Date.parse(token.expires_at) > Date.now() + 3600_000)
  t.match(token.expires_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
  const urls = Object.fromEntries(
    token.catalog.map((each: { type: string; endpoints: { interface: string; url: string }[] }) => [
      each.type,
      each.endpoints.map(({ interface: side, url }) => `${side} ${url}`),
    ]),
  )
  const sides = (url: string) => ['public', 'internal', 'admin'].map((side) => `${side} ${url}`)
  const { https } = node
  t.strictSame(urls, {
    identity: sides(`${node.addressesOf('identity')[0]}/v3`),
    'object-store': sides(`${https}/v1/AUTH_test`),
    s3: sides(https),
    'key-manager': sides(node.addressesOf('keymanager')[0]!),
  })
  const subject = String(answer.headers['x-subject-token'])
  const read = await node.request('HEAD', '/v1/AUTH_test', {
    sign: false,
    headers: { 'x-auth-token': subject },
  })
  t.ok(read.status < 300)
  t.match(answer.headers, { vary: 'X-Auth-Token', 'x-openstack-request-id': /^req-/ })
  const shown = await ask('GET', '/v3/auth/tokens', {
    token: subject,
    headers: { 'x-subject-token': subject },
  })
  t.equal(shown.status, 200)
  t.strictSame(shown.json.token, token, 'it is shown to its user as it was issued')
  t.equal(shown.headers['x-subject-token'], subject)
})

t.test('a name without a project is whoever alone has it', async (t) => {
  const { node, login } = await startIdentityNode(t)
  t.match((await login('tester', 'testing')).json.token?.project, { id: 'test' })
  const { accounts } = administrators
  const twice = accounts.map(({ id }) => ({
    id,
    users: [{ name: 'same', password: `pass-${id}`, roles: ['admin'] }],
  }))
  node.replaceUsers({ accounts: twice })
  for (const { id } of accounts) {
    t.equal((await login('same', `pass-${id}`)).status, 401, 'a name that two projects have')
    t.match((await login('same', `pass-${id}`, id)).json.token?.user, { id: `${id}:same` })
  }
})

t.test('a user is found by its id too, and a scope by its id', async (t) => {
  const { ask } = await startIdentityNode(t)
  const body = {
    auth: {
      identity: {
        methods: ['password'],
        password: { user: { id: 'test:tester', password: 'testing' } },
      },
      scope: { project: { id: 'test' } },
    },
  }
  t.equal((await ask('POST', '/v3/auth/tokens', { body })).status, 201)
  const elsewhere = { auth: { ...body.auth, scope: { project: { id: 'other' } } } }
  t.equal((await ask('POST', '/v3/auth/tokens', { body: elsewhere })).status, 401)
})

t.test('what is no login is refused in the form of Keystone', async (t) => {
  const { ask, login } = await startIdentityNode(t)
  const wrong = await login('tester', 'wrong', 'test')
  t.equal(wrong.status, 401)
  t.strictSame(wrong.json, {
    error: {
      code: 401,
      title: 'Unauthorized',
      message: 'The request you have made requires authentication.',
    },
  })
  t.match(wrong.headers['www-authenticate'], /^Keystone uri="https:\/\/127\.0\.0\.1:\d+\/v3"$/)
  t.equal(wrong.headers['content-type'], 'application/json')
  const good = passwordLogin('tester', 'testing', 'test')
  const withUser = (user: object) => ({
    auth: { identity: { methods: ['password'], password: { user } } },
  })
  const cases: [string, unknown, number][] = [
    ['no JSON', 'x', 400],
    ['an empty body', '', 400],
    ['no auth', {}, 400],
    ['a list', [], 400],
    ['no method', { auth: { identity: { methods: [] } } }, 400],
    ['an unknown method', { auth: { identity: { methods: ['totp'] } } }, 400],
    ['two methods', { auth: { identity: { methods: ['password', 'token'] } } }, 400],
    ['a method without its values', { auth: { identity: { methods: ['password'] } } }, 400],
    ['a name without a domain', withUser({ name: 'tester', password: 'testing' }), 400],
    ['no name', withUser({ password: 'testing' }), 400],
    ['a password that is a number', withUser({ id: 'test:tester', password: 1 }), 400],
    [
      'another domain',
      withUser({ name: 'tester', domain: { name: 'Else' }, password: 'testing' }),
      401,
    ],
    ['the scope of the system', { auth: { ...good.auth, scope: { system: { all: true } } } }, 401],
    [
      'the scope of a domain',
      { auth: { ...good.auth, scope: { domain: { id: 'default' } } } },
      401,
    ],
    ['a scope that is another word', { auth: { ...good.auth, scope: 'all' } }, 400],
  ]
  for (const [what, body, status] of cases) {
    const answer = await ask('POST', '/v3/auth/tokens', { body })
    t.equal(answer.status, status, `${what}: ${answer.text}`)
    t.equal(answer.json.error?.code, status, what)
    t.notMatch(answer.text, 'testing', what)
  }
  const large = await ask('POST', '/v3/auth/tokens', { body: `"${'x'.repeat(70_000)}"` })
  t.equal(large.status, 413)
})

t.test('a token gives another one that ends with it', async (t) => {
  const { ask, tokenOf } = await startIdentityNode(t)
  const first = await tokenOf('tester', 'testing')
  const again = (scope?: unknown) =>
    ask('POST', '/v3/auth/tokens', {
      body: {
        auth: {
          identity: { methods: ['token'], token: { id: first } },
          ...(scope !== undefined && { scope }),
        },
      },
    })
  const one = await again()
  t.equal(one.status, 201, one.text)
  t.strictSame(one.json.token.methods, ['token', 'password'])
  const shown = await ask('GET', '/v3/auth/tokens?nocatalog', {
    token: first,
    headers: { 'x-subject-token': first },
  })
  t.equal(one.json.token.expires_at, shown.json.token.expires_at, 'no token makes itself longer')
  t.notOk('catalog' in shown.json.token)
  t.not(one.headers['x-subject-token'], first)
  t.equal((await again({ project: { id: 'other' } })).status, 401, 'not of another project')
  const unscoped = await again('unscoped')
  t.equal(unscoped.status, 201)
  for (const field of ['project', 'roles', 'catalog']) t.notOk(field in unscoped.json.token, field)
})

t.test('a token without a scope opens nothing that is stored', async (t) => {
  const { node, ask } = await startIdentityNode(t)
  const { auth } = passwordLogin('tester', 'testing')
  const answer = await ask('POST', '/v3/auth/tokens', {
    body: { auth: { ...auth, scope: 'unscoped' } },
  })
  const headers = { 'x-auth-token': String(answer.headers['x-subject-token']) }
  const read = await node.request('GET', '/v1/AUTH_test', { sign: false, headers })
  t.equal(read.status, 401)
  const own = await ask('GET', '/v3/auth/projects', { headers })
  t.match(own.json.projects, [{ id: 'test', name: 'test', enabled: true }])
})

t.test('a revoked token is over everywhere, at once and after a restart', async (t) => {
  const { node, ask, tokenOf } = await startIdentityNode(t)
  const [gone, other] = [await tokenOf('tester', 'testing'), await tokenOf('tester', 'testing')]
  const revoke = (token: string, subject: string) =>
    ask('DELETE', '/v3/auth/tokens', { token, headers: { 'x-subject-token': subject } })
  const inSwift = async (token: string) =>
    (
      await node.request('HEAD', '/v1/AUTH_test', {
        sign: false,
        headers: { 'x-auth-token': token },
      })
    ).status
  t.ok((await inSwift(gone)) < 300)
  t.equal((await revoke(other, gone)).status, 204)
  t.equal(await inSwift(gone), 401)
  const validate = (token: string) =>
    ask('GET', '/v3/auth/tokens', { token: other, headers: { 'x-subject-token': token } })
  t.equal((await validate(gone)).status, 404)
  t.equal((await ask('GET', '/v3/auth/projects', { token: gone })).status, 401)
  t.equal((await validate(other)).status, 200, 'another token of the user stays')
  t.equal((await revoke(other, gone)).status, 404, 'a second time')
  await node.restart()
  t.equal(await inSwift(gone), 401)
  t.ok((await inSwift(other)) < 300)
})

t.test('whose a token is, its user and services may ask', async (t) => {
  const { node, ask, tokenOf } = await startIdentityNode(t)
  node.replaceUsers({
    accounts: [
      {
        id: 'test',
        users: [
          { name: 'tester', password: 'testing', roles: ['admin'] },
          { name: 'plain', password: 'plain-pass', roles: ['member'] },
        ],
      },
      {
        id: 'service',
        users: [{ name: 'swift', password: 'swift-pass', roles: ['service'] }],
      },
    ],
  })
  const subject = await tokenOf('plain', 'plain-pass')
  const asked = async (name: string, password: string, headers: Record<string, string>) =>
    (await ask('GET', '/v3/auth/tokens', { token: await tokenOf(name, password), headers })).status
  const of = { 'x-subject-token': subject }
  t.equal(await asked('plain', 'plain-pass', of), 200)
  t.equal(await asked('swift', 'swift-pass', of), 200)
  t.equal(await asked('tester', 'testing', of), 403, 'an admin of a project is no service')
  t.equal(await asked('swift', 'swift-pass', { 'x-subject-token': 'x' }), 404)
  t.equal(await asked('swift', 'swift-pass', {}), 400)
  t.equal((await ask('GET', '/v3/auth/tokens', { headers: of })).status, 401)
  t.equal((await ask('HEAD', '/v3/auth/tokens', { token: subject, headers: of })).status, 200)
})

t.test('the versions are named to whoever asks', async (t) => {
  const { node, ask } = await startIdentityNode(t)
  const url = node.addressesOf('identity')[0]
  const versions = await ask('GET', '/')
  t.equal(versions.status, 300)
  const links = [{ rel: 'self', href: `${url}/v3/` }]
  t.match(versions.json.versions.values, [{ id: /^v3\.\d+$/, status: 'stable', links }])
  for (const path of ['/v3', '/v3/']) {
    t.match((await ask('GET', path)).json.version, { id: /^v3/, status: 'stable', links })
  }
  for (const path of ['/v4', '/v3/groups', '/v2.0', '/v1/AUTH_test', '/v3/auth', '/x/../v3']) {
    const answer = await ask('GET', path)
    t.equal(answer.status, 404, path)
    t.equal(answer.json.error.title, 'Not Found')
  }
  const other = await ask('PUT', '/v3/auth/tokens')
  t.equal(other.status, 405)
  t.match(other.headers.allow, /POST/)
})

t.test('the one endpoint of version 2 gives what swiftclient asks for', async (t) => {
  const { node, ask } = await startIdentityNode(t)
  const body = {
    auth: { passwordCredentials: { username: 'tester', password: 'testing' }, tenantName: 'test' },
  }
  for (const path of ['/v2.0/tokens', '/v3/tokens']) {
    const answer = await ask('POST', path, { body })
    t.equal(answer.status, 200, answer.text)
    const { access } = answer.json
    t.match(access.serviceCatalog, [
      {
        type: 'object-store',
        endpoints: [{ publicURL: `${node.https}/v1/AUTH_test`, region: 'RegionOne' }],
      },
    ])
    const read = await node.request('HEAD', '/v1/AUTH_test', {
      sign: false,
      headers: { 'x-auth-token': access.token.id },
    })
    t.ok(read.status < 300)
    const wrong = { auth: { ...body.auth, tenantName: 'other' } }
    t.equal((await ask('POST', path, { body: wrong })).status, 401)
  }
})
