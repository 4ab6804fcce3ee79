// Canonical requests against an independent signer, AWS's own for JavaScript: what it signs verifies, and
// with any one character changed it does not.
import { HttpRequest } from '@smithy/core/protocols'
import { Hash } from '@smithy/core/serde'
import { SignatureV4 } from '@smithy/signature-v4'
import t from 'tap'
import { authenticate } from '../../lib/auth/authenticate.ts'
import {
  canonicalPath,
  canonicalQuery,
  queryParameters,
  type SignedRequest,
} from '../../lib/auth/request.ts'
import { CofferError } from '../../lib/errors.ts'
import { type Random, randomFrom, seedOfRun } from '../helpers/random.ts'
import { ACCESS, NOW, rules, SECRET } from '../lib/auth/signing.ts'

const signer = new SignatureV4({
  service: 's3',
  region: 'us-east-1',
  uriEscapePath: false,
  sha256: Hash.bind(null, 'sha256') as never,
  credentials: { accessKeyId: ACCESS, secretAccessKey: SECRET },
})

const letters = [
  ...'abzAZ019-._~/!\'()*&=+%@:,;$? #[]"<>|\\^`{}',
  'é',
  '✓',
  '😀',
  '\u00a0',
  '..',
  '//',
]

function text(random: Random, most: number): string {
  return Array.from({ length: random.integer(most + 1) }, () => random.pick(letters)).join('')
}

const encode = (value: string) =>
  encodeURIComponent(value).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )

/** A header's value: anything printable, blanks too. */
function headerValue(random: Random): string {
  const safe = ['a', 'Z', '0', ' ', '  ', '\t', ',', '"', '=', ';', '/', ':']
  return Array.from({ length: random.integer(20) }, () => random.pick(safe)).join('')
}

function plan(random: Random): HttpRequest {
  const query: Record<string, string | string[]> = {}
  for (let i = random.integer(5); i > 0; i--) {
    query[text(random, 6) || 'acl'] =
      random.integer(4) === 0 ? [text(random, 5), text(random, 5)] : text(random, 8)
  }
  const headers: Record<string, string> = { host: 'localhost:8080' }
  for (let i = random.integer(5); i > 0; i--) {
    headers[random.pick(['x-amz-meta-a', 'X-Amz-Meta-B', 'x-amz-acl', 'content-type', 'range'])] =
      headerValue(random)
  }
  return new HttpRequest({
    method: random.pick(['GET', 'HEAD', 'PUT', 'POST', 'DELETE']),
    hostname: 'localhost',
    path: `/${text(random, 20).split('/').map(encode).join('/')}`,
    query,
    headers,
    body: random.integer(2) === 0 ? undefined : text(random, 10),
  })
}

/** As it arrives: names and values of the query encoded by another hand, in any order. */
function onTheWire(random: Random, request: HttpRequest): SignedRequest {
  const pairs: string[] = []
  for (const [name, value] of Object.entries(request.query)) {
    for (const one of [value].flat()) pairs.push(`${encode(name)}=${encode(one ?? '')}`)
  }
  const lower = (part: string) =>
    random.integer(3) === 0 ? part.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase()) : part
  const headers = Object.entries(request.headers).map(([name, value]): [string, string] => [
    name,
    Buffer.from(value).toString('latin1'),
  ])
  return {
    method: request.method,
    rawPath: lower(request.path),
    rawQuery: pairs
      .map(lower)
      .sort(() => random.integer(2) - 0.5)
      .join('&'),
    host: 'localhost',
    headers: headers.sort(() => random.integer(2) - 0.5),
    nowMs: NOW,
  }
}

const signingDate = new Date(NOW)

async function signed(random: Random): Promise<SignedRequest> {
  const request = plan(random)
  if (random.integer(2) === 0) {
    return onTheWire(random, (await signer.sign(request, { signingDate })) as HttpRequest)
  }
  request.body = undefined
  request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD'
  const found = await signer.presign(request, {
    signingDate,
    expiresIn: 1 + random.integer(604_800),
  })
  return onTheWire(random, found as HttpRequest)
}

function verdict(request: SignedRequest): string {
  try {
    return authenticate(request, rules).signedBy
  } catch (error) {
    if (!(error instanceof CofferError)) throw error
    return error.code
  }
}

/** Another character for the one at `at`, of the kind that can stand there. */
function changed(random: Random, value: string, at: number): string {
  const char = value[at] === 'x' ? 'y' : random.pick(['x', '0', 'Q'])
  return value.slice(0, at) + (char === value[at] ? 'x' : char) + value.slice(at + 1)
}

/** The request with one character of its meaning changed, where that is no other spelling of the same. */
function tamper(random: Random, request: SignedRequest): SignedRequest | undefined {
  const kind = random.integer(4)
  if (kind === 0) return { ...request, method: request.method === 'GET' ? 'PUT' : 'GET' }
  if (kind === 1) {
    const rawPath = changed(random, request.rawPath, 1 + random.integer(request.rawPath.length))
    return canonicalPath(rawPath) === canonicalPath(request.rawPath)
      ? undefined
      : { ...request, rawPath }
  }
  if (kind === 2) {
    if (request.rawQuery === '') return { ...request, rawQuery: 'versionId=1' }
    const rawQuery = changed(random, request.rawQuery, random.integer(request.rawQuery.length))
    const canonical = (query: string) => canonicalQuery(queryParameters(query))
    return canonical(rawQuery) === canonical(request.rawQuery)
      ? undefined
      : { ...request, rawQuery }
  }
  const index = random.integer(request.headers.length)
  const [name, value] = request.headers[index]!
  if (value.trim() === '' || /^(authorization|x-amz-date)$/i.test(name)) return undefined
  const at = value.search(/[^ \t]/)
  const headers = request.headers.map((pair, i) =>
    i === index ? ([name, changed(random, value, at)] as const) : pair,
  )
  return { ...request, headers }
}

t.test("what AWS's signer signs verifies", async (t) => {
  const random = randomFrom(seedOfRun())
  const refused: string[] = []
  for (let i = 0; i < 600; i++) {
    const request = await signed(random)
    const found = verdict(request)
    if (found !== 'header' && found !== 'query') refused.push(`${found} ${JSON.stringify(request)}`)
  }
  t.equal(refused[0], undefined, `seed ${random.seed}`)
})

t.test('with one character changed it does not', async (t) => {
  const random = randomFrom(seedOfRun())
  const accepted: string[] = []
  let tried = 0
  for (let i = 0; i < 1200; i++) {
    const request = tamper(random, await signed(random))
    if (request === undefined) continue
    tried++
    const found = verdict(request)
    if (found === 'header' || found === 'query' || found === 'none') {
      accepted.push(`${found} ${JSON.stringify(request)}`)
    }
  }
  t.equal(accepted[0], undefined, `seed ${random.seed}`)
  t.ok(tried > 600, 'most changes count')
})

t.test('random requests are refused or anonymous, and never crash', async (t) => {
  const random = randomFrom(seedOfRun())
  const words = [
    'AWS4-HMAC-SHA256',
    'AWS',
    ' ',
    ',',
    '=',
    '/',
    'Credential',
    'SignedHeaders',
    'Signature',
    ACCESS,
    '20130524',
    'us-east-1',
    's3',
    'aws4_request',
    'host',
    ';',
    ':',
    '%',
    '&',
    'X-Amz-Algorithm',
    'X-Amz-Date',
    'X-Amz-Expires',
    'AWSAccessKeyId',
    'Expires',
    '9'.repeat(40),
    '-1',
  ]
  const some = (most: number) =>
    Array.from({ length: random.integer(most) }, () => random.pick(words)).join('')
  let verified = 0
  for (let i = 0; i < 3000; i++) {
    const headers: [string, string][] = [['host', 'x']]
    if (random.integer(2) === 0) headers.push(['Authorization', some(14)])
    if (random.integer(2) === 0) headers.push(['x-amz-date', some(3)])
    const request = {
      method: 'GET',
      rawPath: `/${some(5)}`,
      rawQuery: some(20),
      host: 'x',
      headers,
      nowMs: NOW,
    }
    const found = verdict(request)
    if (found === 'header' || found === 'query') verified++
  }
  t.equal(verified, 0, `seed ${random.seed}`)
})
