// SigV4 by header and presigned: AWS's published examples, and each way to be refused.
import { inspect } from 'node:util'
import t from 'tap'
import { authenticate } from '../../../lib/auth/authenticate.ts'
import type { SignedRequest } from '../../../lib/auth/request.ts'
import { ACCESS, byHeader, byQuery, hex, NOW, refused, rules, SECRET } from './signing.ts'

const SSEC = 'x-amz-server-side-encryption-customer-'
const KEY = 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY='
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** A request of AWS's documentation, with the signature printed there. */
function documented(
  method: string,
  target: string,
  headers: [string, string][],
  signature: string,
): SignedRequest {
  const [rawPath = '', rawQuery = ''] = target.split('?')
  const all: [string, string][] = [['Host', 'examplebucket.s3.amazonaws.com'], ...headers]
  const signed = all.map(([name]) => name.toLowerCase()).sort()
  const authorization = `AWS4-HMAC-SHA256 Credential=${ACCESS}/20130524/us-east-1/s3/aws4_request,SignedHeaders=${signed.join(';')},Signature=${signature}`
  return {
    method,
    rawPath,
    rawQuery,
    host: 'examplebucket.s3.amazonaws.com',
    headers: [...all, ['Authorization', authorization]],
    nowMs: NOW,
  }
}

t.test("the examples of AWS's documentation verify", async (t) => {
  const date: [string, string] = ['x-amz-date', '20130524T000000Z']
  const empty: [string, string] = ['x-amz-content-sha256', EMPTY]
  const examples = [
    documented(
      'GET',
      '/test.txt',
      [['Range', 'bytes=0-9'], empty, date],
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ),
    documented(
      'PUT',
      '/test%24file.text',
      [
        ['Date', 'Fri, 24 May 2013 00:00:00 GMT'],
        date,
        ['x-amz-storage-class', 'REDUCED_REDUNDANCY'],
        [
          'x-amz-content-sha256',
          '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
        ],
      ],
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ),
    documented(
      'GET',
      '/?lifecycle',
      [date, empty],
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ),
    documented(
      'GET',
      '/?max-keys=2&prefix=J',
      [date, empty],
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ),
  ]
  for (const request of examples) {
    const found = authenticate(request, rules)
    t.equal(found.signedBy, 'header')
    t.strictSame(found.verified?.credential.identity, {
      account: 'test',
      user: 'tester',
      roles: ['admin'],
    })
  }
  const presigned = authenticate(
    {
      method: 'GET',
      rawPath: '/test.txt',
      rawQuery: `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${ACCESS}%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404`,
      host: 'examplebucket.s3.amazonaws.com',
      headers: [['host', 'examplebucket.s3.amazonaws.com']],
      nowMs: NOW,
    },
    rules,
  )
  t.equal(presigned.signedBy, 'query')
  t.strictSame(presigned.verified?.payload, { kind: 'unsigned' })
})

t.test('a request without any signature is anonymous', async (t) => {
  const request = {
    method: 'GET',
    rawPath: '/b/k',
    rawQuery: 'a=b',
    host: '',
    headers: [],
    nowMs: NOW,
  }
  const found = authenticate(request, rules)
  t.equal(found.signedBy, 'none')
  t.equal(found.verified, null)
})

t.test('x-amz-content-sha256 says how the body is signed', async (t) => {
  const payload = (value: string) =>
    authenticate(byHeader({ payload: value }), rules).verified?.payload
  t.strictSame(payload(EMPTY), { kind: 'hash', sha256: EMPTY })
  t.strictSame(payload('UNSIGNED-PAYLOAD'), { kind: 'unsigned' })
  t.match(payload('STREAMING-UNSIGNED-PAYLOAD-TRAILER'), { trailer: true, signatures: null })
  for (const tail of ['', '-TRAILER']) {
    const found = payload(`STREAMING-AWS4-HMAC-SHA256-PAYLOAD${tail}`)
    t.match(found, { kind: 'streaming', trailer: tail !== '', signatures: Object })
    const shown = inspect(found, { depth: 9, showHidden: true }) + JSON.stringify(found)
    t.notMatch(shown, /[0-9a-f]{64}/, 'neither key nor signature prints')
  }
  refused(t, 'PayloadHashInvalid', () => payload('nonsense'))
  refused(t, 'PayloadHashInvalid', () => payload(EMPTY.slice(1)))
  refused(t, 'NotSupported', () => payload('STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD'))
  const anonymous = (value: string) =>
    authenticate(
      {
        method: 'PUT',
        rawPath: '/',
        rawQuery: '',
        host: 'examplebucket.s3.amazonaws.com',
        headers: [['x-amz-content-sha256', value]],
        nowMs: NOW,
      },
      rules,
    )
  t.match(anonymous('STREAMING-UNSIGNED-PAYLOAD-TRAILER'), { payload: { trailer: true } })
  refused(t, 'PayloadHashInvalid', () => anonymous('STREAMING-AWS4-HMAC-SHA256-PAYLOAD'))
})

t.test('a header without x-amz-content-sha256 is refused', async (t) => {
  const request = byHeader()
  const headers = request.headers.filter(([name]) => name !== 'x-amz-content-sha256')
  const details = refused(t, 'PayloadHashInvalid', () =>
    authenticate({ ...request, headers }, rules),
  )
  t.match(details.message, /^Missing required header/)
})

t.test('a wrong signature tells what was signed, with the keys masked', async (t) => {
  const request = byHeader({
    secret: 'another',
    method: 'PUT',
    headers: [
      [`${SSEC}key`, KEY],
      [`${SSEC}key-MD5`, 'hRasmdxgYDKV3nvbahU1MA=='],
      ['x-amz-copy-source-server-side-encryption-customer-key', KEY],
      ['x-amz-security-token', 'token-token'],
      ['x-amz-meta-colour', 'green'],
    ],
  })
  const details = refused(t, 'SignatureMismatch', () => authenticate(request, rules))
  t.equal(details.accessKey, ACCESS)
  t.match(details.signature, /^[0-9a-f]{64}$/)
  t.match(details.stringToSign, /^AWS4-HMAC-SHA256\n20130524T000000Z\n20130524\/us-east-1\/s3\//)
  t.match(details.canonicalRequest, 'x-amz-meta-colour:green\n')
  t.match(details.canonicalRequest, `${SSEC}key:***\n`)
  t.notMatch(JSON.stringify(details), /MDEy|hRas|token-token/)
  const query = byQuery({ secret: 'another', query: [[`${SSEC}key`, KEY]] })
  t.notMatch(
    JSON.stringify(refused(t, 'SignatureMismatch', () => authenticate(query, rules))),
    /MDEy/,
  )
})

t.test('an unknown access key is refused before anything is computed', async (t) => {
  refused(t, 'CredentialUnknown', () => authenticate(byHeader({ access: 'nobody' }), rules))
  refused(t, 'CredentialUnknown', () => authenticate(byQuery({ access: 'nobody' }), rules))
})

t.test('access keys may hold a colon', async (t) => {
  const found = authenticate(byHeader({ access: 'test:tester', secret: 'testing' }), rules)
  t.equal(found.verified?.credential.identity.user, 'colon')
})

t.test('malformed Authorization headers say what is wrong', async (t) => {
  const cases: [string, RegExp][] = [
    ['AWS4-HMAC-SHA256', /three components/],
    ['AWS4-HMAC-SHA256 Credential=HAHAHA', /three components/],
    ['AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host', /three components/],
    ['AWS4-HMAC-SHA256 SignedHeaders=host, Signature=x', /three components/],
    [
      'AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=x',
      /Credential is mal-formed/,
    ],
    [
      'AWS4-HMAC-SHA256 Credential=/20130524/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x',
      /Credential is mal-formed/,
    ],
  ]
  for (const [authorization, message] of cases) {
    const request = byHeader()
    const headers = [...request.headers.slice(0, -1), ['Authorization', authorization] as const]
    const details = refused(t, 'SignatureMalformed', () =>
      authenticate({ ...request, headers }, rules),
    )
    t.match(details.message, message)
  }
})

t.test('each field of the credential scope is checked', async (t) => {
  const cases: [Parameters<typeof byHeader>[0], RegExp, string?][] = [
    [
      { region: 'aws-global' },
      /the region 'aws-global' is wrong; expecting 'us-east-1'/,
      'us-east-1',
    ],
    [{ service: 'ec2' }, /incorrect service "ec2"\. This endpoint belongs to "s3"\./],
    [{ terminal: 'aws3_request' }, /incorrect terminal "aws3_request"/],
    [{ scopeDate: '2013-5-24' }, /incorrect date format "2013-5-24"/],
    [{ scopeDate: '20130523' }, /Invalid credential date "20130523"/],
  ]
  for (const [plan, message, region] of cases) {
    const header = refused(t, 'SignatureMalformed', () => authenticate(byHeader(plan), rules))
    t.match(header.message, /^The authorization header is malformed; /)
    t.match(header.message, message)
    t.equal(header.region, region)
    const query = refused(t, 'SignatureQueryMalformed', () => authenticate(byQuery(plan), rules))
    t.match(query.message, /^Error parsing the X-Amz-Credential parameter; /)
    t.match(query.message, message)
  }
})

t.test('the date must be there, and within 15 minutes', async (t) => {
  const minute = 60_000
  for (const offset of [-15 * minute, 0, 15 * minute]) {
    t.ok(authenticate(byHeader({ nowMs: NOW + offset }), rules).verified)
  }
  for (const offset of [-15 * minute - 1, 15 * minute + 1]) {
    const details = refused(t, 'ClockSkewed', () =>
      authenticate(byHeader({ nowMs: NOW + offset }), rules),
    )
    t.equal(details.requestTime, '20130524T000000Z')
  }
  refused(t, 'DateMissing', () => authenticate(byHeader({ timestamp: '20131324T000000Z' }), rules))
  refused(t, 'DateMissing', () => authenticate(byHeader({ timestamp: 'yesterday' }), rules))
  refused(t, 'DateMissing', () => authenticate(byHeader({ timestamp: '19500707T215304Z' }), rules))
  const request = byHeader()
  const headers = request.headers.filter(([name]) => name !== 'x-amz-date')
  refused(t, 'DateMissing', () => authenticate({ ...request, headers }, rules))
})

t.test('every x-amz- header must be signed, and so must the host', async (t) => {
  const unsigned: [string, string][] = [
    ['X-Amz-Copy-Source', '/b/secret'],
    ['x-amz-acl', 'public-read'],
    ['x-amz-user-agent', 'harmless'],
    ['Cache-Control', 'harmless'],
  ]
  for (const request of [
    byHeader({ method: 'PUT', unsigned }),
    byQuery({ method: 'PUT', unsigned }),
  ]) {
    const details = refused(t, 'HeadersUnsigned', () => authenticate(request, rules))
    t.equal(details.headers, 'x-amz-copy-source, x-amz-acl')
  }
  const request = byHeader()
  const headers = request.headers.map(([name, value]): [string, string] => [
    name,
    value.replace('SignedHeaders=host;', 'SignedHeaders='),
  ])
  t.equal(
    refused(t, 'HeadersUnsigned', () => authenticate({ ...request, headers }, rules)).headers,
    'host',
  )
})

t.test(
  'the SSE-C headers of presigned reads may come unsigned, those of writes never',
  async (t) => {
    const unsigned: [string, string][] = [
      [`${SSEC}algorithm`, 'AES256'],
      [`${SSEC}key`, KEY],
      [`${SSEC}key-MD5`, 'hRasmdxgYDKV3nvbahU1MA=='],
    ]
    for (const method of ['GET', 'HEAD']) {
      t.ok(authenticate(byQuery({ method, unsigned }), rules).verified)
      refused(t, 'HeadersUnsigned', () =>
        authenticate(byQuery({ method, unsigned }), { ...rules, presignedReads: 'signed' }),
      )
      refused(t, 'HeadersUnsigned', () => authenticate(byHeader({ method, unsigned }), rules))
    }
    for (const method of ['PUT', 'POST', 'DELETE']) {
      refused(t, 'HeadersUnsigned', () => authenticate(byQuery({ method, unsigned }), rules))
    }
    const source: [string, string][] = [
      ['x-amz-copy-source-server-side-encryption-customer-key', KEY],
    ]
    refused(t, 'HeadersUnsigned', () => authenticate(byQuery({ unsigned: source }), rules))
  },
)

t.test('presigned URLs live from their date for X-Amz-Expires seconds', async (t) => {
  const at = (nowMs: number, expires: string) => () =>
    authenticate(byQuery({ nowMs, expires }), rules).verified
  t.ok(at(NOW, '1')())
  t.ok(at(NOW + 604_799_999, '604800')())
  t.strictSame(refused(t, 'SignatureExpired', at(NOW + 60_000, '60')), {
    expires: '2013-05-24T00:01:00Z',
    serverTime: '2013-05-24T00:01:00Z',
  })
  refused(t, 'SignatureExpired', at(NOW, '0'))
  t.ok(at(NOW - 900_000, '60')())
  t.match(refused(t, 'AccessDenied', at(NOW - 900_001, '60')).message, /not valid yet/)
  for (const [expires, message] of [
    ['604801', /less than a week/],
    ['-1', /non-negative/],
    ['soon', /should be a number/],
    ['1e3', /should be a number/],
  ] as const) {
    t.match(refused(t, 'SignatureQueryMalformed', at(NOW, expires)).message, message)
  }
})

t.test('each parameter of a presigned URL is needed', async (t) => {
  for (const name of ['Algorithm', 'Credential', 'Date', 'Expires', 'SignedHeaders', 'Signature']) {
    const request = byQuery({ without: `X-Amz-${name}` })
    const details = refused(t, 'SignatureQueryMalformed', () => authenticate(request, rules))
    t.match(details.message, /^Query-string authentication version 4 requires the/)
  }
  const dated = refused(t, 'SignatureQueryMalformed', () =>
    authenticate(byQuery({ timestamp: '2013-05-24' }), rules),
  )
  t.match(dated.message, /ISO8601 Long Format/)
})

t.test(
  'x-amz- parameters of a presigned URL are handed on as headers, checksums are not',
  async (t) => {
    const request = byQuery({
      method: 'PUT',
      query: [
        ['x-amz-acl', 'private'],
        ['X-Amz-Meta-Name', 'Zoë'],
        ['x-amz-checksum-crc32', 'AAAAAA=='],
        ['x-amz-sdk-checksum-algorithm', 'CRC32'],
        ['versionId', '7'],
      ],
    })
    const found = authenticate(request, rules)
    t.strictSame(found.verified?.lifted, [
      ['x-amz-meta-name', Buffer.from('Zoë').toString('latin1')],
      ['x-amz-acl', 'private'],
    ])
    const twice = { ...request, headers: [...request.headers, ['x-amz-acl', 'private'] as const] }
    t.ok(authenticate(twice, rules).verified, 'the same header may be sent as well')
    const other = {
      ...request,
      headers: [...request.headers, ['x-amz-acl', 'public-read'] as const],
    }
    refused(t, 'HeadersUnsigned', () => authenticate(other, rules))
  },
)

t.test('a presigned URL may say how the body is hashed', async (t) => {
  const body = hex('hello')
  const signed = byQuery({ method: 'PUT', payload: body, query: [['X-Amz-Content-Sha256', body]] })
  t.strictSame(authenticate(signed, rules).verified?.payload, { kind: 'hash', sha256: body })
  const beside = byQuery({ method: 'PUT', unsigned: [['x-amz-content-sha256', body]] })
  t.strictSame(authenticate(beside, rules).verified?.payload, { kind: 'hash', sha256: body })
})

t.test(
  'schemes that are not spoken, empty headers and double signatures are refused',
  async (t) => {
    const withHeader = (value: string) => () =>
      authenticate(
        {
          method: 'GET',
          rawPath: '/',
          rawQuery: '',
          host: 'examplebucket.s3.amazonaws.com',
          headers: [['Authorization', value]],
          nowMs: NOW,
        },
        rules,
      )
    refused(t, 'SignatureUnsupported', withHeader('Bearer abc'))
    refused(t, 'SignatureUnsupported', withHeader('AWS4-ECDSA-P256-SHA256 Credential=x'))
    refused(t, 'SignatureUnsupported', withHeader('AWS HAHAHA'))
    refused(t, 'AccessDenied', withHeader(''))
    const both = { ...byHeader(), rawQuery: byQuery().rawQuery }
    t.match(
      refused(t, 'SignatureUnsupported', () => authenticate(both, rules)).message,
      /Only one auth mechanism allowed/,
    )
  },
)

t.test('what comes twice in a signature is refused, in a header and in a URL', async (t) => {
  const verify = (request: SignedRequest) => () => authenticate(request, rules)
  const request = byHeader()
  for (const more of ['Credential=x', 'SignedHeaders=host', 'Signature=x']) {
    const headers = request.headers.map(([name, value]) =>
      name === 'Authorization' ? ([name, `${value}, ${more}`] as const) : ([name, value] as const),
    )
    refused(t, 'SignatureMalformed', verify({ ...request, headers }))
  }
  const url = byQuery({ query: [['x-amz-meta-a', 'b']] })
  for (const more of ['X-Amz-Credential=x', 'X-Amz-%44ate=x', 'x-amz-meta-a=c', 'X-AMZ-META-A=c']) {
    const rawQuery = `${url.rawQuery}&${more}`
    refused(t, 'SignatureQueryMalformed', verify({ ...url, rawQuery }))
  }
  const both = `${url.rawQuery}&AWSAccessKeyId=${ACCESS}`
  refused(t, 'SignatureUnsupported', verify({ ...url, rawQuery: both }))
})

t.test('a header in a URL holds nothing that no header could hold', async (t) => {
  for (const value of ['a\nb', 'a\r', '\0', 'a\x7f', '\x1b[0m']) {
    const request = byQuery({ method: 'PUT', query: [['x-amz-meta-a', value]] })
    refused(t, 'SignatureQueryMalformed', () => authenticate(request, rules))
  }
  const fine = byQuery({ method: 'PUT', query: [['x-amz-meta-a', 'a\tb ~']] })
  t.strictSame(authenticate(fine, rules).verified?.lifted, [['x-amz-meta-a', 'a\tb ~']])
})

t.test('secrets of credentials do not print', async (t) => {
  const found = authenticate(byHeader(), rules)
  t.notMatch(inspect(found, { depth: 9, showHidden: true }) + JSON.stringify(found), SECRET)
})
