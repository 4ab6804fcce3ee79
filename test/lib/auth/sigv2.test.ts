// SigV2 by header and in the query: AWS's published examples, and what must be refused.
import { createHmac } from 'node:crypto'
import t from 'tap'
import { authenticate } from '../../../lib/auth/authenticate.ts'
import type { SignedRequest } from '../../../lib/auth/request.ts'
import { ACCESS, refused, rules, SECRET } from './signing.ts'

const SSEC = 'x-amz-server-side-encryption-customer-'
const KEY = 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY='
const NOW = Date.UTC(2007, 2, 27, 19, 40, 0)

const sign = (text: string, secret = SECRET) =>
  createHmac('sha1', secret).update(text, 'latin1').digest('base64')

function byHeader(
  method: string,
  target: string,
  headers: [string, string][],
  signature: string,
  access = ACCESS,
): SignedRequest {
  const [rawPath = '', rawQuery = ''] = target.split('?')
  const all: [string, string][] = [...headers, ['Authorization', `AWS ${access}:${signature}`]]
  const host = headers.find(([name]) => name === 'Host')?.[1] ?? 'localhost'
  return { method, rawPath, rawQuery, host, headers: all, nowMs: NOW }
}

interface Presigned {
  method?: string
  path?: string
  signedPath?: string
  /** In the query, and signed. */
  query?: string
  /** x-amz- lines of the string to sign. */
  lines?: string
  headers?: [string, string][]
  expires?: string
  secret?: string
}

function presigned(plan: Presigned = {}): SignedRequest {
  const expires = plan.expires ?? String(NOW / 1000 + 60)
  const path = plan.path ?? '/bucket/key'
  const text = `${plan.method ?? 'GET'}\n\n\n${expires}\n${plan.lines ?? ''}${plan.signedPath ?? path}`
  const signature = encodeURIComponent(sign(text, plan.secret))
  return {
    method: plan.method ?? 'GET',
    rawPath: path,
    rawQuery: `${plan.query ?? ''}AWSAccessKeyId=${ACCESS}&Expires=${expires}&Signature=${signature}`,
    host: 'localhost',
    headers: [['Host', 'localhost:8080'], ...(plan.headers ?? [])],
    nowMs: NOW,
  }
}

t.test("the examples of AWS's documentation verify", async (t) => {
  const host: [string, string] = ['Host', 'johnsmith.s3.amazonaws.com']
  const on = (time: string): [string, string] => ['Date', `Tue, 27 Mar 2007 ${time} +0000`]
  const examples = [
    byHeader('GET', '/photos/puppy.jpg', [host, on('19:36:42')], 'bWq2s1WEIj+Ydj0vQ697zp+IXMU='),
    byHeader(
      'PUT',
      '/photos/puppy.jpg',
      [['Content-Type', 'image/jpeg'], ['Content-Length', '94328'], host, on('21:15:45')],
      'MyyxeRY7whkBe+bq8fHCL/2kKUg=',
    ),
    byHeader(
      'GET',
      '/?prefix=photos&max-keys=50&marker=puppy',
      [['User-Agent', 'Mozilla/5.0'], host, on('19:42:41')],
      'htDYFYduRNen8P9ZfE/s9SuKy0U=',
    ),
    byHeader('GET', '/?acl', [host, on('19:44:46')], 'c2WLPFtWHVgbEmeEG93a4cG37dM='),
  ]
  for (const request of examples) {
    const date = request.headers.find(([name]) => name === 'Date')![1]
    const found = authenticate({ ...request, nowMs: Date.parse(date) }, rules)
    t.equal(found.verified?.credential.access, ACCESS)
  }
  const query = `AWSAccessKeyId=${ACCESS}&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620`
  const request = {
    method: 'GET',
    rawPath: '/photos/puppy.jpg',
    rawQuery: query,
    host: host[1],
    headers: [host],
    nowMs: NOW,
  }
  t.equal(authenticate(request, rules).signedBy, 'query')
})

t.test('a bucket alone may be signed with and without its last slash', async (t) => {
  for (const path of ['/bucket', '/bucket/']) {
    for (const signedPath of ['/bucket', '/bucket/']) {
      t.ok(
        authenticate(presigned({ path, signedPath }), rules).verified,
        `${path} as ${signedPath}`,
      )
    }
  }
  refused(t, 'SignatureMismatch', () =>
    authenticate(presigned({ path: '/bucket/key', signedPath: '/bucket/key/' }), rules),
  )
})

t.test('subresources are signed, with decoded values; other parameters are not', async (t) => {
  const signedPath = '/bucket/key?response-content-type=text/plain&versionId=a b'
  const query = 'versionId=a%20b&response-content-type=text%2Fplain&prefix=x&'
  t.ok(authenticate(presigned({ signedPath, query }), rules).verified)
  refused(t, 'SignatureMismatch', () => authenticate(presigned({ query: 'acl&' }), rules))
})

t.test('x-amz- headers are signed, sorted, wherever they stand', async (t) => {
  const lines = 'x-amz-acl:private\nx-amz-meta-a:1,2\n'
  const headers: [string, string][] = [
    ['X-Amz-Meta-A', ' 1'],
    ['x-amz-meta-a', '2 '],
    ['x-amz-acl', 'private'],
  ]
  t.ok(authenticate(presigned({ method: 'PUT', lines, headers }), rules).verified)
  const query = 'x-amz-acl=private&'
  const moved = authenticate(
    presigned({ method: 'PUT', lines, headers: headers.slice(0, 2), query }),
    rules,
  )
  t.strictSame(moved.verified?.lifted, [['x-amz-acl', 'private']])
  refused(t, 'SignatureMismatch', () =>
    authenticate(presigned({ method: 'PUT', headers: [['x-amz-acl', 'public-read']] }), rules),
  )
  refused(t, 'SignatureMismatch', () =>
    authenticate(presigned({ method: 'PUT', query: 'x-amz-acl=public-read&' }), rules),
  )
})

t.test(
  'SSE-C headers of presigned reads count signed or unsigned, those of writes signed',
  async (t) => {
    const headers: [string, string][] = [
      [`${SSEC}algorithm`, 'AES256'],
      [`${SSEC}key`, KEY],
      [`${SSEC}key-MD5`, 'hRasmdxgYDKV3nvbahU1MA=='],
    ]
    const lines = headers.map(([name, value]) => `${name.toLowerCase()}:${value}\n`).join('')
    const strict = { ...rules, presignedReads: 'signed' as const }
    for (const method of ['GET', 'HEAD']) {
      t.ok(authenticate(presigned({ method, headers, lines }), strict).verified, 'signed')
      t.ok(authenticate(presigned({ method, headers }), rules).verified, 'unsigned')
      refused(t, 'SignatureMismatch', () => authenticate(presigned({ method, headers }), strict))
    }
    t.ok(authenticate(presigned({ method: 'PUT', headers, lines }), rules).verified)
    const details = refused(t, 'SignatureMismatch', () =>
      authenticate(presigned({ method: 'PUT', headers }), rules),
    )
    t.notMatch(JSON.stringify(details), /MDEy|hRas/, 'and the error does not tell the key')
    t.match(details.stringToSign, `${SSEC}key:***\n`)
  },
)

t.test('presigned URLs end at Expires, and need all three parameters', async (t) => {
  const at = (expires: string) => () => authenticate(presigned({ expires }), rules)
  t.ok(at(String(NOW / 1000 + 1))())
  refused(t, 'SignatureExpired', at(String(NOW / 1000)))
  t.match(refused(t, 'AccessDenied', at('tomorrow')).message, /seconds since epoch/)
  const request = presigned()
  for (const name of ['AWSAccessKeyId', 'Expires', 'Signature']) {
    const rawQuery = request.rawQuery
      .split('&')
      .filter((piece) => !piece.startsWith(name))
      .join('&')
    const details = refused(t, 'AccessDenied', () => authenticate({ ...request, rawQuery }, rules))
    t.match(details.message, /requires the Signature, Expires and AWSAccessKeyId parameters/)
  }
})

t.test('the header form needs a date of now, and knows keys with colons', async (t) => {
  const date: [string, string] = ['Date', 'Tue, 27 Mar 2007 19:40:00 GMT']
  const text = `GET\n\n\n${date[1]}\n/b/k`
  const signature = sign(text, 'testing')
  const good = byHeader('GET', '/b/k', [date], signature, 'test:tester')
  t.equal(authenticate(good, rules).verified?.credential.identity.user, 'colon')
  refused(t, 'ClockSkewed', () => authenticate({ ...good, nowMs: NOW + 900_001 }, rules))
  refused(t, 'DateMissing', () =>
    authenticate(byHeader('GET', '/b/k', [], signature, 'test:tester'), rules),
  )
  refused(t, 'CredentialUnknown', () =>
    authenticate(byHeader('GET', '/b/k', [date], signature, 'nobody'), rules),
  )
  const amzDate: [string, string] = ['x-amz-date', date[1]]
  const moved = sign(`GET\n\n\n\nx-amz-date:${date[1]}\n/b/k`)
  t.ok(authenticate(byHeader('GET', '/b/k', [amzDate], moved), rules).verified)
})

t.test(
  'a body hash beside a SigV2 signature is verified, a signed stream is refused',
  async (t) => {
    const sha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    const withHash = (value: string) => () =>
      authenticate(
        presigned({
          lines: `x-amz-content-sha256:${value}\n`,
          headers: [['x-amz-content-sha256', value]],
        }),
        rules,
      )
    t.strictSame(withHash(sha256)().verified?.payload, { kind: 'hash', sha256 })
    refused(t, 'PayloadHashInvalid', withHash('STREAMING-AWS4-HMAC-SHA256-PAYLOAD'))
  },
)
