// One object's history through S3: settings, ids, null versions, delete markers, promotion.
import t from 'tap'
import { element, elements, outcome } from '../../helpers/s3.ts'
import {
  listVersions,
  putVersion,
  setVersioning,
  startVersioned,
  versioningBody,
} from '../../helpers/versions.ts'

const ID = 'x-amz-version-id'
const MARKER = 'x-amz-delete-marker'

t.test('a bucket says whether it keeps versions, once it was asked to', async (t) => {
  const node = await startVersioned(t)
  const status = async () => element(await node.request('GET', '/bucket?versioning'), 'Status')
  t.equal(await status(), undefined)
  for (const wanted of ['Suspended', 'Enabled', 'Enabled', 'Suspended'] as const) {
    await setVersioning(node, wanted)
    t.equal(await status(), wanted)
  }
})

t.test('a setting that cannot be changes nothing', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const put = async (inner: string, options = {}) => {
    const body = versioningBody(inner)
    return outcome(await node.request('PUT', '/bucket?versioning', { body, ...options }))
  }
  const suspended = '<Status>Suspended</Status>'
  t.equal(await put(''), '400 IllegalVersioningConfigurationException')
  t.equal(await put('<Status>Disabled</Status>'), '400 MalformedXML')
  t.equal(await put(`${suspended}<MfaDelete>Enabled</MfaDelete>`), '501 NotImplemented')
  const other = { access: 'other:other', secret: 'testing2' }
  t.equal(await put(suspended, other), '403 AccessDenied')
  t.equal(await put(suspended, { sign: false }), '403 AccessDenied')
  t.equal(outcome(await node.request('GET', '/bucket?versioning', other)), '403 AccessDenied')
  const shown = await node.request('GET', '/bucket?versioning')
  t.equal(element(shown, 'Status'), 'Enabled')
  const missing = { body: versioningBody(suspended) }
  const answer = await node.request('PUT', '/nowhere?versioning', missing)
  t.equal(outcome(answer), '404 NoSuchBucket')
})

t.test('a bucket that never kept versions shows no version ids', async (t) => {
  const node = await startVersioned(t)
  t.equal(await putVersion(node, '/bucket/k', 'a'), 'undefined')
  const copy = { headers: { 'x-amz-copy-source': '/bucket/k' } }
  const answers = [
    await node.request('GET', '/bucket/k'),
    await node.request('HEAD', '/bucket/k?versionId=null'),
    await node.request('PUT', '/bucket/copy', copy),
    await node.request('GET', '/bucket/k?tagging'),
    await node.request('DELETE', '/bucket/k'),
    await node.request('GET', '/bucket/k'),
  ]
  t.same(
    answers.map(({ status }) => status),
    [200, 200, 200, 200, 204, 404],
  )
  for (const { headers } of answers) {
    t.equal(headers[ID], undefined)
    t.equal(headers['x-amz-copy-source-version-id'], undefined)
    t.not(headers[MARKER], 'true')
  }
  const left = await listVersions(node)
  t.match(left, [{ kind: 'Version', key: 'copy', id: 'null', latest: true }])
  t.equal(left.length, 1)
})

t.test('each write is a version of its own, and stays readable by its id', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const ids = [
    await putVersion(node, '/bucket/k', 'one'),
    await putVersion(node, '/bucket/k', ''),
    await putVersion(node, '/bucket/k', 'three'),
  ]
  t.equal(new Set(ids).size, 3)
  t.match(await node.request('GET', '/bucket/k'), { text: 'three', headers: { [ID]: ids[2] } })
  for (const [i, text] of ['one', '', 'three'].entries()) {
    const got = await node.request('GET', `/bucket/k?versionId=${ids[i]}`)
    t.match(got, { status: 200, text, headers: { [ID]: ids[i] } })
    const head = await node.request('HEAD', `/bucket/k?versionId=${ids[i]}`)
    const length = String(text.length)
    t.match(head, { status: 200, headers: { [ID]: ids[i], 'content-length': length } })
  }
  const part = await node.request('GET', `/bucket/k?versionId=${ids[0]}`, {
    headers: { range: 'bytes=1-' },
  })
  t.match(part, { status: 206, text: 'ne', headers: { [ID]: ids[0] } })
})

t.test('a version that is not there is told from an id that is none', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const id = await putVersion(node, '/bucket/k', 'a')
  const other = await putVersion(node, '/bucket/other', 'a')
  const get = async (asked: string) =>
    outcome(await node.request('GET', `/bucket/k?versionId=${asked}`))
  t.equal(await get(id), '200')
  t.equal(await get(other), '404 NoSuchVersion')
  t.equal(await get('null'), '404 NoSuchVersion')
  t.equal(await get(''), '400 InvalidArgument')
  for (const bad of ['x', id.slice(1), `${id}0`, id.toUpperCase()]) {
    if (bad === id) continue
    const answer = await node.request('GET', `/bucket/k?versionId=${bad}`)
    t.equal(outcome(answer), '400 InvalidArgument', bad)
    t.equal(element(answer, 'Message'), 'Invalid version id specified')
    t.equal(
      outcome(await node.request('DELETE', `/bucket/k?versionId=${bad}`)),
      '400 InvalidArgument',
    )
  }
  const put = await node.request('PUT', `/bucket/k?versionId=${id}`, { body: 'b' })
  t.equal(outcome(put), '400 InvalidArgument', 'no write chooses its version')
  t.equal((await node.request('GET', '/bucket/k')).text, 'a')
})

t.test('what was there before is the null version, and so is what suspended writes', async (t) => {
  const node = await startVersioned(t)
  await node.request('PUT', '/bucket/k', { body: 'before' })
  await setVersioning(node, 'Enabled')
  const got = await node.request('GET', '/bucket/k')
  t.match(got, { text: 'before', headers: { [ID]: 'null' } })
  const kept = await putVersion(node, '/bucket/k', 'kept')
  t.equal((await node.request('GET', '/bucket/k?versionId=null')).text, 'before')
  await setVersioning(node, 'Suspended')
  for (const body of ['during', 'again']) {
    t.equal(await putVersion(node, '/bucket/k', body), 'undefined', 'the write does not name it')
  }
  const latest = await node.request('GET', '/bucket/k')
  t.match(latest, { text: 'again', headers: { [ID]: 'null' } })
  t.equal((await node.request('GET', `/bucket/k?versionId=${kept}`)).text, 'kept')
  t.match(await listVersions(node), [
    { id: 'null', latest: true },
    { id: kept, latest: false },
  ])
  await setVersioning(node, 'Enabled')
  const after = await putVersion(node, '/bucket/k', 'after')
  t.same(
    (await listVersions(node)).map(({ id }) => id),
    [after, 'null', kept],
    'the null version keeps its place',
  )
  const gone = await node.request('DELETE', '/bucket/k?versionId=null')
  t.match(gone, { status: 204, headers: { [ID]: 'null', [MARKER]: undefined } })
  t.equal(outcome(await node.request('GET', '/bucket/k?versionId=null')), '404 NoSuchVersion')
})

t.test('a delete leaves a marker, and what is below comes back when that goes', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const id = await putVersion(node, '/bucket/k', 'a')
  const deleted = await node.request('DELETE', '/bucket/k')
  t.match(deleted, { status: 204, headers: { [MARKER]: 'true', [ID]: /^[0-9a-f]{32}$/ } })
  const marker = String(deleted.headers[ID])
  for (const method of ['GET', 'HEAD']) {
    const hidden = await node.request(method, '/bucket/k')
    t.match(hidden, { status: 404, headers: { [MARKER]: 'true', [ID]: marker } })
    const asked = await node.request(method, `/bucket/k?versionId=${marker}`)
    t.match(asked, { status: 405, headers: { [MARKER]: 'true', allow: 'DELETE' } })
    t.ok(Date.parse(String(asked.headers['last-modified'])) > 0)
  }
  const hidden = await node.request('GET', '/bucket/k')
  t.equal(outcome(hidden), '404 NoSuchKey')
  for (const subresource of ['acl', 'tagging']) {
    const asked = await node.request('GET', `/bucket/k?${subresource}&versionId=${marker}`)
    t.equal(outcome(asked), '405 MethodNotAllowed', subresource)
  }
  t.equal((await node.request('GET', `/bucket/k?versionId=${id}`)).text, 'a')
  t.same(elements(await node.request('GET', '/bucket'), 'Key'), [])
  const again = await node.request('DELETE', '/bucket/k')
  t.equal(again.headers[MARKER], 'true', 'a delete of what is deleted leaves one more')
  for (const asked of [String(again.headers[ID]), marker]) {
    const removed = await node.request('DELETE', `/bucket/k?versionId=${asked}`)
    t.match(removed, { status: 204, headers: { [MARKER]: 'true', [ID]: asked } })
  }
  t.match(await node.request('GET', '/bucket/k'), { text: 'a', headers: { [ID]: id } })
})

t.test('a marker of what never was can be made and removed', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const marker = String((await node.request('DELETE', '/bucket/k')).headers[ID])
  t.match(await listVersions(node), [{ kind: 'DeleteMarker', id: marker, latest: true }])
  t.equal((await node.request('DELETE', `/bucket/k?versionId=${marker}`)).status, 204)
  t.same(await listVersions(node), [])
  t.equal((await node.request('DELETE', `/bucket/k?versionId=${marker}`)).status, 204, 'again')
  const missing = await node.request('GET', '/bucket/k')
  t.match(missing, { status: 404, headers: { [MARKER]: 'false', [ID]: undefined } })
})

t.test('suspended, a delete puts a null marker in place of the null version', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const id = await putVersion(node, '/bucket/k', 'a')
  await setVersioning(node, 'Suspended')
  await putVersion(node, '/bucket/k', 'null')
  for (const round of ['first', 'second']) {
    const deleted = await node.request('DELETE', '/bucket/k')
    t.match(deleted.headers, { [MARKER]: 'true', [ID]: 'null' }, round)
    t.match(await listVersions(node), [
      { kind: 'DeleteMarker', id: 'null', latest: true },
      { kind: 'Version', id, latest: false },
    ])
  }
  const asked = await node.request('GET', '/bucket/k?versionId=null')
  t.equal(outcome(asked), '405 MethodNotAllowed')
  await node.request('DELETE', '/bucket/k?versionId=null')
  t.match(await node.request('GET', '/bucket/k'), { text: 'a', headers: { [ID]: id } })
})

t.test('when the current version goes by its id, the next newest takes its place', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const ids: string[] = []
  for (const body of ['1', '2', '3', '4']) ids.push(await putVersion(node, '/bucket/k', body))
  const remove = async (i: number) => await node.request('DELETE', `/bucket/k?versionId=${ids[i]}`)
  const removed = await remove(3)
  t.match(removed, { status: 204, headers: { [ID]: ids[3], [MARKER]: undefined } })
  t.equal((await node.request('GET', '/bucket/k')).text, '3')
  await remove(1)
  t.equal((await node.request('GET', '/bucket/k')).text, '3', 'an old one changes nothing')
  await remove(2)
  t.equal((await node.request('GET', '/bucket/k')).text, '1')
  await remove(0)
  t.equal(outcome(await node.request('GET', '/bucket/k')), '404 NoSuchKey')
  t.same(await listVersions(node), [])
})

t.test('a bucket goes only when the last version and marker are gone', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const id = await putVersion(node, '/bucket/k', 'a')
  const full = await node.request('DELETE', '/bucket')
  t.equal(outcome(full), '409 BucketNotEmpty')
  const marker = String((await node.request('DELETE', '/bucket/k')).headers[ID])
  const answer = await node.request('DELETE', '/bucket')
  t.equal(outcome(answer), '409 BucketNotEmpty')
  t.match(element(answer, 'Message'), /You must delete all versions in the bucket\.$/)
  await node.request('DELETE', `/bucket/k?versionId=${id}`)
  t.equal(outcome(await node.request('DELETE', '/bucket')), '409 BucketNotEmpty', 'the marker')
  await node.request('DELETE', `/bucket/k?versionId=${marker}`)
  t.equal((await node.request('DELETE', '/bucket')).status, 204)
})

t.test('versions outlive a restart', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const id = await putVersion(node, '/bucket/k', 'a')
  await putVersion(node, '/bucket/k', 'b')
  await node.request('DELETE', '/bucket/k')
  const before = await listVersions(node)
  await node.restart()
  t.same(await listVersions(node), before)
  t.equal((await node.request('GET', `/bucket/k?versionId=${id}`)).text, 'a')
})
