// The audit: one entry for each write, delete, copy, denied key and denied login, with who, from where,
// what and how it ended.
import t from 'tap'
import { startBoth, withSwiftKey } from '../helpers/both.ts'
import { startNode } from '../helpers/node.ts'
import { customerKey, md5, withKey } from '../helpers/s3.ts'

t.test('writes, deletes, copies and refusals are audited, plain reads are not', async (t) => {
  const node = await startNode(t)
  const key = customerKey('k')
  await node.request('PUT', '/bkt')
  await node.request('PUT', '/bkt/o', withKey(key, { body: 'x' }))
  await node.request('GET', '/bkt/o', withKey(key))
  await node.request('HEAD', '/bkt/o', withKey(customerKey('other')))
  await node.request('GET', '/bkt/o')
  await node.request('PUT', '/bkt/c', { headers: { 'x-amz-copy-source': '/bkt/o' } })
  await node.request('DELETE', '/bkt/o')
  await node.request('GET', '/', { secret: 'wrong' })
  await node.request('GET', '/', { access: 'nobody' })
  await node.request('PUT', '/missing/o', { body: 'x' })
  await node.request('PUT', '/bkt/o?tagging', { body: '<Tagging/>' })
  const told = node.audited.map(({ operation, object, account, user, result }) => [
    operation,
    object ?? '',
    `${account}:${user}`,
    result,
  ])
  const me = 'test:tester'
  t.same(told, [
    ['CreateBucket', '', me, 'ok'],
    ['PutObject', 'o', me, 'ok'],
    ['HeadObject', 'o', me, 'KeyWrong'],
    ['GetObject', 'o', me, 'KeyRequired'],
    ['CopyObject', 'c', me, 'KeyRequired'],
    ['DeleteObject', 'o', me, 'ok'],
    ['ListBuckets', '', me, 'SignatureMismatch'],
    ['ListBuckets', '', ':', 'CredentialUnknown'],
    ['PutObject', 'o', me, 'ContainerMissing'],
    ['PutObjectTagging', 'o', me, 'NotImplemented'],
  ])
  for (const entry of node.audited) {
    t.match(entry, { address: '127.0.0.1', dialect: 's3', requestId: /^[0-9A-F]{16}$/ })
    t.equal(new Date(entry.time).toISOString(), entry.time)
  }
})

t.test('each object of a multi-delete is audited by name', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const body = '<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object></Delete>'
  const digest = md5(body).digest('base64')
  await node.request('POST', '/bkt?delete', { headers: { 'content-md5': digest }, body })
  const deleted = node.audited.filter(({ operation }) => operation === 'DeleteObjects')
  t.same(
    deleted.map(({ object }) => object),
    ['a', 'b', undefined],
  )
})

t.test(
  'Swift’s writes, deletes, copies and refusals are audited alike, by its own names',
  async (t) => {
    const { node, swift, root } = await startBoth(t)
    const key = customerKey('k')
    await swift('PUT', '/c')
    await swift('PUT', '/c/o', withSwiftKey(key, { body: 'x' }))
    await swift('GET', '/c/o', withSwiftKey(key))
    await swift('HEAD', '/c/o')
    await swift('GET', '/c?format=json')
    await swift('HEAD', '/c/o', withSwiftKey(customerKey('other')))
    await swift('GET', '/c/o')
    await swift('POST', '/c/o', { headers: { 'X-Object-Meta-A': '1' } })
    await swift('COPY', '/c/o', { headers: { Destination: '/c/copy' } })
    await swift('COPY', '/c/o', withSwiftKey(key, { headers: { Destination: '/c/copy' } }))
    await swift('POST', '/c', { headers: { 'X-Versions-Enabled': 'true' } })
    await swift('DELETE', '/c/o')
    await swift('DELETE', '/absent')
    await swift('PUT', '/c/o?multipart-manifest=put', { body: '[]' })
    await node.request('GET', `${root}/c/o`, {
      sign: false,
      headers: { 'X-Auth-Token': 'AUTH_tkx' },
    })
    await node.request('PUT', `${root}/c/o`, { sign: false, body: 'x' })
    const wrong = { 'X-Auth-User': 'test:tester', 'X-Auth-Key': 'wrong' }
    await node.request('GET', '/auth/v1.0', { sign: false, headers: wrong })
    const told = node.audited.map(({ operation, container, object, account, user, result }) => [
      operation,
      `${container ?? ''}/${object ?? ''}`,
      `${account}:${user}`,
      result,
    ])
    const me = 'test:tester'
    t.same(told, [
      ['PutContainer', 'c/', me, 'ok'],
      ['PutObject', 'c/o', me, 'ok'],
      ['HeadObject', 'c/o', me, 'KeyWrong'],
      ['GetObject', 'c/o', me, 'KeyRequired'],
      ['PostObject', 'c/o', me, 'ok'],
      ['CopyObject', 'c/o', me, 'KeyRequired'],
      ['CopyObject', 'c/o', me, 'ok'],
      ['PostContainer', 'c/', me, 'ok'],
      ['DeleteObject', 'c/o', me, 'ok'],
      ['DeleteContainer', 'absent/', me, 'ContainerMissing'],
      ['PutManifest', 'c/o', me, 'ok'],
      ['GetObject', 'c/o', ':', 'TokenDenied'],
      ['PutObject', 'c/o', ':', 'AccessDenied'],
      ['Auth', '/', me, 'LoginDenied'],
    ])
    for (const entry of node.audited) {
      t.match(entry, { dialect: 'swift', requestId: /^tx[0-9a-f]{21}-[0-9a-f]{10}$/ })
    }
  },
)
