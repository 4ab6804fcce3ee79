// Keys that are ordered from the key manager, and containers of secrets.
import t from 'tap'
import { startIdentityNode } from '../../helpers/identity.ts'

t.test(
  'a key that is ordered is there at once, random, and of the length that was asked for',
  async (t) => {
    const { keys, tokenOf } = await startIdentityNode(t)
    const token = await tokenOf('tester', 'testing')
    const order = (meta: object, type = 'key') =>
      keys('POST', '/v1/orders/', { token, body: { type, meta } })
    const seen = new Set<string>()
    for (const bits of [128, 192, 256, 256]) {
      const made = await order({ name: 'k', algorithm: 'aes', bit_length: bits, mode: 'cbc' })
      t.equal(made.status, 202, made.text)
      const { json } = await keys('GET', new URL(made.json.order_ref).pathname, { token })
      t.match(json, { type: 'key', status: 'ACTIVE', meta: { algorithm: 'aes', bit_length: bits } })
      const path = new URL(json.secret_ref).pathname
      t.match((await keys('GET', path, { token })).json, {
        secret_type: 'symmetric',
        bit_length: bits,
        content_types: { default: 'application/octet-stream' },
      })
      const headers = { accept: 'application/octet-stream' }
      const { body } = await keys('GET', `${path}/payload`, { token, headers })
      t.equal(body.length, bits / 8)
      seen.add(body.toString('hex'))
    }
    t.equal(seen.size, 4, 'no key comes twice')
    t.equal((await keys('GET', '/v1/orders', { token })).json.total, 4)
    for (const [meta, type] of [
      [{ algorithm: 'aes', bit_length: 200 }, 'key'],
      [{ algorithm: 'aes', bit_length: 0 }, 'key'],
      [{ algorithm: 'hmacsha256', bit_length: 7 }, 'key'],
      [{ algorithm: 'x', bit_length: 8192 }, 'key'],
      [{ bit_length: 256 }, 'key'],
      [{ algorithm: 'rsa', bit_length: 2048 }, 'asymmetric'],
    ] as const) {
      t.equal((await order(meta, type)).status, 400, JSON.stringify(meta))
    }
    const made = await order({ algorithm: 'hmacsha256', bit_length: 512 })
    const path = new URL(made.json.order_ref).pathname
    const { secret_ref: ref } = (await keys('GET', path, { token })).json
    t.equal((await keys('DELETE', path, { token })).status, 204)
    t.equal((await keys('GET', path, { token })).status, 404)
    t.equal((await keys('GET', new URL(ref).pathname, { token })).status, 200, 'the key stays')
    const stranger = await tokenOf('other', 'testing2')
    t.equal((await keys('GET', '/v1/orders', { token: stranger })).json.total, 0)
  },
)

t.test('containers group secrets, and name who uses them', async (t) => {
  const { keys, tokenOf } = await startIdentityNode(t)
  const token = await tokenOf('tester', 'testing')
  const secret = async () =>
    (await keys('POST', '/v1/secrets', { token, body: {} })).json.secret_ref
  const [one, two, three] = [await secret(), await secret(), await secret()]
  const make = (body: object) => keys('POST', '/v1/containers', { token, body })
  const parts = [
    { name: 'first', secret_ref: one },
    { name: 'second', secret_ref: `http://elsewhere/v1/secrets/${two.split('/').at(-1)}` },
  ]
  const made = await make({ name: 'group', type: 'generic', secret_refs: parts })
  t.equal(made.status, 201, made.text)
  const path = new URL(made.json.container_ref).pathname
  const shown = await keys('GET', path, { token })
  t.match(shown.json, {
    name: 'group',
    type: 'generic',
    status: 'ACTIVE',
    secret_refs: [
      { name: 'first', secret_ref: one },
      { name: 'second', secret_ref: two },
    ],
    consumers: [],
  })
  t.equal(
    (await keys('POST', `${path}/secrets`, { token, body: { secret_ref: three } })).status,
    201,
  )
  t.equal(
    (await keys('POST', `${path}/secrets`, { token, body: { secret_ref: three } })).status,
    409,
  )
  t.equal(
    (await keys('DELETE', `${path}/secrets`, { token, body: { secret_ref: one } })).status,
    204,
  )
  t.equal(
    (await keys('DELETE', `${path}/secrets`, { token, body: { secret_ref: one } })).status,
    404,
  )
  const body = { name: 'lb', URL: 'https://lb.example.com/1' }
  const consumers = `${path}/consumers`
  t.match((await keys('POST', consumers, { token, body })).json.consumers, [body])
  await keys('POST', consumers, { token, body })
  t.strictSame((await keys('GET', consumers, { token })).json, { consumers: [body], total: 1 })
  t.equal((await keys('DELETE', consumers, { token, body })).status, 200)
  t.equal((await keys('DELETE', consumers, { token, body })).status, 404)
  const refused: [string, object, number][] = [
    ['an unknown type', { type: 'bag' }, 400],
    [
      'a secret twice',
      { type: 'generic', secret_refs: [{ secret_ref: one }, { secret_ref: one }] },
      400,
    ],
    ['an rsa without keys', { type: 'rsa', secret_refs: [] }, 400],
    [
      'a certificate of another part',
      { type: 'certificate', secret_refs: [{ name: 'x', secret_ref: one }] },
      400,
    ],
    ['a secret that there is not', { type: 'generic', secret_refs: [{ secret_ref: 'x' }] }, 404],
  ]
  for (const [what, container, status] of refused) {
    t.equal((await make(container)).status, status, what)
  }
  const rsa = await make({
    type: 'rsa',
    secret_refs: [
      { name: 'public_key', secret_ref: one },
      { name: 'private_key', secret_ref: two },
    ],
  })
  t.equal(rsa.status, 201)
  const fixed = `${new URL(rsa.json.container_ref).pathname}/secrets`
  t.equal((await keys('POST', fixed, { token, body: { secret_ref: three } })).status, 400)
  t.equal((await keys('GET', '/v1/containers?type=rsa', { token })).json.total, 1)
  const stranger = await tokenOf('other', 'testing2')
  t.equal((await keys('GET', path, { token: stranger })).status, 403)
  const acl = { read: { users: ['other:other'] } }
  t.equal((await keys('PUT', `${path}/acl`, { token, body: acl })).status, 200)
  t.equal((await keys('GET', path, { token: stranger })).status, 200)
  t.equal((await keys('DELETE', path, { token: stranger })).status, 403)
  t.equal((await keys('DELETE', path, { token })).status, 204)
  t.equal((await keys('GET', path, { token })).status, 404)
})
