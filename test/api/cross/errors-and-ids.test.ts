// The same cause in each dialect's own words; headers that mean nothing where they are not at home; and
// the ids that answers carry and the log has.
import t from 'tap'
import { startWithContainer, swiftSpellings } from '../../helpers/both.ts'
import type { Answer, SentRequest } from '../../helpers/node.ts'
import { customerKey, element, md5, outcome, withKey } from '../../helpers/s3.ts'

type Case = readonly [
  cause: string,
  method: string,
  path: string,
  s3: { readonly outcome: string; readonly options?: SentRequest },
  swift: { readonly status: number; readonly text?: RegExp; readonly options?: SentRequest },
]

const wrongDigest = md5('another').digest()
const bad = {
  s3: { headers: { 'content-md5': wrongDigest.toString('base64') }, body: 'x' },
  swift: { headers: { ETag: wrongDigest.toString('hex') }, body: 'x' },
}
const key = customerKey('k')
const wrong = customerKey('w')
const unsatisfiable = { headers: { range: 'bytes=10-20' } }
const absent = { headers: { 'If-Match': '"absent"' } }
const swiftOptions = (used: Buffer) => ({ tls: true, headers: swiftSpellings.own(used) })

const cases: readonly Case[] = [
  ['no container', 'GET', '/absent/o', { outcome: '404 NoSuchBucket' }, { status: 404 }],
  ['no object', 'GET', '/bkt/absent', { outcome: '404 NoSuchKey' }, { status: 404 }],
  ['not empty', 'DELETE', '/bkt', { outcome: '409 BucketNotEmpty' }, { status: 409 }],
  [
    'digest',
    'PUT',
    '/bkt/new',
    { outcome: '400 BadDigest', options: bad.s3 },
    { status: 422, options: bad.swift },
  ],
  [
    'range',
    'GET',
    '/bkt/o',
    { outcome: '416 InvalidRange', options: unsatisfiable },
    { status: 416, options: unsatisfiable },
  ],
  [
    'condition',
    'GET',
    '/bkt/o',
    { outcome: '412 PreconditionFailed', options: absent },
    { status: 412, options: absent },
  ],
  ['no key', 'GET', '/bkt/sealed', { outcome: '400 InvalidRequest' }, { status: 400 }],
  [
    'wrong key',
    'GET',
    '/bkt/sealed',
    { outcome: '403 AccessDenied', options: withKey(wrong) },
    { status: 403, options: swiftOptions(wrong) },
  ],
  [
    'key for nothing',
    'GET',
    '/bkt/o',
    { outcome: '400 InvalidRequest', options: withKey(key) },
    { status: 400, options: swiftOptions(key) },
  ],
  [
    'nobody',
    'GET',
    '/bkt/o',
    { outcome: '403 AccessDenied', options: { sign: false } },
    { status: 401, options: { headers: { 'X-Auth-Token': '' } } },
  ],
]

t.test('the same cause is told in each dialect’s own form', async (t) => {
  const { s3, swift } = await startWithContainer(t)
  await s3('PUT', '/bkt/o', { body: 'body' })
  await s3('PUT', '/bkt/sealed', withKey(key, { body: 'sealed' }))
  for (const [cause, method, path, asked, told] of cases) {
    const byS3 = await s3(method, path, asked.options)
    t.equal(outcome(byS3), asked.outcome, cause)
    t.match(byS3.headers, { 'content-type': 'application/xml' }, cause)
    t.equal(element(byS3, 'RequestId'), byS3.headers['x-amz-request-id'], cause)
    const bySwift = await swift(method, path, told.options)
    t.equal(bySwift.status, told.status, cause)
    t.notMatch(bySwift.text, /<Error>|<\?xml/, cause)
    if (bySwift.text !== '') {
      t.match(bySwift.headers['content-type'], /^text\/(html|plain)/, cause)
    }
    if (method === 'GET') {
      const head = await swift('HEAD', path, told.options)
      t.equal(head.text, '', cause)
    }
  }
  t.equal((await swift('GET', '/bkt/new')).status, 404, 'nothing was stored')
})

const idsOf = ({ headers }: Answer) => ({
  s3: headers['x-amz-request-id'],
  host: headers['x-amz-id-2'],
  transaction: headers['x-trans-id'],
  openstack: headers['x-openstack-request-id'],
})

t.test('each dialect has its own request ids, and the log has the same', async (t) => {
  const { node, s3, swift } = await startWithContainer(t)
  await s3('PUT', '/bkt/o', { body: 'x' })
  const logged = () =>
    node
      .logged()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
      .filter(({ msg }) => msg === 'request')
  for (const path of ['/bkt/o', '/bkt', '/bkt/absent', '/absent']) {
    const byS3 = idsOf(await s3('GET', path))
    t.match(byS3, { s3: /^[0-9A-F]{16}$/, host: /./ }, path)
    t.same([byS3.transaction, byS3.openstack], [undefined, undefined])
    t.match(
      logged().find(({ requestId }) => requestId === byS3.s3),
      { dialect: 's3', url: path },
    )
    const bySwift = idsOf(await swift('GET', path))
    t.match(bySwift.transaction, /^tx[0-9a-f]{21}-[0-9a-f]{10}$/, path)
    t.equal(bySwift.openstack, bySwift.transaction)
    t.same([bySwift.s3, bySwift.host], [undefined, undefined])
    t.match(
      logged().find(({ requestId }) => requestId === bySwift.transaction),
      { dialect: 'swift' },
    )
  }
  const headers = { 'X-Trans-Id-Extra': 'mine' }
  t.match(idsOf(await swift('GET', '/bkt', { headers })).transaction, /-mine$/)
  t.match(node.audited.at(-1), { requestId: /./ })
})

t.test('Swift’s control headers change nothing of an S3 request', async (t) => {
  const { s3, swift, token } = await startWithContainer(t)
  await s3('PUT', '/bkt/other', { body: 'other' })
  const headers = {
    'X-Copy-From': '/bkt/other',
    'X-Delete-After': '1000',
    'X-Object-Meta-A': '1',
    'X-Versions-Enabled': 'true',
    'X-Container-Read': '.r:*',
    'X-Auth-Token': token,
    'X-Timestamp': '1.00000',
    'X-Object-Sysmeta-A': '1',
    'X-Backend-Storage-Policy-Index': '1',
    Destination: '/bkt/elsewhere',
  }
  t.equal((await s3('PUT', '/bkt/o', { headers, body: 'body' })).status, 200)
  const read = await swift('GET', '/bkt/o')
  t.equal(read.text, 'body', 'not copied')
  for (const name of [
    'x-delete-at',
    'x-object-meta-a',
    'x-object-version-id',
    'x-object-sysmeta-a',
  ]) {
    t.equal(read.headers[name], undefined, name)
  }
  t.ok(Number(read.headers['x-timestamp']) > 1e9)
  t.equal((await s3('PUT', '/made', { headers })).status, 200)
  const made = await swift('HEAD', '/made')
  t.equal(made.headers['x-versions-enabled'], undefined)
  t.equal(made.headers['x-container-read'], undefined)
  const unsigned = await s3('GET', '/bkt/o', {
    secret: 'wrong',
    headers: { 'X-Auth-Token': token },
  })
  t.equal(outcome(unsigned), '403 SignatureDoesNotMatch', 'a token heals no signature')
})

t.test('S3’s control headers change nothing of a Swift request', async (t) => {
  const { node, s3, swift, root } = await startWithContainer(t)
  await s3('PUT', '/bkt/other', { body: 'other' })
  const headers = {
    'x-amz-copy-source': '/bkt/other',
    'x-amz-meta-a': '1',
    'x-amz-acl': 'public-read',
    'x-amz-storage-class': 'GLACIER',
    'x-amz-tagging': 'a=b',
  }
  t.equal((await swift('PUT', '/bkt/o', { headers, body: 'body' })).status, 201)
  const read = await s3('GET', '/bkt/o')
  t.equal(read.text, 'body', 'not copied')
  t.equal(read.headers['x-amz-meta-a'], undefined)
  t.equal(read.headers['x-amz-storage-class'], undefined)
  t.equal((await node.request('GET', '/bkt/o', { sign: false })).status, 403)
  t.equal((await node.request('GET', `${root}/bkt/o`, { sign: false })).status, 401)
})
