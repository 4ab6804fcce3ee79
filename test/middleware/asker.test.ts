// What the service gets to know of who asks, in both dialects: requests to a node whose service notes it.
import t from 'tap'
import { type SentRequest, startNode, type TestNode } from '../helpers/node.ts'
import { customerKey, withKey } from '../helpers/s3.ts'
import { login } from '../helpers/swift.ts'

const KEY = 'x-amz-server-side-encryption-customer-key'

/** Facts of each HEAD of an object, as they are when the service is asked. */
function noteHeads({ coffer: { service } }: TestNode) {
  const noted: object[] = []
  const { head } = service
  service.head = (asker, ref, input) => {
    const { caller, address, encrypted, referrer } = asker
    const mark = asker.header('x-mark')
    noted.push({ caller, address, encrypted, referrer, mark, key: asker.header(KEY) })
    return head(asker, ref, input)
  }
  return noted
}

const tester = { account: 'test', user: 'tester', roles: ['admin'] }
const plain = { address: '127.0.0.1', encrypted: false, referrer: undefined, mark: undefined }

t.test('a request says who sends it, from where, and whether in clear', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  await node.request('PUT', '/bkt/o', { body: 'x' })
  const noted = noteHeads(node)
  const { token } = await login(node)
  const table: [path: string, sent: SentRequest, facts: object][] = [
    ['/bkt/o', {}, { caller: tester }],
    ['/bkt/o', { tls: true }, { caller: tester, encrypted: true }],
    ['/bkt/o', { sign: false }, { caller: null }],
    [
      '/bkt/o',
      { headers: { referer: 'http://a/', 'x-mark': 'b' } },
      { caller: tester, referrer: 'http://a/', mark: 'b' },
    ],
    ['/bkt/o', withKey(customerKey('k'), { tls: true }), { caller: tester, encrypted: true }],
    ['/v1/AUTH_test/bkt/o', { sign: false }, { caller: null }],
    [
      '/v1/AUTH_test/bkt/o',
      { sign: false, tls: true, headers: { 'x-auth-token': token, referer: 'http://a/' } },
      { caller: tester, encrypted: true, referrer: 'http://a/' },
    ],
  ]
  for (const [path, sent, facts] of table) {
    await node.request('HEAD', path, sent)
    const expected = { ...plain, key: undefined, ...facts }
    t.strictSame(noted.splice(0), [expected], `${path} ${Object.keys(sent)}`)
  }
})

t.test('behind a trusted proxy the client’s address and transport count', async (t) => {
  const node = await startNode(t, { trustedProxies: ['127.0.0.1/32'] })
  await node.request('PUT', '/bkt')
  const noted = noteHeads(node)
  const headers = { 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'https' }
  await node.request('HEAD', '/bkt/o', { headers })
  t.strictSame(noted, [
    { ...plain, caller: tester, address: '192.0.2.7', encrypted: true, key: undefined },
  ])
})
