// SSE-C on writes: every missing, wrong or partial header (D-KEY-ORDER), and that each refusal
// changes nothing.
import t from 'tap'
import { keyHeaders, startNode } from '../../helpers/node.ts'
import { customerKey, element, hexMd5, md5, outcome, withKey } from '../../helpers/s3.ts'

const name = 'x-amz-server-side-encryption-customer'
const key = customerKey('k')
const base64 = key.toString('base64')
const keyMd5 = md5(key).digest('base64')
const trio = (algorithm?: string, keyText?: string, digest?: string) => ({
  ...(algorithm !== undefined && { [`${name}-algorithm`]: algorithm }),
  ...(keyText !== undefined && { [`${name}-key`]: keyText }),
  ...(digest !== undefined && { [`${name}-key-md5`]: digest }),
})
const start = 'Requests specifying Server Side Encryption with Customer provided keys must provide'
const texts = {
  key: `${start} an appropriate secret key.`,
  algorithm: `${start} a valid encryption algorithm.`,
  md5: `${start} the client calculated MD5 of the secret key.`,
  unsupported: 'The Encryption request you specified is not valid. Supported value: AES256.',
  short: 'The secret key was invalid - too short.',
  length: 'The secret key was invalid for the specified algorithm.',
  mismatch: 'The calculated MD5 hash of the key did not match the hash that was provided.',
  conflict:
    'Server Side Encryption with Customer provided key is incompatible with the encryption method specified',
}
const shortKey = Buffer.alloc(24, 's')
const digestOf = (bytes: Buffer) => md5(bytes).digest('base64')
const sse = 'x-amz-server-side-encryption'

const rows: [what: string, headers: Record<string, string>, code: string, message: string][] = [
  ['with SSE-S3 too', { ...keyHeaders(key), [sse]: 'AES256' }, 'InvalidArgument', texts.conflict],
  ['with KMS too', { ...keyHeaders(key), [sse]: 'aws:kms' }, 'InvalidArgument', texts.conflict],
  ['algorithm only', trio('AES256'), 'InvalidArgument', texts.key],
  ['key only', trio(undefined, base64), 'InvalidArgument', texts.algorithm],
  ['MD5 only', trio(undefined, undefined, keyMd5), 'InvalidArgument', texts.algorithm],
  ['no MD5', trio('AES256', base64), 'InvalidArgument', texts.md5],
  ['no key', trio('AES256', undefined, keyMd5), 'InvalidArgument', texts.key],
  ['no algorithm', trio(undefined, base64, keyMd5), 'InvalidArgument', texts.algorithm],
  ...['AES128', 'KMS', 'aes256', ''].map(
    (algorithm) =>
      [
        `algorithm '${algorithm}'`,
        trio(algorithm, base64, keyMd5),
        'InvalidEncryptionAlgorithmError',
        texts.unsupported,
      ] as [string, Record<string, string>, string, string],
  ),
  ['empty key', trio('AES256', '', keyMd5), 'InvalidArgument', texts.short],
  ['key of foreign characters', trio('AES256', '####', keyMd5), 'InvalidArgument', texts.short],
  ['all three empty', trio('', '', ''), 'InvalidArgument', texts.short],
  ['an empty algorithm only', trio(''), 'InvalidArgument', texts.key],
  ['an empty key only', trio(undefined, ''), 'InvalidArgument', texts.algorithm],
  ['an empty MD5 only', trio(undefined, undefined, ''), 'InvalidArgument', texts.algorithm],
  [
    'key of 24 bytes with its own MD5',
    trio('AES256', shortKey.toString('base64'), digestOf(shortKey)),
    'InvalidArgument',
    texts.length,
  ],
  [
    'key of 33 bytes with its own MD5',
    trio('AES256', Buffer.alloc(33).toString('base64'), digestOf(Buffer.alloc(33))),
    'InvalidArgument',
    texts.length,
  ],
  [
    'MD5 of another key',
    trio('AES256', base64, digestOf(shortKey)),
    'InvalidArgument',
    texts.mismatch,
  ],
  ['empty MD5', trio('AES256', base64, ''), 'InvalidArgument', texts.mismatch],
  ['MD5 that is no base64', trio('AES256', base64, '!!'), 'InvalidArgument', texts.mismatch],
  [
    'MD5 of 15 bytes',
    trio('AES256', base64, Buffer.alloc(15).toString('base64')),
    'InvalidArgument',
    texts.mismatch,
  ],
  [
    'key that is no base64',
    trio('AES256', `x${base64}`, keyMd5),
    'InvalidArgument',
    texts.mismatch,
  ],
]

t.test('a PUT with wrong key headers is refused and stores nothing', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  for (const [what, headers, code, message] of rows) {
    const answer = await node.request('PUT', '/bkt/o', { tls: true, headers, body: 'x' })
    t.equal(outcome(answer), `400 ${code}`, what)
    t.equal(element(answer, 'Message'), message, what)
    t.equal(element(answer, 'ArgumentName'), 'x-amz-server-side-encryption', what)
    t.notMatch(answer.text, base64, `${what}: no key in the answer`)
    t.equal((await node.request('GET', '/bkt/o')).status, 404, `${what}: nothing stored`)
  }
})

t.test('an upload with wrong key headers is not begun', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  for (const [what, headers, code] of rows) {
    const answer = await node.request('POST', '/bkt/o?uploads', { tls: true, headers })
    t.equal(outcome(answer), `400 ${code}`, what)
  }
  const uploads = await node.request('GET', '/bkt?uploads')
  t.notMatch(uploads.text, '<UploadId>')
})

t.test(
  'a key over plain HTTP from elsewhere is refused before its value is looked at',
  async (t) => {
    const node = await startNode(t)
    await node.request('PUT', '/bkt')
    // What a proxy that nobody trusts passed on did not come from this machine.
    const headers = { ...trio('nonsense'), 'x-forwarded-for': '203.0.113.9' }
    const answer = await node.request('PUT', '/bkt/o', { headers, body: 'x' })
    t.equal(outcome(answer), '400 InvalidArgument')
    t.match(
      element(answer, 'Message'),
      /Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection\./,
    )
    t.match(answer.text, 'plain HTTP', 'and it says which rule failed')
  },
)

t.test('loopback and a trusted proxy count as ssec.tls says', async (t) => {
  const put = { headers: keyHeaders(key), body: 'x' }
  const forwarded = { ...keyHeaders(key), 'x-forwarded-proto': 'https' }
  const strict = await startNode(t, { ssec: { tls: ['direct'] } })
  await strict.request('PUT', '/bkt')
  t.equal(outcome(await strict.request('PUT', '/bkt/o', put)), '400 InvalidArgument')
  t.equal(outcome(await strict.request('PUT', '/bkt/o', { ...put, tls: true })), '200')
  const proxied = await startNode(t, {
    ssec: { tls: ['forwarded'] },
    trustedProxies: ['127.0.0.0/8'],
  })
  await proxied.request('PUT', '/bkt')
  t.equal(outcome(await proxied.request('PUT', '/bkt/o', put)), '400 InvalidArgument')
  t.equal(outcome(await proxied.request('PUT', '/bkt/o', { ...put, headers: forwarded })), '200')
  const off = await startNode(t, { ssec: { tls: ['off'] } })
  await off.request('PUT', '/bkt')
  const passedOn = { ...keyHeaders(key), 'x-forwarded-for': '203.0.113.9' }
  t.equal(outcome(await off.request('PUT', '/bkt/o', { ...put, headers: passedOn })), '200')
})

t.test(
  'a PUT under a customer key echoes algorithm and MD5, and its ETag tells nothing',
  async (t) => {
    const node = await startNode(t)
    await node.request('PUT', '/bkt')
    const body = Buffer.from('the same bytes twice')
    const first = await node.request('PUT', '/bkt/o', withKey(key, { body }))
    const second = await node.request('PUT', '/bkt/o', withKey(key, { body }))
    t.equal(first.status, 200)
    t.equal(first.headers[`${name}-algorithm`], 'AES256')
    t.equal(first.headers[`${name}-key-md5`], keyMd5)
    t.equal(first.headers[sse], undefined)
    t.match(first.headers.etag, /^"[0-9a-f]{32}"$/)
    t.not(first.headers.etag, `"${hexMd5(body)}"`)
    t.not(first.headers.etag, second.headers.etag)
  },
)

t.test('garbage inside the base64 of a right key is skipped, as AWS does', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const spaced = `${base64.slice(0, 10)} ${base64.slice(10)}`
  const headers = trio('AES256', spaced, keyMd5)
  t.equal(outcome(await node.request('PUT', '/bkt/o', { tls: true, headers, body: 'x' })), '200')
  t.equal((await node.request('GET', '/bkt/o', withKey(key))).text, 'x')
})
