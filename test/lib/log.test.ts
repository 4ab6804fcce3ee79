// What reaches the log, and what never does.
import t from 'tap'
import { CofferError } from '../../lib/errors.ts'
import { describeError, LOGGED_URL_CHARS_MAX, makeLog, redactUrl } from '../../lib/log.ts'
import { randomFrom, seedOfRun } from '../helpers/random.ts'

function logOf(
  level: Parameters<typeof makeLog>[0],
  write: (log: ReturnType<typeof makeLog>) => void,
) {
  const lines: string[] = []
  write(makeLog(level, { write: (line) => void lines.push(line) }))
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

t.test('a line is JSON with time, level, fields and message', async (t) => {
  const [line, ...others] = logOf('info', (log) => {
    log.info({ status: 200 }, 'request')
    log.debug('not at this level')
  })
  t.same(others, [])
  t.same(Object.keys(line!), ['level', 'time', 'status', 'msg'])
  t.match(line, { level: 'info', status: 200, msg: 'request' })
  t.equal(new Date(line!.time as string).toISOString(), line!.time)
})

t.test(
  'an error is logged by class, message, code, stack and cause, and nothing it carries',
  async (t) => {
    const parser = Object.assign(new Error('Parse Error'), {
      code: 'HPE_INVALID_HEADER_TOKEN',
      rawPacket: Buffer.from('x-amz-server-side-encryption-customer-key: CANARY'),
      headers: { authorization: 'CANARY' },
    })
    const signature = new CofferError('SignatureMismatch', { canonicalRequest: 'CANARY' }, parser)
    const [line] = logOf('info', (log) => log.error({ err: signature }, 'failed'))
    t.notMatch(JSON.stringify(line), /CANARY|\b67,65,78\b/)
    t.match(line!.err, {
      type: 'CofferError',
      message: 'SignatureMismatch',
      code: 'SignatureMismatch',
      stack: /log\.test/,
      cause: { message: 'Parse Error', code: 'HPE_INVALID_HEADER_TOKEN' },
    })
  },
)

t.test('details of the store’s own errors are logged', async (t) => {
  t.same(describeError(new CofferError('StoreCorrupt', { key: 'object/a' })).details, {
    key: 'object/a',
  })
  t.same(describeError('CANARY'), { type: 'string', message: 'not an Error' })
  const loop = new Error('loop')
  loop.cause = loop
  t.ok(JSON.stringify(describeError(loop)), 'causes end')
})

t.test('values of parameters that can hold a secret are masked', async (t) => {
  const secret = [
    'X-Amz-Signature',
    'x-amz-signature',
    'Signature',
    'X-Amz-Security-Token',
    'X-Amz-Credential',
    'AWSAccessKeyId',
    'temp_url_sig',
    'x-amz-server-side-encryption-customer-key',
    'x-amz-server-side-encryption-customer-key-MD5',
    'x-amz-copy-source-server-side-encryption-customer-key',
    'x-amz-copy-source-server-side-encryption-customer-key-md5',
    'X-Object-Encryption-Customer-Key',
    'my_password',
    'clientSecret',
    'X%2DAmz%2DSignature',
    '%58-%41mz-Signatur%65',
    'X-Amz-Signatur%2565',
    '+token',
  ]
  for (const name of secret) {
    for (const value of ['CANARY', 'CANARY=CANARY==', 'a%26CANARY', '%43ANARY', 'a;CANARY', '']) {
      const url = redactUrl(`/b/o?list-type=2&${name}=${value}&prefix=p`)
      t.notMatch(url, /CANARY|%43ANARY/, `${name}=${value}`)
      t.match(url, /^\/b\/o\?list-type=2&.*=\*\*\*.*&prefix=p$/)
    }
  }
})

t.test('everything else of a URL is left as it came', async (t) => {
  const plain = [
    '',
    '/',
    '/b/key=1/partition_token=2/o',
    '/b/o?versionId=abc&partNumber=1&uploads',
    '/b?max-keys=10&key-marker=a%2Fb&list-type=2&prefix=%F0%9F%98%80',
    '/b/o?X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=host%3Brange&X-Amz-Expires=60',
    '/b/o?&&=&a&b=',
    '/v1/AUTH_x/c/o?temp_url_expires=1&multipart-manifest=get',
    '//b//./..%2F',
  ]
  for (const url of plain) t.equal(redactUrl(url), url)
})

t.test('a secret does not slip through a query that was put together wrongly', async (t) => {
  const urls = [
    '/b/o%3FX-Amz-Signature=CANARY',
    '/b/o%253FX-Amz-Signature=CANARY&a=b',
    '/b/o&X-Amz-Signature=CANARY',
    '/b/o%26Signature=CANARY',
    '/b/o?a=1?Signature=CANARY',
    '/b/o?a=1;Signature=CANARY',
    '/b/o?a=1%26Signature%3DCANARY',
    '/b/o?a=%2525&b=x%2526Signature%253DCANARY',
    '/b/o?Signature%3DCANARY',
    'http://user:CANARY@host/b/o?a=b',
    '//user:CANARY@host/b/o',
    'http://host/b/o?Signature=CANARY#x',
  ]
  for (const url of urls) t.notMatch(redactUrl(url), /CANARY/, url)
})

t.test('the result is bounded, whatever comes', async (t) => {
  const long = [
    `/${'p'.repeat(100_000)}`,
    `/b?${'a=b&'.repeat(1_000_000)}`,
    `/b?${'k=v;'.repeat(50_000)}`,
    `/b?${'%25'.repeat(100_000)}`,
    `/b?${'='.repeat(100_000)}`,
    `/b?a=${'sig'.repeat(100_000)}`,
    `${'h'.repeat(100_000)}://x`,
    `//${'u'.repeat(100_000)}`,
    `/b?Signature=${'x'.repeat(5000)}&${'x'.repeat(LOGGED_URL_CHARS_MAX)}`,
  ]
  for (const url of long) t.ok(redactUrl(url).length <= LOGGED_URL_CHARS_MAX)
  for (const length of [-1, 0, 1]) {
    const url = `/${'p'.repeat(LOGGED_URL_CHARS_MAX - 1 + length)}`
    t.equal(redactUrl(url) === url, length <= 0)
  }
})

t.test('random URLs never show what follows a secret name', async (t) => {
  const seed = seedOfRun()
  const random = randomFrom(seed)
  const secrets = [
    'Signature',
    'X-Amz-Security-Token',
    'temp_url_sig',
    'x-amz-sse-customer-key',
    'password',
  ]
  const pieces = [
    'a',
    '=',
    '%',
    '%2',
    '%41',
    '/',
    '+',
    ';',
    '#',
    '%3F',
    '?',
    '%00',
    'é',
    '%zz',
    '\u0000',
    '.',
  ]
  const noise = (max: number) =>
    Array.from({ length: random.integer(max + 1) }, () => random.pick(pieces)).join('')
  const encode = (text: string) =>
    Array.from(text, (char) =>
      random.integer(3) === 0
        ? `%${char.charCodeAt(0).toString(16)[random.integer(2) ? 'toUpperCase' : 'toLowerCase']()}`
        : char,
    ).join('')
  let failures = 0
  for (let n = 0; n < 20_000; n++) {
    const canary = `CANARY${n}`
    const name = noise(2).replaceAll('%', '') + encode(random.pick(secrets))
    const before = Array.from({ length: random.integer(4) }, () => noise(6)).join('&')
    const url = `/${noise(8)}?${before}&${name}=${noise(3)}${encode(canary)}&${noise(6)}`
    const shown = redactUrl(url)
    let decoded = shown
    for (let i = 0; i < 3; i++) {
      decoded = decoded.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      )
    }
    if (!decoded.includes(canary)) continue
    failures++
    t.fail(`seed ${seed}: ${JSON.stringify(url)} gave ${JSON.stringify(shown)}`)
    if (failures === 3) return
  }
  t.equal(failures, 0)
})
