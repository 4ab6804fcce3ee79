// Multipart objects, which only S3 can make, as Swift reads, lists, copies and deletes them; and uploads,
// which Swift does not see.
import t from 'tap'
import { type Both, startWithContainer, swiftList, withSwiftKey } from '../../helpers/both.ts'
import type { SentRequest } from '../../helpers/node.ts'
import {
  completeBody,
  createUpload,
  customerKey,
  hexMd5,
  outcome,
  putPart,
  withKey,
} from '../../helpers/s3.ts'
import { plainOf } from '../../vectors/vector.ts'

const PART = 5 << 20
const key = customerKey('k')

/** Uploads parts and completes them; gives the ETag as S3 answers it. */
async function putParts(
  { node }: Both,
  path: string,
  parts: readonly Buffer[],
  options: (extra?: SentRequest) => SentRequest = (extra = {}) => extra,
): Promise<void> {
  const id = await createUpload(node, path, options())
  const listed: [number, string][] = []
  for (const [i, body] of parts.entries()) {
    listed.push([i + 1, await putPart(node, path, id, i + 1, options({ body }))])
  }
  const body = completeBody(listed)
  const done = await node.request('POST', `${path}?uploadId=${id}`, options({ body }))
  if (outcome(done) !== '200') throw new Error(outcome(done))
}

const etagOf = (parts: readonly Buffer[]) =>
  `"${hexMd5(Buffer.concat(parts.map((part) => Buffer.from(hexMd5(part), 'hex'))))}-${parts.length}"`

t.test(
  'Swift reads a multipart object as one object, at every boundary of its parts',
  async (t) => {
    const both = await startWithContainer(t)
    const { s3, swift } = both
    for (const [i, sizes] of [
      [0],
      [1],
      [PART, 1],
      [PART + 1, PART - 1],
      [PART, PART, 65537],
    ].entries()) {
      const parts = sizes.map((size, part) => plainOf(part + i, size))
      const whole = Buffer.concat(parts)
      const path = `/bkt/${sizes.join('-')}`
      await putParts(both, path, parts)
      for (const method of ['HEAD', 'GET']) {
        const read = await swift(method, path)
        t.match(read, {
          status: 200,
          headers: {
            etag: etagOf(parts),
            'x-static-large-object': 'True',
            'content-length': String(whole.length),
          },
        })
        if (method === 'GET') t.ok(read.body.equals(whole), path)
        t.equal((await s3(method, path)).headers.etag, etagOf(parts))
      }
      for (const at of [PART - 1, PART, PART + 1, 2 * PART].filter((at) => at < whole.length)) {
        const headers = { range: `bytes=${at - 1}-${at}` }
        const read = await swift('GET', path, { headers })
        t.ok(read.status === 206 && read.body.equals(whole.subarray(at - 1, at + 1)), `at ${at}`)
      }
      const [item] = await swiftList(both, `/bkt?prefix=${sizes.join('-')}&limit=1`)
      t.match(item, { bytes: whole.length, hash: etagOf(parts).replaceAll('"', '') })
    }
  },
)

t.test('asked for the manifest, Swift answers no segments, for clients delete them', async (t) => {
  const both = await startWithContainer(t)
  const { swift } = both
  await putParts(both, '/bkt/parts', [plainOf(1, PART), plainOf(2, 10)])
  const answer = await swift('GET', '/bkt/parts?multipart-manifest=get')
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  t.match(answer, { status: 200, headers, text: '[]' })
  await swift('PUT', '/bkt/plain', { body: 'plain' })
  t.equal((await swift('GET', '/bkt/plain?multipart-manifest=get')).text, 'plain')
})

t.test(
  'a multipart object under a customer key opens through Swift with that key alone',
  async (t) => {
    const both = await startWithContainer(t)
    const { swift } = both
    const parts = [plainOf(1, PART), plainOf(2, PART + 1), plainOf(3, 1)]
    const whole = Buffer.concat(parts)
    await putParts(both, '/bkt/sealed', parts, (extra) => withKey(key, extra))
    const head = await swift('HEAD', '/bkt/sealed')
    t.match(head.headers, {
      etag: /^"[0-9a-f]{32}-3"$/,
      'x-static-large-object': 'True',
      'content-length': String(whole.length),
    })
    const read = await swift('GET', '/bkt/sealed', withSwiftKey(key))
    t.equal(read.headers.etag, head.headers.etag, 'no MD5 is known of it')
    t.ok(read.body.equals(whole))
    const headers = { range: `bytes=${PART - 1}-${2 * PART + 2}` }
    const part = await swift('GET', '/bkt/sealed', withSwiftKey(key, { headers }))
    t.ok(part.body.equals(whole.subarray(PART - 1, 2 * PART + 3)))
    t.equal((await swift('GET', '/bkt/sealed')).status, 400)
    t.equal((await swift('GET', '/bkt/sealed', withSwiftKey(customerKey('w')))).status, 403)
    t.equal((await swift('GET', '/bkt/sealed?multipart-manifest=get')).text, '[]')
  },
)

t.test(
  'an object that only bears the mark has no parts to show, and is deleted as one',
  async (t) => {
    const both = await startWithContainer(t)
    const { s3, swift } = both
    await s3('PUT', '/bkt/sealed', withKey(key, { body: 'x' }))
    await putParts(both, '/bkt/parts', [Buffer.from('part')])
    t.equal((await swift('GET', '/bkt/sealed?multipart-manifest=get')).text, '[]')
    for (const name of ['sealed', 'parts']) {
      const path = `/bkt/${name}?multipart-manifest=delete`
      const headers = { Accept: 'application/json' }
      const deleted = await swift('DELETE', path, { headers })
      t.equal(deleted.status, 200)
      t.match(JSON.parse(deleted.text), { 'Number Deleted': 1, 'Response Status': '200 OK' })
      t.equal((await s3('HEAD', `/bkt/${name}`)).status, 404)
      const again = await swift('DELETE', path, { headers })
      t.match(JSON.parse(again.text), { 'Number Deleted': 0, 'Number Not Found': 1 })
    }
  },
)

t.test('Swift copies a multipart object whole, and deletes it whole', async (t) => {
  const both = await startWithContainer(t)
  const { s3, swift } = both
  const parts = [plainOf(1, PART), plainOf(2, 3)]
  const whole = Buffer.concat(parts)
  await putParts(both, '/bkt/parts', parts)
  const headers = { Destination: '/bkt/copy' }
  t.equal((await swift('COPY', '/bkt/parts', { headers })).status, 201)
  t.equal((await swift('DELETE', '/bkt/parts')).status, 204)
  t.equal((await s3('HEAD', '/bkt/parts')).status, 404)
  t.ok((await s3('GET', '/bkt/copy')).body.equals(whole))
  const piece = { Destination: '/bkt/piece', range: `bytes=${PART - 1}-${PART}` }
  t.equal((await swift('COPY', '/bkt/copy', { headers: piece })).status, 201)
  t.ok((await s3('GET', '/bkt/piece')).body.equals(whole.subarray(PART - 1, PART + 1)))
})

t.test('S3 takes a part from what Swift wrote', async (t) => {
  const both = await startWithContainer(t)
  const { node, swift } = both
  await swift('PUT', '/bkt/source', withSwiftKey(key, { body: 'by Swift' }))
  const id = await createUpload(node, '/bkt/parts')
  const source = withKey(key).headers!
  const headers: Record<string, string> = { 'x-amz-copy-source': '/bkt/source' }
  for (const [name, value] of Object.entries(source)) {
    headers[name.replace('x-amz-', 'x-amz-copy-source-')] = value
  }
  const path = `/bkt/parts?partNumber=1&uploadId=${id}`
  const copied = await node.request('PUT', path, { tls: true, headers })
  t.equal(outcome(copied), '200')
  const etag = /<ETag>(?:&quot;|")?([^<&"]+)/.exec(copied.text)![1]!
  const body = completeBody([[1, etag]])
  await node.request('POST', `/bkt/parts?uploadId=${id}`, { body })
  t.equal((await swift('GET', '/bkt/parts')).text, 'by Swift')
})

t.test(
  'Swift sees no upload, and a container that holds only uploads goes through both',
  async (t) => {
    const both = await startWithContainer(t)
    const { node, s3, swift } = both
    for (const remove of [swift, s3]) {
      await swift('PUT', '/bkt')
      const id = await createUpload(node, '/bkt/unfinished')
      await putPart(node, '/bkt/unfinished', id, 1, { body: plainOf(1, 70_000) })
      t.same(await swiftList(both), [])
      t.equal((await swift('HEAD', '/bkt/unfinished')).status, 404)
      t.equal((await swift('HEAD', '/bkt')).headers['x-container-object-count'], '0')
      t.equal((await remove('DELETE', '/bkt')).status, 204)
      t.equal((await s3('HEAD', '/bkt')).status, 404)
      await swift('PUT', '/bkt')
      t.notMatch((await s3('GET', '/bkt?uploads')).text, '<Upload>', 'the upload went with it')
      const late = await s3('PUT', `/bkt/unfinished?partNumber=2&uploadId=${id}`, { body: 'x' })
      t.equal(outcome(late), '404 NoSuchUpload')
      await swift('DELETE', '/bkt')
    }
  },
)

t.test('an object beside an upload keeps the container', async (t) => {
  const { node, s3, swift } = await startWithContainer(t)
  await createUpload(node, '/bkt/unfinished')
  await swift('PUT', '/bkt/o', { body: 'x' })
  t.equal(outcome(await s3('DELETE', '/bkt')), '409 BucketNotEmpty')
  t.equal((await swift('DELETE', '/bkt')).status, 409)
  t.match((await s3('GET', '/bkt?uploads')).text, '<Upload>', 'the upload is still there')
})
