// COPY and X-Copy-From: where from and to, what is kept, what is laid over it, and what is refused.
import { createHash } from 'node:crypto'
import t from 'tap'
import { startNode } from '../../helpers/node.ts'
import { login, type Session } from '../../helpers/swift.ts'

const md5 = (data: Buffer | string) => createHash('md5').update(data).digest('hex')

const sourceHeaders = {
  'content-type': 'a/b',
  'content-encoding': 'gzip',
  'content-disposition': 'inline',
  'x-object-meta-a': '1',
  'x-object-meta-b': '2',
}

async function startSource(t: Parameters<typeof startNode>[0], body: Buffer | string = 'hello') {
  const node = await startNode(t)
  const swift = await login(node)
  await swift.request('PUT', '/c')
  await swift.request('PUT', '/d')
  await swift.request('PUT', '/c/o', { body, headers: sourceHeaders })
  return { node, swift }
}

const copy = (swift: Session, path: string, headers: Record<string, string>) =>
  swift.request('COPY', path, { headers })
const copyFrom = (swift: Session, path: string, headers: Record<string, string>, body = '') =>
  swift.request('PUT', path, { headers, body })
const head = async (swift: Session, path: string) => (await swift.request('HEAD', path)).headers

t.test('COPY and X-Copy-From answer alike', async (t) => {
  const { swift } = await startSource(t)
  const modified = (await head(swift, '/c/o'))['last-modified']
  const expected = {
    status: 201,
    text: '',
    headers: {
      etag: md5('hello'),
      'last-modified': /GMT$/,
      'x-copied-from': 'c/o',
      'x-copied-from-account': 'AUTH_test',
      'x-copied-from-last-modified': modified,
      'x-object-meta-a': '1',
      'x-object-meta-b': '2',
    },
  }
  t.match(await copy(swift, '/c/o', { destination: 'd/one' }), expected)
  t.match(await copy(swift, '/c/o', { destination: '/d/two' }), expected)
  t.match(await copyFrom(swift, '/d/three', { 'x-copy-from': 'c/o' }), expected)
  t.match(await copyFrom(swift, '/d/four', { 'x-copy-from': '/c/o' }), expected)
  const own = { destination: 'd/five', 'destination-account': 'AUTH_test' }
  t.match(await copy(swift, '/c/o', own), expected)
  const from = { 'x-copy-from': 'c/o', 'x-copy-from-account': 'AUTH_test' }
  t.match(await copyFrom(swift, '/d/six', from), expected)
  for (const name of ['one', 'two', 'three', 'four', 'five', 'six']) {
    const got = await swift.request('GET', `/d/${name}`)
    t.match(got, { text: 'hello', headers: sourceHeaders }, name)
  }
})

t.test('names in headers are percent-encoded, and shown so', async (t) => {
  const { swift } = await startSource(t)
  const target = 'd/%C3%BC%20%2B%3F/x'
  await copy(swift, '/c/o', { destination: target })
  t.equal((await swift.request('GET', `/${target}`)).text, 'hello')
  const back = await copyFrom(swift, '/c/back', { 'x-copy-from': target })
  t.equal(back.headers['x-copied-from'], target)
  t.equal((await swift.request('GET', '/c/back')).text, 'hello')
})

t.test('what the request says is laid over what the source says', async (t) => {
  const { swift } = await startSource(t)
  const said = { 'x-object-meta-b': 'new', 'x-object-meta-c': '3', 'content-encoding': 'br' }
  const answer = await copy(swift, '/c/o', { ...said, destination: 'c/p' })
  t.match(answer.headers, { 'x-object-meta-a': '1', 'x-object-meta-b': 'new' })
  const merged = { ...sourceHeaders, ...said }
  t.match(await head(swift, '/c/p'), merged)
  await copy(swift, '/c/o', { 'content-type': 'c/d', destination: 'c/q' })
  t.match(await head(swift, '/c/q'), { ...sourceHeaders, 'content-type': 'c/d' })
})

t.test('X-Fresh-Metadata keeps the type alone', async (t) => {
  const { swift } = await startSource(t)
  const fresh = { 'x-fresh-metadata': 'true', 'x-object-meta-c': '3', destination: 'c/p' }
  const answer = await copy(swift, '/c/o', fresh)
  t.equal(answer.headers['x-object-meta-a'], undefined)
  const shown = await head(swift, '/c/p')
  t.match(shown, { 'content-type': 'a/b', 'x-object-meta-c': '3' })
  for (const gone of ['content-encoding', 'content-disposition', 'x-object-meta-a']) {
    t.equal(shown[gone], undefined, gone)
  }
})

t.test('a copy onto itself merges metadata', async (t) => {
  const { swift } = await startSource(t)
  t.equal((await copy(swift, '/c/o', { destination: 'c/o', 'x-object-meta-c': '3' })).status, 201)
  const got = await swift.request('GET', '/c/o')
  t.match(got, { text: 'hello', headers: { ...sourceHeaders, 'x-object-meta-c': '3' } })
  const fresh = { 'x-copy-from': 'c/o', 'x-fresh-metadata': 'true', 'x-object-meta-d': '4' }
  await copyFrom(swift, '/c/o', fresh)
  t.equal((await head(swift, '/c/o'))['x-object-meta-a'], undefined)
  t.equal((await swift.request('GET', '/c/o')).text, 'hello')
})

t.test('a set that grows beyond the limits is refused', async (t) => {
  const { swift } = await startSource(t)
  const many = (from: number, count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-object-meta-n${from + i}`, 'v']))
  const copyWith = async (count: number) =>
    (await copy(swift, '/c/o', { destination: 'c/p', ...many(0, count) })).status
  t.equal(await copyWith(89), 400)
  t.equal((await swift.request('HEAD', '/c/p')).status, 404)
  t.equal(await copyWith(88), 201)
})

t.test('a range of the source is what is copied', async (t) => {
  const body = Buffer.alloc(100_000, 'range')
  const { swift } = await startSource(t, body)
  const answer = await copy(swift, '/c/o', { destination: 'c/p', range: 'bytes=65530-65600' })
  t.equal(answer.headers.etag, md5(body.subarray(65530, 65601)))
  t.ok((await swift.request('GET', '/c/p')).body.equals(body.subarray(65530, 65601)))
  const several = await copy(swift, '/c/o', { destination: 'c/q', range: 'bytes=0-1,4-5' })
  t.equal(several.status, 400)
  t.equal((await copy(swift, '/c/o', { destination: 'c/q', range: 'bytes=999999-' })).status, 416)
  t.equal((await swift.request('HEAD', '/c/q')).status, 404)
  const ignored = await copy(swift, '/c/o', { destination: 'c/q', range: 'bytes=3-1' })
  t.equal(ignored.headers.etag, md5(body))
})

t.test('conditions are the source’s', async (t) => {
  const { swift } = await startSource(t)
  const rows: [headers: Record<string, string>, status: number][] = [
    [{ 'if-none-match': '*' }, 304],
    [{ 'if-none-match': md5('hello') }, 304],
    [{ 'if-match': 'x' }, 412],
    [{ 'if-unmodified-since': 'Thu, 01 Jan 1998 00:00:00 GMT' }, 412],
  ]
  for (const [headers, status] of rows) {
    t.equal((await copy(swift, '/c/o', { ...headers, destination: 'c/p' })).status, status)
  }
  t.equal((await swift.request('HEAD', '/c/p')).status, 404)
  const met = { destination: 'c/p', 'if-match': md5('hello'), 'if-none-match': 'x' }
  t.equal((await copy(swift, '/c/o', met)).status, 201)
})

t.test('a copy that names nothing, or the wrong thing, is refused', async (t) => {
  const { swift } = await startSource(t)
  t.match(await copy(swift, '/c/o', {}), { status: 412, text: 'Destination header required' })
  const form = 'must be of the form <container name>/<object name>'
  for (const value of ['c', '/c', 'c/', '//o', '/c/', 'c/%ff', 'c/%00', 'c/%zz']) {
    const to = await copy(swift, '/c/o', { destination: value })
    t.match(to, { status: 412, text: `Destination header ${form}` }, value)
    const from = await copyFrom(swift, '/c/p', { 'x-copy-from': value })
    t.match(from, { status: 412, text: `X-Copy-From header ${form}` }, value)
  }
  for (const [value, text] of [
    ['', 'Account name cannot be empty'],
    ['a/b', 'Account name cannot contain slashes'],
  ] as const) {
    const headers = { destination: 'c/p', 'destination-account': value }
    t.match(await copy(swift, '/c/o', headers), { status: 412, text })
  }
  t.equal((await copy(swift, '/c/none', { destination: 'c/p' })).status, 404)
  t.equal((await copy(swift, '/c/o', { destination: 'none/p' })).status, 404)
  t.equal((await copyFrom(swift, '/c/p', { 'x-copy-from': 'none/o' })).status, 404)
  const body = await copyFrom(swift, '/c/p', { 'x-copy-from': 'c/o' }, 'x')
  t.match(body, { status: 400, text: 'Copy requests require a zero byte body' })
  t.equal((await swift.request('HEAD', '/c/p')).status, 404)
  const chunked = { 'x-copy-from': 'c/o', 'transfer-encoding': 'chunked' }
  t.equal((await swift.request('PUT', '/c/p', { headers: chunked })).status, 201)
})

t.test('another account is out of reach, but for what it lets one do', async (t) => {
  const { node, swift } = await startSource(t)
  const other = await login(node, 'other:other', 'testing2')
  await other.request('PUT', '/theirs')
  await other.request('PUT', '/theirs/o', { body: 'theirs' })
  const to = { destination: 'theirs/p', 'destination-account': 'AUTH_other' }
  const from = { 'x-copy-from': 'theirs/o', 'x-copy-from-account': 'AUTH_other' }
  t.equal((await copy(swift, '/c/o', to)).status, 403)
  t.equal((await copyFrom(swift, '/c/p', from)).status, 403)
  t.equal((await copy(swift, '/c/o', { ...to, 'destination-account': 'other' })).status, 403)
  t.equal((await copy(swift, '/c/none', to)).status, 404, 'the source is judged first')
  t.equal((await copyFrom(swift, '/none/p', from)).status, 403, 'the source is judged first')
  await other.request('POST', '/theirs', { headers: { 'x-container-read': 'test:tester' } })
  const copied = await copyFrom(swift, '/c/p', from)
  t.match(copied, { status: 201, headers: { 'x-copied-from-account': 'AUTH_other' } })
  t.equal((await swift.request('GET', '/c/p')).text, 'theirs')
  t.equal((await copy(swift, '/c/o', to)).status, 403)
  await other.request('POST', '/theirs', { headers: { 'x-container-write': 'test:tester' } })
  t.equal((await copy(swift, '/c/o', to)).status, 201)
  t.equal((await other.request('GET', '/theirs/p')).text, 'hello')
})
