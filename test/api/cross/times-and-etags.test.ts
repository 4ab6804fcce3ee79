// One time and one ETag for each object, shown in each dialect's own way; and conditions that hold across.
import t from 'tap'
import { boundarySizes, startWithContainer, swiftList, withSwiftKey } from '../../helpers/both.ts'
import { customerKey, element, hexMd5, outcome, withKey } from '../../helpers/s3.ts'
import { plainOf } from '../../vectors/vector.ts'

const seconds = (httpDate: string | undefined) => Date.parse(String(httpDate)) / 1000

t.test('one time in microseconds stands behind every form of it', async (t) => {
  const both = await startWithContainer(t)
  const { s3, swift } = both
  for (const [name, ask] of Object.entries({ s3, swift })) {
    await ask('PUT', `/bkt/${name}`, { body: 'x' })
    const head = await swift('HEAD', `/bkt/${name}`)
    const stamp = String(head.headers['x-timestamp'])
    t.match(stamp, /^\d{10}\.\d{5}$/)
    const micros = Math.round(Number(stamp) * 1e6)
    t.equal(seconds(head.headers['last-modified']), Math.ceil(micros / 1e6), 'Swift rounds up')
    const read = await s3('HEAD', `/bkt/${name}`)
    t.equal(seconds(read.headers['last-modified']), Math.floor(micros / 1e6), 'S3 cuts off')
    const listed = element(await s3('GET', `/bkt?list-type=2&prefix=${name}`), 'LastModified')
    t.equal(Date.parse(listed!), Math.floor(micros / 1e3), 'S3 lists milliseconds')
    const [item] = await swiftList(both, `/bkt?prefix=${name}`)
    t.match(item!.last_modified, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/)
    t.equal(Date.parse(`${item!.last_modified.slice(0, 23)}Z`), Math.floor(micros / 1e3))
    t.equal(item!.last_modified.slice(20, 25), stamp.slice(11), 'Swift lists microseconds')
  }
})

t.test('a POST moves the time on for both', async (t) => {
  const { s3, swift } = await startWithContainer(t)
  await s3('PUT', '/bkt/o', { body: 'x' })
  const before = Number((await swift('HEAD', '/bkt/o')).headers['x-timestamp'])
  await swift('POST', '/bkt/o', { headers: { 'X-Object-Meta-A': '1' } })
  const after = Number((await swift('HEAD', '/bkt/o')).headers['x-timestamp'])
  t.ok(after > before)
  const listed = element(await s3('GET', '/bkt?list-type=2'), 'LastModified')
  t.equal(Date.parse(listed!), Math.floor(after * 1e3))
})

t.test('the ETag of what the root key seals in one piece is its MD5, quoted or bare', async (t) => {
  const both = await startWithContainer(t)
  const { s3, swift } = both
  for (const size of boundarySizes) {
    const body = plainOf(size, size)
    const md5 = hexMd5(body)
    for (const [name, ask] of Object.entries({ s3, swift })) {
      const path = `/bkt/${name}-${size}`
      const put = await ask('PUT', path, { body })
      t.equal(put.headers.etag, name === 's3' ? `"${md5}"` : md5)
      for (const method of ['HEAD', 'GET']) {
        t.equal((await s3(method, path)).headers.etag, `"${md5}"`)
        const shown = await swift(method, path)
        t.equal(shown.headers.etag, md5)
        t.equal(shown.headers['x-static-large-object'], undefined)
      }
      const [item] = await swiftList(both, `/bkt?prefix=${name}-${size}&limit=1`)
      t.match(item, { hash: md5, bytes: size })
    }
  }
})

t.test('conditions hold across dialects', async (t) => {
  const { s3, swift } = await startWithContainer(t)
  for (const [name, ask] of Object.entries({ s3, swift })) {
    const path = `/bkt/${name}`
    await ask('PUT', path, { body: 'body' })
    const tag = hexMd5('body')
    for (const read of [s3, swift]) {
      const status = async (headers: Record<string, string>) =>
        (await read('GET', path, { headers })).status
      t.equal(await status({ 'If-Match': `"${tag}"` }), 200)
      t.equal(await status({ 'If-Match': '"other"' }), 412)
      t.equal(await status({ 'If-None-Match': `"${tag}"` }), 304)
      t.equal(await status({ 'If-None-Match': '"other"' }), 200)
      const { headers } = await read('HEAD', path)
      const modified = String(headers['last-modified'])
      t.equal(await status({ 'If-Modified-Since': modified }), 304)
      t.equal(await status({ 'If-Unmodified-Since': modified }), 200)
    }
    const taken = await s3('PUT', path, { headers: { 'If-None-Match': '*' }, body: 'no' })
    t.equal(outcome(taken), '412 PreconditionFailed')
    const also = await swift('PUT', path, { headers: { 'If-None-Match': '*' }, body: 'no' })
    t.equal(also.status, 412)
    t.equal((await ask('GET', path)).text, 'body')
  }
})

t.test(
  'under a customer key the ETag is opaque, and Swift keeps clients from comparing',
  async (t) => {
    const both = await startWithContainer(t)
    const { s3, swift } = both
    const key = customerKey('k')
    for (const size of boundarySizes) {
      const body = plainOf(size, size)
      const md5 = hexMd5(body)
      const path = `/bkt/s3-${size}`
      const put = await s3('PUT', path, withKey(key, { body }))
      const opaque = put.headers.etag!
      t.match(opaque, /^"[0-9a-f]{32}"$/)
      t.not(opaque, `"${md5}"`)
      t.equal((await s3('HEAD', path, withKey(key))).headers.etag, opaque)
      for (const options of [{}, withSwiftKey(key)]) {
        const { headers } = await swift('HEAD', path, options)
        t.match(headers, { etag: opaque, 'x-static-large-object': 'True' }, 'no MD5 is known')
      }
      const got = await swift('GET', path, withSwiftKey(key))
      t.match(got.headers, { etag: opaque, 'x-static-large-object': 'True' })
      const [item] = await swiftList(both, `/bkt?prefix=s3-${size}&limit=1`)
      t.match(item, { hash: opaque.replaceAll('"', ''), bytes: size })
    }
  },
)

t.test(
  'what Swift sealed under a customer key shows its MD5 to whoever brings the key',
  async (t) => {
    const both = await startWithContainer(t)
    const { s3, swift } = both
    const key = customerKey('k')
    for (const size of boundarySizes) {
      const body = plainOf(size, size)
      const md5 = hexMd5(body)
      const path = `/bkt/swift-${size}`
      const put = await swift('PUT', path, withSwiftKey(key, { body }))
      t.equal(put.headers.etag, md5)
      for (const method of ['HEAD', 'GET']) {
        const { headers } = await swift(method, path, withSwiftKey(key))
        t.equal(headers.etag, md5)
        t.equal(headers['x-static-large-object'], undefined)
      }
      const keyless = await swift('HEAD', path)
      t.match(keyless.headers, { etag: /^"[0-9a-f]{32}"$/, 'x-static-large-object': 'True' })
      const opaque = keyless.headers.etag!
      t.not(opaque, `"${md5}"`)
      t.equal((await s3('GET', path, withKey(key))).headers.etag, opaque, 'S3 never shows it')
      const [item] = await swiftList(both, `/bkt?prefix=swift-${size}&limit=1`)
      t.equal(`"${item!.hash}"`, opaque)
      for (const tag of [opaque, `"${md5}"`]) {
        for (const [condition, status] of [
          ['If-Match', 200],
          ['If-None-Match', 304],
        ] as const) {
          const headers = { [condition]: tag }
          t.equal((await swift('GET', path, withSwiftKey(key, { headers }))).status, status)
          t.equal((await s3('GET', path, withKey(key, { headers }))).status, status)
        }
      }
    }
  },
)

t.test('Content-MD5 through S3 gives Swift an MD5 to show', async (t) => {
  const { s3, swift } = await startWithContainer(t)
  const key = customerKey('k')
  const headers = { 'content-md5': Buffer.from(hexMd5('body'), 'hex').toString('base64') }
  await s3('PUT', '/bkt/o', withKey(key, { headers, body: 'body' }))
  const read = await swift('GET', '/bkt/o', withSwiftKey(key))
  t.equal(read.headers.etag, hexMd5('body'))
  t.equal(read.headers['x-static-large-object'], undefined)
})
