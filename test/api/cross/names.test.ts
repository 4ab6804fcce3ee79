// Names across dialects: what Swift may call a container or an object, S3 serves, byte by byte as it was
// written; and the account is the owner on both sides.
import t from 'tap'
import { startBoth, startWithContainer, swiftList } from '../../helpers/both.ts'
import { element, elements, outcome } from '../../helpers/s3.ts'

/** A name as it stands in a path. */
const encoded = (name: string) =>
  Array.from(Buffer.from(name), (byte) => {
    const char = String.fromCharCode(byte)
    return /[A-Za-z0-9._~/-]/.test(char)
      ? char
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }).join('')

/** No bucket may be called so, and every one of them is a container. */
const odd = [
  'UPPER_case',
  'a b',
  'ü',
  '日本',
  'a',
  'x.-y',
  '-',
  "qu'ote&<>",
  '%41',
  'x'.repeat(256),
]

t.test('a container that S3 could not have made is listed and served by S3', async (t) => {
  const both = await startBoth(t)
  const { swift, s3 } = both
  for (const name of odd) {
    const path = `/${encoded(name)}`
    t.equal((await swift('PUT', path)).status, 201, name)
    t.equal((await swift('PUT', `${path}/o`, { body: name })).status, 201)
    const read = await s3('GET', `${path}/o`)
    t.equal(read.text, name)
    t.equal((await s3('PUT', `${path}/p`, { body: 'by S3' })).status, 200)
    t.equal((await swift('GET', `${path}/p`)).text, 'by S3')
    t.same(elements(await s3('GET', `${path}?list-type=2`), 'Key'), ['o', 'p'])
    t.equal((await s3('HEAD', path)).status, 200)
  }
  const bytewise = [...odd].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  t.same(elements(await s3('GET', '/'), 'Name'), bytewise)
  t.same(
    (await swiftList(both, '?')).map(({ name }) => name),
    bytewise,
  )
  for (const name of odd) {
    const path = `/${encoded(name)}`
    for (const object of ['o', 'p']) await s3('DELETE', `${path}/${object}`)
    t.equal((await s3('DELETE', path)).status, 204, name)
    t.equal((await swift('HEAD', path)).status, 404)
  }
})

t.test(
  'S3 makes legal buckets only, and calls a name invalid only where nothing has it',
  async (t) => {
    const { swift, s3 } = await startBoth(t)
    for (const name of odd.filter((name) => name !== '%41')) {
      const path = `/${encoded(name)}`
      t.equal(outcome(await s3('PUT', path)), '400 InvalidBucketName', name)
      t.equal(outcome(await s3('GET', `${path}/o`)), '400 InvalidBucketName')
      await swift('PUT', path)
      t.equal(outcome(await s3('GET', `${path}/o`)), '404 NoSuchKey')
    }
    t.equal(outcome(await s3('GET', '/legal-but-absent/o')), '404 NoSuchBucket')
  },
)

t.test('an object name is what was sent, byte by byte, in both directions', async (t) => {
  const both = await startWithContainer(t)
  const { swift, s3 } = both
  const names = [
    'é', // one character
    'e\u0301', // the same to a reader, another name
    '.',
    '..',
    'a//b',
    'a/../b',
    '/leading',
    'trailing/',
    ' blank ',
    'a+b?c#d%20e',
    'tab\tnew\nline',
    '\u{1f5dd}',
    'x'.repeat(1024),
    'é'.repeat(512),
  ]
  for (const [i, name] of names.entries()) {
    const [writer, reader] = i % 2 === 0 ? [s3, swift] : [swift, s3]
    const path = `/bkt/${encoded(name)}`
    const body = `object ${i}`
    t.ok((await writer('PUT', path, { body })).status < 300, name)
    t.equal((await reader('GET', path)).text, body, name)
  }
  const bytewise = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  t.same(
    (await swiftList(both)).map(({ name }) => name),
    bytewise,
  )
  const listed = elements(await s3('GET', '/bkt?list-type=2&encoding-type=url'), 'Key')
  t.same(
    listed.map((key) => decodeURIComponent(key.replaceAll('+', ' '))),
    bytewise,
  )
  for (const [i, name] of names.entries()) {
    const remover = i % 2 === 0 ? swift : s3
    t.equal((await remover('DELETE', `/bkt/${encoded(name)}`)).status, 204, name)
  }
  t.same(await swiftList(both), [])
})

t.test(
  'a name that is too long or no UTF-8 is refused by both, and nothing is stored',
  async (t) => {
    const both = await startWithContainer(t)
    const { swift, s3 } = both
    for (const name of ['x'.repeat(1025), `${'é'.repeat(512)}x`]) {
      const path = `/bkt/${encoded(name)}`
      t.equal((await swift('PUT', path, { body: 'x' })).status, 400)
      t.equal(outcome(await s3('PUT', path, { body: 'x' })), '400 KeyTooLongError')
    }
    for (const bad of ['%FF', '%C3', 'a%ED%A0%80']) {
      t.equal((await swift('PUT', `/bkt/${bad}`, { body: 'x' })).status, 412, bad)
      t.equal(outcome(await s3('PUT', `/bkt/${bad}`, { body: 'x' })), '400 InvalidURI', bad)
    }
    t.equal((await swift('PUT', `/${'x'.repeat(257)}`)).status, 400)
    t.same(await swiftList(both), [])
    t.equal((await swiftList(both, '?')).length, 1)
  },
)

t.test('the account of a Swift user is the owner that S3 shows', async (t) => {
  const { node, swift, s3 } = await startWithContainer(t)
  await swift('PUT', '/bkt/o', { body: 'x' })
  const owner = element(await s3('GET', '/'), 'ID')
  t.ok(owner)
  for (const path of ['/bkt?acl', '/bkt/o?acl']) {
    t.equal(element(await s3('GET', path), 'ID'), owner, path)
  }
  const listed = await s3('GET', '/bkt?list-type=2&fetch-owner=true')
  t.equal(element(listed, 'ID'), owner)
  const other = { access: 'other:other', secret: 'testing2' }
  t.not(element(await node.request('GET', '/', other), 'ID'), owner)
  t.same(elements(await node.request('GET', '/', other), 'Name'), [])
})

t.test(
  'a container that another account made first works in Swift, and S3 finds the first',
  async (t) => {
    const { node, swift, s3 } = await startBoth(t)
    const other = { access: 'other:other', secret: 'testing2' }
    await node.request('PUT', '/taken', other)
    t.equal(outcome(await s3('PUT', '/taken')), '409 BucketAlreadyExists')
    t.equal((await swift('PUT', '/taken')).status, 201)
    await swift('PUT', '/taken/o', { body: 'mine' })
    await node.request('PUT', '/taken/o', { ...other, body: 'theirs' })
    t.equal((await s3('GET', '/taken/o')).text, 'mine', 'the own account comes first')
    t.equal((await node.request('GET', '/taken/o', other)).text, 'theirs')
  },
)
