// Secrets of the key manager: every way in and out of a payload, what is refused, and who reads what.
import t from 'tap'
import { type Ask, startIdentityNode } from '../../helpers/identity.ts'

const roles = {
  accounts: [
    {
      id: 'test',
      users: [
        { name: 'owner', password: 'p', roles: ['admin'] },
        { name: 'creator', password: 'p', roles: ['creator'] },
        { name: 'colleague', password: 'p', roles: ['creator'] },
        { name: 'observer', password: 'p', roles: ['observer'] },
        { name: 'audit', password: 'p', roles: ['audit'] },
        { name: 'member', password: 'p', roles: ['member'] },
      ],
    },
    {
      id: 'other',
      users: [
        { name: 'stranger', password: 'p', roles: ['admin', 'creator'] },
        { name: 'guest', password: 'p', roles: [] },
        { name: 'far', password: 'p', roles: ['reseller_admin'] },
      ],
    },
  ],
}

async function startKeys(t: Parameters<typeof startIdentityNode>[0]) {
  const started = await startIdentityNode(t)
  started.node.replaceUsers(roles)
  const tokens: Record<string, string> = {}
  for (const { users } of roles.accounts) {
    for (const { name } of users) tokens[name] = await started.tokenOf(name, 'p')
  }
  return { ...started, tokens, token: tokens.creator! }
}

const KEY = 'ThisIsMyVerySecretKeyOf32Letters'
const bytes = Buffer.from(KEY).toString('base64')
const octets = {
  payload: bytes,
  payload_content_type: 'application/octet-stream',
  payload_content_encoding: 'base64',
}

async function store(keys: Ask, token: string, body: object): Promise<string> {
  const made = await keys('POST', '/v1/secrets/', { token, body })
  if (made.status !== 201) throw new Error(`${made.status} ${made.text}`)
  return new URL(made.json.secret_ref).pathname
}

t.test(
  'a key that is kept as bytes is read as text and as bytes, after a restart too',
  async (t) => {
    const { node, keys, token } = await startKeys(t)
    const body = { name: 'key', algorithm: 'aes', mode: 'cbc', bit_length: 256, ...octets }
    const made = await keys('POST', '/v1/secrets', { token, body })
    t.equal(made.status, 201, made.text)
    const ref = made.json.secret_ref
    const base = node.addressesOf('keymanager')[0]
    t.match(ref, new RegExp(`^${base}/v1/secrets/[0-9a-f-]{36}$`))
    t.equal(made.headers.location, ref)
    const path = new URL(ref).pathname
    const facts = await keys('GET', path, { token, headers: { accept: 'application/json' } })
    t.match(facts.json, {
      name: 'key',
      status: 'ACTIVE',
      secret_type: 'opaque',
      algorithm: 'aes',
      mode: 'cbc',
      bit_length: 256,
      expiration: null,
      creator_id: 'test:creator',
      content_types: { default: 'application/octet-stream' },
      created: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/,
    })
    t.notMatch(facts.text, bytes)
    await node.restart()
    for (const [accept, type] of [
      ['text/plain', 'text/plain; charset=UTF-8'],
      ['application/octet-stream', 'application/octet-stream'],
      ['*/*', 'application/octet-stream'],
      ['application/json, text/plain;q=0.5', 'text/plain; charset=UTF-8'],
    ] as const) {
      const read = await keys('GET', `${path}/payload`, { token, headers: { accept } })
      t.equal(read.status, 200, accept)
      t.equal(read.text, KEY)
      t.equal(read.headers['content-type'], type)
    }
    t.equal((await keys('GET', `${path}/payload`, { token })).text, KEY, 'whoever accepts anything')
    const old = await keys('GET', path, { token, headers: { accept: 'text/plain' } })
    t.equal(old.text, KEY, 'as older clients ask')
    t.equal((await keys('DELETE', path, { token })).status, 204)
    t.equal((await keys('GET', path, { token })).status, 404)
    t.equal((await keys('GET', `${path}/payload`, { token })).status, 404)
    t.equal((await keys('DELETE', path, { token })).status, 404)
  },
)

t.test('a payload comes and goes in the types that there are', async (t) => {
  const { keys, token } = await startKeys(t)
  const text = await store(keys, token, { payload: 'grüße', payload_content_type: 'text/plain' })
  const read = (path: string, accept: string) =>
    keys('GET', `${path}/payload`, { token, headers: { accept } })
  t.equal((await read(text, 'text/plain')).text, 'grüße')
  t.equal((await read(text, 'application/octet-stream')).text, 'grüße')
  t.equal((await read(text, 'application/json')).status, 406)
  const raw = Buffer.from([0, 255, 254, 128]).toString('base64')
  const binary = await store(keys, token, { ...octets, payload: raw })
  t.equal((await read(binary, 'text/plain')).status, 406, 'bytes that are no text')
  t.equal((await read(binary, 'application/octet-stream')).body.toString('base64'), raw)
  const der = await store(keys, token, {
    ...octets,
    payload: raw,
    payload_content_type: 'application/pkix-cert',
  })
  t.equal((await read(der, '*/*')).headers['content-type'], 'application/pkix-cert')
  const long = await store(keys, token, {
    payload: 'x'.repeat(20_000),
    payload_content_type: 'text/plain; charset=utf-8',
  })
  t.equal((await read(long, 'text/plain')).body.length, 20_000)
})

t.test('a payload may come after its secret, once', async (t) => {
  const { keys, token } = await startKeys(t)
  const path = await store(keys, token, { name: 'later' })
  const facts = await keys('GET', path, { token })
  t.notOk('content_types' in facts.json)
  t.equal((await keys('GET', `${path}/payload`, { token })).status, 404)
  const put = (body: string, headers: Record<string, string>) =>
    keys('PUT', path, { token, body, headers })
  t.equal((await put('x', { 'content-type': 'application/json' })).status, 415)
  t.equal((await put('', { 'content-type': 'text/plain' })).status, 400)
  const encoded = { 'content-type': 'application/octet-stream', 'content-encoding': 'base64' }
  t.equal((await put('!!!', encoded)).status, 400)
  t.equal((await put('x', { ...encoded, 'content-encoding': 'gzip' })).status, 400)
  t.equal((await put('x'.repeat(20_001), { 'content-type': 'text/plain' })).status, 413)
  t.equal((await put(bytes, encoded)).status, 204)
  t.equal((await put(bytes, encoded)).status, 409)
  const read = await keys('GET', `${path}/payload`, { token, headers: { accept: '*/*' } })
  t.equal(read.text, KEY)
})

t.test('what is no secret is refused', async (t) => {
  const { keys, token } = await startKeys(t)
  const cases: [string, object | string, number][] = [
    ['no JSON', 'x', 400],
    ['a payload without a type', { payload: 'x' }, 400],
    ['a type without a payload', { payload_content_type: 'text/plain' }, 400],
    ['an empty payload', { payload: '', payload_content_type: 'text/plain' }, 400],
    ['bytes without an encoding', { ...octets, payload_content_encoding: undefined }, 400],
    ['bytes in another encoding', { ...octets, payload_content_encoding: 'hex' }, 400],
    ['text with an encoding', { ...octets, payload_content_type: 'text/plain' }, 400],
    ['another type', { payload: 'x', payload_content_type: 'image/png' }, 400],
    ['another charset', { payload: 'x', payload_content_type: 'text/plain; charset=latin1' }, 400],
    ['what is no base64', { ...octets, payload: '!!!' }, 400],
    ['base64 that is cut', { ...octets, payload: 'QQ' }, 400],
    ['base64 with more', { ...octets, payload: `${bytes}=` }, 400],
    ['an unknown kind', { secret_type: 'colour' }, 400],
    ['a time that is over', { expiration: '2020-01-01T00:00:00' }, 400],
    ['a time that is none', { expiration: 'soon' }, 400],
    ['bits below one', { bit_length: 0 }, 400],
    ['a long name', { name: 'x'.repeat(300) }, 400],
    ['a key of another length', { ...octets, secret_type: 'symmetric', bit_length: 128 }, 400],
    ['too much', { payload: 'x'.repeat(20_001), payload_content_type: 'text/plain' }, 413],
  ]
  for (const [what, body, status] of cases) {
    const answer = await keys('POST', '/v1/secrets', { token, body })
    t.equal(answer.status, status, `${what}: ${answer.text}`)
    t.match(answer.json, { code: status, title: String, description: String }, what)
  }
  const plain = await keys('POST', '/v1/secrets', {
    token,
    body: '{}',
    headers: { 'content-type': 'text/plain' },
  })
  t.equal(plain.status, 415)
  for (const path of ['/v1/secrets/x', '/v1/secrets/00000000-0000-0000-0000-000000000000']) {
    const answer = await keys('GET', path, { token })
    t.equal(answer.status, 404, path)
    t.match(answer.json, { code: 404, description: 'Secret not found.' })
  }
  const anonymous = await keys('GET', '/v1/secrets')
  t.equal(anonymous.status, 401)
  t.match(anonymous.json, { error: { code: 401, title: 'Unauthorized' } })
  t.match(anonymous.headers['www-authenticate'], /^Keystone uri="https:/)
  t.equal((await keys('GET', '/v2/secrets', { token })).status, 404)
  t.equal((await keys('PATCH', '/v1/secrets', { token })).status, 405)
})

t.test('a secret that has expired is gone', async (t) => {
  const { keys, token } = await startKeys(t)
  const soon = new Date(Date.now() + 1500).toISOString()
  const path = await store(keys, token, { ...octets, expiration: soon })
  t.equal((await keys('GET', path, { token })).status, 200)
  while ((await keys('GET', path, { token })).status === 200) {
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  t.equal((await keys('GET', `${path}/payload`, { token })).status, 404)
  t.equal((await keys('GET', '/v1/secrets', { token })).json.total, 0)
})

t.test('who may do what follows from roles in the project', async (t) => {
  const { keys, tokens } = await startKeys(t)
  const path = await store(keys, tokens.creator!, octets)
  const expected: Record<
    string,
    readonly [post: number, facts: number, payload: number, list: number]
  > = {
    owner: [201, 200, 200, 200],
    creator: [201, 200, 200, 200],
    colleague: [201, 200, 200, 200],
    observer: [403, 200, 200, 200],
    audit: [403, 200, 403, 200],
    member: [403, 403, 403, 403],
    stranger: [201, 403, 403, 200],
    guest: [403, 403, 403, 403],
    far: [201, 403, 403, 200],
  }
  for (const [who, statuses] of Object.entries(expected)) {
    const token = tokens[who]!
    const found = [
      await keys('POST', '/v1/secrets', { token, body: {} }),
      await keys('GET', path, { token }),
      await keys('GET', `${path}/payload`, { token }),
      await keys('GET', '/v1/secrets', { token }),
    ]
    t.strictSame(
      found.map(({ status }) => status),
      statuses,
      who,
    )
    t.notMatch(found[2]!.status === 403 ? found[2]!.text : '', KEY, who)
  }
  for (const who of ['observer', 'audit', 'member', 'stranger', 'guest', 'far']) {
    t.equal((await keys('DELETE', path, { token: tokens[who]! })).status, 403, who)
  }
  t.equal((await keys('DELETE', path, { token: tokens.colleague! })).status, 204)
})

t.test('an access list lets others in, and shuts the project out', async (t) => {
  const { keys, tokens } = await startKeys(t)
  const token = tokens.creator!
  const path = await store(keys, token, octets)
  const acl = `${path}/acl`
  t.strictSame((await keys('GET', acl, { token })).json, { read: { 'project-access': true } })
  const payload = async (who: string) =>
    (await keys('GET', `${path}/payload`, { token: tokens[who]! })).status
  t.equal(await payload('guest'), 403)
  const put = await keys('PUT', acl, { token, body: { read: { users: ['other:guest'] } } })
  t.equal(put.status, 200, put.text)
  t.match(put.json.acl_ref, /\/acl$/)
  t.equal(await payload('guest'), 200)
  t.equal((await keys('DELETE', path, { token: tokens.guest! })).status, 403, 'reading is all')
  t.equal(await payload('observer'), 200)
  await keys('PATCH', acl, { token, body: { read: { 'project-access': false } } })
  t.equal(await payload('guest'), 200, 'what is not named stays')
  t.equal(await payload('observer'), 403)
  t.equal(await payload('colleague'), 403)
  t.equal((await keys('DELETE', path, { token: tokens.colleague! })).status, 403)
  t.equal(await payload('creator'), 200)
  t.equal(await payload('owner'), 200, 'who owns the project has what is in it')
  t.match((await keys('GET', acl, { token })).json, {
    read: { 'project-access': false, users: ['other:guest'], created: String, updated: String },
  })
  for (const who of ['guest', 'colleague', 'stranger', 'observer']) {
    const body = { read: { users: [`other:${who}`] } }
    t.equal((await keys('PUT', acl, { token: tokens[who]!, body })).status, 403, who)
  }
  for (const body of [{}, { write: {} }, { read: { users: 'x' } }, { read: { other: true } }]) {
    t.equal((await keys('PUT', acl, { token, body })).status, 400, JSON.stringify(body))
  }
  t.equal((await keys('DELETE', acl, { token })).status, 200)
  t.equal(await payload('guest'), 403)
  t.equal(await payload('observer'), 200)
})

t.test('secrets are listed in pages, in their order, and filtered', async (t) => {
  const { keys, token } = await startKeys(t)
  for (let i = 0; i < 12; i++) {
    await store(keys, token, {
      name: `s${i % 4}`,
      algorithm: i < 6 ? 'aes' : 'des',
      bit_length: 64,
    })
  }
  const list = async (query: string) => (await keys('GET', `/v1/secrets${query}`, { token })).json
  const names = (page: { secrets: { name: string }[] }) => page.secrets.map(({ name }) => name)
  const first = await list('')
  t.equal(first.total, 12)
  t.equal(first.secrets.length, 10)
  t.strictSame(names(first).slice(0, 5), ['s0', 's1', 's2', 's3', 's0'])
  t.notOk('previous' in first)
  const second = (
    await keys('GET', new URL(first.next).pathname + new URL(first.next).search, { token })
  ).json
  t.strictSame(names(second), ['s2', 's3'])
  t.match(second.previous, /offset=0/)
  t.notOk('next' in second)
  t.equal((await list('?name=s1&limit=100')).total, 3)
  t.equal((await list('?alg=aes')).total, 6)
  t.equal((await list('?bits=64')).total, 12)
  t.equal((await list('?bits=0&secret_type=opaque')).total, 12)
  t.equal((await list('?secret_type=symmetric')).total, 0)
  t.equal((await keys('GET', '/v1/secrets?sort=name', { token })).status, 400)
})

t.test('a secret has metadata of its user’s', async (t) => {
  const { keys, token } = await startKeys(t)
  const path = `${await store(keys, token, octets)}/metadata`
  t.strictSame((await keys('GET', path, { token })).json, { metadata: {} })
  const put = await keys('PUT', path, { token, body: { metadata: { Colour: 'blue' } } })
  t.equal(put.status, 201)
  t.strictSame((await keys('GET', path, { token })).json, { metadata: { colour: 'blue' } })
  const add = (key: string, value: unknown) => keys('POST', path, { token, body: { key, value } })
  t.equal((await add('size', '3')).status, 201)
  t.equal((await add('size', '4')).status, 409)
  t.equal((await add('a b', '4')).status, 400)
  t.equal((await add('n', 4)).status, 400)
  const one = `${path}/size`
  t.strictSame((await keys('GET', one, { token })).json, { key: 'size', value: '3' })
  const change = (key: string) => keys('PUT', one, { token, body: { key, value: '5' } })
  t.equal((await change('other')).status, 409)
  t.equal((await change('size')).status, 200)
  t.equal((await keys('DELETE', one, { token })).status, 204)
  t.equal((await keys('GET', one, { token })).status, 404)
  t.equal((await keys('GET', `${path}/__proto__`, { token })).status, 404)
})
