// SSE-C on multipart uploads (D-KEY-PARTS).
import t from 'tap'
import { keyHeaders, type SentRequest, startNode, type TestNode } from '../../helpers/node.ts'
import {
  completeBody,
  createUpload,
  customerKey,
  element,
  outcome,
  putPart,
  withKey,
} from '../../helpers/s3.ts'

const key = customerKey('k')
const other = customerKey('o')
const name = 'x-amz-server-side-encryption-customer'
const texts = {
  needed:
    'The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.',
  different: 'The provided encryption parameters did not match the ones used originally.',
}
const MiB = 1 << 20
const CRC32_OF_HELLO = 'NhCmhg=='
const part = (uploadId: string, number: number) =>
  `/bkt/o?partNumber=${number}&uploadId=${uploadId}`

async function begin(t: Parameters<typeof startNode>[0]): Promise<[TestNode, string]> {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  return [node, await createUpload(node, '/bkt/o', withKey(key))]
}

t.test('parts need the upload’s key and no other', async (t) => {
  const [node, id] = await begin(t)
  const send = (options: SentRequest) => node.request('PUT', part(id, 1), { ...options, body: 'x' })
  const none = await send({ tls: true })
  t.equal(outcome(none), '400 InvalidRequest')
  t.equal(element(none, 'Message'), texts.needed)
  const wrong = await send(withKey(other))
  t.equal(outcome(wrong), '400 InvalidRequest')
  t.equal(element(wrong, 'Message'), texts.different)
  const { [`${name}-key-md5`]: _, ...noMd5 } = keyHeaders(key)
  t.equal(outcome(await send({ tls: true, headers: noMd5 })), '400 InvalidArgument')
  const right = await send(withKey(key))
  t.equal(right.status, 200)
  t.equal(right.headers[`${name}-algorithm`], 'AES256')
  const plainId = await createUpload(node, '/bkt/o')
  const keyed = await node.request('PUT', part(plainId, 1), withKey(key, { body: 'x' }))
  t.equal(outcome(keyed), '400 InvalidRequest', 'a key on an upload without')
  t.equal(element(keyed, 'Message'), texts.needed)
})

t.test('an upload of parts that are no multiple of a record reads back whole', async (t) => {
  const [node, id] = await begin(t)
  const bodies = [Buffer.alloc(5 * MiB + 1, 'a'), Buffer.alloc(5 * MiB, 'b'), Buffer.alloc(0)]
  const parts: [number, string][] = []
  for (const [i, body] of bodies.entries()) {
    parts.push([i + 1, await putPart(node, '/bkt/o', id, i + 1, withKey(key, { body }))])
  }
  // A part sent again takes the place of the first.
  bodies[1] = Buffer.alloc(5 * MiB, 'c')
  parts[1] = [2, await putPart(node, '/bkt/o', id, 2, withKey(key, { body: bodies[1] }))]
  const before = await node.request('GET', '/bkt/o?partNumber=1', withKey(key))
  t.equal(outcome(before), '404 NoSuchKey', 'no part can be read before Complete')
  const listed = await node.request('GET', `/bkt/o?uploadId=${id}`)
  t.equal(listed.status, 200, 'parts are listed without the key')
  t.match(listed.text, `<Size>${5 * MiB + 1}</Size>`)
  const done = await node.request('POST', `/bkt/o?uploadId=${id}`, { body: completeBody(parts) })
  t.equal(outcome(done), '200', 'Complete needs no key')
  t.equal(done.headers[`${name}-algorithm`], undefined)
  const whole = Buffer.concat(bodies)
  const read = await node.request('GET', '/bkt/o', withKey(key))
  t.ok(read.body.equals(whole))
  t.match(read.headers.etag, /^"[0-9a-f]{32}-3"$/)
  const range = { range: `bytes=${5 * MiB - 2}-${5 * MiB + 3}` }
  const across = await node.request('GET', '/bkt/o', withKey(key, { headers: range }))
  t.ok(across.body.equals(whole.subarray(5 * MiB - 2, 5 * MiB + 4)), 'a range across parts')
  const second = await node.request('GET', '/bkt/o?partNumber=2', withKey(key))
  t.equal(second.status, 206)
  t.ok(second.body.equals(bodies[1]))
  t.equal(second.headers['x-amz-mp-parts-count'], '3')
  t.equal((await node.request('GET', '/bkt/o', withKey(other))).status, 403)
  t.equal((await node.request('GET', '/bkt/o?partNumber=2')).status, 400)
})

t.test('a key on Complete must be the upload’s, an incomplete one is ignored', async (t) => {
  const [node, id] = await begin(t)
  const etag = await putPart(node, '/bkt/o', id, 1, withKey(key, { body: 'x' }))
  const body = completeBody([[1, etag]])
  const complete = (options: SentRequest, upload = id) =>
    node.request('POST', `/bkt/o?uploadId=${upload}`, { ...options, body })
  t.equal(outcome(await complete(withKey(other))), '400 InvalidRequest')
  const unsupported = { ...keyHeaders(key), [`${name}-algorithm`]: 'AES1' }
  t.equal(
    outcome(await complete({ tls: true, headers: unsupported })),
    '400 InvalidEncryptionAlgorithmError',
  )
  const plainId = await createUpload(node, '/bkt/o')
  t.equal(outcome(await complete(withKey(key), plainId)), '400 InvalidRequest')
  const { [`${name}-key`]: _, ...incomplete } = keyHeaders(other)
  t.equal(outcome(await complete({ tls: true, headers: incomplete })), '200')
})

t.test('a full trio on Complete is echoed', async (t) => {
  const [node, id] = await begin(t)
  const etag = await putPart(node, '/bkt/o', id, 1, withKey(key, { body: 'x' }))
  const body = completeBody([[1, etag]])
  const done = await node.request('POST', `/bkt/o?uploadId=${id}`, withKey(key, { body }))
  t.equal(outcome(done), '200')
  t.equal(done.headers[`${name}-algorithm`], 'AES256')
})

t.test('UploadPartCopy opens its source with one key and seals with the other', async (t) => {
  const [node, id] = await begin(t)
  const source = Buffer.from(Array.from({ length: 200_000 }, (_, i) => i % 249))
  await node.request('PUT', '/bkt/secret', withKey(other, { body: source }))
  const copy = (from: Buffer | null, to: Buffer | null, range?: string) =>
    node.request('PUT', part(id, 1), {
      tls: true,
      headers: {
        'x-amz-copy-source': '/bkt/secret',
        ...(range && { 'x-amz-copy-source-range': range }),
        ...(from && keyHeaders(from, 'x-amz-copy-source-')),
        ...(to && keyHeaders(to)),
      },
    })
  t.equal(outcome(await copy(other, null)), '400 InvalidRequest', 'no key for the target')
  t.equal(outcome(await copy(other, other)), '400 InvalidRequest', 'another key for the target')
  t.equal(outcome(await copy(null, key)), '400 InvalidRequest', 'no key for the source')
  t.equal(outcome(await copy(key, key)), '400 InvalidRequest', 'another key for the source')
  for (const size of [1, 31, 33]) {
    const short = await copy(Buffer.alloc(size, 'k'), key)
    t.equal(outcome(short), '400 InvalidArgument', `a key of ${size} bytes for the source`)
    t.equal(element(short, 'Message'), 'The secret key was invalid for the specified algorithm.')
  }
  const copied = await copy(other, key, 'bytes=65535-131072')
  t.equal(outcome(copied), '200')
  const body = completeBody([[1, element(copied, 'ETag')!]])
  t.equal(outcome(await node.request('POST', `/bkt/o?uploadId=${id}`, { body })), '200')
  const read = await node.request('GET', '/bkt/o', withKey(key))
  t.ok(read.body.equals(source.subarray(65535, 131073)))
})

t.test('an upload is aborted without its key', async (t) => {
  const [node, id] = await begin(t)
  t.equal((await node.request('DELETE', `/bkt/o?uploadId=${id}`)).status, 204)
  const late = await node.request('PUT', part(id, 1), withKey(key, { body: 'x' }))
  t.equal(outcome(late), '404 NoSuchUpload')
})

/** An upload under the key with a checksum of all bytes, its one part, and the body that completes it. */
async function beginSummed(t: Parameters<typeof startNode>[0]) {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const headers = { 'x-amz-checksum-algorithm': 'CRC32', 'x-amz-checksum-type': 'FULL_OBJECT' }
  const id = await createUpload(node, '/bkt/o', withKey(key, { headers }))
  const sum = { 'x-amz-checksum-crc32': CRC32_OF_HELLO }
  const etag = await putPart(node, '/bkt/o', id, 1, withKey(key, { body: 'hello', headers: sum }))
  return { node, id, body: completeBody([[1, etag]]) }
}

t.test('parts’ checksums are listed to whoever brings the key', async (t) => {
  const { node, id } = await beginSummed(t)
  const list = (options: SentRequest) => node.request('GET', `/bkt/o?uploadId=${id}`, options)
  const keyless = await list({ tls: true })
  t.equal(outcome(keyless), '200')
  t.equal(element(keyless, 'Size'), '5')
  t.equal(element(keyless, 'ChecksumAlgorithm'), 'CRC32', 'the algorithm is no secret')
  t.equal(element(keyless, 'ChecksumCRC32'), undefined, 'the value says what the content is')
  const keyed = await list(withKey(key))
  t.equal(element(keyed, 'ChecksumCRC32'), CRC32_OF_HELLO)
  const { [`${name}-key`]: _, ...incomplete } = keyHeaders(key)
  const partial = await list({ tls: true, headers: incomplete })
  t.equal(outcome(partial), '200', 'an incomplete key is ignored')
  t.equal(element(partial, 'ChecksumCRC32'), undefined)
  const wrong = await list(withKey(other))
  t.equal(outcome(wrong), '400 InvalidRequest')
  t.equal(element(wrong, 'Message'), texts.different)
  t.equal(outcome(await list({ ...withKey(key), tls: false })), '400 InvalidArgument', 'no TLS')
  const plainId = await createUpload(node, '/bkt/p')
  const onPlain = await node.request('GET', `/bkt/p?uploadId=${plainId}`, withKey(key))
  t.equal(outcome(onPlain), '400 InvalidRequest', 'a key on an upload without')
})

t.test('checksums of parts without a customer key are listed to everybody who may', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const id = await createUpload(node, '/bkt/o', {
    headers: { 'x-amz-checksum-algorithm': 'CRC32' },
  })
  const headers = { 'x-amz-checksum-crc32': CRC32_OF_HELLO }
  await putPart(node, '/bkt/o', id, 1, { body: 'hello', headers })
  const listed = await node.request('GET', `/bkt/o?uploadId=${id}`)
  t.equal(element(listed, 'ChecksumCRC32'), CRC32_OF_HELLO)
})

t.test('a Complete that is sent again shows the checksum to whoever brings the key', async (t) => {
  const { node, id, body } = await beginSummed(t)
  const complete = (options: SentRequest) =>
    node.request('POST', `/bkt/o?uploadId=${id}`, { ...options, body })
  const first = await complete({ tls: true })
  t.equal(outcome(first), '200')
  t.equal(element(first, 'ChecksumCRC32'), CRC32_OF_HELLO, 'the first has computed it')
  const again = await complete({ tls: true })
  t.equal(outcome(again), '200')
  t.equal(element(again, 'ETag'), element(first, 'ETag'))
  t.equal(element(again, 'ChecksumCRC32'), undefined)
  t.equal(element(again, 'ChecksumType'), undefined)
  const keyed = await complete(withKey(key))
  t.equal(outcome(keyed), '200')
  t.equal(element(keyed, 'ChecksumCRC32'), CRC32_OF_HELLO)
  t.equal(element(keyed, 'ChecksumType'), 'FULL_OBJECT')
  const wrong = await complete(withKey(other))
  t.equal(outcome(wrong), '400 InvalidRequest')
  t.equal(element(wrong, 'Message'), texts.different)
})
