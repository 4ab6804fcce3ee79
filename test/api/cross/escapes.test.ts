// Which escape rule holds where a name is read: the tables of docs/s3.md and docs/swift.md, row by row, by
// objects whose names differ in nothing but the escape.
import t from 'tap'
import { startWithContainer, swiftList } from '../../helpers/both.ts'
import { element, elements, md5, outcome } from '../../helpers/s3.ts'

/** One name as it may stand in a request, and what else it could be read as. */
const names = ['a b', 'a+b', 'a%20b', 'a%2Bb']
const escaped: Readonly<Record<string, string>> = {
  'a b': 'a%20b',
  'a+b': 'a%2Bb',
  'a%20b': 'a%2520b',
  'a%2Bb': 'a%252Bb',
}

async function startNames(t: Parameters<typeof startWithContainer>[0], which = names) {
  const both = await startWithContainer(t)
  for (const name of which) await both.s3('PUT', `/bkt/${escaped[name]}`, { body: name })
  return both
}

t.test('in a path a plus is a plus, in both dialects', async (t) => {
  const { s3, swift } = await startNames(t)
  await swift('POST', '/bkt', { headers: { 'X-Container-Read': '.r:*' } })
  // Signers differ in how they write a bare plus; nobody has to sign what is public.
  const anonymous = (path: string) => s3('GET', path, { sign: false })
  for (const ask of [anonymous, (path: string) => swift('GET', path)]) {
    t.equal((await ask('/bkt/a+b')).text, 'a+b')
    for (const name of names) t.equal((await ask(`/bkt/${escaped[name]}`)).text, name)
  }
})

t.test('in a query a plus is a space, in both dialects', async (t) => {
  const both = await startNames(t)
  const s3Names = async (query: string) => elements(await both.s3('GET', `/bkt?${query}`), 'Key')
  const swiftNames = async (query: string) =>
    (await swiftList(both, `/bkt?${query}&`)).map(({ name }) => name)
  for (const list of [s3Names, swiftNames]) {
    t.same(await list('prefix=a+b'), ['a b'])
    t.same(await list('prefix=a%20b'), ['a b'])
    t.same(await list('prefix=a%2Bb'), ['a+b'])
    t.same(await list('prefix=a%2520b'), ['a%20b'])
  }
  const marked = elements(await both.s3('GET', '/bkt?list-type=2&start-after=a+b'), 'Key')
  t.same(marked, ['a%20b', 'a%2Bb', 'a+b'])
})

t.test(
  'a copy source is decoded; a plus is itself where that is there, else a space',
  async (t) => {
    const all = await startNames(t)
    const spaced = await startNames(t, ['a b'])
    for (const operation of ['CopyObject', 'UploadPartCopy'] as const) {
      for (const [both, source, name] of [
        [all, 'bkt/a+b', 'a+b'],
        [all, '/bkt/a%20b', 'a b'],
        [all, '/bkt/a%2Bb', 'a+b'],
        [all, '/bkt/a%2520b', 'a%20b'],
        [spaced, '/bkt/a+b', 'a b'],
        [spaced, '/bkt/a%20b', 'a b'],
      ] as const) {
        const headers = { 'x-amz-copy-source': source }
        let path = '/bkt/copy'
        if (operation === 'UploadPartCopy') {
          const id = element(await both.s3('POST', '/bkt/copy?uploads'), 'UploadId')
          path = `/bkt/copy?partNumber=1&uploadId=${id}`
        }
        const copied = await both.s3('PUT', path, { headers })
        t.equal(outcome(copied), '200', `${operation} ${source}`)
        t.equal(element(copied, 'ETag'), `"${md5(name).digest('hex')}"`, `${operation} ${source}`)
      }
      const escapedPlus = { 'x-amz-copy-source': '/bkt/a%2Bb' }
      const strict = await spaced.s3('PUT', '/bkt/copy', { headers: escapedPlus })
      t.equal(outcome(strict), '404 NoSuchKey', 'an escaped plus is no space')
    }
    const broken = await all.s3('PUT', '/bkt/copy', { headers: { 'x-amz-copy-source': '/bkt/a%' } })
    t.equal(outcome(broken), '400 InvalidArgument')
  },
)

t.test('a copy source that is nowhere is named as it was sent', async (t) => {
  const { s3 } = await startNames(t, [])
  const copy = (source: string) =>
    s3('PUT', '/bkt/copy', { headers: { 'x-amz-copy-source': source } })
  const missing = await copy('/bkt/a+b')
  t.equal(outcome(missing), '404 NoSuchKey')
  t.equal(element(missing, 'Key'), 'a+b')
  t.equal(outcome(await copy('/no+bucket/a+b')), '400 InvalidBucketName')
})

t.test('the bucket and the version of a copy source follow the same rule', async (t) => {
  const both = await startWithContainer(t)
  await both.swift('PUT', '/my%20bucket', { headers: { 'X-Versions-Enabled': 'true' } })
  const put = await both.s3('PUT', '/my%20bucket/a%20b', { body: 'old' })
  const old = put.headers['x-amz-version-id']
  await both.s3('PUT', '/my%20bucket/a%20b', { body: 'new' })
  const copy = async (source: string) => {
    const answer = await both.s3('PUT', '/bkt/copy', { headers: { 'x-amz-copy-source': source } })
    return answer.status === 200 ? (await both.s3('GET', '/bkt/copy')).text : outcome(answer)
  }
  t.equal(await copy('/my+bucket/a+b'), 'new')
  t.equal(await copy(`/my+bucket/a+b?versionId=${old}`), 'old')
  t.equal(
    await copy(
      `/my%20bucket/a%20b?versionId=%${old!.toString().charCodeAt(0).toString(16)}${old!.slice(1)}`,
    ),
    'old',
  )
})

t.test('a key in a document is what stands there, with nothing to decode but XML', async (t) => {
  const { s3 } = await startNames(t)
  const body =
    '<Delete><Object><Key>a+b</Key></Object><Object><Key>a&#37;20b</Key></Object></Delete>'
  const headers = { 'content-md5': md5(body).digest('base64') }
  const deleted = await s3('POST', '/bkt?delete', { headers, body })
  t.same(elements(deleted, 'Key'), ['a+b', 'a%20b'])
  t.same(elements(await s3('GET', '/bkt?list-type=2'), 'Key'), ['a b', 'a%2Bb'])
  const encoded = elements(await s3('GET', '/bkt?list-type=2&encoding-type=url'), 'Key')
  t.same(encoded, ['a%20b', 'a%252Bb'], 'what is shown encoded has no plus for a space')
})

t.test('Swift’s headers that name an object are decoded, and a plus is a plus', async (t) => {
  const { swift } = await startNames(t)
  for (const name of names) {
    const headers = { 'x-copy-from': `bkt/${escaped[name]}` }
    t.equal((await swift('PUT', '/bkt/copy', { headers, body: '' })).status, 201)
    t.equal((await swift('GET', '/bkt/copy')).text, name)
    const destination = `bkt/to-${escaped[name]}`
    t.equal((await swift('COPY', '/bkt/copy', { headers: { destination } })).status, 201)
    t.equal((await swift('GET', `/bkt/to-${escaped[name]}`)).text, name)
  }
  const plus = await swift('PUT', '/bkt/copy', { headers: { 'x-copy-from': 'bkt/a+b' }, body: '' })
  t.equal(plus.headers['x-copied-from'], 'bkt/a%2Bb')
  t.equal((await swift('GET', '/bkt/copy')).text, 'a+b')
  for (const bad of ['bkt/%', 'bkt/%FF']) {
    t.equal((await swift('COPY', '/bkt/copy', { headers: { destination: bad } })).status, 412)
  }
})

t.test('metadata values are not decoded', async (t) => {
  const { s3, swift } = await startNames(t, [])
  const value = 'a%20b+c'
  await s3('PUT', '/bkt/by-s3', { headers: { 'x-amz-meta-a': value }, body: '' })
  await swift('PUT', '/bkt/by-swift', { headers: { 'x-object-meta-a': value }, body: '' })
  for (const path of ['/bkt/by-s3', '/bkt/by-swift']) {
    t.equal((await s3('HEAD', path)).headers['x-amz-meta-a'], value, path)
    t.equal((await swift('HEAD', path)).headers['x-object-meta-a'], value, path)
  }
})

t.test('what cannot be read is refused, in each place in its own words', async (t) => {
  const { s3, swift } = await startWithContainer(t, { domains: ['s3.test'] })
  for (const bad of ['%', '%4', '%zz', '%FF']) {
    t.equal(outcome(await s3('GET', `/bkt/${bad}`, { sign: false })), '400 InvalidURI', bad)
    t.equal(outcome(await s3('GET', `/bkt?prefix=${bad}`, { sign: false })), '400 InvalidURI', bad)
    t.equal((await swift('GET', `/bkt/${bad}`)).status, 412, bad)
    t.equal((await swift('GET', `/bkt?prefix=${bad}`)).status, 400, bad)
  }
  const host = 'b%6bt.s3.test'
  t.equal(outcome(await s3('GET', '/o', { host, sign: false })), '400 InvalidBucketName')
  const body = '<Delete><Object><Key>&nbsp;</Key></Object></Delete>'
  const headers = { 'content-md5': md5(body).digest('base64') }
  t.equal(outcome(await s3('POST', '/bkt?delete', { headers, body })), '400 MalformedXML')
})
