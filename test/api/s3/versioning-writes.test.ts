// Conditions, copies and multi-deletes where versions are kept.
import { createHash } from 'node:crypto'
import t from 'tap'
import { askerOf } from '../../helpers/asker.ts'
import type { TestNode } from '../../helpers/node.ts'
import { element, elements, outcome } from '../../helpers/s3.ts'
import { listVersions, putVersion, setVersioning, startVersioned } from '../../helpers/versions.ts'

const ID = 'x-amz-version-id'
const SOURCE_ID = 'x-amz-copy-source-version-id'
const MARKER = 'x-amz-delete-marker'

t.test('for a conditional write a delete marker is no object', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  await putVersion(node, '/bucket/k', 'a')
  const put = async (name: string, value: string) =>
    outcome(await node.request('PUT', '/bucket/k', { body: 'b', headers: { [name]: value } }))
  t.equal(await put('if-none-match', '*'), '412 PreconditionFailed')
  await node.request('DELETE', '/bucket/k')
  t.equal(await put('if-match', '*'), '404 NoSuchKey')
  t.equal(await put('if-match', '"e"'), '404 NoSuchKey')
  t.equal(await put('if-none-match', '*'), '200')
  t.equal((await listVersions(node)).length, 3)
})

t.test('a conditional delete is judged against what it names', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const old = await node.request('PUT', '/bucket/k', { body: 'old' })
  const now = await node.request('PUT', '/bucket/k', { body: 'newest' })
  const remove = async (query: string, name: string, value: unknown) =>
    await node.request('DELETE', `/bucket/k${query}`, { headers: { [name]: String(value) } })
  const ofOld = `?versionId=${old.headers[ID]}`
  const failed = '412 PreconditionFailed'
  t.equal(outcome(await remove('', 'if-match', old.headers.etag)), failed)
  t.equal(outcome(await remove(ofOld, 'if-match', now.headers.etag)), failed)
  t.equal(outcome(await remove('', 'x-amz-if-match-size', 3)), failed)
  t.equal(outcome(await remove(ofOld, 'x-amz-if-match-size', 6)), failed)
  t.equal((await listVersions(node)).length, 2, 'nothing went')
  t.match(await remove('', 'if-match', now.headers.etag), {
    status: 204,
    headers: { [MARKER]: 'true' },
  })
  t.equal(outcome(await remove('', 'x-amz-if-match-size', 6)), failed, 'a marker has no size')
  t.equal(outcome(await remove('', 'if-match', now.headers.etag)), failed, 'and no ETag')
  t.match(await remove(ofOld, 'x-amz-if-match-size', 3), {
    status: 204,
    headers: { [MARKER]: undefined },
  })
  t.equal((await remove(ofOld, 'x-amz-if-match-size', 9)).status, 204, 'what is gone is gone')
  t.equal((await listVersions(node)).length, 2)
})

t.test('a conditional delete of what never was leaves no marker', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const asked = [
    ['if-match', '*'],
    ['if-match', '"e"'],
    ['x-amz-if-match-size', '1'],
  ] as const
  for (const [name, value] of asked) {
    const answer = await node.request('DELETE', '/bucket/k', { headers: { [name]: value } })
    t.match(answer, { status: 204, headers: { [MARKER]: undefined, [ID]: undefined } })
  }
  t.same(await listVersions(node), [])
})

t.test('a copy reads any version and says which', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const headers = { 'x-amz-meta-a': '1' }
  const first = await putVersion(node, '/bucket/k', 'first', { headers })
  const second = await putVersion(node, '/bucket/k', 'second')
  const copy = async (to: string, source: string) =>
    await node.request('PUT', `/bucket/${to}`, {
      headers: { 'x-amz-copy-source': `/bucket/${source}` },
    })
  const old = await copy('t', `k?versionId=${first}`)
  t.match(old, { status: 200, headers: { [SOURCE_ID]: first, [ID]: /^[0-9a-f]{32}$/ } })
  t.match(await node.request('GET', '/bucket/t'), {
    text: 'first',
    headers: { 'x-amz-meta-a': '1' },
  })
  t.match((await copy('t', 'k')).headers, { [SOURCE_ID]: second })
  t.equal((await node.request('GET', '/bucket/t')).text, 'second')

  t.equal(outcome(await copy('k', 'k')), '400 InvalidRequest', 'onto itself, nothing would change')
  const restored = await copy('k', `k?versionId=${first}`)
  t.equal(restored.status, 200, 'but an old version can be restored')
  t.match(await node.request('GET', '/bucket/k'), {
    text: 'first',
    headers: { [ID]: restored.headers[ID], 'x-amz-meta-a': '1' },
  })
  t.equal((await listVersions(node, '&prefix=k')).length, 3)
})

t.test('a version stays when what was copied from it goes, and the other way round', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const body = Buffer.alloc(200_000, 'x')
  const first = await putVersion(node, '/bucket/k', body)
  const headers = { 'x-amz-copy-source': `/bucket/k?versionId=${first}` }
  await node.request('PUT', '/bucket/k', { headers })
  const other = await node.request('PUT', '/bucket/t', { headers })
  await node.request('DELETE', `/bucket/k?versionId=${first}`)
  t.ok((await node.request('GET', '/bucket/k')).body.equals(body))
  await node.request('DELETE', `/bucket/t?versionId=${other.headers[ID]}`)
  t.ok((await node.request('GET', '/bucket/k')).body.equals(body))
})

t.test('a delete marker cannot be copied', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  await putVersion(node, '/bucket/k', 'a')
  const marker = (await node.request('DELETE', '/bucket/k')).headers[ID]
  const copy = async (source: string) =>
    await node.request('PUT', '/bucket/t', { headers: { 'x-amz-copy-source': source } })
  t.equal(outcome(await copy('/bucket/k')), '404 NoSuchKey')
  t.equal(outcome(await copy(`/bucket/k?versionId=${marker}`)), '400 InvalidRequest')
  t.equal(outcome(await copy('/bucket/k?versionId=x')), '400 InvalidArgument')
  t.equal(outcome(await copy(`/bucket/k?versionId=${'0'.repeat(32)}`)), '404 NoSuchVersion')
  t.equal((await listVersions(node, '&prefix=t')).length, 0)
})

async function deleteMany(node: TestNode, objects: readonly string[], quiet = false) {
  const flag = quiet ? '<Quiet>true</Quiet>' : ''
  const body = `<Delete>${flag}${objects.map((o) => `<Object>${o}</Object>`).join('')}</Delete>`
  const digest = createHash('md5').update(body).digest('base64')
  const answer = await node.request('POST', '/bucket?delete', {
    body,
    headers: { 'content-md5': digest },
  })
  const items = answer.text.matchAll(/<(Deleted|Error)>(.*?)<\/\1>/g)
  return Array.from(items, ([, kind, text]) => {
    const inner = { ...answer, text: text! }
    const names = ['Key', 'VersionId', 'DeleteMarker', 'DeleteMarkerVersionId', 'Code']
    return { kind, ...Object.fromEntries(names.map((name) => [name, element(inner, name)])) }
  })
}

const object = (key: string, id?: string) =>
  `<Key>${key}</Key>${id === undefined ? '' : `<VersionId>${id}</VersionId>`}`

t.test('DeleteObjects says which markers it made and which versions it removed', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const id = await putVersion(node, '/bucket/k', 'a')
  const [made] = await deleteMany(node, [object('k')])
  t.match(made, { kind: 'Deleted', Key: 'k', VersionId: undefined, DeleteMarker: 'true' })
  const marker = (await listVersions(node))[0]!
  t.match(marker, { kind: 'DeleteMarker' })
  const answers = await deleteMany(node, [
    object('k', marker.id),
    object('k', id),
    object('k', 'x'),
    object('never'),
  ])
  t.match(answers, [
    {
      kind: 'Deleted',
      VersionId: marker.id,
      DeleteMarker: 'true',
      DeleteMarkerVersionId: marker.id,
    },
    { kind: 'Deleted', VersionId: id, DeleteMarker: undefined, DeleteMarkerVersionId: undefined },
    { kind: 'Error', VersionId: 'x', Code: 'InvalidArgument' },
    { kind: 'Deleted', Key: 'never', DeleteMarker: 'true' },
  ])
  const left = await listVersions(node)
  t.match(left, [{ kind: 'DeleteMarker', key: 'never' }])
  t.equal(left.length, 1)
  t.same(await deleteMany(node, [object('never', left[0]!.id)], true), [], 'quiet')
  t.equal((await node.request('DELETE', '/bucket')).status, 204)
})

t.test('many versions of one object go in one request', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const ids: string[] = []
  for (let i = 0; i < 50; i++) ids.push(await putVersion(node, '/bucket/k', String(i)))
  const kept = ids[20]!
  const answers = await deleteMany(
    node,
    ids.filter((id) => id !== kept).map((id) => object('k', id)),
  )
  t.equal(answers.filter(({ kind }) => kind === 'Deleted').length, 49)
  t.match(await listVersions(node), [{ id: kept, latest: true }])
  t.equal((await node.request('GET', '/bucket/k')).text, '20')
})

t.test('DeleteObjects in a bucket without versions names no markers', async (t) => {
  const node = await startVersioned(t)
  await node.request('PUT', '/bucket/k', { body: 'a' })
  t.match(await deleteMany(node, [object('k')]), [
    { kind: 'Deleted', Key: 'k', DeleteMarker: undefined, DeleteMarkerVersionId: undefined },
  ])
})

t.test('subresources and attributes are those of the version asked for', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const first = await putVersion(node, '/bucket/k', 'first')
  const second = await putVersion(node, '/bucket/k', 'other!')
  const headers = { 'x-amz-object-attributes': 'ObjectSize' }
  for (const [id, size] of [
    [first, '5'],
    [second, '6'],
  ] as const) {
    const path = `/bucket/k?attributes&versionId=${id}`
    const attributes = await node.request('GET', path, { headers })
    t.equal(element(attributes, 'ObjectSize'), size)
    t.equal(attributes.headers[ID], id)
    for (const name of ['tagging', 'acl']) {
      const answer = await node.request('GET', `/bucket/k?${name}&versionId=${id}`)
      t.match(answer, { status: 200, headers: { [ID]: id } }, name)
    }
  }
  const missing = `/bucket/k?tagging&versionId=${'0'.repeat(32)}`
  t.equal(outcome(await node.request('GET', missing)), '404 NoSuchVersion')
  await node.request('DELETE', '/bucket/k')
  for (const bad of ['x', 'x'.repeat(32)]) {
    const path = `/bucket/k?attributes&versionId=${bad}`
    t.equal(outcome(await node.request('GET', path, { headers })), '404 NoSuchVersion', bad)
  }
  const hidden = await node.request('GET', '/bucket/k?attributes', { headers })
  t.match(hidden, { status: 404, headers: { [MARKER]: 'true' } })
})

t.test('writers at the same time make a version each, and one is the latest', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const bodies = Array.from({ length: 20 }, (_, i) => String(i).padStart(3, '0'))
  const ids = await Promise.all(bodies.map((body) => putVersion(node, '/bucket/k', body)))
  t.equal(new Set(ids).size, 20)
  const listed = await listVersions(node)
  t.same(new Set(listed.map(({ id }) => id)), new Set(ids))
  t.same(
    listed.map(({ latest }) => latest),
    [true, ...Array(19).fill(false)],
  )
  const current = await node.request('GET', '/bucket/k')
  t.equal(current.headers[ID], listed[0]!.id)
  t.equal(current.text, bodies[ids.indexOf(listed[0]!.id)])
  const { service } = node.coffer
  const caller = askerOf({ account: 'test', user: 'tester', roles: ['admin'] })
  const counts = async () => {
    const ref = { account: 'test', container: 'bucket' }
    const { objects, bytes, versions } = await service.headContainer(caller, ref)
    return { objects, bytes, versions }
  }
  t.same(await counts(), { objects: 1, bytes: 60, versions: 20 })
  await Promise.all([
    ...ids.slice(0, 10).map((id) => node.request('DELETE', `/bucket/k?versionId=${id}`)),
    node.request('DELETE', '/bucket/k'),
    putVersion(node, '/bucket/other', 'x'),
  ])
  const left = await listVersions(node, '&prefix=k')
  t.equal(left.length, 11)
  t.equal(left.filter(({ latest }) => latest).length, 1)
  t.match(left[0], { kind: 'DeleteMarker', latest: true })
  t.same(await counts(), { objects: 1, bytes: 31, versions: 12 })
})

t.test('suspended, writers at the same time leave one null version', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const kept = await putVersion(node, '/bucket/k', 'kept')
  await setVersioning(node, 'Suspended')
  const writes = Array.from({ length: 20 }, (_, i) => putVersion(node, '/bucket/k', String(i)))
  await Promise.all(writes)
  t.match(await listVersions(node), [
    { id: 'null', latest: true },
    { id: kept, latest: false },
  ])
  t.same(elements(await node.request('GET', '/bucket'), 'Key'), ['k'])
})
