// The pipeline serves whatever dialect is a Speaker: a third one, which it does not know by name, gets everything that S3
// and Swift get.
import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import type { Config } from '../../lib/config/config.ts'
import { accessKey, drawnKeyring, secretKey, startNode } from '../helpers/node.ts'
import { opsListener, readMetrics } from '../helpers/ops.ts'
import { customerKey } from '../helpers/s3.ts'
import { exchangeBytes, readAnswers, requestText } from '../helpers/wire.ts'
import { threeSpeakers } from './plain-speaker.ts'

const credentials = `${accessKey} ${secretKey}`
const key = customerKey('k').toString('base64')
const SERVED = { host: '127.0.0.1', port: 0, serves: ['object'] }

async function start(t: Test, overrides: Parameters<typeof startNode>[1] = {}) {
  const listen = [SERVED, { ...SERVED, tls: 'auto' }, opsListener] as unknown as Config['listen']
  const node = await startNode(t, { listen, ...overrides }, drawnKeyring(), threeSpeakers)
  const ask = (
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: Buffer | string,
  ) =>
    node.request(method, path, {
      sign: false,
      tls: true,
      headers: { authorization: `Plain ${credentials}`, ...headers },
      ...(body !== undefined && { body }),
    })
  await node.request('PUT', '/box')
  return { node, ask }
}

t.test('an object that a third dialect stored is S3’s and Swift’s too', async (t) => {
  const { node, ask } = await start(t)
  const stored = await ask('PUT', '/plain/test/box/o', {}, 'text')
  t.match([stored.status, stored.text], [201, 'stored\n'])
  t.equal((await ask('GET', '/plain/test/box/o')).text, 'text')
  t.equal((await node.request('GET', '/box/o')).text, 'text')
  await node.request('PUT', '/box/s3', { body: 'of S3' })
  t.equal((await ask('GET', '/plain/test/box/s3')).text, 'of S3')
  const line = node.audited.find(({ dialect }) => dialect === 'plain')
  t.match(line, { operation: 'PlainPUT', user: 'tester', container: 'box', object: 'o' })
  t.equal(line!.requestId, stored.headers['plain-id'], 'its own id is in answer and audit')
  const metrics = await readMetrics(node)
  const counted = 'coffer_requests_total{dialect="plain",operation="PlainPUT",status="201"}'
  t.equal(metrics.get(counted), 1)
  t.equal(metrics.get('coffer_logins_total{outcome="granted"}'), 3, 'by what it says of itself')
})

t.test('a refusal has the third dialect’s form and none of a half-made answer', async (t) => {
  const { ask } = await start(t)
  const missing = await ask('GET', '/plain/test/box/none')
  t.match([missing.status, missing.text], [404, 'plain: ObjectMissing\n'])
  t.match(missing.headers['plain-id'], /^plain-/)
  t.notOk('plain-half' in missing.headers)
  t.equal((await ask('GET', '/plain/test')).text, 'plain: NoName\n')
  const method = await ask('DELETE', '/plain/test/box/o')
  t.match([method.status, method.headers.allow], [405, 'GET, PUT'])
  const denied = await ask('GET', '/plain/other/box/o')
  t.match([denied.status, denied.text], [403, 'plain: AccessDenied\n'])
})

t.test('what a third dialect’s table refuses or drops never reaches its handler', async (t) => {
  const { node, ask } = await start(t)
  const refused = await ask('GET', '/plain/test/box/o', { 'plain-secret-x': 'canary' })
  t.match([refused.status, refused.text], [400, 'plain: Header-plain-secret-x\n'])
  t.notMatch(node.logged(), 'canary')
  const dropped = await ask('PUT', '/plain/test/box/o', { 'x-amz-acl': 'public-read' }, 'x')
  t.equal(dropped.status, 201)
})

t.test('guesses at a third dialect’s secrets have to wait', async (t) => {
  const { ask } = await start(t, {
    limits: { loginFailures: 2, loginBackoffMs: 600_000, loginBackoffMaxMs: 600_000 },
  })
  const guess = () => ask('GET', '/plain/test/box/o', { authorization: 'Plain test:tester no' })
  const statuses: number[] = []
  for (let i = 0; i < 4; i++) statuses.push((await guess()).status)
  t.match(statuses, [401, 401, 429, 429])
})

t.test('a third dialect’s key seals, opens, and is judged by its own rule', async (t) => {
  const { node, ask } = await start(t)
  const put = (headers: Record<string, string>) => ask('PUT', '/plain/test/box/k', headers, 'text')
  t.equal((await put({ 'plain-key': key })).status, 201)
  t.equal((await ask('GET', '/plain/test/box/k')).text, 'plain: KeyRequired\n')
  t.equal((await ask('GET', '/plain/test/box/k', { 'plain-key': key })).text, 'text')
  const wrong = await ask('GET', '/plain/test/box/k', { 'plain-key': 'A'.repeat(43).concat('=') })
  t.match([wrong.status, wrong.text], [403, 'plain: KeyWrong\n'])
  t.equal((await put({ 'plain-key': 'short' })).text, 'plain: KeyInvalid\n')
  const plainHttp = await node.request('PUT', '/plain/test/box/k', {
    sign: false,
    headers: { authorization: `Plain ${credentials}`, 'plain-key': key, via: '1.1 proxy' },
    body: 'x',
  })
  t.equal(plainHttp.status, 500, 'not over an open line, whatever its dialect makes of that')
  t.ok(node.audited.some(({ result }) => result === 'KeyInsecure'))
  t.notMatch(node.logged(), key)
})

t.test('a third dialect’s body is held to what came with it', async (t) => {
  const { ask } = await start(t)
  const md5 = createHash('md5').update('text').digest('hex')
  const put = (headers: Record<string, string>) => ask('PUT', '/plain/test/box/m', headers, 'text')
  t.equal((await put({ 'plain-md5': '00'.repeat(16) })).text, 'plain: DigestMismatch\n')
  t.equal((await ask('GET', '/plain/test/box/m')).status, 404)
  t.equal((await put({ 'plain-md5': md5 })).status, 201)
})

t.test('whatever refuses a request, a page of another origin may read why', async (t) => {
  const { ask } = await start(t)
  const origin = 'https://page.example'
  const refused: Record<string, Record<string, string>> = {
    'an object that is not there': {},
    'a wrong secret': { authorization: 'Plain test:tester no' },
    'a header that is refused': { 'plain-secret': 'x' },
    'a key that is none': { 'plain-key': 'x' },
  }
  for (const [what, headers] of Object.entries(refused)) {
    const answer = await ask('GET', '/plain/test/box/none', { ...headers, origin })
    t.ok(answer.status >= 400, what)
    t.equal(answer.headers['access-control-allow-origin'], origin, what)
    t.equal(answer.headers.vary, 'Origin', what)
  }
  const plain = await ask('GET', '/plain/test/box/none')
  t.notOk('access-control-allow-origin' in plain.headers, 'and where no page asks, nothing is said')
})

t.test('a form has its caller inside the body, before the object’s bytes', async (t) => {
  const { ask } = await start(t)
  const form = { 'content-type': 'application/x-plain-form', authorization: '' }
  const post = (body: string) => ask('PUT', '/plain/test/box/f', form, body)
  t.equal((await post(`${credentials}\nall the rest`)).status, 201)
  t.equal((await ask('GET', '/plain/test/box/f')).text, 'all the rest')
  const long = 'x'.repeat(300_000)
  t.equal((await post(`${credentials}\n${long}`)).status, 201)
  t.equal((await ask('GET', '/plain/test/box/f')).text, long, 'also one of many pieces')
  t.equal((await post('test:tester no\nx')).text, 'plain: PlainDenied\n')
  t.equal((await post('cut')).text, 'plain: FormCut\n')
  t.equal((await post('y'.repeat(1000))).text, 'plain: FormTooLong\n')
})

t.test('what HTTP forbids and what cannot be parsed has the third dialect’s form', async (t) => {
  const { node } = await start(t)
  const speak = async (text: string) =>
    (await readAnswers(await exchangeBytes(node.http, text)))[0]!
  const noHost = await speak('GET /plain/test/box/o HTTP/1.1\r\n\r\n')
  t.match([noHost.status, noHost.text], [400, 'plain: Unreadable\n'])
  t.equal(noHost.header('connection'), 'close')
  const unread = await speak('GET /plain/a HTTP/1.1\r\nHost: h\r\nbad header\r\n\r\n')
  t.match([unread.status, unread.text], [400, /^plain: HPE_/])
  const asterisk = await speak(requestText('OPTIONS', '*'))
  t.match(asterisk.header('allow'), /COPY.*PLAIN$/, 'and its methods are the listener’s')
})
