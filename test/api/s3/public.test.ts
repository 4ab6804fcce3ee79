// Buckets that Swift's access lists open to others, seen through S3.
import t from 'tap'
import { askerOf } from '../../helpers/asker.ts'
import { startNode, type TestNode } from '../../helpers/node.ts'
import { elements, outcome } from '../../helpers/s3.ts'
import { login } from '../../helpers/swift.ts'

const owner = askerOf({ account: 'test', user: 'tester', roles: ['admin'] })
const anonymous = { sign: false }
const other = { access: 'other:other', secret: 'testing2' }

async function startShared(t: Parameters<typeof startNode>[0], read: string): Promise<TestNode> {
  const node = await startNode(t)
  await node.request('PUT', '/bucket')
  await node.request('PUT', '/bucket/k', { body: 'content' })
  const ref = { account: 'test', container: 'bucket' }
  await node.coffer.service.updateContainer(owner, ref, { acl: { read } })
  return node
}

t.test('what everybody may read, an anonymous client reads', async (t) => {
  const node = await startShared(t, '.r:*')
  const get = await node.request('GET', '/bucket/k', anonymous)
  t.match(get, { status: 200, text: 'content' })
  t.equal((await node.request('HEAD', '/bucket/k', anonymous)).status, 200)
  t.equal((await node.request('GET', '/bucket/k', other)).text, 'content')
  t.equal(outcome(await node.request('GET', '/bucket', anonymous)), '403 AccessDenied')
  const copy = { ...other, headers: { 'x-amz-copy-source': '/bucket/k' } }
  await node.request('PUT', '/theirs', other)
  t.equal((await node.request('PUT', '/theirs/k', copy)).status, 200)
  const taken = { ...anonymous, body: 'x' }
  t.equal(outcome(await node.request('PUT', '/bucket/k', taken)), '403 AccessDenied')
  t.equal(outcome(await node.request('DELETE', '/bucket/k', anonymous)), '403 AccessDenied')
  t.equal((await node.request('GET', '/bucket/k')).text, 'content')
})

t.test('listings are open only where the list says so', async (t) => {
  const node = await startShared(t, '.r:*,.rlistings')
  for (const query of ['', '?list-type=2']) {
    t.same(elements(await node.request('GET', `/bucket${query}`, anonymous), 'Key'), ['k'], query)
  }
  for (const query of ['?versions', '?uploads']) {
    const answer = await node.request('GET', `/bucket${query}`, anonymous)
    t.equal(outcome(answer), '403 AccessDenied', query)
  }
  t.equal((await node.request('HEAD', '/bucket', anonymous)).status, 200)
})

t.test(
  'whom a read list names lists uploads, and only whom the account’s list names versions',
  async (t) => {
    const node = await startShared(t, 'other:other')
    t.equal((await node.request('GET', '/bucket', other)).status, 200)
    t.equal((await node.request('GET', '/bucket?uploads', other)).status, 200)
    t.equal(outcome(await node.request('GET', '/bucket?versions', other)), '403 AccessDenied')
    const swift = await login(node)
    const acl = JSON.stringify({ 'read-only': ['other:other'] })
    await swift.request('POST', '', { headers: { 'X-Account-Access-Control': acl } })
    t.same(elements(await node.request('GET', '/bucket?versions', other), 'Key'), ['k'])
  },
)

t.test('a list that names hosts asks for the referrer', async (t) => {
  const node = await startShared(t, '.r:.example.com,.rlistings')
  const from = async (path: string, referer?: string) => {
    const headers: Record<string, string> = referer === undefined ? {} : { referer }
    return outcome(await node.request('GET', path, { ...anonymous, headers }))
  }
  for (const path of ['/bucket/k', '/bucket']) {
    t.equal(await from(path, 'https://www.example.com/page'), '200', path)
    t.equal(await from(path, 'https://example.org/'), '403 AccessDenied', path)
    t.equal(await from(path), '403 AccessDenied', path)
  }
})

t.test('settings of a public bucket are not public', async (t) => {
  const node = await startShared(t, '.r:*,.rlistings')
  const paths = ['acl', 'versioning', 'location', 'policy', 'tagging', 'encryption', 'metrics']
  for (const path of [...paths.map((name) => `/bucket?${name}`), '/bucket/k?acl']) {
    const mine = await node.request('GET', path)
    t.not(mine.status, 403, path)
    t.equal(outcome(await node.request('GET', path, anonymous)), '403 AccessDenied', path)
    t.equal(outcome(await node.request('GET', path, other)), '403 AccessDenied', path)
  }
})

t.test('the owner sees in the ACL who may read', async (t) => {
  const rights: Record<string, readonly [bucket: number, object: number]> = {
    '': [0, 0],
    'other:other': [0, 0],
    '.r:*': [0, 1],
    '.r:*,.rlistings': [1, 1],
    '.r:example.com,.rlistings': [0, 0],
  }
  for (const [read, [bucket, object]] of Object.entries(rights)) {
    const node = await startShared(t, read)
    const everybody = async (path: string) => {
      const { text } = await node.request('GET', path)
      t.match(text, /xsi:type="CanonicalUser".*<Permission>FULL_CONTROL<\/Permission>/)
      return text.match(/groups\/global\/AllUsers<\/URI><\/Grantee><Permission>READ</g)?.length ?? 0
    }
    t.equal(await everybody('/bucket?acl'), bucket, read)
    t.equal(await everybody('/bucket/k?acl'), object, read)
  }
})
