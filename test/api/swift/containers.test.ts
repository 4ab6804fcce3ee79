// Containers over Swift: made, described, changed, deleted, and opened to others.
import t from 'tap'
import { startNode } from '../../helpers/node.ts'
import { login } from '../../helpers/swift.ts'

type Headers = Record<string, string | string[] | undefined>

const metadataOf = (headers: Headers) =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => name.startsWith('x-container-meta-'))
      .map(([name, value]) => [name.slice(17), value]),
  )

t.test('a container is made once, and put again with new settings', async (t) => {
  const session = await login(await startNode(t))
  const first = await session.request('PUT', '/c', { headers: { 'X-Container-Meta-A': '1' } })
  t.match([first.status, first.text], [201, ''])
  t.equal(first.headers['content-type'], 'text/html; charset=UTF-8')
  const again = await session.request('PUT', '/c', {
    headers: { 'X-Container-Meta-B': '2' },
    body: 'a body says nothing',
  })
  t.match([again.status, again.text], [202, /^<html><h1>Accepted/])
  const head = await session.request('HEAD', '/c/')
  t.equal(head.status, 204)
  t.same(metadataOf(head.headers), { a: '1', b: '2' })
  t.match(head.headers, {
    'x-container-object-count': '0',
    'x-container-bytes-used': '0',
    'x-timestamp': /^\d{10}\.\d{5}$/,
    'x-storage-policy': 'default',
    'accept-ranges': 'bytes',
    'content-type': 'text/plain; charset=utf-8',
    'last-modified': /GMT$/,
  })
  t.equal(
    (await session.request('HEAD', '/c?format=json')).headers['content-type'],
    'application/json; charset=utf-8',
  )
})

t.test('POST changes the items that it names', async (t) => {
  const session = await login(await startNode(t))
  const post = (headers: Record<string, string>) => session.request('POST', '/c', { headers })
  t.equal((await post({ 'X-Container-Meta-A': '1' })).status, 404)
  t.equal((await session.request('GET', '')).status, 204, 'POST makes no container')
  await session.request('PUT', '/c')
  const before = (await session.request('HEAD', '/c')).headers
  t.equal((await post({ 'X-Container-Meta-A': '1', 'X-Container-Meta-B': '2' })).status, 204)
  await post({ 'X-Container-Meta-A': '', 'X-Storage-Policy': 'ignored' })
  await post({ 'X-Remove-Container-Meta-None': 'x' })
  const after = (await session.request('HEAD', '/c')).headers
  t.same(metadataOf(after), { b: '2' })
  t.equal(after['x-timestamp'], before['x-timestamp'], 'the time of its making stays')
  const rows: readonly [Record<string, string>, string][] = [
    [{ 'X-Container-Meta-': 'x' }, 'Metadata name cannot be empty'],
    [
      { 'X-Container-Meta-C': 'v'.repeat(257) },
      'Metadata value longer than 256: x-container-meta-c',
    ],
    [{ 'X-Container-Meta-C': '\xc3' }, 'Metadata must be valid UTF-8'],
  ]
  for (const [headers, text] of rows) {
    for (const method of ['POST', 'PUT']) {
      const answer = await session.request(method, '/c', { headers })
      t.match([answer.status, answer.text], [400, text])
    }
  }
})

t.test('names are any UTF-8 to 256 bytes', async (t) => {
  const session = await login(await startNode(t))
  const names = ['é', 'x'.repeat(256), '%', 'a b', '.', '..', 'A"<&>', '\n', 'é'.repeat(128)]
  for (const name of names) {
    const path = `/${encodeURIComponent(name).replace(/^\.+$/, (dots) => dots.replaceAll('.', '%2E'))}`
    t.equal((await session.request('PUT', path)).status, 201, name)
    t.equal((await session.request('HEAD', path)).status, 204, name)
  }
  const listed = JSON.parse((await session.request('GET', '?format=json')).text)
  const inBytes = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  t.same(
    listed.map(({ name }: { name: string }) => name),
    inBytes,
  )
  for (const name of ['x'.repeat(257), 'é'.repeat(129)]) {
    const answer = await session.request('PUT', `/${encodeURIComponent(name)}`)
    t.equal(answer.status, 400)
    t.match(answer.text, /^Container name length of 25\d bytes longer than 256$/)
  }
})

t.test('there is one policy, under its name and its aliases', async (t) => {
  const swift = {
    resellers: [{ prefix: 'AUTH' }],
    remapDomains: [],
    policies: [
      { name: 'gold', default: true, aliases: ['yellow'], deprecated: false },
      { name: 'silver', default: false, aliases: [], deprecated: false },
    ],
  }
  const session = await login(await startNode(t, { swift } as never))
  const put = (policy: string) =>
    session.request('PUT', '/c', { headers: { 'X-Storage-Policy': policy } })
  for (const policy of ['silver', 'bronze', 'goldx']) {
    const answer = await put(policy)
    t.match([answer.status, answer.text], [400, `Invalid X-Storage-Policy '${policy}'`])
  }
  t.equal((await session.request('HEAD', '/c')).status, 404)
  t.equal((await put('GOLD')).status, 201)
  for (const policy of ['yellow', 'gold', '']) t.equal((await put(policy)).status, 202, policy)
  t.equal((await session.request('HEAD', '/c')).headers['x-storage-policy'], 'gold')
})

t.test('a container goes when it is empty', async (t) => {
  const session = await login(await startNode(t))
  t.equal((await session.request('DELETE', '/c')).status, 404)
  await session.request('PUT', '/c')
  await session.request('PUT', '/c/o', { body: 'x' })
  const full = await session.request('DELETE', '/c')
  t.match([full.status, full.text], [409, /<h1>Conflict/])
  await session.request('DELETE', '/c/o')
  t.equal((await session.request('DELETE', '/c')).status, 204)
  for (const method of ['HEAD', 'GET', 'POST', 'DELETE']) {
    t.equal((await session.request(method, '/c')).status, 404, method)
  }
})

t.test('versioning is asked for, suspended, and in the way of DELETE', async (t) => {
  const session = await login(await startNode(t))
  await session.request('PUT', '/c')
  const shown = async () => (await session.request('HEAD', '/c')).headers['x-versions-enabled']
  const set = (value: string) =>
    session.request('POST', '/c', { headers: { 'X-Versions-Enabled': value } })
  t.equal(await shown(), undefined)
  t.equal((await set('yes')).status, 204)
  t.equal(await shown(), 'True')
  await session.request('PUT', '/c/o', { body: 'one' })
  await session.request('PUT', '/c/o', { body: 'second' })
  t.equal((await set('nonsense')).status, 204)
  t.equal(await shown(), 'False')
  const { headers } = await session.request('GET', '/c')
  t.equal(headers['x-versions-enabled'], 'False')
  t.match([headers['x-container-object-count'], headers['x-container-bytes-used']], ['1', '9'])
  await session.request('POST', '/c', { headers: { 'X-Versions-Enabled': 'true' } })
  await session.request('DELETE', '/c/o')
  t.equal((await session.request('HEAD', '/c')).headers['x-container-object-count'], '0')
  const refused = await session.request('DELETE', '/c')
  t.match([refused.status, refused.text], [409, 'Delete all versions before deleting container.'])
  const versions = JSON.parse((await session.request('GET', '/c?versions')).text)
  t.equal(versions.length, 3)
  for (const { name, version_id } of versions) {
    t.equal((await session.request('DELETE', `/c/${name}?version-id=${version_id}`)).status, 204)
  }
  t.equal((await session.request('DELETE', '/c')).status, 204)
})

t.test(
  'access lists are cleaned, cleared, refused with the reason, and owners’ alone',
  async (t) => {
    const node = await startNode(t)
    const owner = await login(node)
    const guest = await login(node, 'test:tester3', 'testing3')
    const put = (headers: Record<string, string>) => owner.request('PUT', '/c', { headers })
    const post = (headers: Record<string, string>) => owner.request('POST', '/c', { headers })
    const shown = async (session = owner) => {
      const { status, headers } = await session.request('HEAD', '/c')
      return [status, headers['x-container-read'], headers['x-container-write']]
    }
    await put({ 'X-Container-Read': ' test:tester3 , ,.ref : *', 'X-Container-Write': 'other' })
    t.same(await shown(), [204, 'test:tester3,.r:*', 'other'])
    t.same(await shown(guest), [204, undefined, undefined])
    const rows: readonly [string, string][] = [
      ['X-Container-Read', '.unknown:x'],
      ['X-Container-Read', '.r:'],
      ['X-Container-Write', '.r:*'],
    ]
    for (const [name, value] of rows) {
      const answer = await post({ [name]: value })
      t.equal(answer.status, 400, value)
      t.match(answer.text, value.slice(0, 3))
      t.match(answer.headers['content-type'], 'text/plain')
    }
    t.same(await shown(), [204, 'test:tester3,.r:*', 'other'])
    await post({ 'X-Container-Write': 'test:tester3' })
    t.same(await shown(), [204, 'test:tester3,.r:*', 'test:tester3'], 'one list alone')
    await post({ 'X-Container-Read': '' })
    await post({ 'X-Remove-Container-Write': 'x' })
    t.same(await shown(), [204, undefined, undefined])
    t.same(await shown(guest), [403, undefined, undefined])
    // Who may write everything in the account is still no owner.
    await owner.request('POST', '', {
      headers: { 'X-Account-Access-Control': '{"read-write":["test:tester3"]}' },
    })
    const dropped = await guest.request('POST', '/c', {
      headers: { 'X-Container-Read': '.r:*', 'X-Container-Meta-By': 'guest' },
    })
    t.equal(dropped.status, 204)
    t.same(await shown(), [204, undefined, undefined])
    t.equal((await owner.request('HEAD', '/c')).headers['x-container-meta-by'], 'guest')
  },
)

t.test('anyone may read what is public, and list only where that is said too', async (t) => {
  const node = await startNode(t)
  const owner = await login(node)
  const anyone = (path: string, headers = {}) =>
    node.request('GET', `/v1/AUTH_test${path}`, { sign: false, headers })
  await owner.request('PUT', '/c')
  await owner.request('PUT', '/c/o', { body: 'open' })
  t.equal((await anyone('/c/o')).status, 401)
  const read = (list: string) =>
    owner.request('POST', '/c', { headers: { 'X-Container-Read': list } })
  await read('.r:*')
  t.equal((await anyone('/c/o')).text, 'open')
  t.equal((await anyone('/c/none')).status, 404)
  t.equal((await anyone('/c')).status, 401)
  await read('.r:*,.rlistings')
  t.equal((await anyone('/c')).text, 'o\n')
  t.equal((await anyone('/c?versions')).status, 401, 'what it once held stays closed')
  t.equal((await anyone('')).status, 401)
  await read('.r:.example.org,.rlistings')
  t.equal((await anyone('/c')).status, 401)
  t.equal((await anyone('/c', { Referer: 'http://www.example.org/x' })).text, 'o\n')
  t.equal((await anyone('/c', { Referer: 'http://example.net/' })).status, 401)
})
