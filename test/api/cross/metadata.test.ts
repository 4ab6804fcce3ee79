// Metadata and system headers: one set, shown in each dialect's own way.
import t from 'tap'
import {
  boundarySizes,
  rawHeaderNames,
  startWithContainer,
  swiftSpellings,
} from '../../helpers/both.ts'
import { element, outcome } from '../../helpers/s3.ts'

/** UTF-8 as Node has it in a header: one character a byte. */
const bytesOf = (text: string) => Buffer.from(text).toString('latin1')
const word = (text: string) => `=?UTF-8?B?${Buffer.from(text).toString('base64')}?=`

t.test('metadata that one dialect wrote is shown by the other', async (t) => {
  const { node, s3, swift, root, token } = await startWithContainer(t)
  await s3('PUT', '/bkt/s3', {
    headers: { 'x-amz-meta-colour': 'blue', 'x-amz-meta-two-words': 'a, b' },
    body: '',
  })
  await swift('PUT', '/bkt/swift', {
    headers: { 'X-Object-Meta-Colour': 'red', 'X-Object-Meta-Two-Words': 'c;  d' },
    body: '',
  })
  t.match((await swift('HEAD', '/bkt/s3')).headers, {
    'x-object-meta-colour': 'blue',
    'x-object-meta-two-words': 'a, b',
  })
  t.match((await s3('HEAD', '/bkt/swift')).headers, {
    'x-amz-meta-colour': 'red',
    'x-amz-meta-two-words': 'c;  d',
  })
  const headers = { 'X-Auth-Token': token }
  const names = await rawHeaderNames(node.http, `${root}/bkt/s3`, headers)
  t.ok(names.includes('X-Object-Meta-Two-Words'), 'Swift shows title case')
  await swift('POST', '/bkt', { headers: { 'X-Container-Read': '.r:*' } })
  const lower = await rawHeaderNames(node.http, '/bkt/swift', {})
  t.ok(lower.includes('x-amz-meta-two-words'), 'S3 shows lower case')
})

t.test('values are bytes: Swift shows them raw, S3 as encoded words', async (t) => {
  const { s3, swift } = await startWithContainer(t)
  const text = 'größe ✓'
  await swift('PUT', '/bkt/swift', { headers: { 'X-Object-Meta-N': bytesOf(text) }, body: '' })
  t.equal((await s3('HEAD', '/bkt/swift')).headers['x-amz-meta-n'], word(text))
  t.equal((await swift('HEAD', '/bkt/swift')).headers['x-object-meta-n'], bytesOf(text))
  await s3('PUT', '/bkt/s3', { headers: { 'x-amz-meta-n': word(text) }, body: '' })
  t.equal((await swift('HEAD', '/bkt/s3')).headers['x-object-meta-n'], bytesOf(text))
  t.equal((await s3('HEAD', '/bkt/s3')).headers['x-amz-meta-n'], word(text))
  const notUtf8 = '\xff\xfe'
  await swift('PUT', '/bkt/raw', { headers: { 'X-Object-Meta-N': notUtf8 }, body: '' })
  t.equal((await swift('HEAD', '/bkt/raw')).headers['x-object-meta-n'], notUtf8)
  t.equal((await s3('HEAD', '/bkt/raw')).headers['x-amz-meta-n'], notUtf8)
})

t.test('each dialect has limits of its own, and shows what is over them', async (t) => {
  const { s3, swift } = await startWithContainer(t)
  const long = 'v'.repeat(2047)
  t.equal((await s3('PUT', '/bkt/s3', { headers: { 'x-amz-meta-n': long }, body: '' })).status, 200)
  t.equal((await swift('HEAD', '/bkt/s3')).headers['x-object-meta-n'], long)
  const over = await s3('PUT', '/bkt/no', { headers: { 'x-amz-meta-n': `${long}v` }, body: '' })
  t.equal(outcome(over), '400 MetadataTooLarge')
  const tooLong = { 'X-Object-Meta-N': 'v'.repeat(257) }
  t.equal((await swift('PUT', '/bkt/no', { headers: tooLong, body: '' })).status, 400)
  t.equal((await swift('POST', '/bkt/s3', { headers: tooLong })).status, 400)
  t.equal((await swift('HEAD', '/bkt/s3')).headers['x-object-meta-n'], long, 'nothing changed')
  // 15 items of 256 bytes and a name: under 4,096 bytes, over 2,048.
  const many: Record<string, string> = {}
  for (let i = 0; i < 15; i++) many[`X-Object-Meta-N${i}`] = 'v'.repeat(256)
  t.equal((await swift('PUT', '/bkt/swift', { headers: many, body: '' })).status, 201)
  const shown = (await s3('HEAD', '/bkt/swift')).headers
  for (let i = 0; i < 15; i++) t.equal(shown[`x-amz-meta-n${i}`], 'v'.repeat(256))
  t.equal((await s3('HEAD', '/bkt/no')).status, 404)
})

t.test('Swift’s POST replaces the whole set, and S3 sees what is left', async (t) => {
  const { s3, swift } = await startWithContainer(t)
  const headers = {
    'content-type': 'text/x-one',
    'content-language': 'de',
    'x-amz-meta-a': '1',
    'x-amz-meta-b': '2',
  }
  await s3('PUT', '/bkt/o', { headers, body: 'body' })
  const before = await s3('HEAD', '/bkt/o')
  const posted = await swift('POST', '/bkt/o', {
    headers: { 'X-Object-Meta-B': '3', 'X-Object-Meta-C': '' },
  })
  t.equal(posted.status, 202)
  const after = await s3('GET', '/bkt/o')
  t.match(after.headers, {
    'content-type': 'text/x-one',
    'x-amz-meta-b': '3',
    'x-amz-meta-c': '',
    etag: before.headers.etag,
  })
  t.notOk(after.headers['x-amz-meta-a'])
  t.notOk(after.headers['content-language'])
  t.equal(after.text, 'body')
})

t.test('what S3 replaces by a copy onto itself, Swift sees', async (t) => {
  const { s3, swift } = await startWithContainer(t)
  await swift('PUT', '/bkt/o', { headers: { 'X-Object-Meta-A': '1' }, body: 'body' })
  const copied = await s3('PUT', '/bkt/o', {
    headers: {
      'x-amz-copy-source': '/bkt/o',
      'x-amz-metadata-directive': 'REPLACE',
      'x-amz-meta-b': '2',
      'content-type': 'text/x-two',
    },
  })
  t.equal(copied.status, 200)
  const { headers, text } = await swift('GET', '/bkt/o')
  t.match(headers, { 'content-type': 'text/x-two', 'x-object-meta-b': '2' })
  t.notOk(headers['x-object-meta-a'])
  t.equal(text, 'body')
})

t.test('copies of either dialect take along what the other wrote', async (t) => {
  const { s3, swift } = await startWithContainer(t)
  const mine = { 'content-type': 'text/x-s3', 'x-amz-meta-a': '1', 'content-encoding': 'gzip' }
  await s3('PUT', '/bkt/s3', { headers: mine, body: 'by S3' })
  const theirs = {
    'Content-Type': 'text/x-swift',
    'X-Object-Meta-A': '2',
    'Content-Disposition': 'attachment',
  }
  await swift('PUT', '/bkt/swift', { headers: theirs, body: 'by Swift' })
  await swift('COPY', '/bkt/s3', { headers: { Destination: '/bkt/s3-copy' } })
  await s3('PUT', '/bkt/swift-copy', { headers: { 'x-amz-copy-source': '/bkt/swift' } })
  const one = await s3('GET', '/bkt/s3-copy')
  t.match(one.headers, { ...mine, etag: (await s3('HEAD', '/bkt/s3')).headers.etag })
  t.equal(one.text, 'by S3')
  const two = await swift('GET', '/bkt/swift-copy')
  t.match(two.headers, {
    'content-type': 'text/x-swift',
    'x-object-meta-a': '2',
    'content-disposition': 'attachment',
    etag: (await swift('HEAD', '/bkt/swift')).headers.etag,
  })
  t.equal(two.text, 'by Swift')
})

t.test('system headers are one set, and aws-chunked is never stored', async (t) => {
  const { s3, swift } = await startWithContainer(t)
  const shown = {
    'content-type': 'text/css',
    'content-disposition': 'inline; filename="a"',
    'content-language': 'de-AT',
    'cache-control': 'max-age=7',
    expires: 'Thu, 01 Dec 2044 16:00:00 GMT',
    'content-encoding': 'br',
  }
  await s3('PUT', '/bkt/s3', {
    headers: { ...shown, 'content-encoding': 'aws-chunked,br' },
    body: '',
  })
  await swift('PUT', '/bkt/swift', { headers: shown, body: '' })
  for (const ask of [s3, swift]) {
    for (const path of ['/bkt/s3', '/bkt/swift']) t.match((await ask('HEAD', path)).headers, shown)
  }
})

t.test('where no type is given S3 names none, and Swift guesses by the name', async (t) => {
  const { s3, swift } = await startWithContainer(t)
  for (const [ask, name, type] of [
    [s3, 'photo.jpg', 'binary/octet-stream'],
    [swift, 'photo2.jpg', 'image/jpeg'],
    [swift, 'nothing', 'application/octet-stream'],
  ] as const) {
    await ask('PUT', `/bkt/${name}`, { body: '' })
    t.equal((await s3('HEAD', `/bkt/${name}`)).headers['content-type'], type)
    t.equal((await swift('HEAD', `/bkt/${name}`)).headers['content-type'], type)
  }
})

t.test('a key that is sent as metadata is refused by S3, and is a key to Swift', async (t) => {
  const { s3, swift } = await startWithContainer(t)
  const key = Buffer.alloc(32, 'k')
  const refused = await s3('PUT', '/bkt/o', {
    headers: { 'x-amz-meta-encryption-key': key.toString('base64') },
    body: 'x',
  })
  t.equal(outcome(refused), '400 InvalidArgument')
  t.match(element(refused, 'Message'), /x-amz-server-side-encryption-customer-algorithm/)
  t.equal((await swift('HEAD', '/bkt/o')).status, 404)
  const sealed = await swift('PUT', '/bkt/o', {
    tls: true,
    headers: swiftSpellings.guide(key),
    body: 'x',
  })
  t.equal(sealed.status, 201)
  const head = await swift('HEAD', '/bkt/o')
  const names = Object.keys(head.headers)
  t.same(
    names.filter((name) => name.startsWith('x-object-meta-')),
    [],
  )
  t.equal(outcome(await s3('GET', '/bkt/o')), '400 InvalidRequest')
})

t.test('S3 tells of the root key whoever wrote, and Swift shows nothing of it', async (t) => {
  const { s3, swift } = await startWithContainer(t)
  for (const [i, ask] of [s3, swift].entries()) {
    for (const size of boundarySizes) {
      const path = `/bkt/${i}-${size}`
      await ask('PUT', path, { body: Buffer.alloc(size) })
      const read = await s3('GET', path)
      t.equal(read.headers['x-amz-server-side-encryption'], 'AES256')
      const names = Object.keys((await swift('GET', path)).headers)
      t.same(
        names.filter((name) => /encryption|amz/.test(name)),
        [],
        path,
      )
    }
  }
})
