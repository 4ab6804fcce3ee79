// Objects over HTTP: put, get, head, delete, with all that their headers say.
import t from 'tap'
import { type SentRequest, startNode, type TestNode } from '../../helpers/node.ts'
import {
  completeBody,
  createUpload,
  customerKey,
  element,
  hexMd5,
  outcome,
  putPart,
  withKey,
} from '../../helpers/s3.ts'

async function startBucket(t: Parameters<typeof startNode>[0]): Promise<TestNode> {
  const node = await startNode(t)
  await node.request('PUT', '/bucket')
  return node
}

const with_ = (headers: Record<string, string>, more: SentRequest = {}) => ({ ...more, headers })

t.test('an object comes back as it went up, with its headers', async (t) => {
  const node = await startBucket(t)
  const headers = {
    'content-type': 'text/x',
    'content-encoding': 'gzip, aws-chunked',
    'content-disposition': 'attachment',
    'content-language': 'de',
    'cache-control': 'no-store',
    expires: 'Thu, 01 Dec 2033 16:00:00 GMT',
    'x-amz-meta-Name': 'Value',
    'x-amz-meta-word': '=?UTF-8?B?w7w=?=',
  }
  const put = await node.request('PUT', '/bucket/k', { headers, body: 'hello' })
  const etag = `"${hexMd5('hello')}"`
  t.match(put, { status: 200, headers: { etag, 'x-amz-server-side-encryption': 'AES256' } })
  const shown = {
    etag,
    'content-type': 'text/x',
    'content-encoding': 'gzip',
    'content-disposition': 'attachment',
    'content-language': 'de',
    'cache-control': 'no-store',
    expires: headers.expires,
    'content-length': '5',
    'accept-ranges': 'bytes',
    'last-modified': /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/,
    'x-amz-meta-name': 'Value',
    'x-amz-meta-word': '=?UTF-8?B?w7w=?=',
    'x-amz-server-side-encryption': 'AES256',
    'x-amz-request-id': /^\w+$/,
    'x-amz-id-2': /\S/,
  }
  t.match(await node.request('GET', '/bucket/k'), { status: 200, text: 'hello', headers: shown })
  t.match(await node.request('HEAD', '/bucket/k'), { status: 200, text: '', headers: shown })
})

t.test('keys are taken byte for byte', async (t) => {
  const node = await startBucket(t)
  for (const key of [
    'a%20b',
    'a%2Bb',
    '/lead',
    'a//b',
    '%C3%BC',
    '%00%01',
    '%2F',
    'a%3Fb%23',
    'tail/',
  ]) {
    t.equal((await node.request('PUT', `/bucket/${key}`, { body: key })).status, 200, key)
  }
  for (const key of ['a%20b', 'a%2Bb', '/lead', 'a//b', '%C3%BC', '%00%01', 'a%3Fb%23', 'tail/']) {
    t.equal((await node.request('GET', `/bucket/${key}`)).text, key, key)
  }
  t.equal(outcome(await node.request('GET', '/bucket/a%zz', { sign: false })), '400 InvalidURI')
  t.equal(outcome(await node.request('GET', '/bucket/%ff', { sign: false })), '400 InvalidURI')
})

t.test('a key has at most 1,024 bytes', async (t) => {
  const node = await startBucket(t)
  t.equal((await node.request('PUT', `/bucket/${'k'.repeat(1024)}`, { body: 'x' })).status, 200)
  const long = await node.request('PUT', `/bucket/${'k'.repeat(1025)}`, { body: 'x' })
  t.equal(outcome(long), '400 KeyTooLongError')
  t.match([element(long, 'Size'), element(long, 'MaxSizeAllowed')], ['1025', '1024'])
  const wide = await node.request('GET', `/bucket/${'%C3%BC'.repeat(513)}`)
  t.equal(outcome(wide), '400 KeyTooLongError')
})

t.test('ranges', async (t) => {
  const node = await startBucket(t)
  await node.request('PUT', '/bucket/k', { body: '0123456789' })
  const get = async (range: string) => await node.request('GET', '/bucket/k', with_({ range }))
  t.match(await get('bytes=2-4'), {
    status: 206,
    text: '234',
    headers: { 'content-range': 'bytes 2-4/10', 'content-length': '3' },
  })
  t.match(await get('bytes=-3'), { status: 206, text: '789' })
  t.match(await get('bytes=8-100'), { status: 206, text: '89' })
  t.match(await get('bytes=0-1,3-4'), { status: 200, text: '0123456789' })
  t.match(await get('nonsense'), { status: 200 })
  const behind = await get('bytes=10-')
  t.equal(outcome(behind), '416 InvalidRange')
  t.equal(element(behind, 'ActualObjectSize'), '10')
  t.equal(element(behind, 'RangeRequested'), 'bytes=10-')
  const head = await node.request('HEAD', '/bucket/k', with_({ range: 'bytes=0-0' }))
  t.match(head, { status: 206, headers: { 'content-length': '1' } })
})

t.test('conditions of reads', async (t) => {
  const node = await startBucket(t)
  const put = await node.request('PUT', '/bucket/k', { body: 'x' })
  const etag = String(put.headers.etag)
  const get = async (headers: Record<string, string>) =>
    await node.request('GET', '/bucket/k', with_(headers))
  const past = 'Mon, 01 Jan 2001 00:00:00 GMT'
  t.equal((await get({ 'if-match': etag })).status, 200)
  t.equal((await get({ 'if-match': etag.slice(1, -1) })).status, 200, 'without quotes')
  const failed = await get({ 'if-match': '"other"' })
  t.equal(outcome(failed), '412 PreconditionFailed')
  t.equal(element(failed, 'Condition'), 'If-Match')
  const unchanged = await get({ 'if-none-match': etag })
  t.match(unchanged, { status: 304, text: '', headers: { etag } })
  t.equal((await get({ 'if-none-match': '"other"' })).status, 200)
  t.equal((await get({ 'if-modified-since': past })).status, 200)
  t.equal((await get({ 'if-unmodified-since': past })).status, 412)
  const modified = String((await get({})).headers['last-modified'])
  t.equal((await get({ 'if-modified-since': modified })).status, 304)
  t.equal((await node.request('HEAD', '/bucket/k', with_({ 'if-match': '"o"' }))).status, 412)
})

t.test('conditions of writes and deletes', async (t) => {
  const node = await startBucket(t)
  const put = async (headers: Record<string, string>) =>
    await node.request('PUT', '/bucket/k', with_(headers, { body: 'x' }))
  t.equal(outcome(await put({ 'if-match': '"e"' })), '404 NoSuchKey')
  const first = await put({ 'if-none-match': '*' })
  t.equal(first.status, 200)
  const second = await put({ 'if-none-match': '*' })
  t.equal(outcome(second), '412 PreconditionFailed')
  t.equal(element(second, 'Condition'), 'If-None-Match')
  t.equal((await put({ 'if-match': '"e"' })).status, 412)
  t.equal((await put({ 'if-match': String(first.headers.etag) })).status, 200)
  const remove = async (etag: string) =>
    await node.request('DELETE', '/bucket/k', with_({ 'if-match': etag }))
  t.equal(outcome(await remove('"e"')), '412 PreconditionFailed')
  t.equal((await remove(String(first.headers.etag))).status, 204)
})

t.test('a delete may depend on size and time', async (t) => {
  const node = await startBucket(t)
  await node.request('PUT', '/bucket/k', withKey(customerKey('a'), { body: 'hello' }))
  await node.request('PUT', '/bucket/kk', { body: 'x' })
  const head = await node.request('HEAD', '/bucket/k', withKey(customerKey('a')))
  const modified = String(head.headers['last-modified'])
  const remove = async (name: string, value: string, key = 'k') =>
    outcome(
      await node.request('DELETE', `/bucket/${key}`, with_({ [`x-amz-if-match-${name}`]: value })),
    )
  t.equal(await remove('size', '4'), '412 PreconditionFailed')
  t.equal(await remove('size', 'x'), '400 InvalidArgument')
  const past = 'Mon, 01 Jan 2001 00:00:00 GMT'
  t.equal(await remove('last-modified-time', past), '412 PreconditionFailed')
  t.equal(await remove('last-modified-time', 'never'), '400 InvalidArgument')
  t.equal(await remove('last-modified-time', modified), '204', 'no key is needed')
  t.equal(await remove('size', '5'), '204', 'gone already, and its neighbour stays')
  t.equal((await node.request('HEAD', '/bucket/kk')).status, 200)
})

t.test('deleting what is not there is no error', async (t) => {
  const node = await startBucket(t)
  t.equal((await node.request('DELETE', '/bucket/none')).status, 204)
  t.equal((await node.request('DELETE', '/bucket/none?versionId=null')).status, 204)
  t.equal(outcome(await node.request('DELETE', '/bucket/k?versionId=bad')), '400 InvalidArgument')
  t.equal(outcome(await node.request('DELETE', '/bucket/k?versionId=')), '400 InvalidArgument')
  t.equal(outcome(await node.request('DELETE', '/none/k')), '404 NoSuchBucket')
  await node.request('PUT', '/bucket/k', { body: 'x' })
  t.equal((await node.request('GET', '/bucket/k?versionId=null')).text, 'x')
  t.equal((await node.request('DELETE', '/bucket/k?versionId=null')).status, 204)
  const gone = await node.request('GET', '/bucket/k')
  t.equal(outcome(gone), '404 NoSuchKey')
  t.equal(element(gone, 'Key'), 'k')
  t.equal(element(gone, 'RequestId'), gone.headers['x-amz-request-id'])
})

t.test('a reader may ask for other headers, if it is known', async (t) => {
  const node = await startBucket(t)
  await node.request('PUT', '/bucket/k', { body: 'x' })
  const query =
    'response-content-type=a%2Fb&response-cache-control=no-cache&response-content-disposition=%C3%BC'
  t.match(await node.request('GET', `/bucket/k?${query}`), {
    status: 200,
    headers: { 'content-type': 'a/b', 'cache-control': 'no-cache', 'content-disposition': 'ü' },
  })
  const wide = await node.request('GET', '/bucket/k?response-cache-control=%E2%80%94')
  t.equal(element(wide, 'Message'), 'Header value cannot be represented using ISO-8859-1.')
  const split = await node.request('GET', '/bucket/k?response-cache-control=a%0D%0AX%3A%20y')
  t.equal(outcome(split), '400 InvalidArgument')
  t.equal(split.headers.x, undefined)
})

t.test('checksums are kept, checked, and shown to whoever asks', async (t) => {
  const node = await startBucket(t)
  const sum = 'NhCmhg=='
  const put = async (value: string) =>
    await node.request(
      'PUT',
      '/bucket/k',
      with_({ 'x-amz-checksum-crc32': value }, { body: 'hello' }),
    )
  t.match(await put(sum), {
    status: 200,
    headers: { 'x-amz-checksum-crc32': sum, 'x-amz-checksum-type': 'FULL_OBJECT' },
  })
  const wrong = await put('AAAAAA==')
  t.equal(outcome(wrong), '400 BadDigest')
  t.equal(
    element(wrong, 'Message'),
    'The CRC32 you specified did not match the calculated checksum.',
  )
  t.equal(outcome(await put('bad')), '400 InvalidRequest')
  const mode = { 'x-amz-checksum-mode': 'ENABLED' }
  const silent = await node.request('GET', '/bucket/k')
  t.equal(silent.headers['x-amz-checksum-crc32'], undefined)
  const asked = await node.request('GET', '/bucket/k', with_(mode))
  t.equal(asked.headers['x-amz-checksum-crc32'], sum)
  const ranged = await node.request('GET', '/bucket/k', with_({ ...mode, range: 'bytes=0-1' }))
  t.equal(ranged.headers['x-amz-checksum-crc32'], undefined, 'it is not the checksum of the range')
  t.equal(
    (await node.request('HEAD', '/bucket/k', with_(mode))).headers['x-amz-checksum-crc32'],
    sum,
  )
})

t.test('Content-MD5 is checked', async (t) => {
  const node = await startBucket(t)
  const put = async (md5: string) =>
    outcome(
      await node.request('PUT', '/bucket/k', with_({ 'content-md5': md5 }, { body: 'hello' })),
    )
  t.equal(await put('XUFAKrxLKna5cZ2REBfFkg=='), '200')
  t.equal(await put('AAAAAAAAAAAAAAAAAAAAAA=='), '400 BadDigest')
  t.equal(await put('nonsense'), '400 InvalidDigest')
})

t.test('headers that ask for what is not built are refused', async (t) => {
  const node = await startBucket(t)
  const put = async (name: string, value: string) =>
    await node.request('PUT', '/bucket/k', with_({ [name]: value }, { body: 'x' }))
  const tagged = await put('x-amz-tagging', 'a=b')
  t.equal(outcome(tagged), '501 NotImplemented')
  t.equal(element(tagged, 'Header'), 'x-amz-tagging')
  t.equal(outcome(await put('x-amz-storage-class', 'Fake')), '400 InvalidStorageClass')
  const key = Buffer.alloc(32, 1).toString('base64')
  const leaked = await put('x-amz-meta-encryption-key', key)
  t.equal(outcome(leaked), '400 InvalidArgument')
  t.notOk(leaked.text.includes(key))
  t.equal(outcome(await put('x-amz-meta-a', 'x'.repeat(2048))), '400 MetadataTooLarge')
  const read = await node.request(
    'GET',
    '/bucket/k',
    with_({ 'x-amz-server-side-encryption': 'AES256' }),
  )
  t.equal(outcome(read), '400 InvalidArgument')
})

t.test('part numbers of a plain object', async (t) => {
  const node = await startBucket(t)
  await node.request('PUT', '/bucket/k', { body: 'hello' })
  const first = await node.request('GET', '/bucket/k?partNumber=1')
  t.match(first, { status: 206, text: 'hello', headers: { 'content-range': 'bytes 0-4/5' } })
  t.equal(first.headers['x-amz-mp-parts-count'], undefined)
  t.equal(outcome(await node.request('GET', '/bucket/k?partNumber=2')), '416 InvalidPartNumber')
  t.equal(outcome(await node.request('GET', '/bucket/k?partNumber=0')), '400 InvalidArgument')
  const both = await node.request('GET', '/bucket/k?partNumber=1', with_({ range: 'bytes=0-1' }))
  t.equal(outcome(both), '400 InvalidRequest')
})

t.test('a part without bytes is answered whole: no Content-Range can name none', async (t) => {
  const node = await startBucket(t)
  await node.request('PUT', '/bucket/plain', { body: '' })
  await node.request('PUT', '/bucket/sealed', withKey(customerKey('a'), { body: '' }))
  const upload = async (path: string, bodies: readonly Buffer[]) => {
    const id = await createUpload(node, path)
    const parts: [number, string][] = []
    for (const [i, body] of bodies.entries()) {
      parts.push([i + 1, await putPart(node, path, id, i + 1, { body })])
    }
    const body = completeBody(parts)
    t.equal((await node.request('POST', `${path}?uploadId=${id}`, { body })).status, 200)
  }
  const none = Buffer.alloc(0)
  await upload('/bucket/single', [none])
  await upload('/bucket/last', [Buffer.alloc(5 << 20), none])
  for (const [path, part, count, options] of [
    ['/bucket/plain', 1, undefined, {}],
    ['/bucket/sealed', 1, undefined, withKey(customerKey('a'))],
    ['/bucket/single', 1, '1', {}],
    ['/bucket/last', 2, '2', {}],
  ] as const) {
    for (const method of ['GET', 'HEAD']) {
      const answer = await node.request(method, `${path}?partNumber=${part}`, options)
      t.equal(answer.status, 200, `${method} ${path}`)
      t.equal(answer.text, '')
      t.match(answer.headers, { 'content-length': '0', 'accept-ranges': 'bytes' })
      t.equal(answer.headers['content-range'], undefined)
      t.equal(answer.headers['x-amz-mp-parts-count'], count)
    }
  }
  const beyond = await node.request('GET', '/bucket/plain?partNumber=2')
  t.equal(outcome(beyond), '416 InvalidPartNumber')
})

t.test('subresources of a sealed object need no key', async (t) => {
  const node = await startBucket(t)
  await node.request('PUT', '/bucket/k', withKey(customerKey('a'), { body: 'x' }))
  t.equal((await node.request('GET', '/bucket/k?acl')).status, 200)
  t.equal((await node.request('GET', '/bucket/k?tagging')).status, 200)
  t.equal((await node.request('DELETE', '/bucket/k')).status, 204)
})

t.test('a wrong key is 400 where the operator wants it so', async (t) => {
  const node = await startNode(t, { ssec: { wrongKeyStatus: 400 } })
  await node.request('PUT', '/bucket')
  await node.request('PUT', '/bucket/k', withKey(customerKey('a'), { body: 'x' }))
  const wrong = await node.request('GET', '/bucket/k', withKey(customerKey('b')))
  t.equal(outcome(wrong), '400 InvalidRequest')
  t.match(node.audited.at(-1), { operation: 'GetObject', result: 'KeyWrong' })
})
