// EC2 credentials and application credentials: what they open, for whom they are made, and their end.
import t from 'tap'
import { administrators, appCredentialLogin, startIdentityNode } from '../../helpers/identity.ts'

const EC2 = '/v3/users/test:tester/credentials/OS-EC2'
const APPS = '/v3/users/test:tester/application_credentials'

t.test('an EC2 credential signs requests of S3, also after a restart', async (t) => {
  const { node, ask, tokenOf } = await startIdentityNode(t)
  const token = await tokenOf('tester', 'testing')
  const made = await ask('POST', EC2, { token, body: { tenant_id: 'test' } })
  t.equal(made.status, 201, made.text)
  const { credential } = made.json
  t.match(credential, {
    access: /^[0-9a-f]{32}$/,
    secret: /^[0-9a-f]{32}$/,
    tenant_id: 'test',
    user_id: 'test:tester',
    trust_id: null,
  })
  const { access, secret } = credential
  t.equal((await node.request('PUT', '/bucket', { access, secret })).status, 200)
  const wrong = secret.replace(/^./, (digit: string) => (digit === '0' ? '1' : '0'))
  t.equal((await node.request('GET', '/bucket', { access, secret: wrong })).status, 403)
  t.strictSame((await ask('GET', EC2, { token })).json.credentials, [credential])
  t.strictSame((await ask('GET', `${EC2}/${access}`, { token })).json.credential, credential)
  await node.restart()
  t.equal((await node.request('GET', '/bucket', { access, secret })).status, 200)
  t.equal((await ask('DELETE', `${EC2}/${access}`, { token })).status, 204)
  t.equal((await ask('GET', `${EC2}/${access}`, { token })).status, 404)
  t.equal((await ask('DELETE', `${EC2}/${access}`, { token })).status, 404)
  t.equal((await node.request('GET', '/bucket', { access, secret })).status, 403)
})

t.test('a credential goes with its user, and does not come back with the name', async (t) => {
  const { node, ask, tokenOf } = await startIdentityNode(t)
  node.replaceUsers(administrators)
  const root = await tokenOf('root', 'root-pass')
  const user = { name: 'alice', password: 'secret1', default_project_id: 'test' }
  const make = () => ask('POST', '/v3/users', { token: root, body: { user } })
  const grant = () => ask('PUT', '/v3/projects/test/users/test:alice/roles/admin', { token: root })
  await make()
  await grant()
  const own = '/v3/users/test:alice'
  const token = await tokenOf('alice', 'secret1')
  const ec2 = (await ask('POST', `${own}/credentials/OS-EC2`, { token, body: {} })).json.credential
  const body = { application_credential: { name: 'app' } }
  const app = (await ask('POST', `${own}/application_credentials`, { token, body })).json
    .application_credential
  const signed = async () => (await node.request('GET', '/', ec2)).status
  const loggedIn = async () =>
    (await ask('POST', '/v3/auth/tokens', { body: appCredentialLogin(app.id, app.secret) })).status
  t.equal(await signed(), 200)
  t.equal(await loggedIn(), 201)
  const disable = (enabled: boolean) =>
    ask('PATCH', own, { token: root, body: { user: { enabled } } })
  await disable(false)
  t.equal(await signed(), 403, 'not while the user is disabled')
  t.equal(await loggedIn(), 401)
  await disable(true)
  t.equal(await signed(), 200)
  t.equal((await ask('DELETE', own, { token: root })).status, 204)
  t.equal(await signed(), 403)
  t.equal(await loggedIn(), 401)
  await make()
  await grant()
  t.equal(await signed(), 403)
  t.equal(await loggedIn(), 401)
  t.strictSame(
    (await ask('GET', `${own}/credentials/OS-EC2`, { token: root })).json.credentials,
    [],
  )
})

t.test('an application credential logs in without a password, with the roles it has', async (t) => {
  const { node, ask, tokenOf } = await startIdentityNode(t)
  node.replaceUsers({
    accounts: [
      {
        id: 'test',
        users: [{ name: 'tester', password: 'testing', roles: ['admin', 'creator', 'audit'] }],
      },
    ],
  })
  const token = await tokenOf('tester', 'testing')
  const make = (application_credential: object) =>
    ask('POST', APPS, { token, body: { application_credential } })
  const made = await make({ name: 'backup', roles: [{ name: 'creator' }], description: 'nightly' })
  t.equal(made.status, 201, made.text)
  const { id, secret, ...shown } = made.json.application_credential
  t.match(shown, {
    name: 'backup',
    description: 'nightly',
    project_id: 'test',
    roles: [{ name: 'creator' }],
    unrestricted: false,
    expires_at: null,
  })
  t.match(secret, /^[\w-]{86}$/)
  const login = await ask('POST', '/v3/auth/tokens', { body: appCredentialLogin(id, secret) })
  t.equal(login.status, 201, login.text)
  t.match(login.json.token, {
    methods: ['application_credential'],
    user: { id: 'test:tester' },
    project: { id: 'test' },
    application_credential: { id, name: 'backup', restricted: true },
  })
  t.strictSame(login.json.token.roles, [{ id: 'creator', name: 'creator' }])
  const delegated = String(login.headers['x-subject-token'])
  const put = await node.request('PUT', '/v1/AUTH_test/c', {
    sign: false,
    headers: { 'x-auth-token': delegated },
  })
  t.equal(put.status, 403, 'a creator of secrets owns no account')
  const byName = {
    auth: {
      identity: {
        methods: ['application_credential'],
        application_credential: {
          name: 'backup',
          secret,
          user: { name: 'tester', domain: { id: 'default' } },
        },
      },
    },
  }
  t.equal((await ask('POST', '/v3/auth/tokens', { body: byName })).status, 201)
  await node.restart()
  t.equal((await ask('GET', '/v3/auth/projects', { token: delegated })).status, 200)
  t.notMatch((await ask('GET', APPS, { token })).text, secret, 'the secret is shown once')
  t.equal(
    (await ask('GET', `${APPS}?name=backup`, { token })).json.application_credentials.length,
    1,
  )
  t.equal((await make({ name: 'backup' })).status, 409)
  t.equal((await make({ name: 'other', roles: [{ name: 'member' }] })).status, 400)
  t.equal((await make({ name: 'rules', access_rules: [{ path: '/' }] })).status, 400)
  t.equal((await make({ name: 'past', expires_at: '2020-01-01T00:00:00' })).status, 400)
  t.equal((await make({ name: 'when', expires_at: 'tomorrow' })).status, 400)
  t.equal((await ask('DELETE', `${APPS}/${id}`, { token })).status, 204)
  t.equal((await ask('GET', '/v3/auth/projects', { token: delegated })).status, 401)
})

t.test('a token of an application credential makes no credentials', async (t) => {
  const { ask, tokenOf } = await startIdentityNode(t)
  const token = await tokenOf('tester', 'testing')
  const tokenFor = async (application_credential: object) => {
    const made = await ask('POST', APPS, { token, body: { application_credential } })
    const { id, secret } = made.json.application_credential
    const login = await ask('POST', '/v3/auth/tokens', { body: appCredentialLogin(id, secret) })
    return String(login.headers['x-subject-token'])
  }
  const plain = await tokenFor({ name: 'plain', secret: 'of my own choice' })
  const free = await tokenFor({ name: 'free', unrestricted: true })
  for (const delegated of [plain, free]) {
    for (const [method, path] of [
      ['POST', EC2],
      ['GET', EC2],
      ['GET', `${EC2}/x`],
      ['DELETE', `${EC2}/x`],
    ] as const) {
      const body = method === 'POST' ? { body: {} } : {}
      t.equal(
        (await ask(method, path, { token: delegated, ...body })).status,
        403,
        `${method} ${path}`,
      )
    }
    const again = { auth: { identity: { methods: ['token'], token: { id: delegated } } } }
    t.equal((await ask('POST', '/v3/auth/tokens', { body: again })).status, 403)
  }
  const body = { application_credential: { name: 'third' } }
  t.equal((await ask('POST', APPS, { token: plain, body })).status, 403)
  t.equal((await ask('POST', APPS, { token: free, body })).status, 201)
})

t.test('a user has a bounded number of credentials', async (t) => {
  const { ask, tokenOf } = await startIdentityNode(t)
  const token = await tokenOf('tester', 'testing')
  for (let i = 0; i < 40; i++) {
    t.equal((await ask('POST', EC2, { token, body: {} })).status, 201)
  }
  t.equal((await ask('POST', EC2, { token, body: {} })).status, 403)
})
