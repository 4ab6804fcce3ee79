// Multipart uploads over HTTP, without customer keys (those have files of their own).
import { crc32 } from '@node-rs/crc32'
import t from 'tap'
import { startNode } from '../../helpers/node.ts'
import {
  completeBody,
  createUpload,
  element,
  elements,
  hexMd5,
  md5,
  outcome,
  putPart,
} from '../../helpers/s3.ts'

const MIB = 1 << 20
const big = Buffer.alloc(5 * MIB, 'a')
const tail = Buffer.from('tail')
const crc = (data: Buffer) => {
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(data))
  return sum
}

async function startBucket(t: Parameters<typeof startNode>[0]) {
  const node = await startNode(t)
  await node.request('PUT', '/bucket')
  return node
}

t.test('parts become one object, readable part by part', async (t) => {
  const node = await startBucket(t)
  const headers = { 'content-type': 'text/x', 'x-amz-meta-a': '1' }
  const id = await createUpload(node, '/bucket/k', { headers })
  const second = await putPart(node, '/bucket/k', id, 7, { body: tail })
  const first = await putPart(node, '/bucket/k', id, 2, { body: big })
  t.equal(outcome(await node.request('GET', '/bucket/k')), '404 NoSuchKey')
  const body = completeBody([
    [2, first],
    [7, second],
  ])
  const done = await node.request('POST', `/bucket/k?uploadId=${id}`, { body })
  const sums = Buffer.concat([md5(big).digest(), md5(tail).digest()])
  const etag = `"${hexMd5(sums)}-2"`
  t.equal(element(done, 'ETag'), etag)
  t.match(element(done, 'Location'), /^http:\/\/127\.0\.0\.1:\d+\/bucket\/k$/)
  t.equal(done.headers['x-amz-server-side-encryption'], 'AES256')
  const again = await node.request('POST', `/bucket/k?uploadId=${id}`, { body })
  t.equal(element(again, 'ETag'), etag, 'a Complete sent again')
  const whole = await node.request('GET', '/bucket/k')
  t.ok(whole.body.equals(Buffer.concat([big, tail])))
  t.match(whole.headers, { etag, 'content-type': 'text/x', 'x-amz-meta-a': '1' })
  t.equal(whole.headers['x-amz-mp-parts-count'], undefined)
  t.match(await node.request('GET', '/bucket/k?partNumber=2'), {
    status: 206,
    text: 'tail',
    headers: {
      'x-amz-mp-parts-count': '2',
      'content-range': `bytes ${5 * MIB}-${5 * MIB + 3}/${5 * MIB + 4}`,
    },
  })
  const beyond = await node.request('GET', '/bucket/k?partNumber=3')
  t.equal(outcome(beyond), '416 InvalidPartNumber')
  t.equal(element(beyond, 'ActualPartCount'), '2')
  const range = { range: `bytes=${5 * MIB - 2}-${5 * MIB + 1}` }
  t.equal((await node.request('GET', '/bucket/k', { headers: range })).text, 'aata')
})

t.test('a Complete that is not right changes nothing', async (t) => {
  const node = await startBucket(t)
  const id = await createUpload(node, '/bucket/k')
  const small = await putPart(node, '/bucket/k', id, 1, { body: 'xxxx' })
  const last = await putPart(node, '/bucket/k', id, 2, { body: 'y' })
  const complete = async (body: string, headers = {}, upload = id) =>
    await node.request('POST', `/bucket/k?uploadId=${upload}`, { body, headers })
  const tooSmall = await complete(
    completeBody([
      [1, small],
      [2, last],
    ]),
  )
  t.equal(outcome(tooSmall), '400 EntityTooSmall')
  t.match([element(tooSmall, 'PartNumber'), element(tooSmall, 'ProposedSize')], ['1', '4'])
  t.equal(
    outcome(
      await complete(
        completeBody([
          [2, last],
          [1, small],
        ]),
      ),
    ),
    '400 InvalidPartOrder',
  )
  t.equal(outcome(await complete(completeBody([[1, last]]))), '400 InvalidPart')
  t.equal(outcome(await complete(completeBody([[3, last]]))), '400 InvalidPart')
  t.equal(outcome(await complete(completeBody([]))), '400 InvalidRequest')
  t.equal(outcome(await complete('')), '400 MalformedXML')
  t.equal(outcome(await complete('<x/>')), '400 MalformedXML')
  const one = completeBody([[1, small]])
  const sized = await complete(one, { 'x-amz-mp-object-size': '5' })
  t.equal(outcome(sized), '400 InvalidRequest')
  t.equal(outcome(await complete(one, {}, '56788')), '404 NoSuchUpload')
  t.equal(outcome(await complete(one, { 'if-match': '"e"' })), '404 NoSuchKey')
  t.equal((await complete(one, { 'if-none-match': '*', 'x-amz-mp-object-size': '4' })).status, 200)
})

t.test('parts are listed page by page, and replaced by number', async (t) => {
  const node = await startBucket(t)
  const id = await createUpload(node, '/bucket/k')
  for (const part of [1, 2, 3]) await putPart(node, '/bucket/k', id, part, { body: `p${part}` })
  await putPart(node, '/bucket/k', id, 2, { body: 'second' })
  const list = async (query = '') => await node.request('GET', `/bucket/k?uploadId=${id}${query}`)
  const first = await list('&max-parts=2')
  t.same(elements(first, 'PartNumber'), ['1', '2'])
  t.same(elements(first, 'Size'), ['2', '6'])
  t.match([element(first, 'NextPartNumberMarker'), element(first, 'IsTruncated')], ['2', 'true'])
  const rest = await list('&part-number-marker=2')
  t.same(elements(rest, 'PartNumber'), ['3'])
  t.same(elements(rest, 'ID'), ['test', 'test'], 'initiator and owner')
  const none = await list('&part-number-marker=3')
  t.match([element(none, 'NextPartNumberMarker'), element(none, 'IsTruncated')], ['0', 'false'])
  t.equal(outcome(await list('&max-parts=x')), '400 InvalidArgument')
})

t.test('uploads are listed and aborted', async (t) => {
  const node = await startBucket(t)
  const ids: string[] = []
  for (const key of ['a', 'a', 'b/1', 'c']) ids.push(await createUpload(node, `/bucket/${key}`))
  const list = async (query = '') => await node.request('GET', `/bucket?uploads${query}`)
  t.same(elements(await list(), 'UploadId'), ids)
  const first = await list('&max-uploads=1')
  const marker = element(first, 'NextUploadIdMarker')
  t.match([element(first, 'NextKeyMarker'), marker], ['a', ids[0]])
  const second = await list(`&max-uploads=1&key-marker=a&upload-id-marker=${marker}`)
  t.same(elements(second, 'UploadId'), [ids[1]])
  const folded = await list('&delimiter=/&key-marker=a')
  t.same(elements(folded, 'Key'), ['c'])
  t.match(folded.text, /<CommonPrefixes><Prefix>b\/<\/Prefix><\/CommonPrefixes>/)
  t.equal((await node.request('DELETE', `/bucket/c?uploadId=${ids[3]}`)).status, 204)
  const gone = await node.request('DELETE', `/bucket/c?uploadId=${ids[3]}`)
  t.equal(outcome(gone), '404 NoSuchUpload')
  t.equal(element(gone, 'UploadId'), ids[3])
  t.equal(outcome(await node.request('GET', `/bucket/c?uploadId=${ids[3]}`)), '404 NoSuchUpload')
})

t.test('part numbers are 1 to 10,000, and an upload must be there', async (t) => {
  const node = await startBucket(t)
  const id = await createUpload(node, '/bucket/k')
  const put = async (part: string, upload = id) =>
    outcome(
      await node.request('PUT', `/bucket/k?partNumber=${part}&uploadId=${upload}`, { body: 'x' }),
    )
  t.equal(await put('0'), '400 InvalidArgument')
  t.equal(await put('10001'), '400 InvalidArgument')
  t.equal(await put('-1'), '400 InvalidArgument')
  t.equal(await put('10000'), '200')
  t.equal(await put('1', 'none'), '404 NoSuchUpload')
})

t.test('checksums of parts make the checksum of the whole', async (t) => {
  const node = await startBucket(t)
  const headers = { 'x-amz-checksum-algorithm': 'CRC32' }
  const id = await createUpload(node, '/bucket/k', { headers })
  const parts: string[] = []
  for (const [i, body] of [big, tail].entries()) {
    const value = crc(body).toString('base64')
    const sum = { 'x-amz-checksum-crc32': value }
    const etag = await putPart(node, '/bucket/k', id, i + 1, { body, headers: sum })
    parts.push(
      `<Part><PartNumber>${i + 1}</PartNumber><ETag>${etag}</ETag><ChecksumCRC32>${value}</ChecksumCRC32></Part>`,
    )
  }
  const listed = await node.request('GET', `/bucket/k?uploadId=${id}`)
  t.match(
    [element(listed, 'ChecksumAlgorithm'), element(listed, 'ChecksumType')],
    ['CRC32', 'COMPOSITE'],
  )
  t.same(
    elements(listed, 'ChecksumCRC32'),
    [big, tail].map((body) => crc(body).toString('base64')),
  )
  const body = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`
  const done = await node.request('POST', `/bucket/k?uploadId=${id}`, { body })
  const composite = `${crc(Buffer.concat([crc(big), crc(tail)])).toString('base64')}-2`
  t.match([element(done, 'ChecksumCRC32'), element(done, 'ChecksumType')], [composite, 'COMPOSITE'])
  const mode = { headers: { 'x-amz-checksum-mode': 'ENABLED' } }
  const whole = await node.request('HEAD', '/bucket/k', mode)
  t.equal(whole.headers['x-amz-checksum-crc32'], composite)
  const part = await node.request('GET', '/bucket/k?partNumber=2', mode)
  t.equal(part.headers['x-amz-checksum-crc32'], crc(tail).toString('base64'))
  const list = await node.request('GET', '/bucket?list-type=2')
  t.match(
    [element(list, 'ChecksumAlgorithm'), element(list, 'ChecksumType')],
    ['CRC32', 'COMPOSITE'],
  )
})

t.test('attributes: what is asked for, parts by page', async (t) => {
  const node = await startBucket(t)
  const id = await createUpload(node, '/bucket/k')
  const etags = [
    await putPart(node, '/bucket/k', id, 1, { body: big }),
    await putPart(node, '/bucket/k', id, 3, { body: tail }),
  ]
  const body = completeBody([
    [1, etags[0]!],
    [3, etags[1]!],
  ])
  await node.request('POST', `/bucket/k?uploadId=${id}`, { body })
  await node.request('PUT', '/bucket/plain', { body: 'x' })
  const ask = async (path: string, wanted: string, more: Record<string, string> = {}) =>
    await node.request('GET', `${path}?attributes`, {
      headers: { 'x-amz-object-attributes': wanted, ...more },
    })
  const all = await ask('/bucket/k', 'ETag,Checksum,ObjectParts,StorageClass,ObjectSize')
  t.match(element(all, 'ETag'), /^[0-9a-f]{32}-2$/, 'without quotes')
  t.match([element(all, 'ObjectSize'), element(all, 'PartsCount')], [String(5 * MIB + 4), '2'])
  t.same(elements(all, 'Size'), [String(5 * MIB), '4'])
  const page = await ask('/bucket/k', 'ObjectParts', {
    'x-amz-max-parts': '1',
    'x-amz-part-number-marker': '1',
  })
  t.same(elements(page, 'PartNumber'), ['2'])
  t.equal(element(page, 'ObjectSize'), undefined)
  const plain = await ask('/bucket/plain', 'ObjectParts, ObjectSize')
  t.notMatch(plain.text, /ObjectParts/)
  t.equal(element(plain, 'ObjectSize'), '1')
  t.equal(outcome(await ask('/bucket/k', 'Nonsense')), '400 InvalidArgument')
  t.equal(outcome(await node.request('GET', '/bucket/k?attributes')), '400 InvalidArgument')
})

t.test('a delimiter folds the names of uploads, never their ids', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  for (const name of ['x', 'y/1', 'y/2', 'z']) await createUpload(node, `/bkt/${name}`)
  const plain = await node.request('GET', '/bkt?uploads&delimiter=0')
  t.same(elements(plain, 'Key'), ['x', 'y/1', 'y/2', 'z'], 'every id has a 0')
  const folded = await node.request('GET', '/bkt?uploads&delimiter=%2F')
  t.same(elements(folded, 'Key'), ['x', 'z'])
  t.match(folded.text, '<CommonPrefixes><Prefix>y/</Prefix></CommonPrefixes>')
  const first = await node.request('GET', '/bkt?uploads&delimiter=%2F&max-uploads=2')
  t.same(elements(first, 'Key'), ['x'])
  t.match(first.text, '<IsTruncated>true</IsTruncated>')
  const rest = await node.request('GET', '/bkt?uploads&delimiter=%2F&key-marker=y%2F')
  t.same(elements(rest, 'Key'), ['z'])
  t.notMatch(rest.text, '<CommonPrefixes>')
})
