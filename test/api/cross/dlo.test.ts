// Dynamic large objects: what lies under a prefix is read as one object, as it is at that moment, through both APIs.
import t, { type Test } from 'tap'
import { startBoth, withSwiftKey } from '../../helpers/both.ts'
import { customerKey, withKey } from '../../helpers/s3.ts'
import { md5, putSlo } from '../../helpers/slo.ts'
import { login } from '../../helpers/swift.ts'

const names = ['a', 'b', 'c'] as const
const bodyOf = (name: string) => name.repeat(10)
const text = names.map(bodyOf).join('')
const etag = md5(names.map((name) => md5(bodyOf(name))).join(''))
const from = (value: string) => ({ 'X-Object-Manifest': value })

/** /c/dlo gathers what lies under /segs/p/. */
async function start(t: Test) {
  const both = await startBoth(t)
  const { swift } = both
  for (const path of ['/c', '/segs']) await swift('PUT', path)
  for (const name of names) await swift('PUT', `/segs/p/${name}`, { body: bodyOf(name) })
  await swift('PUT', '/segs/other', { body: 'other' })
  const headers = { ...from('segs/p/'), 'X-Object-Meta-A': 'b' }
  const written = await swift('PUT', '/c/dlo', { body: 'own', headers })
  return { ...both, written }
}

t.test('a read gives what lies under the prefix, and its size and ETag', async (t) => {
  const { swift, s3, written } = await start(t)
  t.match([written.status, written.headers.etag], [201, md5('own')])
  const expected = { 'content-length': '30', etag: `"${etag}"`, 'x-object-manifest': 'segs/p/' }
  const got = await swift('GET', '/c/dlo')
  t.match([got.status, got.text, got.headers], [200, text, expected])
  t.notOk(got.headers['x-static-large-object'])
  t.match(await swift('HEAD', '/c/dlo'), { status: 200, headers: expected })
  const byS3 = await s3('GET', '/c/dlo')
  t.match([byS3.status, byS3.text, byS3.headers.etag], [200, text, `"${etag}-3"`])
  t.match((await s3('HEAD', '/c/dlo')).headers, { 'content-length': '30' })
  await swift('PUT', '/segs/p/ba', { body: '-' })
  t.equal((await swift('GET', '/c/dlo')).text, 'aaaaaaaaaabbbbbbbbbb-cccccccccc')
  for (const name of [...names, 'ba']) await swift('DELETE', `/segs/p/${name}`)
  const none = await swift('GET', '/c/dlo')
  t.match([none.status, none.text, none.headers.etag], [200, '', `"${md5('')}"`])
})

t.test('one range of it is read, of several all', async (t) => {
  const { swift, s3 } = await start(t)
  const ask = (range: string) => swift('GET', '/c/dlo', { headers: { Range: range } })
  t.match(await ask('bytes=8-20'), { status: 206, text: 'aabbbbbbbbbbc' })
  t.match(await ask('bytes=-1'), { status: 206, text: 'c' })
  t.match(await ask('bytes=0-1,10-11'), { status: 200, text })
  t.match(await ask('bytes=30-'), { status: 416, headers: { 'content-range': 'bytes */30' } })
  const byS3 = await s3('GET', '/c/dlo', { headers: { Range: 'bytes=9-10' } })
  t.match([byS3.status, byS3.text], [206, 'ab'])
  const conditions = async (headers: Record<string, string>) =>
    (await swift('GET', '/c/dlo', { headers })).status
  t.equal(await conditions({ 'If-Match': `"${etag}"` }), 200)
  t.equal(await conditions({ 'If-Match': md5('own') }), 412)
  t.equal(await conditions({ 'If-None-Match': etag }), 304)
})

t.test('its own bytes are read with multipart-manifest=get, and listed', async (t) => {
  const { swift } = await start(t)
  const own = await swift('GET', '/c/dlo?multipart-manifest=get')
  t.match(own, { text: 'own', headers: { etag: md5('own'), 'x-object-manifest': 'segs/p/' } })
  const [listed] = JSON.parse((await swift('GET', '/c?format=json')).text)
  t.match(listed, { bytes: 3, hash: md5('own') })
  t.equal(listed.slo_etag, undefined)
})

t.test(
  'POST says anew what it gathers, and a POST without that makes it a plain object',
  async (t) => {
    const { swift } = await start(t)
    await swift('POST', '/c/dlo', { headers: from('segs/p/b') })
    t.equal((await swift('GET', '/c/dlo')).text, bodyOf('b'))
    await swift('POST', '/c/dlo', { headers: { 'X-Object-Meta-A': 'c' } })
    const plain = await swift('GET', '/c/dlo')
    t.match([plain.text, plain.headers['x-object-manifest']], ['own', undefined])
    await swift('POST', '/segs/other', { headers: from('segs/p/c') })
    t.equal((await swift('GET', '/segs/other')).text, bodyOf('c'), 'any object can gather')
  },
)

t.test('a prefix is percent-decoded, and one that is none is refused', async (t) => {
  const { swift } = await start(t)
  await swift('PUT', '/segs/%C3%BC%25/x', { body: 'x' })
  await swift('PUT', '/c/o', { headers: from('segs/%C3%BC%25/') })
  t.equal((await swift('GET', '/c/o')).text, 'x')
  for (const value of ['segs', 'segs/', '/segs/p', 'segs//p', 'segs/p?a', 'segs/p&a', 'segs/%ff']) {
    const answer = await swift('PUT', '/c/bad', { headers: from(value) })
    t.match([answer.status, answer.text], [400, 'format container/prefix'], value)
    t.equal((await swift('POST', '/c/o', { headers: from(value) })).status, 400, value)
  }
})

t.test('a copy has the bytes and gathers no more, unless it is one of the manifest', async (t) => {
  const { swift, s3 } = await start(t)
  const to = (name: string) => ({ headers: { Destination: `c/${name}` } })
  t.equal((await swift('COPY', '/c/dlo', to('flat'))).headers.etag, md5(text))
  await s3('PUT', '/c/by-s3', { headers: { 'x-amz-copy-source': '/c/dlo' } })
  await swift('COPY', '/c/dlo?multipart-manifest=get', to('copied'))
  await swift('DELETE', '/segs/p/a')
  for (const name of ['flat', 'by-s3']) {
    const got = await swift('GET', `/c/${name}`)
    t.match([got.text, got.headers['x-object-manifest']], [text, undefined], name)
  }
  const copied = await swift('GET', '/c/copied')
  t.match([copied.text, copied.headers['x-object-manifest']], [text.slice(10), 'segs/p/'])
  t.equal((await swift('GET', '/c/copied?multipart-manifest=get')).text, 'own')
  for (const name of ['b', 'c']) await swift('DELETE', `/segs/p/${name}`)
  await swift('COPY', '/c/dlo', to('empty'))
  t.equal((await swift('GET', '/c/empty')).text, '', 'also of nothing')
})

t.test('what it gathers takes a right of its own', async (t) => {
  const { node, swift } = await start(t)
  const guest = await login(node, 'test:tester3', 'testing3')
  const status = async () => (await guest.request('GET', '/c/dlo')).status
  await swift('POST', '/c', { headers: { 'X-Container-Read': 'test:tester3' } })
  t.equal(await status(), 403)
  await swift('POST', '/segs', { headers: { 'X-Container-Read': 'test:tester3' } })
  t.equal(await status(), 200)
  await swift('POST', '/c/dlo', { headers: from('none/p') })
  t.equal((await swift('GET', '/c/dlo')).status, 404)
})

t.test('large objects and sealed ones among what it gathers', async (t) => {
  const { swift, s3 } = await start(t)
  await putSlo(swift, '/segs/p/d', [{ path: '/segs/p/a' }, { data: 'LQ==' }])
  await swift('PUT', '/segs/p/e', { body: 'raw', headers: from('segs/p/a') })
  const got = await swift('GET', '/c/dlo')
  t.match(
    [got.status, got.text],
    [200, `${text}${bodyOf('a')}-raw`],
    'what gathers is not followed',
  )
  const key = customerKey('k')
  await s3('PUT', '/segs/p/f', withKey(key, { body: 'sealed' }))
  t.equal((await swift('GET', '/c/dlo')).status, 400)
  await swift('PUT', '/c/sealed', withSwiftKey(key, { headers: from('segs/p/f') }))
  t.equal((await swift('GET', '/c/sealed', withSwiftKey(key))).text, 'sealed')
  t.equal((await swift('GET', '/c/sealed')).status, 400)
  t.match(await swift('HEAD', '/c/sealed'), { status: 200, headers: { 'content-length': '6' } })
})
