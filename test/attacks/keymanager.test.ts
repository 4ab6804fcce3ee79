// Strangers at the key manager: secrets of another project, roles that a token has not, ids that are guessed, bodies that
// are too much, and names that reach beyond.
import t from 'tap'
import { appCredentialLogin, startIdentityNode } from '../helpers/identity.ts'
import { attackTable } from './table.ts'

const table = attackTable(t, 'keymanager')
const PAYLOAD = 'canary-payload-of-the-victim-32b'

t.test('nobody of another project, and nobody without a role, reaches what is kept', async (t) => {
  const { ask, keys, tokenOf } = await startIdentityNode(t)
  const owner = await tokenOf('tester', 'testing')
  const post = async (path: string, body: object) => {
    const answer = await keys('POST', path, { token: owner, body })
    return new URL(Object.values<string>(answer.json)[0]!).pathname
  }
  const body = { payload: PAYLOAD, payload_content_type: 'text/plain', name: 'victim' }
  const secret = await post('/v1/secrets', body)
  const empty = await post('/v1/secrets', {})
  const order = await post('/v1/orders', {
    type: 'key',
    meta: { algorithm: 'aes', bit_length: 256 },
  })
  const part = { secret_ref: `https://x${secret}` }
  const container = await post('/v1/containers', { type: 'generic', secret_refs: [part] })
  const metadata = { metadata: { colour: 'blue' } }
  await keys('PUT', `${secret}/metadata`, { token: owner, body: metadata })

  const callers = {
    stranger: await tokenOf('other', 'testing2'),
    colleague: await tokenOf('tester3', 'testing3'),
  }
  const acl = { read: { users: ['other:other', 'test:tester3'], 'project-access': true } }
  for (const [who, token] of Object.entries(callers)) {
    for (const [method, path, sent] of [
      ['GET', secret],
      ['GET', `${secret}/payload`],
      ['GET', `${secret}/metadata`],
      ['GET', `${secret}/metadata/colour`],
      ['GET', `${secret}/acl`],
      ['PUT', `${secret}/acl`, acl],
      ['PATCH', `${secret}/acl`, acl],
      ['DELETE', `${secret}/acl`],
      ['PUT', `${secret}/metadata`, { metadata: {} }],
      ['POST', `${secret}/metadata`, { key: 'a', value: 'b' }],
      ['DELETE', `${secret}/metadata/colour`],
      ['DELETE', secret],
      ['GET', order],
      ['DELETE', order],
      ['GET', container],
      ['PUT', `${container}/acl`, acl],
      ['POST', `${container}/secrets`, part],
      ['DELETE', `${container}/secrets`, part],
      ['POST', `${container}/consumers`, { name: 'n', URL: 'u' }],
      ['DELETE', container],
      ['POST', '/v1/containers', { type: 'generic', secret_refs: [part] }],
    ] as const) {
      const answer = await keys(method, path, { token, ...(sent !== undefined && { body: sent }) })
      const name = `the ${who}: ${method} ${path.replace(/[0-9a-f-]{36}/, 'ID')}`
      table.tried(name, answer.status === 403, `${answer.status} ${answer.text}`)
      table.tried(`${name}: nothing of it`, !/canary|victim|blue/.test(answer.text), answer.text)
    }
    const put = await keys('PUT', empty, {
      token,
      body: 'mine',
      headers: { 'content-type': 'text/plain' },
    })
    table.tried(`the ${who}: a payload for a secret without one`, put.status === 403, put.status)
    const listed = await keys('GET', '/v1/secrets?limit=100', { token })
    table.tried(`the ${who}: a list`, !/victim/.test(listed.text), listed.text)
    const otherwise = await keys('GET', secret.replace('secrets', 'orders'), { token })
    table.tried(`the ${who}: a secret as an order`, otherwise.status === 404, otherwise.status)
  }

  const apps = '/v3/users/test:tester/application_credentials'
  const login = await ask('POST', '/v3/auth/tokens', {
    body: {
      auth: {
        identity: { methods: ['token'], token: { id: owner } },
        scope: 'unscoped',
      },
    },
  })
  const unscoped = String(login.headers['x-subject-token'])
  const made = await ask('POST', apps, {
    token: owner,
    body: { application_credential: { name: 'a', secret: 'chosen' } },
  })
  const { id } = made.json.application_credential
  const app = await ask('POST', '/v3/auth/tokens', { body: appCredentialLogin(id, 'chosen') })
  const delegated = String(app.headers['x-subject-token'])
  await ask('DELETE', `${apps}/${id}`, { token: owner })
  const over = await tokenOf('tester', 'testing')
  await ask('DELETE', '/v3/auth/tokens', { token: owner, headers: { 'x-subject-token': over } })
  for (const [what, token, status] of [
    ['without a scope', unscoped, 403],
    ['of an application credential that is gone', delegated, 401],
    ['that was revoked', over, 401],
    ['that is none', 'x', 401],
    ['that is empty', '', 401],
  ] as const) {
    for (const path of [secret, `${secret}/payload`, '/v1/secrets', order, container]) {
      const answer = await keys('GET', path, { token })
      const name = `a token ${what}: GET ${path.replace(/[0-9a-f-]{36}/, 'ID')}`
      table.tried(name, answer.status === status, answer.status)
    }
  }
  const mine = await keys('GET', `${secret}/payload`, { token: owner })
  t.equal(mine.text, PAYLOAD, 'all is as it was')
  const { json } = await keys('GET', `${secret}/metadata`, { token: owner })
  t.strictSame(json, metadata)
})

t.test('what is too much, or reaches beyond, is refused and harms nothing', async (t) => {
  const { node, keys, tokenOf } = await startIdentityNode(t)
  const token = await tokenOf('tester', 'testing')
  const headers = { 'content-type': 'application/json' }
  const bodies: Record<string, [string, number]> = {
    'a body of 10 MB': ['x'.repeat(10 << 20), 413],
    'lists in lists': ['['.repeat(30_000) + ']'.repeat(30_000), 400],
    'a payload above the limit': [
      JSON.stringify({ payload: 'x'.repeat(39_000), payload_content_type: 'text/plain' }),
      413,
    ],
    'half of it': ['{"name":', 400],
    'a prototype': ['{"__proto__":{"payload":"x"}}', 201],
  }
  for (const [what, [body, status]] of Object.entries(bodies)) {
    const answer = await keys('POST', '/v1/secrets', { token, body, headers }).catch(() => ({
      status: 413,
    }))
    table.tried(what, answer.status === status, answer.status)
  }
  const users = { read: { users: Array.from({ length: 101 }, (_, i) => `a:${i}`) } }
  const path = new URL((await keys('POST', '/v1/secrets', { token, body: {} })).json.secret_ref)
    .pathname
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 'v']))
  for (const [what, method, below, body] of [
    ['a list of 101 users', 'PUT', 'acl', users],
    ['65 keys of metadata', 'PUT', 'metadata', { metadata: many }],
    ['a key that is a path', 'POST', 'metadata', { key: '../x', value: '' }],
    ['a value of 2,000 characters', 'POST', 'metadata', { key: 'k', value: 'x'.repeat(2000) }],
  ] as const) {
    const answer = await keys(method, `${path}/${below}`, { token, body })
    table.tried(what, answer.status === 400, answer.status)
  }
  const id = path.split('/').at(-1)!
  for (const target of [
    `/v1/secrets/${id.toUpperCase()}`,
    `/v1/secrets/${id}%00`,
    `/v1/secrets/%2e%2e/${id}`,
    `/v1/secrets/test/${id}`,
    `/v1/secrets/test%2F${id}`,
    `/v1/orders/${id}`,
    `/v1/containers/${id}`,
    `//v1/secrets/${id}`,
    `/v1/secrets/${'0'.repeat(5000)}`,
    '/v1/secrets/constructor',
  ]) {
    const answer = await keys('GET', target, { token })
    table.tried(target.slice(0, 60).replace(id, 'ID'), answer.status === 404, answer.status)
  }
  const query = `/v1/secrets?limit=99999999&offset=99999999`
  const page = await keys('GET', query, { token })
  table.tried('a page far behind the end', page.status === 200 && page.json.secrets.length === 0)
  const pages = await keys('GET', '/v1/secrets?limit=-1&offset=x', { token })
  table.tried('a page that is no number', pages.status === 200, pages.status)
  t.notMatch(node.logged(), /"status":500/)
})
