// The audit: one entry for each write, delete, copy, denied key and denied login, with who, from where,
// what and how it ended.
import t from 'tap'
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
  await node.request('PUT', '/bkt/o?acl', { headers: { 'x-amz-acl': 'private' } })
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
    ['PutObjectAcl', 'o', me, 'NotImplemented'],
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
