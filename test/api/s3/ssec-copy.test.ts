// SSE-C on CopyObject (D-KINDS): every pair of source and target, every wrong key.
import t from 'tap'
import { keyHeaders, type SentRequest, startNode } from '../../helpers/node.ts'
import { customerKey, element, hexMd5, outcome, withKey } from '../../helpers/s3.ts'

const key = customerKey('k')
const other = customerKey('o')
const third = customerKey('t')
const name = 'x-amz-server-side-encryption-customer'
const sourceName = 'x-amz-copy-source-server-side-encryption-customer'
const required =
  'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.'
const sizes = [0, 1, 8192, 8193, 65535, 65536, 65537, 300_000]

/** A copy from `/bkt/<source>` with the keys of both sides. */
const copyOf = (source: string, from: Buffer | null, to: Buffer | null): SentRequest => ({
  tls: true,
  headers: {
    'x-amz-copy-source': `/bkt/${source}`,
    ...(from && keyHeaders(from, 'x-amz-copy-source-')),
    ...(to && keyHeaders(to)),
  },
})

t.test('an object is copied between every pair of keys, byte for byte', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const keys = [null, key, other]
  for (const size of sizes) {
    const body = Buffer.from(Array.from({ length: size }, (_, i) => (i * 7) % 253))
    for (const [i, from] of keys.entries()) {
      const source = `s${size}-${i}`
      await node.request('PUT', `/bkt/${source}`, from ? withKey(from, { body }) : { body })
      for (const [j, to] of keys.entries()) {
        const target = `/bkt/t${size}-${i}-${j}`
        const copied = await node.request('PUT', target, copyOf(source, from, to))
        t.equal(outcome(copied), '200', `${size} ${i}→${j}`)
        t.equal(copied.headers[`${name}-algorithm`], to ? 'AES256' : undefined)
        const read = await node.request('GET', target, to ? withKey(to) : {})
        t.ok(read.body.equals(body), `${size} ${i}→${j} reads back`)
        if (to === null) t.equal(read.headers.etag, `"${hexMd5(body)}"`)
        else {
          t.equal((await node.request('GET', target)).status, 400)
          t.equal((await node.request('GET', target, withKey(third))).status, 403)
        }
      }
    }
  }
})

t.test('a wrong or missing source key is 400, and nothing is written', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  await node.request('PUT', '/bkt/secret', withKey(key, { body: 'secret' }))
  await node.request('PUT', '/bkt/plain', { body: 'plain' })
  const cases: [string, SentRequest, string][] = [
    ['no source key', copyOf('secret', null, null), 'InvalidRequest'],
    ['no source key, a target key', copyOf('secret', null, key), 'InvalidRequest'],
    ['wrong source key', copyOf('secret', other, null), 'InvalidRequest'],
    ['a source key for a plain source', copyOf('plain', key, null), 'InvalidRequest'],
    ['source key of wrong length', copyOf('secret', Buffer.alloc(10), null), 'InvalidRequest'],
  ]
  for (const [what, request, code] of cases) {
    t.equal(outcome(await node.request('PUT', '/bkt/target', request)), `400 ${code}`, what)
    t.equal((await node.request('GET', '/bkt/target')).status, 404, what)
  }
  const none = await node.request('PUT', '/bkt/target', copyOf('secret', null, key))
  t.equal(element(none, 'Message'), required)
})

t.test('the source trio is judged like a read, the target trio like a write', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  await node.request('PUT', '/bkt/secret', withKey(key, { body: 'secret' }))
  const changed = (drop: string, set: Record<string, string> = {}) => {
    const request = copyOf('secret', key, other)
    const headers = { ...request.headers, ...set }
    delete headers[drop]
    return { ...request, headers }
  }
  const copy = (request: SentRequest) => node.request('PUT', '/bkt/target', request)
  t.equal(outcome(await copy(changed(`${sourceName}-key-md5`))), '200', 'source without MD5')
  t.equal(outcome(await copy(changed(`${name}-key-md5`))), '400 InvalidArgument')
  t.equal(outcome(await copy(changed(`${sourceName}-key`))), '400 InvalidArgument')
  t.equal(outcome(await copy(changed(`${sourceName}-algorithm`))), '400 InvalidArgument')
  const badSource = changed('', { [`${sourceName}-algorithm`]: 'AES1' })
  t.equal(outcome(await copy(badSource)), '400 InvalidEncryptionAlgorithmError')
  const badTarget = changed('', { [`${name}-algorithm`]: 'AES1' })
  t.equal(outcome(await copy(badTarget)), '400 InvalidEncryptionAlgorithmError')
  const both = changed('', { 'x-amz-server-side-encryption': 'AES256' })
  t.equal(outcome(await copy(both)), '400 InvalidArgument')
})

t.test('a copy onto itself with both keys changes the key, without moving a byte', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const body = Buffer.alloc(200_000, 'x')
  await node.request('PUT', '/bkt/o', withKey(key, { body }))
  t.equal(outcome(await node.request('PUT', '/bkt/o', copyOf('o', key, other))), '200')
  t.equal((await node.request('GET', '/bkt/o', withKey(key))).status, 403, 'the old key is out')
  t.ok((await node.request('GET', '/bkt/o', withKey(other))).body.equals(body))
  const resealed = copyOf('o', other, third)
  const headers = { ...resealed.headers, 'x-coffer-reseal': 'true' }
  t.equal(outcome(await node.request('PUT', '/bkt/o', { ...resealed, headers })), '200')
  t.ok((await node.request('GET', '/bkt/o', withKey(third))).body.equals(body))
})

t.test('copies share their bytes until the last of them is gone', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const body = Buffer.alloc(200_000, 'x')
  await node.request('PUT', '/bkt/a', withKey(key, { body }))
  await node.request('PUT', '/bkt/c', copyOf('a', key, other))
  await node.request('DELETE', '/bkt/a')
  t.ok((await node.request('GET', '/bkt/c', withKey(other))).body.equals(body))
  await node.request('PUT', '/bkt/d', copyOf('c', other, other))
  await node.request('PUT', '/bkt/c', { body: 'replaced' })
  t.ok((await node.request('GET', '/bkt/d', withKey(other))).body.equals(body))
})
