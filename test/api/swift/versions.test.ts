// Versions through Swift: ids on every verb, markers, `null`, and making an old version current again.
import t from 'tap'
import { startNode } from '../../helpers/node.ts'
import { login } from '../../helpers/swift.ts'

const NEVER = 'version-aware operations require that the container is versioned'
const UNKNOWN = '0'.repeat(32)

async function startContainer(t: Parameters<typeof startNode>[0], isVersioned = true) {
  const node = await startNode(t)
  const swift = await login(node)
  await swift.request('PUT', '/c')
  const keep = (value: string) =>
    swift.request('POST', '/c', { headers: { 'x-versions-enabled': value } })
  if (isVersioned) await keep('true')
  const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
    swift.request(method, path, { headers })
  const put = async (body: string, headers: Record<string, string> = {}) =>
    idOf(await swift.request('PUT', '/c/o', { body, headers }))
  const list = async () =>
    JSON.parse((await ask('GET', '/c?versions')).text) as Record<string, unknown>[]
  return { node, swift, ask, put, keep, list }
}

const idOf = ({ headers }: { headers: Record<string, unknown> }) =>
  headers['x-object-version-id'] as string
const currentOf = ({ headers }: { headers: Record<string, unknown> }) =>
  headers['x-object-current-version-id']

t.test('every write makes a version, and each can be read', async (t) => {
  const { ask, put, list } = await startContainer(t)
  const one = await put('one')
  const two = await put('two')
  t.not(one, two)
  const current = await ask('GET', '/c/o')
  t.match(current, {
    text: 'two',
    headers: {
      'x-object-version-id': two,
      'content-location': `/v1/AUTH_test/c/o?version-id=${two}`,
    },
  })
  t.match((await ask('HEAD', '/c/o')).headers, { 'x-object-version-id': two })
  const old = await ask('GET', `/c/o?version-id=${one}`)
  t.match(old, { text: 'one', headers: { 'x-object-version-id': one } })
  t.equal(old.headers['content-location'], undefined)
  t.equal((await ask('GET', `/c/o?version-id=${one}`, { range: 'bytes=1-' })).text, 'ne')
  t.match(await list(), [
    { version_id: two, is_latest: true },
    { version_id: one, is_latest: false },
  ])
})

t.test('POST changes the current version in place', async (t) => {
  const { ask, put, list } = await startContainer(t)
  const one = await put('one', { 'x-object-meta-a': '1' })
  const two = await put('two')
  await ask('POST', '/c/o', { 'x-object-meta-a': '2' })
  t.match((await ask('HEAD', '/c/o')).headers, {
    'x-object-version-id': two,
    'x-object-meta-a': '2',
  })
  t.equal((await ask('HEAD', `/c/o?version-id=${one}`)).headers['x-object-meta-a'], '1')
  t.equal((await list()).length, 2)
  t.equal((await ask('POST', `/c/o?version-id=${one}`)).status, 400)
})

t.test('DELETE leaves a marker, also where nothing was', async (t) => {
  const { ask, put, list } = await startContainer(t)
  const one = await put('one')
  const gone = await ask('DELETE', '/c/o')
  t.equal(gone.status, 204)
  const marker = idOf(gone)
  t.match(marker, /^[0-9a-f]{32}$/)
  t.not(marker, one)
  const missing = await ask('GET', '/c/o')
  t.match(missing, { status: 404, headers: { 'x-object-version-id': 'null' } })
  t.match(await ask('GET', `/c/o?version-id=${marker}`), {
    status: 404,
    headers: {
      'x-object-version-id': marker,
      'content-type': 'application/x-deleted;swift_versions_deleted=1',
    },
  })
  t.equal((await ask('GET', `/c/o?version-id=${one}`)).text, 'one')
  const again = await ask('DELETE', '/c/never')
  t.match(again, { status: 404, headers: { 'x-object-version-id': /^[0-9a-f]{32}$/ } })
  t.equal((await list()).length, 3)
})

t.test('deleting by id removes one version, and promotes none', async (t) => {
  const { ask, put, list } = await startContainer(t)
  const [one, two, three] = [await put('one'), await put('two'), await put('three')]
  const old = await ask('DELETE', `/c/o?version-id=${one}`)
  t.match([old.status, idOf(old), currentOf(old)], [204, one, three])
  t.equal((await ask('GET', '/c/o')).text, 'three')
  const current = await ask('DELETE', `/c/o?version-id=${three}`)
  t.match([current.status, idOf(current), currentOf(current)], [204, three, 'null'])
  t.equal((await ask('GET', '/c/o')).status, 404)
  t.equal((await ask('GET', `/c/o?version-id=${two}`)).text, 'two')
  const again = await ask('DELETE', `/c/o?version-id=${one}`)
  t.match([again.status, idOf(again)], [404, one])
  t.equal((await list()).length, 1)
})

t.test('deleting a marker brings nothing back; PUT of a version id does', async (t) => {
  const { ask, put } = await startContainer(t)
  const one = await put('one', { 'content-type': 'a/b', 'x-object-meta-a': '1' })
  await put('two')
  const marker = idOf(await ask('DELETE', '/c/o'))
  t.equal((await ask('DELETE', `/c/o?version-id=${marker}`)).status, 204)
  t.equal((await ask('GET', '/c/o')).status, 404)
  const restored = await ask('PUT', `/c/o?version-id=${one}`)
  t.match(restored, { status: 201, text: '', headers: { 'x-object-version-id': one } })
  t.match(await ask('GET', '/c/o'), {
    text: 'one',
    headers: { 'x-object-version-id': one, 'content-type': 'a/b', 'x-object-meta-a': '1' },
  })
})

t.test(
  'PUT of a version id is refused with a body, for null, and for what is not there',
  async (t) => {
    const { swift, ask, put } = await startContainer(t)
    const one = await put('one')
    await put('two')
    const body = await swift.request('PUT', `/c/o?version-id=${one}`, { body: 'x' })
    t.match(body, { status: 400, text: 'PUT version-id requests require a zero byte body' })
    t.equal((await ask('PUT', '/c/o?version-id=null')).status, 400)
    t.equal((await ask('PUT', '/c/o?version-id=')).status, 400)
    t.match(await ask('PUT', '/c/o?version-id=abc'), {
      status: 400,
      text: 'Invalid version parameter',
    })
    t.equal((await ask('PUT', `/c/o?version-id=${UNKNOWN}`)).status, 404)
    t.equal((await ask('GET', '/c/o')).text, 'two')
  },
)

t.test('a version id that is none is a 400, one that is unknown a 404', async (t) => {
  const { ask, put } = await startContainer(t)
  await put('one')
  for (const method of ['GET', 'HEAD', 'DELETE']) {
    t.equal((await ask(method, '/c/o?version-id=abc')).status, 400, method)
    t.equal((await ask(method, `/c/o?version-id=${UNKNOWN}`)).status, 404, method)
    t.equal((await ask(method, '/c/o?version-id=null')).status, 404, `${method} null`)
  }
  t.equal((await ask('COPY', `/c/o?version-id=${UNKNOWN}`, { destination: 'c/p' })).status, 404)
  t.match(await ask('GET', '/c/o?version-id=abc'), { text: 'Invalid version parameter' })
  t.equal((await ask('GET', '/c/o')).text, 'one')
})

t.test('where versions were never kept, only null is one', async (t) => {
  const { ask, put } = await startContainer(t, false)
  t.equal(await put('one'), undefined)
  for (const method of ['GET', 'DELETE', 'PUT', 'COPY']) {
    const answer = await ask(method, `/c/o?version-id=${UNKNOWN}`, { destination: 'c/p' })
    t.match(answer, { status: 400, text: NEVER }, method)
  }
  const plain = await ask('GET', '/c/o')
  t.equal(plain.headers['x-object-version-id'], undefined)
  t.equal(plain.headers['content-location'], undefined)
  const asNull = await ask('GET', '/c/o?version-id=null')
  t.match(asNull, { text: 'one', headers: { 'x-object-version-id': 'null' } })
  t.equal((await ask('DELETE', '/c/o?version-id=null')).status, 204)
  t.equal((await ask('GET', '/c/o')).status, 404)
})

t.test('what was there before versions were kept is the null version', async (t) => {
  const { ask, put, keep, list } = await startContainer(t, false)
  await put('before')
  await keep('true')
  const shown = await ask('GET', '/c/o')
  t.match(shown, { text: 'before', headers: { 'x-object-version-id': 'null' } })
  t.equal(shown.headers['content-location'], undefined)
  const one = await put('one')
  t.equal((await ask('GET', '/c/o?version-id=null')).text, 'before')
  t.match(await list(), [{ version_id: one }, { version_id: 'null' }])
  const copied = await ask('COPY', '/c/o?version-id=null', { destination: 'c/o' })
  t.match(copied, { status: 201, headers: { 'x-copied-from-version-id': 'null' } })
  t.equal((await ask('GET', '/c/o')).text, 'before')
  t.equal((await list()).length, 3)
})

t.test('while suspended, writes have no id to tell and replace one another', async (t) => {
  const { ask, put, keep, list } = await startContainer(t)
  const one = await put('one')
  await keep('false')
  t.equal(await put('two'), undefined)
  t.equal(await put('three'), undefined)
  t.match(await ask('GET', '/c/o'), {
    text: 'three',
    headers: { 'x-object-version-id': 'null' },
  })
  t.equal((await ask('GET', `/c/o?version-id=${one}`)).text, 'one')
  t.equal((await list()).length, 2)
  const gone = await ask('DELETE', '/c/o')
  t.match([gone.status, idOf(gone)], [204, undefined])
  t.equal((await ask('GET', '/c/o')).status, 404)
  t.equal((await ask('GET', `/c/o?version-id=${one}`)).text, 'one')
})

t.test('a version is a copy’s source, and each has a key of its own', async (t) => {
  const { swift, ask } = await startContainer(t)
  const keyed = (letter: string) => ({
    'x-object-encryption-customer-algorithm': 'AES256',
    'x-object-encryption-customer-key': Buffer.alloc(32, letter).toString('base64'),
  })
  const secure = (method: string, path: string, letter: string, body?: string) =>
    swift.request(method, path, {
      tls: true,
      headers: { ...keyed(letter), destination: 'c/p' },
      ...(body !== undefined && { body }),
    })
  const one = idOf(await secure('PUT', '/c/o', 'a', 'one'))
  await secure('PUT', '/c/o', 'b', 'two')
  t.equal((await secure('GET', '/c/o', 'b')).text, 'two')
  t.equal((await secure('GET', '/c/o', 'a')).status, 403)
  t.equal((await secure('GET', `/c/o?version-id=${one}`, 'a')).text, 'one')
  t.equal((await secure('GET', `/c/o?version-id=${one}`, 'b')).status, 403)
  const copied = await secure('COPY', `/c/o?version-id=${one}`, 'a')
  t.match(copied, { status: 201, headers: { 'x-copied-from-version-id': one } })
  t.equal((await secure('GET', '/c/p', 'a')).text, 'one')
  t.equal((await ask('PUT', `/c/o?version-id=${one}`)).status, 201, 'needs no key')
  t.equal((await secure('GET', '/c/o', 'a')).text, 'one')
})

t.test('X-If-Delete-At and If-None-Match look at the current version', async (t) => {
  const { ask, put, list } = await startContainer(t)
  await put('one')
  t.equal((await ask('DELETE', '/c/o', { 'x-if-delete-at': '5000000000' })).status, 412)
  t.equal((await ask('DELETE', '/c/none', { 'x-if-delete-at': '5000000000' })).status, 404)
  t.equal((await list()).length, 1)
  t.equal((await ask('PUT', '/c/o', { 'if-none-match': '*' })).status, 412)
  await ask('DELETE', '/c/o')
  t.equal((await ask('PUT', '/c/o', { 'if-none-match': '*' })).status, 201)
})

t.test('lists that open a container do not open its older versions', async (t) => {
  const { node, swift, ask, put } = await startContainer(t)
  const one = await put('one')
  await put('two')
  const lists = { 'x-container-read': 'test:tester3,.r:*', 'x-container-write': 'test:tester3' }
  await swift.request('POST', '/c', { headers: lists })
  const guest = await login(node, 'test:tester3', 'testing3')
  const old = `/c/o?version-id=${one}`
  t.equal((await guest.request('GET', '/c/o')).text, 'two')
  for (const method of ['GET', 'HEAD', 'DELETE']) {
    t.equal((await guest.request(method, old)).status, 403, method)
  }
  t.equal((await guest.request('DELETE', `${old}&multipart-manifest=delete`)).status, 403)
  const copied = await guest.request('COPY', old, { headers: { destination: 'c/p' } })
  t.equal(copied.status, 403)
  const path = `${new URL(swift.storageUrl).pathname}${old}`
  t.equal((await node.request('GET', path, { sign: false })).status, 401)
  t.equal((await ask('GET', old)).text, 'one')
})
