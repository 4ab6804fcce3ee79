// The auth middleware before an app of two lines.
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import t, { type Test } from 'tap'
import type { AuditEntry } from '../../lib/audit.ts'
import { writeBasicDate } from '../../lib/auth/dates.ts'
import { auth } from '../../middleware/auth.ts'
import type { Node } from '../../middleware/node.ts'
import type { S3State } from '../../middleware/s3/context.ts'
import { s3 } from '../../middleware/s3/index.ts'
import type { SpokenContext } from '../../middleware/speaker.ts'
import { swift } from '../../middleware/swift/index.ts'
import { ACCESS, byHeader, byQuery, type Plan, rules, users } from '../lib/auth/signing.ts'

interface Answer {
  code: string
  state: Partial<S3State>
  headers: Record<string, unknown>
  audited: AuditEntry[]
}

/** An app of two lines behind `auth`, and what it saw of one request. */
async function ask(
  t: Test,
  sent: { path: string; headers: readonly (readonly [string, string])[]; method?: string },
  preset: Partial<S3State> = {},
): Promise<Answer> {
  const audited: AuditEntry[] = []
  const node = {
    users,
    config: {
      region: rules.region,
      domains: [],
      ssec: { presignedReads: 'unsigned' },
      swift: { resellers: [{ prefix: 'AUTH' }] },
    },
    audit: { write: (entry: AuditEntry) => audited.push(entry) },
  } as unknown as Node
  const answer: Answer = { code: 'ok', state: {}, headers: {}, audited }
  const app = new Koa<S3State>()
  const authenticate = auth()
  const speakers = { s3: s3(node), swift: swift(node) }
  app.use(async (ctx, next) => {
    const [path = '', query = ''] = ctx.req.url!.split('?')
    const baseUrl = 'http://localhost'
    const target = { path, query, host: 'localhost', baseUrl, secure: 'no', address: '192.0.2.1' }
    Object.assign(ctx.state, {
      requestId: 'R',
      dialect: 's3',
      operation: 'PutObject',
      target,
      ...preset,
    })
    const speaker = speakers[ctx.state.dialect as keyof typeof speakers]
    Object.assign(ctx.state, { speaker })
    try {
      await authenticate(ctx as unknown as SpokenContext, next)
    } catch (error) {
      answer.code = (error as { code: string }).code
    }
    answer.state = ctx.state
    answer.headers = ctx.req.headers
    ctx.body = ''
  })
  const server = createServer(app.callback())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())))
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve, reject) => {
    const headers = sent.headers.flat()
    const options = { host: '127.0.0.1', port, path: sent.path, method: sent.method ?? 'GET' }
    httpRequest({ ...options, headers, agent: false }, (res) => res.resume().on('end', resolve))
      .on('error', reject)
      .end()
  })
  return answer
}

/** Signed now, for the host of these tests. */
function signedNow(plan: Plan, make: typeof byHeader = byHeader) {
  const nowMs = Date.now()
  const { rawPath, rawQuery, headers } = make({ ...plan, timestamp: writeBasicDate(nowMs), nowMs })
  return { path: rawQuery === '' ? rawPath : `${rawPath}?${rawQuery}`, headers }
}

const host = 'examplebucket.s3.amazonaws.com'
const preset = { target: undefined } as unknown as Partial<S3State>
preset.target = {
  path: '/',
  query: '',
  host,
  baseUrl: `http://${host}`,
  secure: 'no',
  address: '192.0.2.1',
}

t.test('a signed request has a caller and a payload', async (t) => {
  const found = await ask(t, signedNow({}), preset)
  t.equal(found.code, 'ok')
  t.strictSame(found.state.caller, { account: 'test', user: 'tester', roles: ['admin'] })
  t.equal(found.state.signedBy, 'header')
  t.equal(found.state.payload?.kind, 'hash')
  t.strictSame(found.audited, [])
})

t.test('a request without a signature is anonymous', async (t) => {
  const found = await ask(t, { path: '/b/k', headers: [['Host', 'localhost']] })
  t.equal(found.state.caller, null)
  t.equal(found.state.signedBy, 'none')
  t.strictSame(found.state.payload, { kind: 'unsigned' })
})

t.test(
  'x-amz- parameters of a presigned URL become headers, unless the header was sent',
  async (t) => {
    const sent = signedNow(
      {
        query: [
          ['x-amz-acl', 'private'],
          ['x-amz-meta-a', 'b'],
        ],
      },
      byQuery,
    )
    const target = { ...preset.target!, query: sent.path.split('?')[1]! }
    const found = await ask(t, sent, { target })
    t.equal(found.code, 'ok')
    t.equal(found.state.signedBy, 'query')
    t.match(found.headers, { 'x-amz-acl': 'private', 'x-amz-meta-a': 'b' })
    t.notOk('x-amz-date' in found.headers)
    const name = 'x-amz-server-side-encryption-customer-algorithm'
    const key = signedNow({ query: [[name, 'AES256']] }, byQuery)
    const query = key.path.split('?')[1]!
    const both = { path: key.path, headers: [...key.headers, [name, 'other'] as const] }
    const kept = await ask(t, both, { target: { ...preset.target!, query } })
    t.equal(kept.code, 'ok')
    t.equal(kept.headers[name], 'other')
  },
)

t.test('a denied login is audited, without secrets', async (t) => {
  const wrong = await ask(t, signedNow({ secret: 'another' }), { ...preset, container: 'b' })
  t.equal(wrong.code, 'SignatureMismatch')
  t.match(wrong.audited, [
    {
      requestId: 'R',
      account: 'test',
      user: 'tester',
      address: '192.0.2.1',
      dialect: 's3',
      operation: 'PutObject',
      container: 'b',
      result: 'SignatureMismatch',
    },
  ])
  t.notMatch(JSON.stringify(wrong.audited), /[0-9a-f]{64}/)
  const unknown = await ask(t, signedNow({ access: 'nobody' }), preset)
  t.match(unknown.audited, [{ account: '', user: '', result: 'CredentialUnknown' }])
})

t.test('behind a trusted proxy the client signed the host that it saw', async (t) => {
  const sent = signedNow({})
  const headers = sent.headers.map(([name, value]): [string, string] =>
    name === 'Host' ? [name, 'backend:9000'] : [name, value],
  )
  headers.push(['X-Forwarded-Host', `${host}, other`])
  t.equal((await ask(t, { ...sent, headers }, preset)).code, 'ok')
  const untrusted = { target: { ...preset.target!, host: 'backend' } }
  t.equal((await ask(t, { ...sent, headers }, untrusted)).code, 'SignatureMismatch')
})

t.test('a signature on a Swift request proves nothing', async (t) => {
  const found = await ask(t, signedNow({ access: ACCESS }), { ...preset, dialect: 'swift' })
  t.equal(found.state.caller, null)
  t.equal(found.state.provenAs, undefined)
})
