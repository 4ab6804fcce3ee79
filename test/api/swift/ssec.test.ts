// Customer keys through Swift: which requests need one, which ETag is shown to whom, and the mark that keeps
// clients from comparing an ETag that is no MD5.
import t from 'tap'
import { type SentRequest, startNode } from '../../helpers/node.ts'
import {
  completeBody,
  createUpload,
  customerKey,
  hexMd5,
  putPart,
  withKey,
} from '../../helpers/s3.ts'
import { login, type Session } from '../../helpers/swift.ts'

const ALGORITHM = 'x-object-encryption-customer-algorithm'

const keyOf = (key: Buffer, prefix = 'X-Object-Encryption-Customer') => ({
  [`${prefix}-Algorithm`]: 'AES256',
  [`${prefix}-Key`]: key.toString('base64'),
})
const K = keyOf(customerKey('k'))
const WRONG = keyOf(customerKey('w'))

async function startContainer(t: Parameters<typeof startNode>[0]) {
  const node = await startNode(t)
  const swift = await login(node)
  await swift.request('PUT', '/c')
  const ask = (
    method: string,
    path: string,
    headers: Record<string, string> = {},
    more: SentRequest = {},
  ) => swift.request(method, path, { tls: true, ...more, headers })
  const put = (path: string, headers: Record<string, string>, body: Buffer | string = 'hello') =>
    ask('PUT', path, headers, { body })
  return { node, swift, ask, put }
}

const opaque = (etag: unknown, body: string) =>
  /^"[0-9a-f]{32}"$/.test(String(etag)) && !String(etag).includes(hexMd5(body))

t.test('GET needs the key, and shows the MD5 to whoever brings it', async (t) => {
  const { ask, put } = await startContainer(t)
  const answer = await put('/c/o', { ...K, 'x-object-meta-a': '1' })
  t.match(answer, { status: 201, headers: { etag: hexMd5('hello'), [ALGORITHM]: 'AES256' } })
  const got = await ask('GET', '/c/o', K)
  t.match(got, { status: 200, text: 'hello' })
  t.match(got.headers, { etag: hexMd5('hello'), [ALGORITHM]: 'AES256', 'x-object-meta-a': '1' })
  t.equal(got.headers['x-static-large-object'], undefined)
  for (const name of Object.keys(got.headers)) t.notMatch(name, /customer-key|meta-encryption/)
  t.equal((await ask('GET', '/c/o')).status, 400)
  const wrong = await ask('GET', '/c/o', WRONG)
  t.equal(wrong.status, 403)
  t.notMatch(wrong.text, /hello/)
  await put('/c/plain', {})
  t.equal((await ask('GET', '/c/plain', K)).status, 400)
})

t.test('every size, the empty one too, opens with its key alone', async (t) => {
  const { ask, put } = await startContainer(t)
  for (const size of [0, 1, 8191, 8192, 8193, 65535, 65536, 65537, 131073]) {
    const body = Buffer.alloc(size, 'pattern')
    t.equal((await put('/c/o', K, body)).headers.etag, hexMd5(body))
    t.ok((await ask('GET', '/c/o', K)).body.equals(body), `${size} bytes`)
    t.equal((await ask('GET', '/c/o')).status, 400)
    t.equal((await ask('GET', '/c/o', WRONG)).status, 403)
    t.equal((await ask('HEAD', '/c/o')).headers['content-length'], String(size))
  }
})

t.test('the three spellings are one key', async (t) => {
  const { ask, put } = await startContainer(t)
  const spellings = [
    'X-Object-Encryption-Customer',
    'X-Object-Meta-Encryption',
    'x-amz-server-side-encryption-customer',
  ]
  for (const written of spellings) {
    t.equal((await put('/c/o', keyOf(customerKey('k'), written))).status, 201, written)
    for (const read of spellings) {
      const got = await ask('GET', '/c/o', keyOf(customerKey('k'), read))
      t.match(got, { status: 200, text: 'hello' }, `${written}, ${read}`)
      t.equal(got.headers['x-object-meta-encryption-key'], undefined)
    }
  }
})

t.test('HEAD needs no key, and shows an ETag that is no MD5 as such', async (t) => {
  const { ask, put } = await startContainer(t)
  await put('/c/o', K)
  const blind = await ask('HEAD', '/c/o')
  t.match(blind, { status: 200, headers: { [ALGORITHM]: 'AES256', 'content-length': '5' } })
  t.ok(opaque(blind.headers.etag, 'hello'))
  t.equal(blind.headers['x-static-large-object'], 'True')
  const seeing = await ask('HEAD', '/c/o', K)
  t.equal(seeing.headers.etag, hexMd5('hello'))
  t.equal(seeing.headers['x-static-large-object'], undefined)
  t.equal((await ask('HEAD', '/c/o', WRONG)).status, 403)
})

t.test('conditions know both ETags', async (t) => {
  const { ask, put } = await startContainer(t)
  await put('/c/o', K)
  const tag = String((await ask('HEAD', '/c/o')).headers.etag)
  for (const etag of [tag, hexMd5('hello')]) {
    t.equal((await ask('GET', '/c/o', { ...K, 'if-none-match': etag })).status, 304)
    t.equal((await ask('GET', '/c/o', { ...K, 'if-match': etag })).status, 200)
  }
  t.equal((await ask('HEAD', '/c/o', { 'if-none-match': tag })).status, 304)
  t.equal((await ask('HEAD', '/c/o', { 'if-none-match': hexMd5('hello') })).status, 200)
  t.equal((await ask('GET', '/c/o', { 'if-none-match': tag })).status, 400, 'the key comes first')
  t.equal((await ask('GET', '/c/o', { ...WRONG, 'if-match': 'x' })).status, 403)
})

t.test('ranges open too, several at once', async (t) => {
  const { ask, put } = await startContainer(t)
  const body = Buffer.alloc(140_000, 'ranges')
  await put('/c/o', K, body)
  const one = await ask('GET', '/c/o', { ...K, range: 'bytes=65530-65600' })
  t.equal(one.status, 206)
  t.ok(one.body.equals(body.subarray(65530, 65601)))
  const several = await ask('GET', '/c/o', { ...K, range: 'bytes=0-5,131070-131080' })
  t.equal(several.headers['content-length'], String(several.body.length))
  t.ok(several.body.includes(body.subarray(131070, 131081)))
  t.equal((await ask('GET', '/c/o', { range: 'bytes=0-1' })).status, 400)
})

t.test('POST and DELETE need no key; one that comes with a POST is checked', async (t) => {
  const { ask, put } = await startContainer(t)
  await put('/c/o', K)
  t.equal((await ask('POST', '/c/o', { 'x-object-meta-a': '1' })).status, 202)
  t.equal((await ask('POST', '/c/o', { ...K, 'x-object-meta-a': '2' })).status, 202)
  t.equal((await ask('POST', '/c/o', { ...WRONG, 'x-object-meta-a': '3' })).status, 403)
  const got = await ask('GET', '/c/o', K)
  t.match(got, { text: 'hello', headers: { 'x-object-meta-a': '2', etag: hexMd5('hello') } })
  t.equal((await ask('DELETE', '/c/o')).status, 204)
  t.equal((await ask('GET', '/c/o', K)).status, 404)
})

t.test('COPY opens with one key and seals with another', async (t) => {
  const { ask, put } = await startContainer(t)
  await put('/c/o', K)
  await put('/c/plain', {})
  const source = keyOf(customerKey('k'), 'X-Copy-Source-Object-Encryption-Customer')
  const other = customerKey('o')
  const to = (name: string) => ({ destination: `c/${name}` })
  t.equal((await ask('COPY', '/c/o', to('none'))).status, 400)
  t.equal((await ask('COPY', '/c/o', { ...WRONG, ...to('none') })).status, 403)
  t.equal((await ask('HEAD', '/c/none')).status, 404)
  const rotated = await ask('COPY', '/c/o', { ...source, ...keyOf(other), ...to('rotated') })
  t.match(rotated, { status: 201, headers: { etag: hexMd5('hello'), [ALGORITHM]: 'AES256' } })
  t.equal((await ask('GET', '/c/rotated', keyOf(other))).text, 'hello')
  t.equal((await ask('GET', '/c/rotated', K)).status, 403)
  t.equal((await ask('COPY', '/c/o', { ...K, ...to('same') })).status, 201)
  t.equal((await ask('GET', '/c/same', K)).text, 'hello')
  t.equal((await ask('COPY', '/c/plain', { ...K, ...to('sealed') })).status, 201)
  t.match(await ask('GET', '/c/sealed', K), { text: 'hello', headers: { etag: hexMd5('hello') } })
  t.equal((await ask('GET', '/c/sealed')).status, 400)
})

/** An object of two parts, written through S3. */
async function putMultipart(
  node: Awaited<ReturnType<typeof startNode>>,
  options: SentRequest = {},
) {
  const parts = [Buffer.alloc(5 << 20, 'part'), Buffer.from('end')]
  const id = await createUpload(node, '/c/o', options)
  const etags: string[] = []
  for (const [i, body] of parts.entries()) {
    etags.push(await putPart(node, '/c/o', id, i + 1, { ...options, body }))
  }
  const body = completeBody(etags.map((etag, i) => [i + 1, etag] as const))
  await node.request('POST', `/c/o?uploadId=${id}`, { ...options, body })
  return parts
}

const manifest = (swift: Session, path = '/c/o', headers = {}) =>
  swift.request('GET', `${path}?multipart-manifest=get`, { tls: true, headers })

t.test('a multipart object bears the mark, and lists no segments', async (t) => {
  const { node, swift, ask } = await startContainer(t)
  const parts = await putMultipart(node)
  const shown = await ask('HEAD', '/c/o')
  t.match(shown.headers, {
    etag: /^"[0-9a-f]{32}-2"$/,
    'x-static-large-object': 'True',
    'content-location': '/v1/AUTH_test/c/o',
    'content-length': String(parts[0]!.length + 3),
  })
  t.ok((await ask('GET', '/c/o')).body.equals(Buffer.concat(parts)))
  t.match(await manifest(swift), {
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    text: '[]',
  })
  t.equal((await ask('COPY', '/c/o', { destination: 'c/p' })).headers.etag, shown.headers.etag)
})

t.test(
  'a manifest is an empty list where only the mark is, and nothing where it is not',
  async (t) => {
    const { swift, put } = await startContainer(t)
    await put('/c/o', K)
    t.match(await manifest(swift), { status: 200, text: '[]' })
    t.match(await manifest(swift, '/c/o', K), { status: 200, text: 'hello' })
    t.equal((await manifest(swift, '/c/o', WRONG)).status, 403)
    await put('/c/plain', {}, 'plain')
    t.match(await manifest(swift, '/c/plain'), { status: 200, text: 'plain' })
    const same = { 'if-none-match': hexMd5('plain') }
    t.equal((await manifest(swift, '/c/plain', same)).status, 304)
    t.equal((await manifest(swift, '/c/none')).status, 404)
  },
)

t.test('an object that S3 wrote under a key keeps its mark with the key, too', async (t) => {
  const { node, ask } = await startContainer(t)
  await node.request('PUT', '/c/o', withKey(customerKey('k'), { body: 'hello' }))
  const got = await ask('GET', '/c/o', K)
  t.match(got, { text: 'hello', headers: { 'x-static-large-object': 'True' } })
  t.ok(opaque(got.headers.etag, 'hello'))
})

t.test('deleting with multipart-manifest tells in a document what was done', async (t) => {
  const { ask, put } = await startContainer(t)
  const remove = (path: string, accept: string) =>
    ask('DELETE', `${path}?multipart-manifest=delete`, { accept })
  await put('/c/o', K)
  await put('/c/p%20q', {})
  const json = await remove('/c/o', 'application/json')
  t.match(json, { status: 200, headers: { 'content-type': /^application\/json/ } })
  const done = {
    'Number Deleted': 1,
    'Number Not Found': 0,
    'Response Body': '',
    'Response Status': '200 OK',
    Errors: [],
  }
  t.same(JSON.parse(json.text), done)
  t.equal((await ask('HEAD', '/c/o')).status, 404)
  const missing = await remove('/c/o', 'text/plain')
  t.match(missing, { status: 200, headers: { 'content-type': /^text\/plain/ } })
  t.match(missing.text, /^Number Deleted: 0\nNumber Not Found: 1\n.*Response Status: 200 OK\n/s)
  const refused = JSON.parse((await remove('/c/p%20q', 'application/json')).text)
  t.match(refused, {
    'Number Deleted': 0,
    'Response Status': '400 Bad Request',
    Errors: [['/c/p%20q', 'Not an SLO manifest']],
  })
  const xml = await remove('/c/p%20q', 'application/xml')
  t.match(xml.text, /<delete><number_deleted>0<.*<name>\/c\/p%20q<\/name><status>Not an SLO/s)
  t.equal((await remove('/c/p%20q', 'image/png')).status, 406)
  t.equal((await ask('HEAD', '/c/p%20q')).status, 200)
})
