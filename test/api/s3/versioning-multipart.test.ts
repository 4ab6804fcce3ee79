// Multipart uploads where versions are kept: their place in the history, and parts copied from versions.
import t from 'tap'
import { completeBody, createUpload, element, outcome, putPart } from '../../helpers/s3.ts'
import { listVersions, putVersion, setVersioning, startVersioned } from '../../helpers/versions.ts'

const ID = 'x-amz-version-id'

t.test('the version whose upload was begun last is current, whichever ends first', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const begin = async (body: string) => {
    const id = await createUpload(node, '/bucket/k')
    const etag = await putPart(node, '/bucket/k', id, 1, { body })
    return { path: `/bucket/k?uploadId=${id}`, body: completeBody([[1, etag]]) }
  }
  const first = await begin('first')
  const second = await begin('second')
  const put = await putVersion(node, '/bucket/k', 'put')
  const third = await begin('third')
  const complete = async ({ path, body }: typeof first) =>
    String((await node.request('POST', path, { body })).headers[ID])
  const ids: Record<string, string> = { put }
  ids.third = await complete(third)
  t.equal((await node.request('GET', '/bucket/k')).text, 'third')
  ids.first = await complete(first)
  ids.second = await complete(second)
  t.match(await node.request('GET', '/bucket/k'), { text: 'third', headers: { [ID]: ids.third } })
  t.same(
    (await listVersions(node)).map(({ id }) => id),
    ['third', 'put', 'second', 'first'].map((name) => ids[name]),
  )
  for (const [text, id] of Object.entries(ids)) {
    t.equal((await node.request('GET', `/bucket/k?versionId=${id}`)).text, text)
  }
  t.equal(await complete(first), ids.first, 'a Complete sent again gets the same answer')
  await node.request('DELETE', `/bucket/k?versionId=${ids.third}`)
  t.equal((await node.request('GET', '/bucket/k')).text, 'put')
})

t.test('an upload older than a delete marker does not come back from behind it', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const id = await createUpload(node, '/bucket/k')
  const etag = await putPart(node, '/bucket/k', id, 1, { body: 'a' })
  const marker = String((await node.request('DELETE', '/bucket/k')).headers[ID])
  const done = await node.request('POST', `/bucket/k?uploadId=${id}`, {
    body: completeBody([[1, etag]]),
  })
  t.equal(done.status, 200)
  t.equal(outcome(await node.request('GET', '/bucket/k')), '404 NoSuchKey')
  await node.request('DELETE', `/bucket/k?versionId=${marker}`)
  t.equal((await node.request('GET', '/bucket/k')).text, 'a')
})

t.test('where versions are not kept, a Complete is the object, and shows no id', async (t) => {
  const node = await startVersioned(t)
  const id = await createUpload(node, '/bucket/k')
  const etag = await putPart(node, '/bucket/k', id, 1, { body: 'upload' })
  await node.request('PUT', '/bucket/k', { body: 'put' })
  const body = completeBody([[1, etag]])
  const done = await node.request('POST', `/bucket/k?uploadId=${id}`, { body })
  t.match(done, { status: 200, headers: { [ID]: undefined } })
  t.equal((await node.request('GET', '/bucket/k')).text, 'upload')
})

t.test('an upload begun before versions were kept ends as one of them', async (t) => {
  const node = await startVersioned(t)
  await node.request('PUT', '/bucket/k', { body: 'before' })
  const id = await createUpload(node, '/bucket/k')
  const etag = await putPart(node, '/bucket/k', id, 1, { body: 'upload' })
  await setVersioning(node, 'Enabled')
  const body = completeBody([[1, etag]])
  const done = await node.request('POST', `/bucket/k?uploadId=${id}`, { body })
  t.match(done, { status: 200, headers: { [ID]: /^[0-9a-f]{32}$/ } })
  t.equal((await node.request('GET', '/bucket/k')).text, 'upload')
  t.equal((await node.request('GET', '/bucket/k?versionId=null')).text, 'before')
})

t.test('conditions of a Complete take a delete marker for no object', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  await putVersion(node, '/bucket/k', 'a')
  const attempt = async (headers: Record<string, string>) => {
    const id = await createUpload(node, '/bucket/k')
    const etag = await putPart(node, '/bucket/k', id, 1, { body: 'b' })
    const body = completeBody([[1, etag]])
    return outcome(await node.request('POST', `/bucket/k?uploadId=${id}`, { headers, body }))
  }
  t.equal(await attempt({ 'if-none-match': '*' }), '412 PreconditionFailed')
  await node.request('DELETE', '/bucket/k')
  t.equal(await attempt({ 'if-match': '*' }), '404 NoSuchKey')
  t.equal(await attempt({ 'if-none-match': '*' }), '200')
})

t.test('a part is copied from any version, and the answer says which', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const old = await putVersion(node, '/bucket/source', 'old bytes')
  const now = await putVersion(node, '/bucket/source', 'new bytes')
  const id = await createUpload(node, '/bucket/k')
  const copy = async (part: number, source: string, more: Record<string, string> = {}) =>
    await node.request('PUT', `/bucket/k?uploadId=${id}&partNumber=${part}`, {
      headers: { 'x-amz-copy-source': source, ...more },
    })
  const range = { 'x-amz-copy-source-range': 'bytes=0-2' }
  const copied = await copy(1, `/bucket/source?versionId=${old}`, range)
  t.equal(copied.headers['x-amz-copy-source-version-id'], old)
  const newest = await copy(2, '/bucket/source')
  t.equal(newest.headers['x-amz-copy-source-version-id'], now)
  const missing = await copy(1, `/bucket/source?versionId=${'0'.repeat(32)}`)
  t.equal(outcome(missing), '404 NoSuchVersion')
  const condition = { 'x-amz-copy-source-if-none-match': String(newest.headers.etag ?? '*') }
  t.equal(outcome(await copy(1, '/bucket/source', condition)), '412 PreconditionFailed')
  await node.request('DELETE', '/bucket/source')
  t.equal(outcome(await copy(1, '/bucket/source')), '404 NoSuchKey')
  const body = completeBody([[1, element(copied, 'ETag')!]])
  await node.request('POST', `/bucket/k?uploadId=${id}`, { body })
  t.equal((await node.request('GET', '/bucket/k')).text, 'old')
})
