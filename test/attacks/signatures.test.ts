// S3 signatures that do not fit their request: replayed with a change, presigned URLs with changed parameters,
// scopes of another day, region or service. None opens anything.
import t, { type Test } from 'tap'
import type { SignedRequest } from '../../lib/auth/request.ts'
import { accessKey, exchange, secretKey, startNode } from '../helpers/node.ts'
import { presignV2 } from '../helpers/presign.ts'
import { outcome } from '../helpers/s3.ts'
import { byHeader, byQuery, hex, type Plan } from '../lib/auth/signing.ts'
import { attackTable } from './table.ts'

const table = attackTable(t, 'signatures')

const CONTENT = 'private-content'
const limits = { loginFailures: 100_000, loginFailuresPerAddress: 100_000 }
const body = Buffer.from('taken')

/** `yyyyMMdd'T'HHmmss'Z'`, so many seconds from now. */
const basicDate = (seconds = 0) =>
  new Date(Date.now() + seconds * 1000).toISOString().replace(/[-:]|\.\d+/g, '')

const now = () => ({ access: accessKey, secret: secretKey, timestamp: basicDate(), nowMs: 0 })
const reading = (plan: Plan = {}) => byHeader({ path: '/bkt/o', ...now(), ...plan })
const writing = (plan: Plan = {}) =>
  byHeader({ method: 'PUT', path: '/bkt/made', payload: hex(body), ...now(), ...plan })
type QueryPlan = NonNullable<Parameters<typeof byQuery>[0]>
const presigned = (plan: QueryPlan = {}) =>
  byQuery({ path: '/bkt/o', expires: '300', ...now(), ...plan })

interface Sent {
  readonly method: string
  readonly path: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body?: Buffer
}

const sentOf = (request: SignedRequest, content?: Buffer): Sent => ({
  method: request.method,
  path: request.rawPath + (request.rawQuery === '' ? '' : `?${request.rawQuery}`),
  headers: request.headers,
  ...(content === undefined ? {} : { body: content }),
})

async function startGuarded(t: Test) {
  const node = await startNode(t, { limits })
  await node.request('PUT', '/bkt')
  await node.request('PUT', '/bkt/o', { body: CONTENT })
  await node.request('PUT', '/bkt/other', { body: 'other-content' })
  const { hostname, port } = new URL(node.http)
  const send = ({ method, path, headers, body }: Sent) => {
    const content = body ?? Buffer.alloc(0)
    const length = body === undefined ? [] : ['content-length', String(body.length)]
    const raw = [...headers.flat(), ...length]
    return exchange({ method, path, headers: raw, host: hostname, port } as never, content)
  }
  const state = async () => {
    const list = await node.request('GET', '/bkt?versions')
    const read = await node.request('GET', '/bkt/o')
    return list.text.replace(/<(Owner|ID)>.*?<\/\1>/g, '') + read.text
  }
  const before = await state()
  /** A row: the request is refused as the client's fault, shows no content and changes nothing. */
  const denied = async (name: string, sent: Sent) => {
    const answer = await send(sent)
    const isRefused = answer.status >= 400 && answer.status < 500
    const shows = /private-content|other-content/.test(answer.text)
    const same = (await state()) === before
    table.tried(name, isRefused && !shows && same, [outcome(answer), same])
  }
  return { node, send, denied }
}

const withHeader = (sent: Sent, name: string, value: string | undefined): Sent => ({
  ...sent,
  headers: [
    ...sent.headers.filter(([one]) => one.toLowerCase() !== name.toLowerCase()),
    ...(value === undefined ? [] : [[name, value] as const]),
  ],
})
const added = (sent: Sent, name: string, value: string): Sent => ({
  ...sent,
  headers: [...sent.headers, [name, value]],
})
const authorization = (sent: Sent) => sent.headers.find(([name]) => name === 'Authorization')![1]
const edited = (sent: Sent, change: (text: string) => string): Sent =>
  withHeader(sent, 'Authorization', change(authorization(sent)))

t.test('what is signed rightly passes', async (t) => {
  const { send } = await startGuarded(t)
  t.equal((await send(sentOf(reading()))).text, CONTENT)
  t.equal((await send(sentOf(presigned()))).text, CONTENT)
  t.equal((await send(sentOf(writing(), body))).status, 200)
})

t.test('a signed request that is replayed as another is refused', async (t) => {
  const { denied } = await startGuarded(t)
  const get = () => sentOf(reading({ query: [['versionId', 'null']] }))
  const put = () => sentOf(writing(), body)
  for (const method of ['HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'PATCH']) {
    await denied(`a read sent as ${method}`, { ...get(), method })
  }
  for (const path of [
    ...['/bkt/other', '/bkt/o/', '/bkt//o', '/bkt/./o', '/bkt', '/', '/bkt/'],
    ...['/BKT/o', '/bkt/O', '//bkt/o', '/bkt/o%20', '/bkt/o%00', '/bkt/x/../o', '/bkt%2fo'],
  ]) {
    await denied(`a read sent to ${path}`, { ...get(), path: `${path}?versionId=null` })
  }
  for (const query of [
    ...['', '?versionId=', '?versionId=other', '?versionId=null&acl', '?versionId=null&x', '?acl'],
    ...['?versionid=null', '?versionId=null&versionId=x', '?versionId=null&response-expires=0'],
    ...['?versionId=nul%6c&x=', '?%76ersionId=nulx', '?versionId=null&partNumber=1', '?tagging'],
  ]) {
    await denied(`a read sent with ${query || 'no query'}`, { ...get(), path: `/bkt/o${query}` })
  }
  for (const [name, value] of [
    ['Host', 'elsewhere'],
    ['x-amz-date', basicDate(60)],
    ['x-amz-date', undefined],
    ['x-amz-content-sha256', hex('x')],
    ['x-amz-content-sha256', 'UNSIGNED-PAYLOAD'],
    ['x-amz-content-sha256', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'],
    ['x-amz-content-sha256', undefined],
    ['x-amz-copy-source', '/bkt/other'],
    ['x-amz-acl', 'public-read'],
    ['x-amz-meta-a', 'b'],
    ['x-amz-security-token', 'x'],
    ['x-amz-tagging', 'a=b'],
    ['x-amz-server-side-encryption', 'AES256'],
    ['x-amz-website-redirect-location', '/x'],
    ['x-amz-decoded-content-length', '1'],
  ] as const) {
    const what = value === undefined ? 'without' : `with ${value.slice(0, 30)} as`
    await denied(`a read ${what} ${name}`, withHeader(get(), name, value))
    await denied(`a write ${what} ${name}`, withHeader(put(), name, value))
  }
  for (const content of ['', 'take', 'takeN', 'takenn', 'TAKEN']) {
    await denied(`a write of ${content || 'nothing'}`, { ...put(), body: Buffer.from(content) })
    const forged = withHeader(put(), 'x-amz-content-sha256', hex(content))
    await denied(`a write of ${content || 'nothing'} with its hash`, {
      ...forged,
      body: Buffer.from(content),
    })
    const open = withHeader(put(), 'x-amz-content-sha256', 'UNSIGNED-PAYLOAD')
    await denied(`a write of ${content || 'nothing'} as unsigned`, {
      ...open,
      body: Buffer.from(content),
    })
  }
  await denied('a write sent to another name', { ...put(), path: '/bkt/other' })
  await denied('a write sent as a part', { ...put(), path: '/bkt/made?partNumber=1&uploadId=x' })
  await denied('a write sent as an ACL', { ...put(), path: '/bkt/made?acl' })
  const meta: [string, string][] = [['x-amz-meta-a', 'b']]
  for (const value of ['c', 'b c', 'B', '', 'b,b']) {
    const sent = sentOf(writing({ headers: meta }), body)
    await denied(
      `signed metadata as ${value || 'nothing'}`,
      withHeader(sent, 'x-amz-meta-a', value),
    )
  }
  await denied(
    'signed metadata twice',
    added(sentOf(writing({ headers: meta }), body), 'x-amz-meta-a', 'c'),
  )
})

t.test('an Authorization that was changed is refused', async (t) => {
  const { denied } = await startGuarded(t)
  const get = () => sentOf(reading())
  const signature = /Signature=(\w+)/
  for (let i = 0; i < 64; i += 4) {
    await denied(
      `digit ${i} of the signature`,
      edited(get(), (text) => {
        const [, found = ''] = signature.exec(text)!
        const other = found[i] === '0' ? '1' : '0'
        return text.replace(found, found.slice(0, i) + other + found.slice(i + 1))
      }),
    )
  }
  const changes: Record<string, (text: string) => string> = {
    'a signature in upper case': (text) => text.replace(signature, (one) => one.toUpperCase()),
    'a signature cut': (text) => text.slice(0, -1),
    'a signature with more': (text) => `${text}0`,
    'no signature': (text) => text.replace(/, Signature=\w+/, ''),
    'an empty signature': (text) => text.replace(signature, 'Signature='),
    'a signature of zeros': (text) => text.replace(signature, `Signature=${'0'.repeat(64)}`),
    'null as a signature': (text) => text.replace(signature, 'Signature=null'),
    'two signatures, the second right': (text) =>
      text.replace('Signature=', `Signature=${'0'.repeat(64)}, Signature=`),
    'two signatures, the first right': (text) => `${text}, Signature=${'0'.repeat(64)}`,
    'two credentials': (text) =>
      text.replace(
        'Credential=',
        'Credential=other:other/20200101/us-east-1/s3/aws4_request, Credential=',
      ),
    'no credential': (text) => text.replace(/Credential=[^,]+, /, ''),
    'an unknown access key': (text) => text.replace(accessKey, 'AKIAUNKNOWN'),
    'an access key in upper case': (text) => text.replace(accessKey, accessKey.toUpperCase()),
    'the access key of another': (text) => text.replace(accessKey, 'other:other'),
    'an empty access key': (text) => text.replace(accessKey, ''),
    'an access key of an object’s prototype': (text) => text.replace(accessKey, '__proto__'),
    'another day': (text) => text.replace(/\/\d{8}\//, '/20200101/'),
    'another region': (text) => text.replace('us-east-1', 'eu-west-1'),
    'another service': (text) => text.replace('/s3/', '/ec2/'),
    'another terminal': (text) => text.replace('aws4_request', 'aws5_request'),
    'no host among the signed': (text) => text.replace('host;', ''),
    'no date among the signed': (text) => text.replace(';x-amz-date', ''),
    'no signed headers': (text) => text.replace(/SignedHeaders=[^,]+/, 'SignedHeaders='),
    'signed headers in another order': (text) =>
      text.replace(/SignedHeaders=([^;]+);([^;]+)/, 'SignedHeaders=$2;$1'),
    'signed headers in upper case': (text) =>
      text.replace(/SignedHeaders=[^,]+/, (one) => one.toUpperCase()),
    'a header that was not sent among the signed': (text) =>
      text.replace('host;', 'host;x-amz-acl;'),
    'a header twice among the signed': (text) => text.replace('host;', 'host;host;'),
    'another algorithm': (text) => text.replace('AWS4-HMAC-SHA256', 'AWS4-HMAC-SHA1'),
    'an algorithm of elliptic curves': (text) =>
      text.replace('AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256'),
    'an algorithm in lower case': (text) => text.replace('AWS4-HMAC-SHA256', 'aws4-hmac-sha256'),
    'no algorithm': (text) => text.replace('AWS4-HMAC-SHA256 ', ''),
    'the older scheme': () => `AWS ${accessKey}:${'0'.repeat(27)}=`,
    'the older scheme without a signature': () => `AWS ${accessKey}:`,
    'the algorithm alone': () => 'AWS4-HMAC-SHA256',
    nothing: () => '',
    commas: () => `AWS4-HMAC-SHA256 ${','.repeat(2000)}`,
  }
  for (const [name, change] of Object.entries(changes)) await denied(name, edited(get(), change))
  await denied('no Authorization', withHeader(get(), 'Authorization', undefined))
})

const badScopes: Record<string, Plan> = {
  'another region': { region: 'eu-west-1' },
  'no region': { region: '' },
  'another service': { service: 'ec2' },
  'another terminal': { terminal: 'aws4' },
  'another day': { scopeDate: '20200101' },
  'the secret of another': { secret: 'testing2' },
  'an empty secret': { secret: '' },
  'the access key as secret': { secret: accessKey },
  'a key that nobody has': { access: 'nobody', secret: 'nothing' },
  'a date of an hour ago': { timestamp: basicDate(-3600) },
  'a date of in an hour': { timestamp: basicDate(3600) },
  'a date of years ago': { timestamp: '20130524T000000Z' },
  'a date that is none': { timestamp: '20261399T999999Z' },
  'another form of date': { timestamp: new Date().toISOString() },
}

t.test('a signature of another scope or time is refused, however right', async (t) => {
  const { denied } = await startGuarded(t)
  for (const [name, plan] of Object.entries(badScopes)) {
    await denied(`signed with ${name}`, sentOf(reading(plan)))
    await denied(`a write signed with ${name}`, sentOf(writing(plan), body))
    // A presigned URL may be an hour old, and is valid for its lifetime.
    const life = name.includes('ago') ? { expires: '60' } : {}
    await denied(`presigned with ${name}`, sentOf(presigned({ ...plan, ...life })))
  }
  for (const expires of [
    ...['0', '-1', '604801', '99999999999999999999', '1e3', '0x3c', '60.0', 'NaN', 'Infinity', 'x'],
    ...['', ' 60', '60 ', '6 0', '60,60', '\u0666\u0660', '-0'],
  ]) {
    await denied(`presigned for ${JSON.stringify(expires)} seconds`, sentOf(presigned({ expires })))
  }
})

const edit = (sent: Sent, change: (query: string) => string): Sent => {
  const [path = '', query = ''] = sent.path.split('?')
  return { ...sent, path: `${path}?${change(query)}` }
}

t.test('a presigned URL that was tampered with is refused', async (t) => {
  const { denied } = await startGuarded(t)
  const url = () => sentOf(presigned({ query: [['response-content-type', 'text/x']] }))
  for (const name of [
    ...['Algorithm', 'Credential', 'Date', 'Expires', 'SignedHeaders', 'Signature'].map(
      (one) => `X-Amz-${one}`,
    ),
    'response-content-type',
  ]) {
    const found = new RegExp(`(^|&)${name}=([^&]*)`)
    await denied(
      `without ${name}`,
      edit(url(), (query) => query.replace(found, '')),
    )
    await denied(
      `${name} empty`,
      edit(url(), (query) => query.replace(found, `$1${name}=`)),
    )
    await denied(
      `${name} with more`,
      edit(url(), (query) => query.replace(found, '$&0')),
    )
    await denied(
      `${name} cut`,
      edit(url(), (query) => query.replace(found, (one) => one.slice(0, -1))),
    )
    await denied(
      `${name} twice`,
      edit(url(), (query) => `${query}&${name}=x`),
    )
    await denied(
      `${name} twice, first another`,
      edit(url(), (query) => `${name}=x&${query}`),
    )
    await denied(
      `${name} in lower case`,
      edit(url(), (query) => query.replace(name, name.toLowerCase().replace('r', 'R'))),
    )
    await denied(
      `${name} encoded twice`,
      edit(url(), (query) => query.replace(name, name.replace('-', '%252d'))),
    )
  }
  for (const more of [
    ...[
      'versionId=null',
      '%76ersionId=null',
      'acl',
      '%61cl',
      'tagging',
      'uploadId=x',
      'attributes',
    ],
    ...['response-content-disposition=x', '%72esponse-expires=0', 'partNumber=1', 'x-id=GetObject'],
    ...['x-amz-acl=public-read', 'X-Amz-Copy-Source=/bkt/other', 'X-Amz-Security-Token=x', 'x'],
    ...['X-Amz-Content-Sha256=UNSIGNED-PAYLOAD', 'AWSAccessKeyId=test:tester', 'Signature=x'],
  ]) {
    await denied(
      `with &${more}`,
      edit(url(), (query) => `${query}&${more}`),
    )
    await denied(
      `with ${more} before`,
      edit(url(), (query) => `${more}&${query}`),
    )
  }
  for (const method of ['HEAD', 'PUT', 'DELETE', 'POST']) {
    await denied(`sent as ${method}`, { ...url(), method })
  }
  for (const path of ['/bkt/other', '/bkt/', '/bkt', '/', '/bkt//o']) {
    await denied(`sent to ${path}`, { ...url(), path: url().path.replace('/bkt/o', path) })
  }
  for (const [name, value] of [
    ['Host', 'elsewhere'],
    ['x-amz-acl', 'public-read'],
    ['x-amz-copy-source', '/bkt/other'],
    ['x-amz-meta-a', 'b'],
    ['x-amz-security-token', 'x'],
    ['Authorization', 'AWS test:tester:x'],
    ['Authorization', authorization(sentOf(reading()))],
    ['x-amz-server-side-encryption-customer-algorithm', 'AES256'],
  ] as const) {
    const put = sentOf(presigned({ method: 'PUT', path: '/bkt/made' }), body)
    await denied(`a write with ${name}: ${value.slice(0, 20)}`, withHeader(put, name, value))
  }
  const hashed = sentOf(
    presigned({
      method: 'PUT',
      path: '/bkt/made',
      headers: [['x-amz-content-sha256', hex(body)]],
      payload: hex(body),
    }),
    body,
  )
  await denied('a write of other content than was signed', {
    ...hashed,
    body: Buffer.from('other'),
  })
  await denied(
    'a write of other content with its hash',
    withHeader({ ...hashed, body: Buffer.from('other') }, 'x-amz-content-sha256', hex('other')),
  )
  await denied(
    'a write of other content as unsigned',
    withHeader(
      { ...hashed, body: Buffer.from('other') },
      'x-amz-content-sha256',
      'UNSIGNED-PAYLOAD',
    ),
  )
})

t.test('a URL presigned the old way that was tampered with is refused', async (t) => {
  const { node, denied } = await startGuarded(t)
  const { host } = new URL(node.http)
  const sent = (path: string, method = 'GET'): Sent => ({ method, path, headers: [['host', host]] })
  const url = () => presignV2('GET', '/bkt/o')
  t.equal((await node.request('GET', url(), { sign: false })).text, CONTENT)
  for (const name of ['AWSAccessKeyId', 'Expires', 'Signature']) {
    const found = new RegExp(`([?&])${name}=[^&]*`)
    await denied(`V2: without ${name}`, sent(url().replace(found, '$1')))
    await denied(`V2: ${name} empty`, sent(url().replace(found, `$1${name}=`)))
    await denied(`V2: ${name} with more`, sent(url().replace(found, '$&0')))
    await denied(`V2: ${name} twice`, sent(`${url()}&${name}=x`))
    await denied(`V2: ${name} twice, first another`, sent(url().replace('?', `?${name}=x&`)))
    await denied(`V2: ${name} in lower case`, sent(url().replace(name, name.toLowerCase())))
  }
  for (const more of [
    ...['versionId=null', '%76ersionId=null', 'acl', '%61cl', 'uploadId=x', 'uploads', 'tagging'],
    ...['response-content-type=x', '%72esponse-content-type=x', 'x-amz-acl=public-read', 'torrent'],
    ...[
      'X-Amz-Algorithm=AWS4-HMAC-SHA256',
      'x-amz-meta-a=b',
      'partNumber=1&uploadId=x',
      'versioning',
    ],
  ]) {
    await denied(`V2: with &${more}`, sent(`${url()}&${more}`))
  }
  for (const method of ['HEAD', 'PUT', 'DELETE', 'POST'])
    await denied(`V2: as ${method}`, sent(url(), method))
  for (const path of ['/bkt/other', '/bkt', '/', '/bkt/o/']) {
    await denied(`V2: to ${path}`, sent(url().replace('/bkt/o', path)))
  }
  for (const expiresSeconds of [0, -1, -86_400, Number.NaN, Number.POSITIVE_INFINITY]) {
    await denied(
      `V2: for ${expiresSeconds} seconds`,
      sent(presignV2('GET', '/bkt/o', { expiresSeconds })),
    )
  }
  for (const [name, value] of [
    ['x-amz-acl', 'public-read'],
    ['x-amz-copy-source', '/bkt/other'],
    ['Content-MD5', 'x'],
    ['Content-Type', 'text/html'],
    ['Authorization', 'AWS test:tester:x'],
  ] as const) {
    const put = { ...sent(presignV2('PUT', '/bkt/made'), 'PUT'), body }
    await denied(`V2: a write with ${name}`, added(put, name, value))
  }
  await denied(
    'V2: with the secret of another',
    sent(presignV2('GET', '/bkt/o', { secret: 'testing2' })),
  )
  await denied('V2: of nobody', sent(presignV2('GET', '/bkt/o', { access: 'x', secret: 'x' })))
})
