// A static large object through S3: one object with its whole size, whose delete leaves its segments.
import t from 'tap'
import { startBoth, withSwiftKey } from '../../helpers/both.ts'
import { customerKey, withKey } from '../../helpers/s3.ts'
import { makeSlo, md5, pieces, putSlo, segment, sloEtag, whole } from '../../helpers/slo.ts'

async function start(t: Parameters<typeof startBoth>[0]) {
  const both = await startBoth(t)
  await makeSlo(both.swift)
  return both
}

t.test(
  'S3 reads a manifest as one object, whose ETag ends with the number of its segments',
  async (t) => {
    const { s3 } = await start(t)
    const expected = {
      'content-length': String(whole.length),
      etag: `"${sloEtag}-3"`,
      'x-amz-meta-a': 'b',
      'x-amz-server-side-encryption': 'AES256',
    }
    const got = await s3('GET', '/c/slo')
    t.match([got.status, got.headers], [200, expected])
    t.ok(got.body.equals(whole))
    t.match(await s3('HEAD', '/c/slo'), { status: 200, headers: expected })
    const range = await s3('GET', '/c/slo', { headers: { Range: 'bytes=1048575-1048576' } })
    t.match([range.status, range.text], [206, 'ab'])
    const same = { headers: { 'If-None-Match': `"${sloEtag}-3"` } }
    t.equal((await s3('GET', '/c/slo', same)).status, 304)
    const part = await s3('GET', '/c/slo?partNumber=3')
    t.match([part.status, part.text], [206, 'c'])
    const listed = await s3('GET', '/c?list-type=2')
    t.match(listed.text, `<Size>${whole.length}</Size>`)
    t.match(listed.text, `${sloEtag}-3`)
  },
)

t.test('S3 copies its bytes, and deletes the manifest alone', async (t) => {
  const { s3, swift } = await start(t)
  const headers = { 'x-amz-copy-source': '/c/slo' }
  t.equal((await s3('PUT', '/c/copy', { headers })).status, 200)
  const copy = await swift('GET', '/c/copy')
  t.match([copy.status, copy.headers.etag], [200, md5(whole)])
  t.ok(copy.body.equals(whole))
  t.equal((await s3('DELETE', '/c/slo')).status, 204)
  t.equal((await swift('HEAD', '/c/slo')).status, 404)
  t.equal((await swift('HEAD', '/segs/b')).status, 200)
})

t.test('what S3 wrote is a segment as any other is', async (t) => {
  const { s3, swift } = await start(t)
  await s3('PUT', '/segs/s3', { body: 'from S3' })
  const items = [{ path: '/segs/s3', etag: md5('from S3') }, segment('c')]
  t.equal((await putSlo(swift, '/c/mixed', items)).status, 201)
  for (const ask of [s3, swift]) t.equal((await ask('GET', '/c/mixed')).text, 'from S3c')
})

t.test(
  'a segment under a customer key is not taken, and one that comes under one is not read',
  async (t) => {
    const { s3, swift } = await start(t)
    const key = customerKey('k')
    await s3('PUT', '/segs/sealed', withKey(key, { body: 'sealed' }))
    const refused = await putSlo(swift, '/c/new', [{ path: '/segs/sealed' }])
    t.match([refused.status, refused.text], [400, '/segs/sealed, 400 Bad Request'])
    await swift('PUT', '/segs/b', withSwiftKey(key, { body: pieces.b }))
    for (const ask of [s3, swift]) {
      const got = await ask('GET', '/c/slo')
      t.equal(got.status, 400)
      t.notMatch(got.text, 'segs')
    }
    t.equal((await s3('GET', '/c/slo', withKey(key))).status, 400, 'the manifest is under no key')
  },
)
