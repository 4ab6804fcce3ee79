// The header firewall, row by row, over HTTP and before an app that says which headers it got.
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import t, { type Test } from 'tap'
import { gatekeeper } from '../../middleware/gatekeeper.ts'
import type { HeaderRule } from '../../middleware/header-table.ts'
import type { Node } from '../../middleware/node.ts'
import { Refusal } from '../../middleware/refusal.ts'
import { headerRules as s3Rules } from '../../middleware/s3/header-rules.ts'
import { s3 } from '../../middleware/s3/index.ts'
import type { SpokenState } from '../../middleware/speaker.ts'
import { foldNames, titled } from '../../middleware/swift/header-names.ts'
import { headerRules as swiftRules } from '../../middleware/swift/header-rules.ts'
import { swift } from '../../middleware/swift/index.ts'
import { exchange, startNode } from '../helpers/node.ts'
import { login } from '../helpers/swift.ts'

interface Seen {
  /** 200, or the refusal's. */
  readonly status: number
  readonly message: string
  readonly headers: Readonly<Record<string, string>>
  readonly raw: string
}

type Ask = (method: string, headers: Record<string, string>) => Promise<Seen>

const stub = { config: { domains: [], swift: { resellers: [{ prefix: 'AUTH' }] }, ssec: {} } }
const speakers = { s3: s3(stub as unknown as Node), swift: swift(stub as unknown as Node) }
const rulesOf = { s3: s3Rules, swift: swiftRules }

/** A server of one dialect behind the gatekeeper; it answers with what came through. */
async function startGate(t: Test, dialect: keyof typeof speakers): Promise<Ask> {
  const app = new Koa<SpokenState>()
  const gate = gatekeeper()
  app.use(async (ctx, next) => {
    ctx.state.speaker = speakers[dialect]
    if (dialect === 'swift') foldNames(ctx.req)
    const seen = { status: 200, message: '' }
    try {
      await gate(ctx, next)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      Object.assign(seen, { status: error.status, message: error.message })
    }
    const raw = JSON.stringify(ctx.req.rawHeaders)
    ctx.set('Seen', encodeURIComponent(JSON.stringify({ ...seen, headers: ctx.req.headers, raw })))
    ctx.body = ''
  })
  const server = createServer(app.callback())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())))
  const { port } = server.address() as AddressInfo
  return (method, headers) =>
    new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, method, headers, agent: false }
      httpRequest(options, (res) => {
        res.resume()
        resolve(JSON.parse(decodeURIComponent(String(res.headers.seen))))
      })
        .on('error', reject)
        .end()
    })
}

/** A header of the row's family, spelled in several ways. */
function spellings({ family, when }: HeaderRule): string[] {
  const dashed = family.replaceAll('*', 'some-thing')
  const name = when === 'underscored' ? dashed.replace('-', '_') : dashed
  return [name, titled(name), name.toUpperCase(), name.replaceAll('-', '_')]
}

/** Where a feature's header sets something, and where it does not. */
const setting = ['PUT', 'POST', 'COPY']
const reading = ['GET', 'HEAD', 'DELETE', 'OPTIONS']
const VALUE = 'canary'

async function checkRow(t: Test, ask: Ask, rule: HeaderRule): Promise<void> {
  for (const [i, name] of spellings(rule).entries()) {
    for (const method of i === 0 ? [...setting, ...reading] : ['PUT', 'GET']) {
      const seen = await ask(method, { [name]: VALUE, 'x-unknown-header': 'stays' })
      const refused =
        rule.action === 'refuse' && (rule.when !== 'setting' || setting.includes(method))
      const passed = rule.action === 'pass'
      const label = `${method} ${name}`
      t.equal(seen.status, refused ? 400 : 200, label)
      t.equal(Object.values(seen.headers).includes(VALUE), passed, `${label}: seen by handlers`)
      t.equal(seen.headers['x-unknown-header'], 'stays', label)
      if (!refused) continue
      t.match(seen.message, rule.reason, label)
      t.notMatch(seen.message, VALUE, label)
      t.notMatch(seen.raw, VALUE, label)
    }
  }
}

for (const dialect of ['s3', 'swift'] as const) {
  t.test(`every row of the table holds on ${dialect}, in every spelling`, async (t) => {
    const ask = await startGate(t, dialect)
    const rules = rulesOf[dialect]
    t.ok(rules.length > 20)
    for (const rule of rules) {
      t.ok(rule.reason.length > 3, rule.family)
      await checkRow(t, ask, rule)
    }
  })
}

t.test('a feature that is not built is named at the beginning of its refusal', async (t) => {
  const ask = await startGate(t, 'swift')
  const mark = 'x-static-large-object'
  t.match(
    (await ask('PUT', { [mark]: VALUE })).message,
    'X-Static-Large-Object is a reserved header',
  )
  const unbuilt = swiftRules.filter(({ when, family }) => when === 'setting' && family !== mark)
  for (const rule of unbuilt) {
    const [, name] = spellings(rule)
    const { message } = await ask('PUT', { [name!]: VALUE })
    t.match(message.slice(0, 40), `Not built: ${rule.reason}`)
    t.match(message, `header ${name}`)
  }
})

t.test(
  'a feature’s header that sets nothing is dropped, a key’s is refused all the same',
  async (t) => {
    const ask = await startGate(t, 'swift')
    t.equal((await ask('POST', { 'x-container-meta-quota-bytes': '' })).status, 200)
    t.equal((await ask('POST', { 'x-container-meta-quota-bytes': ' ' })).status, 200)
    t.equal((await ask('POST', { 'x-container-meta-encryption-key': '' })).status, 400)
    t.equal((await ask('GET', { 'x-container-meta-encryption-key': '' })).status, 400)
  },
)

t.test('what only looks like a row passes, on the dialect that it belongs to', async (t) => {
  const swift = await startGate(t, 'swift')
  const s3 = await startGate(t, 's3')
  const passed = async (ask: Ask, name: string) =>
    (await ask('PUT', { [name]: VALUE })).headers[name] === VALUE
  for (const name of [
    'x-object-meta-quota',
    'x-object-meta-web-mode',
    'x-container-meta-webby',
    'x-container-meta-encryption-policy',
    'x-object-meta-encryption-key',
    'x-versions-enabled',
    'x-container-read',
    'x-copy-from',
    'destination',
    'x-delete-at',
    'x-timestamps',
    'content-type',
  ]) {
    t.ok(await passed(swift, name), name)
  }
  for (const name of ['x-amz-meta-x-object-manifest', 'x-amz-copy-source', 'x-objects', 'range']) {
    t.ok(await passed(s3, name), name)
  }
})

t.test(
  'underscores are dashes on Swift, and stay on S3 and in names that frame a request',
  async (t) => {
    const swift = await startGate(t, 'swift')
    const folded = await swift('PUT', { X_Object_Meta_A_b: '1', 'X-Object-Meta-C_d': '2' })
    t.match(folded.headers, { 'x-object-meta-a-b': '1', 'x-object-meta-c-d': '2' })
    t.notMatch(folded.raw, /[Xx]_|C_d/)
    const twice = await swift('PUT', { 'X-Object-Meta-A': '1', X_Object_Meta_A: '2' })
    t.equal(twice.headers['x-object-meta-a'], '1, 2')
    const framing = await swift('PUT', { Transfer_Encoding: 'chunked', Content_Length: '9' })
    t.match(framing.headers, { transfer_encoding: 'chunked', content_length: '9' })
    t.not(framing.headers['content-length'], '9')
    const s3 = await startGate(t, 's3')
    const kept = await s3('PUT', { 'x-amz-meta-a_b': '1' })
    t.equal(kept.headers['x-amz-meta-a_b'], '1')
  },
)

t.test('Swift’s control headers on a signed S3 request change nothing', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  await node.request('PUT', '/bkt/from', { body: 'source' })
  const headers = {
    'x-copy-from': '/bkt/from',
    'x-delete-at': '1',
    'x-object-meta-color': 'blue',
    'x-timestamp': '1.0',
    'x-backend-storage-policy-index': '1',
    'x-storage-token': 'AUTH_tkwrong',
    'x-auth-token': 'AUTH_tkwrong',
  }
  t.equal((await node.request('PUT', '/bkt/to', { headers, body: 'own' })).status, 200)
  const got = await node.request('GET', '/bkt/to')
  t.equal(got.text, 'own')
  t.notOk(Object.keys(got.headers).some((name) => /color|delete-at/.test(name)))
  const key = { 'X-Object-Encryption-Customer-Key': 'canary' }
  const refused = await node.request('PUT', '/bkt/sealed', { headers: key, body: 'x' })
  t.equal(refused.status, 400)
  t.match(refused.text, '<Code>InvalidArgument</Code>')
  t.notMatch(refused.text + node.logged(), 'canary')
  t.equal((await node.request('HEAD', '/bkt/sealed')).status, 404)
})

t.test('S3’s control headers on a Swift request change nothing', async (t) => {
  const node = await startNode(t)
  const swift = await login(node)
  t.equal((await swift.request('PUT', '/c')).status, 201)
  t.equal((await swift.request('PUT', '/c/from', { body: 'source' })).status, 201)
  const headers = {
    'x-amz-copy-source': '/c/from',
    'x-amz-meta-color': 'blue',
    'X-Object-Sysmeta-Color': 'blue',
    X_Object_Sysmeta_Color: 'blue',
    'X-Object-Transient-Sysmeta-Color': 'blue',
    'X-Timestamp': '1.0',
  }
  t.equal((await swift.request('PUT', '/c/to', { headers, body: 'own' })).status, 201)
  const got = await swift.request('GET', '/c/to')
  t.equal(got.text, 'own')
  t.notOk(Object.values(got.headers).includes('blue'))
  t.not(got.headers['x-timestamp'], '1.0')
  const sse = { 'x-amz-server-side-encryption': 'AES256' }
  t.equal((await swift.request('PUT', '/c/sse', { headers: sse, body: 'x' })).status, 400)
  const dlo = { X_Object_Manifest: 'c/prefix' }
  t.equal((await swift.request('PUT', '/c/dlo', { headers: dlo, body: '' })).status, 201)
  t.equal((await swift.request('HEAD', '/c/sse')).status, 404)
  const folded = await swift.request('HEAD', '/c/dlo')
  t.equal(folded.headers['x-object-manifest'], 'c/prefix', 'an underscore is a dash')
  const { hostname, port } = new URL(node.http)
  const path = new URL(swift.storageUrl).pathname
  const asked = await exchange(
    { method: 'GET', path, hostname, port, headers: { X_Auth_Token: swift.token } },
    Buffer.alloc(0),
  )
  t.equal(asked.status, 200, 'a token with underscores is a token')
})
