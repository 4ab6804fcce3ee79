// Whole requests of Swift's, of pieces that fit and pieces that do not, sent to a node: each is answered, none
// with a 500, and what the container holds afterwards can be listed and read.
import t from 'tap'
import { startWithContainer } from '../helpers/both.ts'
import { type Random, randomFrom, seedOfRun } from '../helpers/random.ts'

const ROUNDS = 400

const hex = 'd41d8cd98f00b204e9800998ecf8427e'
const values: Record<string, readonly string[]> = {
  etag: [hex, `"${hex}"`, hex.toUpperCase(), '"', '', 'x', `W/"${hex}"`],
  accept: ['application/json', '*/*;q=0', 'text/xml;q=1.5', ',', '"', 'a/b'],
  range: ['bytes=0-', 'bytes=-0', 'bytes=5-2,1-1', 'bytes=a-b', 'bytes=0-0,2-2', 'x'],
  'if-match': [hex, '*', '"x", "y"', ','],
  'if-none-match': [hex, '*', ''],
  'if-modified-since': ['Thu, 01 Jan 1970 00:00:00 GMT', 'never', '0'],
  'x-delete-at': ['1', '9999999999', 'x', '-1', '1e3', '99999999999999999999'],
  'x-delete-after': ['60', '0', '', 'x'],
  'x-object-meta-color': ['red', 'é', '', 'x'.repeat(257)],
  'content-type': ['text/plain', 'a/b; charset=', ';', 'application/x;swift_bytes=1'],
  'x-container-read': ['.r:*,.rlistings', '.r:-a', 'test:tester', '.r:', ',,'],
  'x-container-write': ['test', '.r:*'],
  'x-copy-from': ['/bkt/o0', 'bkt', '/bkt/%zz', '/bkt/%C3%A9'],
  destination: ['bkt/o1', '/', 'bkt/%00'],
  'x-auth-token': ['AUTH_tk', 'x', ''],
  'content-encoding': ['gzip', ''],
  'x-object-encryption-customer-algorithm': ['AES256', 'DES'],
  'x-object-encryption-customer-key': ['x', Buffer.alloc(32).toString('base64')],
}
const queries = [
  '',
  '?format=json',
  '?limit=0',
  '?limit=10001',
  '?prefix=%ff',
  '?delimiter=/&path=',
  '?versions',
  '?version-id=x',
  '?multipart-manifest=get',
  '?marker=o&reverse=on',
  '?symlink=get',
  '?%=%&&=',
]
const paths = [
  '',
  '/',
  '/bkt',
  '/bkt/',
  '/bkt/o0',
  '/bkt/o1',
  '/bkt/%C3%A9',
  '/bkt/a%2Fb',
  '/%ff',
  '//o',
  '/none/o',
]

function requestOf(random: Random) {
  const headers: Record<string, string> = {}
  for (let i = random.integer(4); i > 0; i--) {
    const name = random.pick(Object.keys(values))
    headers[name] = Buffer.from(random.pick(values[name]!)).toString('latin1')
  }
  const method = random.pick(['GET', 'GET', 'HEAD', 'PUT', 'PUT', 'PUT', 'POST', 'DELETE', 'COPY'])
  const body = method === 'PUT' && random.integer(4) > 0 ? 'x'.repeat(random.integer(3)) : undefined
  const tls = random.integer(3) === 0
  const path = random.pick(paths) + random.pick(queries)
  return { method, path, options: { headers, tls, ...(body !== undefined && { body }) } }
}

t.test('no request is answered with a 500, and the container stays whole', async (t) => {
  const both = await startWithContainer(t)
  const random = randomFrom(seedOfRun())
  const broken: string[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const { method, path, options } = requestOf(random)
    const { status } = await both.swift(method, path, options)
    // 501 and 503 are refusals in words; none of these requests meets a node that is busy.
    if (status >= 500 && status !== 501) {
      broken.push(`${status} ${method} ${path} ${JSON.stringify(options)}`)
    }
  }
  t.same(broken, [], `seed ${random.seed}`)
  await both.swift('PUT', '/bkt')
  const listing = await both.swift('GET', '/bkt?format=json')
  const { headers } = await both.swift('HEAD', '/bkt')
  const names = (JSON.parse(listing.text) as { name: string }[]).map(({ name }) => name)
  t.equal(Number(headers['x-container-object-count']), names.length, `seed ${random.seed}`)
  for (const name of names) {
    const { status } = await both.swift('HEAD', `/bkt/${encodeURIComponent(name)}`)
    t.equal(status, 200, `seed ${random.seed}: ${name}`)
  }
})
