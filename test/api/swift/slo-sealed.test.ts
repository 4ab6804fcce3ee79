// Large objects under a customer key: the manifest brings its segments under it, and is deleted and shown without it.
import t, { type Test } from 'tap'
import { startBoth, withSwiftKey } from '../../helpers/both.ts'
import { customerKey, withKey } from '../../helpers/s3.ts'
import { letters, makeSlo, md5, pieces, segment, sloEtag, whole } from '../../helpers/slo.ts'
import { login } from '../../helpers/swift.ts'

const key = customerKey('k')
const other = customerKey('x')

async function start(t: Test) {
  const both = await startBoth(t)
  await makeSlo(both.swift)
  const { swift } = both
  const put = (path: string, items: unknown, by = key, ask = swift) =>
    ask('PUT', `${path}?multipart-manifest=put`, withSwiftKey(by, { body: JSON.stringify(items) }))
  return { ...both, put }
}

t.test(
  'a manifest with a key seals its segments under it, and is read with it alone',
  async (t) => {
    const { swift, s3, put } = await start(t)
    await swift('POST', '/segs/a', {
      headers: { 'X-Object-Meta-A': 'b', 'X-Delete-After': '1000' },
    })
    const items = [...letters.map(segment), { data: Buffer.from('inline').toString('base64') }]
    const written = await put('/c/sealed', items)
    const etag = md5(letters.map((letter) => md5(pieces[letter])).join('') + md5('inline'))
    t.match([written.status, written.headers.etag], [201, `"${etag}"`])
    const all = Buffer.concat([whole, Buffer.from('inline')])
    for (const [ask, spell] of [
      [s3, withKey],
      [swift, withSwiftKey],
    ] as const) {
      const got = await ask('GET', '/c/sealed', spell(key))
      t.equal(got.status, 200)
      t.ok(got.body.equals(all))
      t.equal((await ask('GET', '/c/sealed', spell(other))).status, 403)
      t.equal((await ask('GET', '/c/sealed')).status, 400)
      t.equal((await ask('GET', '/segs/b')).status, 400, 'a segment is sealed too')
      t.ok((await ask('GET', '/segs/b', spell(key))).body.equals(pieces.b))
    }
    const copied = await swift('COPY', '/c/sealed?multipart-manifest=get', {
      headers: { Destination: 'c/copied' },
    })
    t.equal(copied.status, 400, 'its list is copied with the key alone')
    t.equal((await swift('HEAD', '/c/copied')).status, 404)
    const kept = await swift('HEAD', '/segs/a')
    t.match(kept.headers, { 'x-object-meta-a': 'b', 'x-delete-at': /^\d+$/ })
    t.equal((await swift('GET', '/c/slo')).status, 400, 'a plain manifest of them is read no more')
  },
)

t.test(
  'without the key it is described, shown and deleted, and says nothing of content',
  async (t) => {
    const { swift, put } = await start(t)
    await put('/c/sealed', [segment('a'), segment('c'), { data: 'LQ==' }])
    const head = await swift('HEAD', '/c/sealed')
    t.match(head, { status: 200, headers: { 'content-length': String((1 << 20) + 2) } })
    const shown = await swift('GET', '/c/sealed?multipart-manifest=get')
    const names = JSON.parse(shown.text).map(({ name }: { name?: string }) => name)
    t.same(names, ['/segs/a', '/segs/c', undefined])
    const listing = await swift('GET', '/c?format=json')
    for (const { text } of [shown, listing]) {
      for (const letter of ['a', 'c'] as const) t.notMatch(text, md5(pieces[letter]))
      t.notMatch(text, md5(md5(pieces.a) + md5(pieces.c) + md5('-')))
    }
    const tls = withSwiftKey(key)
    const opened = await swift('GET', '/c/sealed?multipart-manifest=get', tls)
    t.match(JSON.parse(opened.text), [{ hash: md5(pieces.a) }, {}, { data: 'LQ==' }])
    const removed = await swift('DELETE', '/c/sealed?multipart-manifest=delete')
    t.match(removed.text, 'Number Deleted: 3')
    t.equal((await swift('HEAD', '/segs/c')).status, 404)
  },
)

t.test('a request that was cut off is sent again, and goes on where it stopped', async (t) => {
  const { swift, put } = await start(t)
  // What a cut leaves: some segments are sealed, the others and the manifest are not.
  const headers = { Destination: 'segs/b' }
  await swift('COPY', '/segs/b', withSwiftKey(key, { headers }))
  t.equal((await swift('GET', '/segs/b')).status, 400)
  const sealed = await swift('HEAD', '/segs/b')
  t.equal((await put('/c/sealed', letters.map(segment))).status, 201)
  t.ok((await swift('GET', '/c/sealed', withSwiftKey(key))).body.equals(whole))
  const after = await swift('HEAD', '/segs/b')
  t.equal(after.headers['x-timestamp'], sealed.headers['x-timestamp'], 'it is not sealed twice')
  t.equal((await put('/c/sealed', letters.map(segment))).headers.etag, `"${sloEtag}"`)
})

t.test('nothing is sealed for who may not write the segments, nor of large objects', async (t) => {
  const { node, swift, put } = await start(t)
  const guest = await login(node, 'test:tester3', 'testing3')
  const may = (what: 'Read' | 'Write') => ({ [`X-Container-${what}`]: 'test:tester3' })
  await swift('POST', '/c', { headers: may('Write') })
  await swift('POST', '/segs', { headers: may('Read') })
  const refused = await put('/c/sealed', [segment('a')], key, guest.request)
  t.match([refused.status, refused.text], [400, '/segs/a, 403 Forbidden'])
  const nested = await put('/c/sealed', [segment('a'), { path: '/c/slo' }])
  t.match([nested.status, nested.text], [400, '/c/slo, 400 Bad Request'])
  t.equal((await swift('GET', '/segs/a')).status, 200)
  t.equal((await swift('HEAD', '/c/sealed')).status, 404)
  await put('/c/theirs', [segment('c')], other)
  const wrong = await put('/c/sealed', [segment('a'), segment('c')])
  t.match([wrong.status, wrong.text], [400, '/segs/c, 403 Forbidden'])
  t.equal((await swift('GET', '/segs/a')).status, 200)
})
