// Customer keys where versions are kept: the key is each version's own.
import t from 'tap'
import { keyHeaders, type TestNode } from '../../helpers/node.ts'
import {
  completeBody,
  createUpload,
  customerKey,
  outcome,
  putPart,
  withKey,
} from '../../helpers/s3.ts'
import { listVersions, putVersion, setVersioning, startVersioned } from '../../helpers/versions.ts'

const ID = 'x-amz-version-id'
const [keyA, keyB] = [customerKey('a'), customerKey('b')]
const sourceKey = (key: Buffer) => keyHeaders(key, 'x-amz-copy-source-')

/** A plain version, one under key A, one under key B: the newest. */
async function startKeyed(t: Parameters<typeof startVersioned>[0]) {
  const node = await startVersioned(t, 'Enabled')
  const plain = await putVersion(node, '/bucket/k', 'plain')
  const a = await putVersion(node, '/bucket/k', 'under a', withKey(keyA))
  const b = await putVersion(node, '/bucket/k', 'under b', withKey(keyB))
  const read = async (method: string, id: string | undefined, key?: Buffer) => {
    const path = id === undefined ? '/bucket/k' : `/bucket/k?versionId=${id}`
    return await node.request(method, path, key === undefined ? {} : withKey(key))
  }
  return { node, plain, a, b, read }
}

t.test('each version opens with the key it was written with, and no other', async (t) => {
  const { plain, a, b, read } = await startKeyed(t)
  t.equal((await read('GET', undefined, keyB)).text, 'under b')
  t.match(await read('GET', a, keyA), { text: 'under a', headers: { [ID]: a } })
  t.match(await read('GET', b, keyB), { text: 'under b', headers: { [ID]: b } })
  t.equal((await read('GET', plain)).text, 'plain')
  const wrong = [
    [a, keyB, '403 AccessDenied'],
    [b, keyA, '403 AccessDenied'],
    [undefined, keyA, '403 AccessDenied'],
    [a, undefined, '400 InvalidRequest'],
    [undefined, undefined, '400 InvalidRequest'],
    [plain, keyA, '400 InvalidRequest'],
  ] as const
  for (const [id, key, expected] of wrong) {
    const got = await read('GET', id, key)
    t.equal(outcome(got), expected)
    t.notMatch(got.text, /under|plain/)
    const head = await read('HEAD', id, key)
    t.match(head, { status: got.status, body: Buffer.alloc(0) })
  }
})

t.test('deleting a version needs no key, and what it uncovers has its own', async (t) => {
  const { node, plain, a, b, read } = await startKeyed(t)
  t.equal((await node.request('DELETE', `/bucket/k?versionId=${b}`)).status, 204)
  t.equal(outcome(await read('GET', undefined, keyB)), '403 AccessDenied')
  t.equal((await read('GET', undefined, keyA)).text, 'under a')
  const etag = (await read('HEAD', a, keyA)).headers.etag!
  const guarded = { headers: { 'if-match': etag, 'x-amz-if-match-size': '7' } }
  const removed = await node.request('DELETE', `/bucket/k?versionId=${a}`, guarded)
  t.equal(removed.status, 204, 'nor do conditions')
  t.match(await read('GET', undefined), { text: 'plain', headers: { [ID]: plain } })
})

t.test('a copy needs the key of the version it reads', async (t) => {
  const { node, a, b } = await startKeyed(t)
  const copy = async (id: string, from: Buffer | undefined, to: Buffer | undefined) =>
    await node.request('PUT', '/bucket/t', {
      tls: true,
      headers: {
        'x-amz-copy-source': `/bucket/k?versionId=${id}`,
        ...(from === undefined ? {} : sourceKey(from)),
        ...(to === undefined ? {} : keyHeaders(to)),
      },
    })
  t.equal(outcome(await copy(a, keyB, keyB)), '400 InvalidRequest')
  t.equal(outcome(await copy(a, undefined, keyB)), '400 InvalidRequest')
  t.same(await listVersions(node, '&prefix=t'), [])
  const rotated = await copy(a, keyA, keyB)
  t.match(rotated.headers, { 'x-amz-copy-source-version-id': a })
  t.equal((await node.request('GET', '/bucket/t', withKey(keyB))).text, 'under a')
  t.equal((await copy(b, keyB, undefined)).status, 200)
  t.equal((await node.request('GET', '/bucket/t')).text, 'under b')
  const first = `/bucket/t?versionId=${rotated.headers[ID]}`
  t.equal((await node.request('GET', first, withKey(keyB))).text, 'under a')
})

t.test('rotating a key leaves the old version under the old key', async (t) => {
  const { node, a, read } = await startKeyed(t)
  const headers = { 'x-amz-copy-source': `/bucket/k?versionId=${a}`, ...sourceKey(keyA) }
  const rotated = await node.request('PUT', '/bucket/k', withKey(keyB, { headers }))
  const id = String(rotated.headers[ID])
  t.equal((await read('GET', id, keyB)).text, 'under a')
  t.equal(outcome(await read('GET', id, keyA)), '403 AccessDenied')
  t.equal((await read('GET', a, keyA)).text, 'under a')
  t.equal(outcome(await read('GET', a, keyB)), '403 AccessDenied')
  await node.request('DELETE', `/bucket/k?versionId=${a}`)
  t.equal((await read('GET', id, keyB)).text, 'under a', 'the body outlives it')
})

t.test('the null version changes its key when it is overwritten', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const kept = await putVersion(node, '/bucket/k', 'kept', withKey(keyA))
  await setVersioning(node, 'Suspended')
  await putVersion(node, '/bucket/k', 'one', withKey(keyA))
  await putVersion(node, '/bucket/k', 'two', withKey(keyB))
  const get = async (id: string, key: Buffer) =>
    await node.request('GET', `/bucket/k?versionId=${id}`, withKey(key))
  t.equal(outcome(await get('null', keyA)), '403 AccessDenied')
  t.equal((await get('null', keyB)).text, 'two')
  t.equal((await get(kept, keyA)).text, 'kept')
})

async function upload(node: TestNode, path: string, bodies: readonly Buffer[], key?: Buffer) {
  const options = key === undefined ? {} : withKey(key)
  const id = await createUpload(node, path, options)
  const parts: [number, string][] = []
  for (const [i, body] of bodies.entries()) {
    parts.push([i + 1, await putPart(node, path, id, i + 1, { ...options, body })])
  }
  const complete = { ...options, body: completeBody(parts) }
  return await node.request('POST', `${path}?uploadId=${id}`, complete)
}

t.test('versions of multipart objects have their keys, parts and ids too', async (t) => {
  const node = await startVersioned(t, 'Enabled')
  const bodies = [Buffer.alloc(5 << 20, 'x'), Buffer.from('tail')]
  const whole = Buffer.concat(bodies)
  const a = String((await upload(node, '/bucket/k', bodies, keyA)).headers[ID])
  const plain = String((await upload(node, '/bucket/k', [Buffer.from('small')])).headers[ID])
  t.match([a, plain], [/^[0-9a-f]{32}$/, /^[0-9a-f]{32}$/])
  const get = async (query: string, key?: Buffer) =>
    await node.request('GET', `/bucket/k?${query}`, key === undefined ? {} : withKey(key))
  t.equal((await get('')).text, 'small')
  t.ok((await get(`versionId=${a}`, keyA)).body.equals(whole))
  t.equal(outcome(await get(`versionId=${a}`, keyB)), '403 AccessDenied')
  const part = await get(`versionId=${a}&partNumber=2`, keyA)
  t.match(part, { status: 206, text: 'tail', headers: { [ID]: a, 'x-amz-mp-parts-count': '2' } })
  await node.request('DELETE', `/bucket/k?versionId=${plain}`)
  t.ok((await get('', keyA)).body.equals(whole))
})
