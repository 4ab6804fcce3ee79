// Static large objects: written from a list of other objects, read as one object, shown and deleted as a list.
import t, { type Test } from 'tap'
import { startNode } from '../../helpers/node.ts'
import { makeSlo, md5, pieces, putSlo, segment, sloEtag, whole } from '../../helpers/slo.ts'
import { login, type Session } from '../../helpers/swift.ts'

const MIB = 1 << 20

/** A node with a manifest. */
async function start(t: Test) {
  const node = await startNode(t)
  const swift = await login(node)
  const written = await makeSlo(swift.request)
  return { node, swift, written }
}

const put = ({ request }: Session, ...sent: Skip<Parameters<typeof putSlo>>) =>
  putSlo(request, ...sent)
type Skip<T> = T extends [unknown, ...infer Rest] ? Rest : never

t.test('a manifest is read as one object, and says of itself what it is', async (t) => {
  const { swift, written } = await start(t)
  t.match([written.status, written.headers.etag], [201, `"${sloEtag}"`])
  const expected = {
    'content-length': String(whole.length),
    'content-type': 'application/octet-stream',
    etag: `"${sloEtag}"`,
    'x-static-large-object': 'True',
    'x-manifest-etag': /^[0-9a-f]{32}$/,
    'x-object-meta-a': 'b',
  }
  const got = await swift.request('GET', '/c/slo')
  t.match([got.status, got.headers], [200, expected])
  t.ok(got.body.equals(whole))
  t.notOk(got.headers['content-location'], 'clients are to look for its segments')
  t.match(await swift.request('HEAD', '/c/slo'), { status: 200, headers: expected })
})

t.test('ranges of it, one and several, and its conditions, are those of one object', async (t) => {
  const { swift } = await start(t)
  const ask = (headers: Record<string, string>) => swift.request('GET', '/c/slo', { headers })
  const range = await ask({ Range: `bytes=${MIB - 3}-${MIB + 2}` })
  t.match([range.status, range.text], [206, 'aaabbb'])
  t.equal(range.headers['content-range'], `bytes ${MIB - 3}-${MIB + 2}/${whole.length}`)
  t.match(await ask({ Range: 'bytes=-2' }), { status: 206, text: 'bc' })
  t.equal((await ask({ Range: `bytes=${whole.length}-` })).status, 416)
  const several = await ask({ Range: `bytes=0-1,${2 * MIB - 1}-` })
  t.equal(several.status, 206)
  t.match(several.text, /\r\n\r\naa\r\n--[\s\S]*\r\n\r\nbc\r\n--/)
  t.equal((await ask({ 'If-None-Match': `"${sloEtag}"` })).status, 304)
  t.equal((await ask({ 'If-Match': sloEtag })).status, 200)
  t.equal((await ask({ 'If-Match': md5(whole) })).status, 412)
})

t.test(
  'ranges of segments, segments within segments and inline data are parts of it',
  async (t) => {
    const { swift } = await start(t)
    const inner = [
      { path: '/segs/a', range: '-2' },
      { data: Buffer.from('<inline>').toString('base64') },
      { path: 'segs/b', range: `${MIB - 1}-` },
      { path: '/segs/c', size_bytes: '1', etag: null },
    ]
    const innerText = 'aa<inline>bc'
    t.equal((await put(swift, '/c/inner', inner)).status, 201)
    t.equal((await swift.request('GET', '/c/inner')).text, innerText)
    const innerEtag = md5(
      `${md5(pieces.a)}:${MIB - 2}-${MIB - 1};${md5('<inline>')}${md5(pieces.b)}:${MIB - 1}-${MIB - 1};${md5('c')}`,
    )
    t.equal((await swift.request('HEAD', '/c/inner')).headers.etag, `"${innerEtag}"`)
    const outer = [
      { path: '/c/inner', etag: innerEtag, size_bytes: innerText.length },
      { data: 'LQ==' },
      { path: '/c/inner', range: '2-9' },
    ]
    t.equal((await put(swift, '/c/outer', outer)).status, 201)
    t.equal((await swift.request('GET', '/c/outer')).text, `${innerText}-<inline>`)
    const range = { headers: { Range: 'bytes=9-14' } }
    const outerText = `${innerText}-<inline>`
    t.equal((await swift.request('GET', '/c/outer', range)).text, outerText.slice(9, 15))
    const listed = JSON.parse((await swift.request('GET', '/c/outer?multipart-manifest=get')).text)
    t.match(listed[0], { name: '/c/inner', sub_slo: true, hash: innerEtag })
  },
)

t.test('an empty list is an empty object, and the last segment may be empty', async (t) => {
  const { swift } = await start(t)
  t.equal((await put(swift, '/c/empty', [])).status, 201)
  const got = await swift.request('GET', '/c/empty')
  t.match([got.status, got.text, got.headers.etag], [200, '', `"${md5('')}"`])
  await swift.request('PUT', '/segs/none', { body: '' })
  const none = { path: '/segs/none' }
  t.equal((await put(swift, '/c/last', [segment('c'), none])).status, 201)
  t.equal((await swift.request('GET', '/c/last')).text, 'c')
  const first = await put(swift, '/c/first', [none, segment('c')])
  t.match([first.status, first.text], [400, '/segs/none, Too small; each segment must be'])
})

t.test('it is shown as a list, which in its raw form can be sent again', async (t) => {
  const { swift } = await start(t)
  const shown = await swift.request('GET', '/c/slo?multipart-manifest=get')
  t.match(shown.headers, {
    'content-type': 'application/json; charset=utf-8',
    etag: md5(shown.body),
    'x-static-large-object': 'True',
  })
  t.match(JSON.parse(shown.text), [
    {
      name: '/segs/a',
      bytes: MIB,
      hash: md5(pieces.a),
      content_type: 'application/octet-stream',
      last_modified: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000$/,
    },
    { name: '/segs/b' },
    { name: '/segs/c' },
  ])
  const head = await swift.request('HEAD', '/c/slo?multipart-manifest=get')
  t.match(head.headers, { etag: md5(shown.body), 'content-length': String(shown.body.length) })
  const same = { headers: { 'If-None-Match': md5(shown.body) } }
  t.equal((await swift.request('GET', '/c/slo?multipart-manifest=get', same)).status, 304)
  const raw = await swift.request('GET', '/c/slo?multipart-manifest=get&format=raw')
  t.match(raw.headers, { 'content-type': 'application/octet-stream', etag: md5(raw.body) })
  t.same(JSON.parse(raw.text)[2], { path: '/segs/c', size_bytes: 1, etag: md5('c') })
  t.equal((await put(swift, '/c/again', raw.text)).status, 201)
  t.ok((await swift.request('GET', '/c/again')).body.equals(whole))
})

t.test('listings show its size and both its ETags, and counts what is stored for it', async (t) => {
  const { swift } = await start(t)
  const manifest = await swift.request('GET', '/c/slo?multipart-manifest=get')
  const listed = async () => JSON.parse((await swift.request('GET', '/c?format=json')).text)[0]
  const expected = { bytes: whole.length, hash: md5(manifest.body), slo_etag: `"${sloEtag}"` }
  t.match(await listed(), expected)
  const used = async (path: string) =>
    Number((await swift.request('HEAD', path)).headers['x-container-bytes-used'])
  t.equal(await used('/c'), manifest.body.length)
  await swift.request('POST', '/c/slo', { headers: { 'Content-Type': 'image/jpeg' } })
  t.match(await listed(), { ...expected, content_type: 'image/jpeg' })
  t.match((await swift.request('HEAD', '/c/slo')).headers, {
    'x-static-large-object': 'True',
    'content-length': String(whole.length),
  })
  await swift.request('DELETE', '/c/slo')
  t.equal(await used('/c'), 0)
  t.equal((await swift.request('HEAD', '/segs/a')).status, 200, 'its segments stay')
})

const faults: readonly [what: string, items: unknown, text: string | RegExp][] = [
  ['no JSON', '[{', 'Manifest must be valid JSON.'],
  ['no UTF-8', '["\xff', 'Manifest must be valid JSON.'],
  ['no list', {}, 'Manifest must be a list.'],
  ['an item that is no object', [1], 'Index 0: not a JSON object'],
  ['neither path nor data', [{ etag: 'x' }], 'Index 0: expected keys to include one of'],
  ['another key', [{ path: '/segs/a', teag: 'x' }], 'Index 0: extraneous keys "teag"'],
  ['a path that is no text', [{ path: 1 }], 'Index 0: "path" must be a string'],
  ['an ETag that is no text', [{ path: '/segs/a', etag: 1 }], 'Index 0: "etag" must be a string'],
  ['a container', [{ path: '/segs' }], 'Index 0: path does not refer to an object'],
  ['a container with a slash', [{ path: '/segs/' }], 'Index 0: path does not refer to an object'],
  ['a size that is none', [{ path: '/segs/a', size_bytes: 'x' }], 'Index 0: invalid size_bytes'],
  ['no byte', [{ path: '/segs/a', size_bytes: 0 }, segment('c')], 'Index 0: too small'],
  ['itself', [{ path: '/c/new' }], 'Index 0: manifest must not include itself as a segment'],
  ['a range that is none', [{ path: '/segs/a', range: 'x' }], 'Index 0: invalid range'],
  ['two ranges', [{ path: '/segs/a', range: '0-1,3-4' }], 'Index 0: multiple ranges'],
  [
    'a range behind the end',
    [{ path: '/segs/c', size_bytes: 1, range: '1-' }],
    'unsatisfiable range',
  ],
  ['data that is no base64', [{ data: 'Q' }, segment('a')], 'Index 0: data must be valid base64'],
  ['data of no byte', [{ data: '' }, segment('a')], 'Index 0: too small'],
  ['data alone', [{ data: 'QQ==' }], 'Inline data segments require at least one'],
  ['too deep', `${'['.repeat(100)}${']'.repeat(100)}`, 'nested too deeply'],
  ['several faults', [1, { path: '/segs/a', range: 'x' }], /^Index 0: .*\nIndex 1: .*\n$/],
  ['a segment that is not there', [{ path: '/segs/none' }], '/segs/none, 404 Not Found'],
  ['a container that is not there', [{ path: 'none/x' }], 'none/x, 404 Not Found'],
  ['another ETag', [{ path: '/segs/a', etag: md5('x') }], '/segs/a, Etag Mismatch'],
  ['another size', [{ path: '/segs/a', size_bytes: 5 }], '/segs/a, Size Mismatch'],
  ['a range of another size', [{ path: '/segs/c', range: '1-' }], '/segs/c, Unsatisfiable Range'],
  ['a name that is too long', [{ path: `/segs/${'x'.repeat(1025)}` }], ', 400 Bad Request'],
]

t.test(
  'what cannot be a manifest is refused with the reason of each entry, and nothing is written',
  async (t) => {
    const { swift } = await start(t)
    for (const [what, items, text] of faults) {
      const answer = await put(swift, '/c/new', items)
      t.equal(answer.status, 400, what)
      t.match(answer.text, text, what)
    }
    const json = await put(swift, '/c/new', [{ path: '/segs/ü' }], { Accept: 'application/json' })
    t.same(JSON.parse(json.text), { Errors: [['/segs/%C3%BC', '404 Not Found']] })
    const many = Array.from({ length: 1001 }, () => segment('a'))
    t.equal(
      (await put(swift, '/c/new', many)).status,
      413,
      'more segments than a manifest may have',
    )
    const data = { data: 'QQ==' }
    const more = [segment('a'), ...Array.from({ length: 10_000 }, () => data)]
    t.equal((await put(swift, '/c/new', more)).status, 413, 'more entries than a manifest may have')
    t.equal((await put(swift, '/c/new', ' '.repeat((8 << 20) + 1))).status, 413)
    t.equal((await put(swift, '/c/new', [segment('a')], { ETag: md5('x') })).status, 422)
    const copy = { 'X-Copy-From': '/c/slo' }
    t.equal((await put(swift, '/c/new', [segment('a')], copy)).status, 405)
    t.equal((await swift.request('GET', '/c/new')).status, 404)
  },
)

t.test('a right ETag is taken, and If-None-Match keeps what is there', async (t) => {
  const { swift } = await start(t)
  const etag = md5(md5(pieces.a))
  for (const sent of [etag, `"${etag}"`]) {
    t.equal((await put(swift, '/c/new', [segment('a')], { ETag: sent })).status, 201)
  }
  const star = { 'If-None-Match': '*' }
  t.equal((await put(swift, '/c/new', [segment('a')], star)).status, 412)
  t.equal((await put(swift, '/c/fresh', [segment('a')], star)).status, 201)
  const mark = { 'X-Static-Large-Object': 'True' }
  const marked = await swift.request('PUT', '/c/marked', { body: 'x', headers: mark })
  t.match([marked.status, marked.text], [400, 'reserved header'])
})

t.test(
  'with a heartbeat the answer is 202 at once, and the document says how it ended',
  async (t) => {
    const { swift } = await start(t)
    const ask = async (items: unknown, headers = {}) => {
      const answer = await put(swift, '/c/new', items, headers, '&heartbeat=on')
      t.equal(answer.status, 202)
      const [blanks, document] = answer.text.split('\r\n\r\n') as [string, string]
      t.match(blanks, /^ +$/)
      return document
    }
    const text = await ask([segment('c')])
    t.match(text, `Etag: "${md5(md5('c'))}"\nLast Modified: `)
    t.match(text, 'Response Body: \nResponse Status: 201 Created\nErrors:\n')
    const json = { Accept: 'application/json' }
    t.match(JSON.parse(await ask([{ path: 'segs/none' }], json)), {
      'Response Status': '400 Bad Request',
      Errors: [['segs/none', '404 Not Found']],
    })
    t.match(JSON.parse(await ask([segment('c')], { ...json, ETag: 'x' })), {
      'Response Status': '422 Unprocessable Entity',
      Errors: [],
    })
    t.match(await ask([segment('c')], { Accept: 'text/xml' }), /^<upload><etag>/)
  },
)

t.test(
  'one whose segment is gone, another, or not for the asker is refused before the first byte',
  async (t) => {
    const { node, swift } = await start(t)
    const status = async (headers = {}) =>
      (await swift.request('GET', '/c/slo', { headers })).status
    await swift.request('PUT', '/segs/b', { body: Buffer.alloc(MIB, 'x') })
    t.equal(await status(), 409)
    t.equal((await swift.request('HEAD', '/c/slo')).status, 200)
    await swift.request('PUT', '/segs/b', { body: pieces.b })
    t.equal(await status(), 200, 'written anew it says the same')
    await swift.request('DELETE', '/segs/c')
    t.equal(await status(), 409)
    await swift.request('PUT', '/segs/c', { body: pieces.c })
    const guest = await login(node, 'test:tester3', 'testing3')
    const guestGets = async () => (await guest.request('GET', '/c/slo')).status
    t.equal(await guestGets(), 403)
    await swift.request('POST', '/c', { headers: { 'X-Container-Read': 'test:tester3' } })
    t.equal(await guestGets(), 409, 'he may read the manifest, and not its segments')
    t.equal((await put(guest, '/c/x', [segment('a')])).status, 403)
    await swift.request('POST', '/c', { headers: { 'X-Container-Write': 'test:tester3' } })
    t.match(await put(guest, '/c/x', [segment('a')]), {
      status: 400,
      text: '/segs/a, 403 Forbidden',
    })
    await swift.request('POST', '/segs', { headers: { 'X-Container-Read': 'test:tester3' } })
    t.equal(await guestGets(), 200)
  },
)

t.test(
  'a copy is a plain object of the same bytes, or with multipart-manifest=get a manifest',
  async (t) => {
    const { swift } = await start(t)
    const to = (name: string) => ({ headers: { Destination: `c/${name}` } })
    const flat = await swift.request('COPY', '/c/slo', to('flat'))
    t.match([flat.status, flat.headers.etag], [201, md5(whole)])
    const head = await swift.request('HEAD', '/c/flat')
    t.notOk(head.headers['x-static-large-object'])
    const copied = await swift.request('COPY', '/c/slo?multipart-manifest=get', to('copied'))
    t.match([copied.status, copied.headers.etag], [201, `"${sloEtag}"`])
    for (const name of ['flat', 'copied']) {
      t.ok((await swift.request('GET', `/c/${name}`)).body.equals(whole), name)
    }
    const text = async (name: string) =>
      (await swift.request('GET', `/c/${name}?multipart-manifest=get`)).text
    t.equal(await text('copied'), await text('slo'))
    t.match((await swift.request('HEAD', '/c/copied')).headers, { 'x-object-meta-a': 'b' })
    await swift.request('DELETE', '/segs/b')
    const broken = await swift.request('COPY', '/c/slo?multipart-manifest=get', to('broken'))
    t.match([broken.status, broken.text], [400, '/segs/b, 404 Not Found'])
    t.equal((await swift.request('COPY', '/c/slo', to('broken'))).status, 409)
  },
)

t.test('it survives a restart, and versions of it are manifests of their own', async (t) => {
  const { node, swift } = await start(t)
  await swift.request('POST', '/c', { headers: { 'X-Versions-Enabled': 'True' } })
  const second = await put(swift, '/c/slo', [segment('c')])
  await node.restart()
  const again = await login(node)
  t.equal((await again.request('GET', '/c/slo')).text, 'c')
  t.ok((await again.request('GET', '/c/slo?version-id=null')).body.equals(whole))
  const versions = JSON.parse((await again.request('GET', '/c?versions')).text)
  t.match(versions, [
    { version_id: second.headers['x-object-version-id'], bytes: 1, slo_etag: `"${md5(md5('c'))}"` },
    { version_id: 'null', bytes: whole.length, slo_etag: `"${sloEtag}"` },
  ])
})
