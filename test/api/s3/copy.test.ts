// CopyObject and UploadPartCopy over HTTP, without customer keys (those have files of their own).
import t from 'tap'
import { startNode } from '../../helpers/node.ts'
import { createUpload, element, hexMd5, outcome } from '../../helpers/s3.ts'

async function startSource(t: Parameters<typeof startNode>[0]) {
  const node = await startNode(t)
  await node.request('PUT', '/bucket')
  const headers = { 'content-type': 'text/x', 'x-amz-meta-a': '1' }
  const put = await node.request('PUT', '/bucket/s%3F%20%C3%BC', { headers, body: '0123456789' })
  const source = '/bucket/s%3F%20%C3%BC'
  const copy = async (path: string, more: Record<string, string> = {}) =>
    await node.request('PUT', path, { headers: { 'x-amz-copy-source': source, ...more } })
  return { node, source, copy, etag: String(put.headers.etag) }
}

t.test('a copy takes content, headers and metadata along, or sets its own', async (t) => {
  const { node, copy, etag } = await startSource(t)
  const copied = await copy('/bucket/t', { 'x-amz-meta-a': 'ignored' })
  t.match(copied, { status: 200, headers: { 'x-amz-server-side-encryption': 'AES256' } })
  t.equal(element(copied, 'ETag'), etag)
  t.match(element(copied, 'LastModified'), /^\d{4}-.*Z$/)
  t.match(await node.request('GET', '/bucket/t'), {
    text: '0123456789',
    headers: { 'content-type': 'text/x', 'x-amz-meta-a': '1' },
  })
  await copy('/bucket/t', { 'x-amz-metadata-directive': 'REPLACE', 'x-amz-meta-b': '2' })
  const replaced = await node.request('GET', '/bucket/t')
  t.match(replaced.headers, { 'content-type': 'binary/octet-stream', 'x-amz-meta-b': '2' })
  t.equal(replaced.headers['x-amz-meta-a'], undefined)
})

t.test('a copy onto itself must change something', async (t) => {
  const { source, copy } = await startSource(t)
  const idle = await copy(source)
  t.equal(outcome(idle), '400 InvalidRequest')
  t.match(element(idle, 'Message'), /^This copy request is illegal/)
  t.equal((await copy(source, { 'x-amz-metadata-directive': 'REPLACE' })).status, 200)
  t.equal((await copy(source, { 'x-amz-storage-class': 'STANDARD' })).status, 200)
  t.equal((await copy(source, { 'x-amz-server-side-encryption': 'AES256' })).status, 200)
  t.equal((await copy(source, { 'x-coffer-reseal': 'true' })).status, 200)
})

t.test('conditions on the source are 412, whatever they are', async (t) => {
  const { copy, etag } = await startSource(t)
  const past = 'Mon, 01 Jan 2001 00:00:00 GMT'
  const attempt = async (name: string, value: string) =>
    await copy('/bucket/t', { [`x-amz-copy-source-${name}`]: value })
  t.equal((await attempt('if-match', etag)).status, 200)
  const failed = await attempt('if-none-match', etag)
  t.equal(outcome(failed), '412 PreconditionFailed')
  t.equal(element(failed, 'Condition'), 'x-amz-copy-source-If-None-Match')
  t.equal(outcome(await attempt('if-match', '"o"')), '412 PreconditionFailed')
  t.equal(outcome(await attempt('if-unmodified-since', past)), '412 PreconditionFailed')
  t.equal((await attempt('if-modified-since', past)).status, 200)
  t.equal(outcome(await copy('/bucket/t', { 'if-none-match': '*' })), '412 PreconditionFailed')
})

t.test('a source that is not there, or cannot be read, is told', async (t) => {
  const { node, copy } = await startSource(t)
  const from = async (source: string) => await copy('/bucket/t', { 'x-amz-copy-source': source })
  const missing = await from('/bucket/none')
  t.equal(outcome(missing), '404 NoSuchKey')
  t.equal(element(missing, 'Key'), 'none')
  const nowhere = await from('/nowhere/k')
  t.equal(outcome(nowhere), '404 NoSuchBucket')
  t.equal(element(nowhere, 'BucketName'), 'nowhere')
  const malformed = await from('nothing')
  t.equal(outcome(malformed), '400 InvalidArgument')
  t.equal(element(malformed, 'Message'), 'Invalid copy source object key')
  t.equal(outcome(await from('/bucket/%')), '400 InvalidArgument')
  t.equal(outcome(await from('/bucket/k?versionId=bad')), '400 InvalidArgument')
  t.equal(
    outcome(await copy('/bucket/t', { 'x-amz-metadata-directive': 'MOVE' })),
    '400 InvalidArgument',
  )
  const foreign = { access: 'other:other', secret: 'testing2' }
  await node.request('PUT', '/foreign', foreign)
  const headers = { 'x-amz-copy-source': '/bucket/s%3F%20%C3%BC' }
  const stolen = await node.request('PUT', '/foreign/k', { ...foreign, headers })
  t.equal(outcome(stolen), '403 AccessDenied')
  const expecting = await copy('/bucket/t', { 'x-amz-source-expected-bucket-owner': 'other' })
  t.equal(outcome(expecting), '403 AccessDenied')
})

t.test('a part is copied whole or by range', async (t) => {
  const { node, copy } = await startSource(t)
  const id = await createUpload(node, '/bucket/t')
  const part = async (range?: string) =>
    await copy(`/bucket/t?partNumber=1&uploadId=${id}`, {
      ...(range !== undefined && { 'x-amz-copy-source-range': range }),
    })
  t.equal(element(await part(), 'ETag'), `"${hexMd5('0123456789')}"`)
  t.equal(element(await part('bytes=2-4'), 'ETag'), `"${hexMd5('234')}"`)
  const beyond = await part('bytes=0-100')
  t.equal(outcome(beyond), '400 InvalidArgument')
  t.equal(element(beyond, 'Message'), 'Range specified is not valid for source object of size: 10')
  t.equal(outcome(await part('bytes=100-200')), '400 InvalidRequest')
  t.equal(outcome(await part('0-8')), '400 InvalidArgument')
  const numberless = await copy(`/bucket/t?uploadId=${id}`)
  t.equal(outcome(numberless), '400 InvalidArgument')
})
