// Objects through Swift: put, get, head, post, delete, with all that their headers say.
import { createHash } from 'node:crypto'
import t from 'tap'
import { startNode } from '../../helpers/node.ts'
import { login, type Session } from '../../helpers/swift.ts'

const md5 = (data: Buffer | string) => createHash('md5').update(data).digest('hex')

async function startContainer(t: Parameters<typeof startNode>[0]) {
  const node = await startNode(t)
  const swift = await login(node)
  await swift.request('PUT', '/c')
  return { node, swift }
}

const get = (swift: Session, path: string, headers: Record<string, string> = {}) =>
  swift.request('GET', path, { headers })
const head = (swift: Session, path: string, headers: Record<string, string> = {}) =>
  swift.request('HEAD', path, { headers })
const put = (swift: Session, path: string, headers: Record<string, string> = {}, body = 'x') =>
  swift.request('PUT', path, { headers, body })
const post = (swift: Session, path: string, headers: Record<string, string> = {}) =>
  swift.request('POST', path, { headers })

const httpDate = /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/

t.test('an object comes back as it went up, with its headers', async (t) => {
  const { swift } = await startContainer(t)
  const sent = {
    'content-type': 'text/x; charset=a',
    'content-encoding': 'gzip',
    'content-disposition': 'attachment',
    'content-language': 'de',
    'cache-control': 'no-store',
    expires: 'Thu, 01 Dec 2033 16:00:00 GMT',
    'x-robots-tag': 'noindex',
    'x-object-meta-name': 'Value',
    'x-object-meta-empty': '',
    'x-object-meta-bytes': '\xfc\xff',
  }
  const answer = await put(swift, '/c/o', sent, 'hello')
  t.match(answer, {
    status: 201,
    text: '',
    headers: {
      etag: md5('hello'),
      'last-modified': httpDate,
      'content-type': 'text/html; charset=UTF-8',
      'content-length': '0',
    },
  })
  t.equal(answer.headers['x-object-version-id'], undefined)
  const shown = {
    ...sent,
    etag: md5('hello'),
    'content-length': '5',
    'accept-ranges': 'bytes',
    'last-modified': answer.headers['last-modified'],
    'x-timestamp': /^\d{10}\.\d{5}$/,
  }
  t.match(await get(swift, '/c/o'), { status: 200, text: 'hello', headers: shown })
  const asked = await head(swift, '/c/o', { 'x-newest': 'true' })
  t.match(asked, { status: 200, text: '', headers: shown })
  for (const name of ['x-delete-at', 'x-object-version-id', 'x-static-large-object']) {
    t.equal(asked.headers[name], undefined, name)
  }
  t.equal(asked.headers['x-object-encryption-customer-algorithm'], undefined)
})

t.test('Last-Modified is the time rounded up', async (t) => {
  const { swift } = await startContainer(t)
  await put(swift, '/c/o')
  const { headers } = await head(swift, '/c/o')
  const seconds = Date.parse(String(headers['last-modified'])) / 1000
  t.equal(seconds, Math.ceil(Number(headers['x-timestamp'])))
})

t.test('objects of every size come back byte by byte', async (t) => {
  const { swift } = await startContainer(t)
  for (const size of [0, 1, 8191, 8192, 8193, 65535, 65536, 65537, 131072, 200_001]) {
    const body = Buffer.from(Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8)) & 255))
    const { headers } = await swift.request('PUT', `/c/${size}`, { body })
    t.equal(headers.etag, md5(body), String(size))
    const got = await get(swift, `/c/${size}`)
    t.equal(got.headers['content-length'], String(size))
    t.ok(got.body.equals(body), `${size} bytes are the same`)
    t.equal((await head(swift, `/c/${size}`)).headers['content-length'], String(size))
  }
})

t.test('names are taken byte for byte', async (t) => {
  const { swift } = await startContainer(t)
  const names = [
    'a%20b',
    'a+b',
    '/lead',
    'a//b',
    'a/../b',
    '.',
    '%C3%BC',
    'a%3Fb%23',
    'tail/',
    '%01',
  ]
  for (const name of names) t.equal((await put(swift, `/c/${name}`, {}, name)).status, 201, name)
  for (const name of names) t.equal((await get(swift, `/c/${name}`)).text, name, name)
})

t.test('a type that is not sent is guessed from the name', async (t) => {
  const { swift } = await startContainer(t)
  const guesses: [name: string, type: string][] = [
    ['a.txt', 'text/plain'],
    ['a.b.HTML', 'text/html'],
    ['a.wav', 'audio/x-wav'],
    ['a.zip', 'application/zip'],
    ['a.tar.gz', 'application/x-tar'],
    ['a.tgz', 'application/x-tar'],
    ['a.gz', 'application/octet-stream'],
    ['a.svgz', 'image/svg+xml'],
    ['dir.txt/plain', 'application/octet-stream'],
    ['.txt', 'application/octet-stream'],
    ['txt', 'application/octet-stream'],
    ['a.', 'application/octet-stream'],
    ['a.unknown-extension', 'application/octet-stream'],
    ['a.constructor', 'application/octet-stream'],
  ]
  for (const [name, type] of guesses) {
    await put(swift, `/c/${name}`)
    t.equal((await head(swift, `/c/${name}`)).headers['content-type'], type, name)
  }
  await put(swift, '/c/b.txt', { 'content-type': 'a/b', 'x-detect-content-type': 'True' })
  t.equal((await head(swift, '/c/b.txt')).headers['content-type'], 'text/plain')
  await put(swift, '/c/b.txt', { 'content-type': 'a/b', 'x-detect-content-type': 'no' })
  t.equal((await head(swift, '/c/b.txt')).headers['content-type'], 'a/b')
})

t.test('a type that only Swift itself may give is refused, and changes nothing', async (t) => {
  const { swift } = await startContainer(t)
  for (const type of ['a/b; swift_bytes=5', 'a/b;x=y;  swift_x=1']) {
    const answer = await put(swift, '/c/o', { 'content-type': type })
    t.match(answer, { status: 400, text: /^Invalid Content-Type, swift_\*/ }, type)
  }
  t.match(await put(swift, '/c/o', { 'content-type': 'a/\xff' }), { status: 400 })
  t.equal((await head(swift, '/c/o')).status, 404)
  await put(swift, '/c/o', { 'content-type': 'a/b' })
  t.equal((await post(swift, '/c/o', { 'content-type': 'a/b;swift_x=1' })).status, 400)
})

t.test('If-None-Match: * writes only where there is nothing', async (t) => {
  const { swift } = await startContainer(t)
  const only = { 'if-none-match': '*' }
  t.equal((await put(swift, '/c/o', only, 'one')).status, 201)
  t.equal((await put(swift, '/c/o', only, 'two')).status, 412)
  const tag = await put(swift, '/c/o', { 'if-none-match': md5('one') }, 'two')
  t.match(tag, { status: 400, text: 'If-None-Match only supports *' })
  t.equal((await get(swift, '/c/o')).text, 'one')
  const ignored = { 'if-match': 'x', 'if-unmodified-since': 'Thu, 01 Jan 1998 00:00:00 GMT' }
  t.equal((await put(swift, '/c/o', ignored, 'two')).status, 201)
  t.equal((await get(swift, '/c/o')).text, 'two')
})

t.test('nothing can be done where the container or the object is missing', async (t) => {
  const { swift } = await startContainer(t)
  t.equal((await put(swift, '/none/o')).status, 404)
  for (const path of ['/none/o', '/c/none']) {
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE']) {
      const answer = await swift.request(method, path)
      t.equal(answer.status, 404, `${method} ${path}`)
      if (method === 'HEAD') t.equal(answer.text, '')
    }
  }
})

t.test('POST replaces all that an object says of itself, but for its type', async (t) => {
  const { swift } = await startContainer(t)
  const first = { 'content-type': 'a/b', 'content-encoding': 'gzip', 'x-object-meta-a': '1' }
  await put(swift, '/c/o', { ...first, 'x-delete-after': '1000' }, 'hello')
  const before = (await head(swift, '/c/o')).headers
  const answer = await post(swift, '/c/o', { 'x-object-meta-b': '2', 'x-object-meta-e': '' })
  t.match(answer, { status: 202, headers: { 'content-type': 'text/html; charset=UTF-8' } })
  const after = await get(swift, '/c/o')
  t.match(after, {
    text: 'hello',
    headers: {
      etag: before.etag,
      'content-type': 'a/b',
      'x-object-meta-b': '2',
      'x-object-meta-e': '',
    },
  })
  for (const gone of ['content-encoding', 'x-object-meta-a', 'x-delete-at']) {
    t.equal(after.headers[gone], undefined, gone)
  }
  t.ok(Number(after.headers['x-timestamp']) > Number(before['x-timestamp']), 'its time moves on')
  await post(swift, '/c/o', { 'content-type': 'c/d', 'content-disposition': 'inline' })
  const last = (await head(swift, '/c/o')).headers
  t.match(last, { 'content-type': 'c/d', 'content-disposition': 'inline' })
  t.equal(last['x-object-meta-b'], undefined)
})

t.test('a POST that is refused changes nothing', async (t) => {
  const { swift } = await startContainer(t)
  await put(swift, '/c/o', { 'x-object-meta-a': '1' })
  const long = { 'x-object-meta-b': 'v'.repeat(257) }
  t.equal((await post(swift, '/c/o', long)).status, 400)
  t.match(await post(swift, '/c/o?version-id=null'), {
    status: 400,
    text: 'POST to a specific version is not allowed',
  })
  t.equal((await head(swift, '/c/o')).headers['x-object-meta-a'], '1')
  t.equal((await post(swift, '/c/o', { 'x-object-meta-b': 'v'.repeat(256) })).status, 202)
})

t.test('DELETE removes an object once', async (t) => {
  const { swift } = await startContainer(t)
  await put(swift, '/c/o')
  const answer = await swift.request('DELETE', '/c/o')
  t.match(answer, { status: 204, text: '' })
  t.equal(answer.headers['x-object-version-id'], undefined)
  t.equal((await swift.request('DELETE', '/c/o')).status, 404)
  t.equal((await get(swift, '/c/o')).status, 404)
})

t.test('conditions are judged each by itself', async (t) => {
  const { swift } = await startContainer(t)
  await put(swift, '/c/o', { 'x-object-meta-a': '1' }, 'hello')
  const etag = md5('hello')
  const date = String((await head(swift, '/c/o')).headers['last-modified'])
  const at = (seconds: number) => new Date(Date.parse(date) + seconds * 1000).toUTCString()
  const rows: [headers: Record<string, string>, status: number][] = [
    [{ 'if-none-match': etag }, 304],
    [{ 'if-none-match': `"${etag}"` }, 304],
    [{ 'if-none-match': `x, ${etag}` }, 304],
    [{ 'if-none-match': '*' }, 304],
    [{ 'if-none-match': etag.toUpperCase() }, 200],
    [{ 'if-none-match': `W/"${etag}"` }, 200],
    [{ 'if-match': etag }, 200],
    [{ 'if-match': `"x", "${etag}"` }, 200],
    [{ 'if-match': '*' }, 200],
    [{ 'if-match': 'x' }, 412],
    [{ 'if-match': etag, 'if-none-match': etag }, 304],
    [{ 'if-match': 'x', 'if-none-match': etag }, 304],
    [{ 'if-modified-since': at(0) }, 304],
    [{ 'if-modified-since': at(1) }, 304],
    [{ 'if-modified-since': at(-1) }, 200],
    [{ 'if-unmodified-since': at(0) }, 200],
    [{ 'if-unmodified-since': at(-1) }, 412],
    [{ 'if-match': etag, 'if-unmodified-since': at(-1) }, 412],
    [{ 'if-none-match': 'x', 'if-modified-since': at(0) }, 304],
    [{ 'if-modified-since': 'yesterday' }, 200],
    [{ 'if-unmodified-since': '12' }, 200],
  ]
  for (const [headers, status] of rows) {
    for (const method of ['GET', 'HEAD']) {
      const answer = await swift.request(method, '/c/o', { headers })
      t.equal(answer.status, status, `${method} ${JSON.stringify(headers)}`)
      t.match(answer.headers, { etag, 'accept-ranges': 'bytes', 'x-object-meta-a': '1' })
      t.equal(answer.text, method === 'GET' && status === 200 ? 'hello' : '')
    }
  }
  t.equal((await get(swift, '/c/none', { 'if-match': '*' })).status, 412)
  t.equal((await get(swift, '/c/none', { 'if-match': etag })).status, 404)
  t.equal((await get(swift, '/c/none', { 'if-none-match': '*' })).status, 404)
})

t.test('a public container is read by everybody, and by referrer where it says so', async (t) => {
  const { node, swift } = await startContainer(t)
  await put(swift, '/c/o', {}, 'hello')
  const root = new URL(swift.storageUrl).pathname
  const anonymous = (headers = {}) => node.request('GET', `${root}/c/o`, { sign: false, headers })
  t.equal((await anonymous()).status, 401)
  await post(swift, '/c', { 'x-container-read': '.r:*' })
  t.equal((await anonymous()).text, 'hello')
  await post(swift, '/c', { 'x-container-read': '.r:.example.com' })
  t.equal((await anonymous()).status, 401)
  t.equal((await anonymous({ referer: 'http://www.example.com/x' })).text, 'hello')
})
