// SSE-C on reads (D-KEY-READS): the key first, on every operation, before any byte or condition.
import t from 'tap'
import { keyHeaders, startNode } from '../../helpers/node.ts'
import { customerKey, element, md5, outcome, withKey } from '../../helpers/s3.ts'

const key = customerKey('k')
const other = customerKey('o')
const name = 'x-amz-server-side-encryption-customer'
const attributes = { 'x-amz-object-attributes': 'ETag,ObjectSize' }
const texts = {
  required:
    'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.',
  wrong:
    'Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.',
  inapplicable: 'The encryption parameters are not applicable to this object.',
}
const record = 65536

t.test('an SSE-C object of any size opens with its key and with no other', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  for (const size of [
    0,
    1,
    8191,
    8192,
    8193,
    record - 1,
    record,
    record + 1,
    3 * record,
    200_000,
  ]) {
    const body = Buffer.alloc(size, size % 251)
    const path = `/bkt/size-${size}`
    t.equal(outcome(await node.request('PUT', path, withKey(key, { body }))), '200')
    const got = await node.request('GET', path, withKey(key))
    t.equal(got.status, 200)
    t.ok(got.body.equals(body), `${size} bytes come back`)
    t.equal(got.headers[`${name}-algorithm`], 'AES256')
    t.equal(got.headers[`${name}-key-md5`], md5(key).digest('base64'))
    for (const method of ['GET', 'HEAD']) {
      const wrong = await node.request(method, path, withKey(other, { tls: true }))
      t.equal(wrong.status, 403, `${method} ${size} wrong key`)
      t.equal((await node.request(method, path)).status, 400, `${method} ${size} no key`)
    }
    t.equal((await node.request('HEAD', path, withKey(key))).headers['content-length'], `${size}`)
  }
})

t.test('refusals say what is wrong', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  await node.request('PUT', '/bkt/o', withKey(key, { body: 'secret' }))
  await node.request('PUT', '/bkt/plain', { body: 'plain' })
  for (const query of ['', '?attributes']) {
    const headers: Record<string, string> = query === '' ? {} : attributes
    const none = await node.request('GET', `/bkt/o${query}`, { headers })
    t.equal(outcome(none), '400 InvalidRequest')
    t.equal(element(none, 'Message'), texts.required)
    const wrong = await node.request('GET', `/bkt/o${query}`, withKey(other, { headers }))
    t.equal(outcome(wrong), '403 AccessDenied')
    t.equal(element(wrong, 'Message'), texts.wrong)
    const plain = await node.request('GET', `/bkt/plain${query}`, withKey(key, { headers }))
    t.equal(outcome(plain), '400 InvalidRequest')
    t.equal(element(plain, 'Message'), texts.inapplicable)
    const missing = await node.request('GET', `/bkt/missing${query}`, withKey(key, { headers }))
    t.equal(outcome(missing), '404 NoSuchKey')
  }
})

t.test('reads take a key without its MD5, and a key of wrong length for a wrong key', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  await node.request('PUT', '/bkt/o', withKey(key, { body: 'secret' }))
  const { [`${name}-key-md5`]: _, ...noMd5 } = keyHeaders(key)
  t.equal((await node.request('GET', '/bkt/o', { tls: true, headers: noMd5 })).text, 'secret')
  const short = keyHeaders(Buffer.alloc(10, 'k'))
  const refused = await node.request('GET', '/bkt/o', { tls: true, headers: short })
  t.equal(outcome(refused), '403 AccessDenied')
  for (const [missing, code] of [
    ['algorithm', 'InvalidArgument'],
    ['key', 'InvalidArgument'],
  ]) {
    const headers = keyHeaders(key)
    delete headers[`${name}-${missing}`]
    const partial = await node.request('GET', '/bkt/o', { tls: true, headers })
    t.equal(outcome(partial), `400 ${code}`, `no ${missing}`)
  }
  const unsupported = { ...keyHeaders(key), [`${name}-algorithm`]: 'AES128' }
  const answer = await node.request('GET', '/bkt/o', { tls: true, headers: unsupported })
  t.equal(outcome(answer), '400 InvalidEncryptionAlgorithmError')
})

t.test('the request header of SSE-S3 has no place on a read', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  await node.request('PUT', '/bkt/o', { body: 'x' })
  for (const value of ['AES256', 'aws:kms']) {
    const headers = { 'x-amz-server-side-encryption': value }
    t.equal((await node.request('GET', '/bkt/o', { headers })).status, 400, `GET ${value}`)
    t.equal((await node.request('HEAD', '/bkt/o', { headers })).status, 400, `HEAD ${value}`)
  }
})

t.test('the key is checked before conditions and ranges', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const put = await node.request('PUT', '/bkt/o', withKey(key, { body: 'secret' }))
  const etag = put.headers.etag!
  const same = { 'if-none-match': etag }
  t.equal((await node.request('GET', '/bkt/o', { headers: same })).status, 400)
  t.equal((await node.request('GET', '/bkt/o', withKey(other, { headers: same }))).status, 403)
  t.equal((await node.request('GET', '/bkt/o', withKey(key, { headers: same }))).status, 304)
  const behind = { range: 'bytes=99-' }
  t.equal((await node.request('GET', '/bkt/o', { headers: behind })).status, 400)
  t.equal((await node.request('GET', '/bkt/o', withKey(other, { headers: behind }))).status, 403)
  t.equal((await node.request('GET', '/bkt/o', withKey(key, { headers: behind }))).status, 416)
  const failing = { 'if-match': '"x"' }
  t.equal((await node.request('GET', '/bkt/o', withKey(key, { headers: failing }))).status, 412)
})

t.test('ranges of an SSE-C object are of its plaintext', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const body = Buffer.from(Array.from({ length: 3 * record + 7 }, (_, i) => (i * 31) % 251))
  await node.request('PUT', '/bkt/o', withKey(key, { body }))
  for (const [first, last] of [
    [0, 0],
    [record - 1, record],
    [record, 2 * record - 1],
    [1, 3 * record + 6],
    [3 * record, 3 * record + 6],
  ] as const) {
    const headers = { range: `bytes=${first}-${last}` }
    const got = await node.request('GET', '/bkt/o', withKey(key, { headers }))
    t.equal(got.status, 206)
    t.ok(got.body.equals(body.subarray(first, last + 1)), `${first}-${last}`)
    t.equal(got.headers['content-range'], `bytes ${first}-${last}/${body.length}`)
  }
})

t.test('where wrongKeyStatus says so, a wrong key is a 400', async (t) => {
  const node = await startNode(t, { ssec: { wrongKeyStatus: 400 } })
  await node.request('PUT', '/bkt')
  await node.request('PUT', '/bkt/o', withKey(key, { body: 'secret' }))
  t.equal((await node.request('GET', '/bkt/o', withKey(other))).status, 400)
  t.equal((await node.request('HEAD', '/bkt/o', withKey(other))).status, 400)
})

t.test('delete and listings need no key', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  await node.request('PUT', '/bkt/o', withKey(key, { body: 'secret' }))
  const list = await node.request('GET', '/bkt?list-type=2')
  t.match(list.text, '<Key>o</Key>')
  t.match(list.text, '<Size>6</Size>')
  t.equal((await node.request('DELETE', '/bkt/o')).status, 204)
  t.equal((await node.request('GET', '/bkt/o', withKey(key))).status, 404)
})
