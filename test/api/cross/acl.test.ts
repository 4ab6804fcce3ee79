// One policy a container: what Swift's lists open, S3 opens too, and nothing else.
import t from 'tap'
import { startBoth, startWithContainer } from '../../helpers/both.ts'
import type { Answer, SentRequest } from '../../helpers/node.ts'
import { customerKey, element, outcome, withKey } from '../../helpers/s3.ts'
import { login } from '../../helpers/swift.ts'

const anonymous: SentRequest = { sign: false }
const other: SentRequest = { access: 'other:other', secret: 'testing2' }

/** Starts a node with an object of each dialect and one under a customer key. */
async function startFilled(t: Parameters<typeof startBoth>[0]) {
  const both = await startWithContainer(t)
  const { node, s3, swift, root } = both
  await s3('PUT', '/bkt/s3', { body: 'by S3' })
  await swift('PUT', '/bkt/swift', { body: 'by Swift' })
  await s3('PUT', '/bkt/sealed', withKey(customerKey('k'), { body: 'sealed' }))
  await s3('PUT', '/private')
  await s3('PUT', '/private/o', { body: 'private' })
  const nobody = {
    s3: (method: string, path: string, options: SentRequest = {}) =>
      node.request(method, path, { ...anonymous, ...options }),
    swift: (method: string, path: string, options: SentRequest = {}) =>
      node.request(method, root + path, { ...anonymous, ...options }),
  }
  const post = async (headers: Record<string, string>) => {
    const answer = await swift('POST', '/bkt', { headers })
    if (answer.status !== 204) throw new Error(`post: ${answer.status} ${answer.text}`)
  }
  return { ...both, nobody, post }
}

const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status)

t.test(
  '.r:*,.rlistings lets anybody read and list through both, and do nothing else',
  async (t) => {
    const { nobody, post, s3, swift } = await startFilled(t)
    t.equal(outcome(await nobody.s3('GET', '/bkt/s3')), '403 AccessDenied')
    t.equal((await nobody.swift('GET', '/bkt/s3')).status, 401)
    await post({ 'X-Container-Read': '.r:*,.rlistings' })
    for (const ask of [nobody.s3, nobody.swift]) {
      t.equal((await ask('GET', '/bkt/s3')).text, 'by S3')
      t.equal((await ask('GET', '/bkt/swift')).text, 'by Swift')
      t.equal((await ask('HEAD', '/bkt/swift')).status, 200)
      t.ok((await ask('HEAD', '/bkt')).status < 300)
      t.equal((await ask('GET', '/bkt/missing')).status, 404)
    }
    t.match((await nobody.s3('GET', '/bkt?list-type=2')).text, /<Key>s3<\/Key>.*<Key>swift<\/Key>/)
    t.equal((await nobody.swift('GET', '/bkt')).text, 's3\nsealed\nswift\n')
    for (const [method, path] of [
      ['PUT', '/bkt/new'],
      ['PUT', '/bkt/s3'],
      ['DELETE', '/bkt/s3'],
      ['DELETE', '/bkt'],
      ['GET', '/private/o'],
      ['GET', '/private'],
    ] as const) {
      const body = method === 'PUT' ? { body: 'x' } : {}
      t.equal(outcome(await nobody.s3(method, path, body)), '403 AccessDenied', `${method} ${path}`)
      t.equal((await nobody.swift(method, path, body)).status, 401, `${method} ${path}`)
    }
    const headers = { 'X-Object-Meta-A': '1' }
    t.equal((await nobody.swift('POST', '/bkt/s3', { headers })).status, 401)
    t.equal(
      (await nobody.swift('POST', '/bkt', { headers: { 'X-Container-Read': '' } })).status,
      401,
    )
    t.equal((await nobody.swift('GET', '')).status, 401)
    t.equal(outcome(await nobody.s3('POST', '/bkt/up?uploads')), '403 AccessDenied')
    for (const query of ['?acl', '?versioning']) {
      t.equal(outcome(await nobody.s3('GET', `/bkt${query}`)), '403 AccessDenied', query)
    }
    // What a bucket once held, and who is about to write what, is not for everybody.
    for (const query of ['?versions', '?uploads']) {
      t.equal(outcome(await nobody.s3('GET', `/bkt${query}`)), '403 AccessDenied', query)
    }
    t.equal((await nobody.swift('GET', '/bkt?versions')).status, 401)
    t.notOk(
      (await nobody.swift('HEAD', '/bkt')).headers['x-container-read'],
      'the list is the owner’s',
    )
    t.equal((await s3('GET', '/bkt/s3')).text, 'by S3')
    t.equal((await swift('GET', '/bkt/new')).status, 404)
  },
)

t.test('an open container opens nothing that a customer key seals', async (t) => {
  const { nobody, post } = await startFilled(t)
  await post({ 'X-Container-Read': '.r:*,.rlistings' })
  t.equal(outcome(await nobody.s3('GET', '/bkt/sealed')), '400 InvalidRequest')
  t.equal((await nobody.swift('GET', '/bkt/sealed')).status, 400)
  const opened = await nobody.s3('GET', '/bkt/sealed', {
    ...withKey(customerKey('k')),
    sign: false,
  })
  t.equal(opened.text, 'sealed', 'who has the key and may read gets it')
})

t.test('.r:* alone opens objects and no listing', async (t) => {
  const { nobody, post } = await startFilled(t)
  await post({ 'X-Container-Read': '.r:*' })
  t.equal((await nobody.s3('GET', '/bkt/swift')).text, 'by Swift')
  t.equal((await nobody.swift('GET', '/bkt/s3')).text, 'by S3')
  for (const query of ['?list-type=2', '?versions', '?uploads']) {
    t.equal(outcome(await nobody.s3('GET', `/bkt${query}`)), '403 AccessDenied', query)
  }
  t.equal((await nobody.swift('GET', '/bkt')).status, 401)
  t.equal((await nobody.swift('GET', '/bkt?versions')).status, 401)
  t.equal((await nobody.s3('HEAD', '/bkt')).status, 403)
})

t.test(
  'lists open objects as they are now: no version by its id, to read, copy or delete',
  async (t) => {
    const { node, nobody, post, s3, swift, root } = await startFilled(t)
    await s3('PUT', '/bkt/o', { body: 'before versions' })
    await post({ 'X-Versions-Enabled': 'true' })
    const old = await s3('PUT', '/bkt/o', { body: 'old' })
    const id = String(old.headers['x-amz-version-id'])
    await swift('PUT', '/bkt/o', { body: 'now' })
    await post({ 'X-Container-Read': '.r:*,.rlistings,other', 'X-Container-Write': 'other' })
    const session = await login(node, 'other:other', 'testing2')
    const headers = { 'X-Auth-Token': session.token }
    const guest = (method: string, path: string) =>
      node.request(method, root + path, { sign: false, headers })
    await node.request('PUT', '/others', other)
    for (const version of [id, 'null']) {
      const [named, named2] = [`/bkt/o?versionId=${version}`, `/bkt/o?version-id=${version}`]
      for (const method of ['GET', 'HEAD', 'DELETE']) {
        t.equal((await nobody.s3(method, named)).status, 403, `${method} ${named}`)
        t.equal((await nobody.swift(method, named2)).status, 401, `${method} ${named2}`)
        t.equal((await node.request(method, named, other)).status, 403, `${method} ${named}`)
        t.equal((await guest(method, named2)).status, 403, `${method} ${named2}`)
      }
      const made = await guest('PUT', named2)
      t.equal(made.status, version === 'null' ? 400 : 403, 'nor does it become the current one')
      t.equal((await swift('GET', '/bkt/o')).text, 'now')
      const source = { 'x-amz-copy-source': named }
      const copied = await node.request('PUT', '/others/o', { ...other, headers: source })
      t.equal(outcome(copied), '403 AccessDenied')
      t.ok((await s3('GET', named)).status === 200)
    }
    t.equal((await nobody.s3('GET', '/bkt/o')).text, 'now')
    t.equal((await nobody.swift('GET', '/bkt/o')).text, 'now')
  },
)

t.test('what is closed again is closed to both at once', async (t) => {
  const { nobody, post } = await startFilled(t)
  const ask = async () =>
    statuses([await nobody.s3('GET', '/bkt/s3'), await nobody.swift('GET', '/bkt/s3')])
  await post({ 'X-Container-Read': '.r:*' })
  t.same(await ask(), [200, 200])
  await post({ 'X-Remove-Container-Read': 'x' })
  t.same(await ask(), [403, 401])
  await post({ 'X-Container-Read': '.r:*' })
  t.same(await ask(), [200, 200])
  await post({ 'X-Container-Read': '' })
  t.same(await ask(), [403, 401])
})

t.test('a list of hosts judges the Referer of both dialects', async (t) => {
  const { nobody, post } = await startFilled(t)
  await post({ 'X-Container-Read': '.r:.example.com,.r:-bad.example.com' })
  for (const [referer, opens] of [
    [undefined, false],
    ['http://www.example.com/page', true],
    ['http://bad.example.com/', false],
    ['http://example.org/', false],
  ] as const) {
    const headers: Record<string, string> = referer === undefined ? {} : { referer }
    const byS3 = await nobody.s3('GET', '/bkt/s3', { headers })
    const bySwift = await nobody.swift('GET', '/bkt/s3', { headers })
    t.same(statuses([byS3, bySwift]), opens ? [200, 200] : [403, 401], String(referer))
  }
})

t.test('a list of accounts lets them read or write through both', async (t) => {
  const { node, post, root } = await startFilled(t)
  const session = await login(node, 'other:other', 'testing2')
  const headers = { 'X-Auth-Token': session.token }
  const bySwift = (method: string, path: string, body?: string) =>
    node.request(method, root + path, { sign: false, headers, ...(body !== undefined && { body }) })
  const byS3 = (method: string, path: string, body?: string) =>
    node.request(method, path, { ...other, ...(body !== undefined && { body }) })
  const both = async (method: string, path: string, body?: string) =>
    statuses([await byS3(method, path, body), await bySwift(method, path, body)])
  t.same(await both('GET', '/bkt/s3'), [403, 403])
  for (const list of ['other', 'other:other', '*']) {
    await post({ 'X-Container-Read': list })
    t.same(await both('GET', '/bkt/s3'), [200, 200], list)
    t.same(await both('GET', '/bkt?limit=1'), [200, 200], list)
    t.same(await both('PUT', '/bkt/new', 'x'), [403, 403], list)
    t.same(await both('DELETE', '/bkt/s3'), [403, 403], list)
  }
  await post({ 'X-Container-Read': '', 'X-Container-Write': 'other:other' })
  t.same(await both('PUT', '/bkt/new', 'x'), [200, 201])
  t.same(await both('GET', '/bkt/new'), [403, 403], 'to write is not to read')
  t.same(await both('GET', '/bkt'), [403, 403])
  t.same(await both('DELETE', '/bkt/new'), [204, 404])
  t.same(await both('DELETE', '/bkt'), [403, 403])
  await post({ 'X-Container-Write': 'other:somebody' })
  t.same(await both('PUT', '/bkt/new', 'x'), [403, 403])
})

t.test('what S3 cannot express it shows as nothing, and it stays in force', async (t) => {
  const { nobody, post, s3, swift } = await startFilled(t)
  await post({ 'X-Container-Read': '.r:*,.rlistings,other:other' })
  const shown = await s3('GET', '/bkt?acl')
  t.equal(shown.status, 200)
  t.equal(element(shown, 'Permission'), 'FULL_CONTROL')
  t.notMatch(shown.text, /other|\.r:/)
  t.equal((await s3('PUT', '/bkt/s3?acl', { headers: { 'x-amz-acl': 'private' } })).status, 200)
  t.equal((await swift('HEAD', '/bkt')).headers['x-container-read'], '.r:*,.rlistings,other:other')
  t.equal((await nobody.s3('GET', '/bkt/s3')).status, 200)
})

t.test('a bucket that S3 makes private is closed to whom Swift’s lists let in', async (t) => {
  const { nobody, post, s3, swift } = await startFilled(t)
  await post({ 'X-Container-Read': '.r:*,.rlistings', 'X-Container-Write': 'other:other' })
  t.equal((await nobody.s3('GET', '/bkt/s3')).status, 200)
  const refused = await s3('PUT', '/bkt?acl', { headers: { 'x-amz-acl': 'public-read' } })
  t.equal(outcome(refused), '400 AccessControlListNotSupported')
  t.equal((await nobody.s3('GET', '/bkt/s3')).status, 200, 'a refusal changes nothing')
  t.equal((await s3('PUT', '/bkt?acl', { headers: { 'x-amz-acl': 'private' } })).status, 200)
  t.equal((await nobody.s3('GET', '/bkt/s3')).status, 403)
  const { headers } = await swift('HEAD', '/bkt')
  t.same([headers['x-container-read'], headers['x-container-write']], [undefined, undefined])
})

t.test('an account’s own list counts for both dialects', async (t) => {
  const both = await startBoth(t)
  const { node, s3, swift, root } = both
  await s3('PUT', '/bkt')
  await s3('PUT', '/bkt/o', { body: 'x' })
  const session = await login(node, 'other:other', 'testing2')
  const headers = { 'X-Auth-Token': session.token }
  const ask = async (method: string, path: string, body?: string) => {
    const sent = body === undefined ? {} : { body }
    const byS3 = await node.request(method, path, { ...other, ...sent })
    const bySwift = await node.request(method, root + path, { sign: false, headers, ...sent })
    return statuses([byS3, bySwift])
  }
  const grant = (list: object) =>
    swift('POST', '', { headers: { 'X-Account-Access-Control': JSON.stringify(list) } })
  t.equal((await grant({ 'read-only': ['other:other'] })).status, 204)
  t.same(await ask('GET', '/bkt/o'), [200, 200])
  t.same(await ask('PUT', '/bkt/o', 'y'), [403, 403])
  await grant({ 'read-write': ['other'] })
  t.same(await ask('PUT', '/bkt/o', 'y'), [200, 201])
  await grant({})
  t.same(await ask('GET', '/bkt/o'), [403, 403])
})
