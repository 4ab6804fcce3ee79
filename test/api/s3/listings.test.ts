// Listings and DeleteObjects over HTTP.
import { createHash } from 'node:crypto'
import t from 'tap'
import { startNode, type TestNode } from '../../helpers/node.ts'
import { element, elements, outcome } from '../../helpers/s3.ts'

async function startBucket(
  t: Parameters<typeof startNode>[0],
  keys: readonly string[],
): Promise<TestNode> {
  const node = await startNode(t)
  await node.request('PUT', '/bucket')
  for (const key of keys) {
    const path = `/bucket/${encodeURIComponent(key).replaceAll('%2F', '/')}`
    const { status } = await node.request('PUT', path, { body: key })
    if (status !== 200) throw new Error(`put ${key}: ${status}`)
  }
  return node
}

const prefixes = (text: string) =>
  [...text.matchAll(/<CommonPrefixes><Prefix>([^<]*)</g)].map((match) => match[1])

t.test('version 1: marker, delimiter, NextMarker', async (t) => {
  const node = await startBucket(t, ['a', 'b/1', 'b/2', 'c', 'd/1'])
  const list = async (query = '') => await node.request('GET', `/bucket?${query}`)
  const all = await list()
  t.same(elements(all, 'Key'), ['a', 'b/1', 'b/2', 'c', 'd/1'])
  t.match([element(all, 'IsTruncated'), element(all, 'Marker')], ['false', ''])
  t.equal(elements(all, 'DisplayName').length, 5, 'the owner is always there')
  t.equal(element(all, 'StorageClass'), 'STANDARD')
  const first = await list('delimiter=/&max-keys=2')
  t.same([elements(first, 'Key'), prefixes(first.text)], [['a'], ['b/']])
  t.match([element(first, 'IsTruncated'), element(first, 'NextMarker')], ['true', 'b/'])
  const second = await list('delimiter=/&max-keys=2&marker=b/')
  t.same([elements(second, 'Key'), prefixes(second.text)], [['c'], ['d/']])
  t.equal(element(second, 'NextMarker'), undefined)
  const plain = await list('max-keys=2')
  t.match([element(plain, 'IsTruncated'), element(plain, 'NextMarker')], ['true', undefined])
  t.equal(element(await list('delimiter='), 'Delimiter'), undefined)
  t.same(elements(await list('prefix=b/&marker=b/1'), 'Key'), ['b/2'])
})

t.test('version 2: tokens, start-after, owner', async (t) => {
  const keys = ['a', 'b/1', 'b/2', 'c', 'd/1', 'ü']
  const node = await startBucket(t, keys)
  const list = async (query = '') => await node.request('GET', `/bucket?list-type=2&${query}`)
  const found: (string | undefined)[] = []
  let token: string | undefined
  do {
    const query = token === undefined ? '' : `&continuation-token=${encodeURIComponent(token)}`
    const page = await list(`max-keys=2${query}`)
    found.push(...elements(page, 'Key'))
    t.equal(element(page, 'KeyCount'), '2')
    token = element(page, 'NextContinuationToken')
  } while (token !== undefined)
  t.same(found, keys)
  const folded = await list('delimiter=/&max-keys=2')
  t.same(prefixes(folded.text), ['b/'])
  const next = encodeURIComponent(element(folded, 'NextContinuationToken')!)
  const rest = await list(`delimiter=/&continuation-token=${next}&start-after=zzz`)
  t.same([elements(rest, 'Key'), prefixes(rest.text)], [['c', 'ü'], ['d/']], 'the token wins')
  t.equal(element(rest, 'StartAfter'), 'zzz')
  t.same(elements(await list('start-after=c'), 'Key'), ['d/1', 'ü'])
  t.equal(element(await list(), 'Owner'), undefined)
  t.equal(elements(await list('fetch-owner=true'), 'ID').length, keys.length)
  const empty = await list('continuation-token=')
  t.match([element(empty, 'ContinuationToken'), element(empty, 'KeyCount')], ['', '6'])
})

t.test('bad parameters are InvalidArgument', async (t) => {
  const node = await startBucket(t, [])
  for (const query of [
    'max-keys=blah',
    'max-keys=-1',
    'max-keys=9999999999',
    'encoding-type=value',
    'list-type=2&continuation-token=bad',
    'versions&version-id-marker=null',
    'uploads&key-marker=k&upload-id-marker=WRONG',
    'uploads&max-uploads=0',
  ]) {
    t.equal(outcome(await node.request('GET', `/bucket?${query}`)), '400 InvalidArgument', query)
  }
  t.equal(outcome(await node.request('GET', '/none')), '404 NoSuchBucket')
})

t.test('a page has at most 1,000 entries and at least none', async (t) => {
  const node = await startBucket(t, ['a'])
  const none = await node.request('GET', '/bucket?max-keys=0')
  t.match([element(none, 'IsTruncated'), element(none, 'Key')], ['false', undefined])
  t.equal(element(await node.request('GET', '/bucket?max-keys=5000'), 'MaxKeys'), '1000')
})

t.test('names come encoded where the client wants it', async (t) => {
  const node = await startBucket(t, ['asdf+b', 'foo+1/bar', 'quux ab/thud', 'x\u0001y', 'ü'])
  const query = 'delimiter=/&encoding-type=url'
  const encoded = await node.request('GET', `/bucket?${query}`)
  t.same(elements(encoded, 'Key'), ['asdf%2Bb', 'x%01y', '%C3%BC'])
  t.same(prefixes(encoded.text), ['foo%2B1/', 'quux%20ab/'])
  t.equal(element(encoded, 'EncodingType'), 'url')
  const plain = await node.request('GET', '/bucket?prefix=x')
  t.same(elements(plain, 'Key'), ['x&#x1;y'])
})

t.test('versions are the current objects, each the null version', async (t) => {
  const node = await startBucket(t, ['a', 'b', 'c/1'])
  const page = await node.request('GET', '/bucket?versions&max-keys=1')
  t.match([element(page, 'Key'), element(page, 'VersionId')], ['a', 'null'])
  t.match([element(page, 'NextKeyMarker'), element(page, 'NextVersionIdMarker')], ['a', 'null'])
  const rest = await node.request(
    'GET',
    '/bucket?versions&delimiter=/&key-marker=a&version-id-marker=null',
  )
  t.same([elements(rest, 'Key'), prefixes(rest.text)], [['b'], ['c/']])
  t.equal(element(rest, 'IsTruncated'), 'false')
})

const del = (...objects: string[]) => `<Delete>${objects.join('')}</Delete>`
const object = (key: string, more = '') => `<Object><Key>${key}</Key>${more}</Object>`

function deletion(body: string, headers: Record<string, string> = {}) {
  const digest = createHash('md5').update(body).digest('base64')
  return { body, headers: { 'content-md5': digest, ...headers } }
}

t.test('many objects go with one request, each answered by itself', async (t) => {
  const node = await startBucket(t, ['a', 'b', 'c', 'd&e'])
  const body = del(
    object('a'),
    object('none'),
    object('b', '<ETag>wrong</ETag>'),
    object('d&amp;e', '<VersionId>null</VersionId>'),
    object('c', '<VersionId>bad</VersionId>'),
    object('c', '<Size>7</Size>'),
    object('c', '<LastModifiedTime>never</LastModifiedTime>'),
    object('k'.repeat(1025)),
  )
  const answer = await node.request('POST', '/bucket?delete', deletion(body))
  t.equal(answer.status, 200)
  t.same(
    [...answer.text.matchAll(/<Deleted><Key>([^<]*)/g)].map((match) => match[1]),
    ['a', 'none', 'd&amp;e'],
  )
  t.same(elements(answer, 'Code'), [
    'PreconditionFailed',
    'InvalidArgument',
    'PreconditionFailed',
    'InvalidArgument',
    'KeyTooLongError',
  ])
  const left = elements(await node.request('GET', '/bucket'), 'Key')
  t.same(left, ['b', 'c'])
  const lines = node.audited.filter(({ operation }) => operation === 'DeleteObjects')
  const deleted = lines.filter(({ result, object }) => result === 'ok' && object !== undefined)
  t.same(deleted.map(({ object }) => object).sort(), ['a', 'd&e', 'none'])
  const refused = lines.filter(({ result, object }) => result !== 'ok' && object !== undefined)
  t.match(
    lines.at(-1),
    { object: undefined, result: 'PreconditionFailed' },
    'and the worst for all',
  )
  t.same(
    refused.map(({ object, result, count }) => [object, result, count]),
    [
      ['b', 'PreconditionFailed', 2],
      ['c', 'VersionInvalid', undefined],
      ['c', 'InvalidArgument', undefined],
      ['k'.repeat(1025), 'ObjectNameTooLong', undefined],
    ],
    'a line for each reason',
  )
})

t.test('quiet shows errors only; bypassing governance bypasses nothing here', async (t) => {
  const node = await startBucket(t, ['a'])
  const headers = { 'x-amz-bypass-governance-retention': 'true' }
  const body = del('<Quiet>true</Quiet>', object('a'))
  const answer = await node.request('POST', '/bucket?delete', deletion(body, headers))
  t.match(answer.text, /<DeleteResult [^>]*><\/DeleteResult>$/)
  t.equal((await node.request('HEAD', '/bucket/a')).status, 404)
})

t.test('a delete that could be damaged, or says nothing, changes nothing', async (t) => {
  const node = await startBucket(t, ['a'])
  const post = async (options: { body: string; headers?: Record<string, string> }) =>
    outcome(await node.request('POST', '/bucket?delete', options))
  t.equal(await post({ body: del(object('a')) }), '400 InvalidRequest', 'no digest')
  const wrong = { 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' }
  t.equal(await post(deletion(del(object('a')), wrong)), '400 BadDigest')
  t.equal(await post(deletion(del())), '400 MalformedXML')
  t.equal(await post(deletion('not xml')), '400 MalformedXML')
  t.equal(await post(deletion(del(...Array(1001).fill(object('a'))))), '400 MalformedXML')
  const entity = `<!DOCTYPE x [<!ENTITY k "a">]>${del(object('&k;'))}`
  t.equal(await post(deletion(entity)), '400 MalformedXML')
  t.equal((await node.request('HEAD', '/bucket/a')).status, 200)
})
