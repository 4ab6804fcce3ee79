// One history of an object, seen and written from two sides.
import t from 'tap'
import {
  type Ask,
  type Both,
  boundarySizes,
  startWithContainer,
  swiftKey,
  swiftList,
  withSwiftKey,
} from '../../helpers/both.ts'
import { keyHeaders } from '../../helpers/node.ts'
import { customerKey, element, outcome, withKey } from '../../helpers/s3.ts'
import { listedIn, versioningBody } from '../../helpers/versions.ts'
import { plainOf } from '../../vectors/vector.ts'

type Writer = (path: string, body: Buffer | string) => Promise<string>

/** Sends a PUT by one dialect or the other; gives the version's id. */
function writersOf({ s3, swift }: Both): { s3: Writer; swift: Writer } {
  const by = (ask: Ask, header: string) => async (path: string, body: Buffer | string) => {
    const { status, headers, text } = await ask('PUT', path, { body })
    if (status >= 300) throw new Error(`put: ${status} ${text}`)
    return String(headers[header])
  }
  return { s3: by(s3, 'x-amz-version-id'), swift: by(swift, 'x-object-version-id') }
}

/** Starts a node whose container keeps versions, and writes to it by turns. */
async function startVersioned(t: Parameters<typeof startWithContainer>[0]) {
  const both = await startWithContainer(t)
  await both.swift('POST', '/bkt', { headers: { 'X-Versions-Enabled': 'true' } })
  return { ...both, write: writersOf(both) }
}

/** The history as each side lists it, in one form. */
async function historyOf(both: Both) {
  const s3 = listedIn(await both.s3('GET', '/bkt?versions'))
  const swift = await swiftList(both, '/bkt?versions')
  return {
    s3: s3.map(({ key, id, kind, latest }) => [key, id, kind === 'DeleteMarker', latest]),
    swift: swift.map(({ name, version_id, content_type, is_latest }) => [
      name,
      version_id,
      content_type.startsWith('application/x-deleted'),
      is_latest,
    ]),
  }
}

type Test = { same(found: unknown, wanted: unknown, message: string): unknown }

/** Both sides list exactly this: name, id, whether it is a marker, whether it is current. */
async function expectHistory(t: Test, both: Both, wanted: unknown[][], message?: string) {
  const { s3, swift } = await historyOf(both)
  t.same(s3, wanted, `S3 ${message ?? ''}`)
  t.same(swift, wanted, `Swift ${message ?? ''}`)
}

t.test('the setting is one, whoever sets it', async (t) => {
  const { s3, swift } = await startWithContainer(t)
  const shown = async () => [
    element(await s3('GET', '/bkt?versioning'), 'Status'),
    (await swift('HEAD', '/bkt')).headers['x-versions-enabled'],
  ]
  const byS3 = (status: string) =>
    s3('PUT', '/bkt?versioning', { body: versioningBody(`<Status>${status}</Status>`) })
  const bySwift = (value: string) =>
    swift('POST', '/bkt', { headers: { 'X-Versions-Enabled': value } })
  t.same(await shown(), [undefined, undefined], 'never asked for')
  t.equal((await byS3('Enabled')).status, 200)
  t.same(await shown(), ['Enabled', 'True'])
  t.equal((await bySwift('false')).status, 204)
  t.same(await shown(), ['Suspended', 'False'])
  t.equal((await bySwift('true')).status, 204)
  t.same(await shown(), ['Enabled', 'True'])
  t.equal((await byS3('Suspended')).status, 200)
  t.same(await shown(), ['Suspended', 'False'])
})

t.test('where versions were never asked for nobody hears of one', async (t) => {
  const { s3, swift } = await startWithContainer(t)
  for (const [name, ask] of Object.entries({ s3, swift })) {
    const put = await ask('PUT', `/bkt/${name}`, { body: 'x' })
    t.notOk(put.headers['x-amz-version-id'] ?? put.headers['x-object-version-id'])
    t.notOk((await s3('GET', `/bkt/${name}`)).headers['x-amz-version-id'])
    t.notOk((await swift('GET', `/bkt/${name}`)).headers['x-object-version-id'])
  }
})

t.test('writes of both make one history, and every version is read by both', async (t) => {
  const both = await startVersioned(t)
  const { s3, swift, write } = both
  const ids: string[] = []
  for (const [i, size] of boundarySizes.entries()) {
    const writer = i % 2 === 0 ? write.s3 : write.swift
    ids.unshift(await writer('/bkt/o', plainOf(i, size)))
  }
  t.equal(new Set(ids).size, boundarySizes.length)
  await expectHistory(
    t,
    both,
    ids.map((id, i) => ['o', id, false, i === 0]),
  )
  for (const [i, id] of ids.entries()) {
    const age = boundarySizes.length - 1 - i
    const body = plainOf(age, boundarySizes[age]!)
    const byS3 = await s3('GET', `/bkt/o?versionId=${id}`)
    const bySwift = await swift('GET', `/bkt/o?version-id=${id}`)
    t.ok(byS3.body.equals(body) && bySwift.body.equals(body), id)
    t.equal(byS3.headers['x-amz-version-id'], id)
    t.equal(bySwift.headers['x-object-version-id'], id)
  }
  t.equal((await s3('HEAD', '/bkt/o')).headers['x-amz-version-id'], ids[0])
  t.equal((await swift('HEAD', '/bkt/o')).headers['x-object-version-id'], ids[0])
})

t.test('a POST edits the current version in place, and S3 sees the same version', async (t) => {
  const both = await startVersioned(t)
  const { s3, swift, write } = both
  const old = await write.s3('/bkt/o', 'old')
  const id = await write.s3('/bkt/o', 'body')
  await swift('POST', '/bkt/o', { headers: { 'X-Object-Meta-A': '1' } })
  await expectHistory(t, both, [
    ['o', id, false, true],
    ['o', old, false, false],
  ])
  const read = await s3('GET', `/bkt/o?versionId=${id}`)
  t.match(read, { text: 'body', headers: { 'x-amz-meta-a': '1' } })
  t.notOk((await s3('GET', `/bkt/o?versionId=${old}`)).headers['x-amz-meta-a'])
})

t.test('a delete marker that one side made is one to the other', async (t) => {
  const both = await startVersioned(t)
  const { s3, swift, write } = both
  const version = await write.s3('/bkt/o', 'body')
  const bySwift = await swift('DELETE', '/bkt/o')
  const first = String(bySwift.headers['x-object-version-id'])
  t.equal(bySwift.status, 204)
  t.match(await s3('GET', '/bkt/o'), {
    status: 404,
    headers: { 'x-amz-delete-marker': 'true', 'x-amz-version-id': first },
  })
  t.equal(outcome(await s3('GET', `/bkt/o?versionId=${first}`)), '405 MethodNotAllowed')
  const byS3 = await s3('DELETE', '/bkt/o')
  const second = String(byS3.headers['x-amz-version-id'])
  t.match(byS3, { status: 204, headers: { 'x-amz-delete-marker': 'true' } })
  t.equal((await swift('GET', '/bkt/o')).status, 404)
  for (const id of [first, second]) {
    t.match(await swift('GET', `/bkt/o?version-id=${id}`), {
      status: 404,
      headers: { 'x-object-version-id': id, 'content-type': 'application/x-deleted' },
    })
  }
  await expectHistory(t, both, [
    ['o', second, true, true],
    ['o', first, true, false],
    ['o', version, false, false],
  ])
  t.same(await swiftList(both), [], 'a plain listing shows nothing')
  t.equal(element(await s3('GET', '/bkt?list-type=2'), 'KeyCount'), '0')
  t.equal((await swift('GET', `/bkt/o?version-id=${version}`)).text, 'body')
})

t.test('deleting what never was leaves a marker on both', async (t) => {
  const both = await startVersioned(t)
  const { s3, swift } = both
  const bySwift = await swift('DELETE', '/bkt/a')
  t.equal(bySwift.status, 404)
  const byS3 = await s3('DELETE', '/bkt/b')
  t.equal(byS3.status, 204)
  await expectHistory(t, both, [
    ['a', String(bySwift.headers['x-object-version-id']), true, true],
    ['b', String(byS3.headers['x-amz-version-id']), true, true],
  ])
})

t.test('S3 promotes when the current version goes by its id, and Swift does not', async (t) => {
  const both = await startVersioned(t)
  const { s3, swift, write } = both
  const one = await write.swift('/bkt/o', 'one')
  const two = await write.s3('/bkt/o', 'two')
  const three = await write.swift('/bkt/o', 'three')
  await s3('DELETE', `/bkt/o?versionId=${three}`)
  t.equal((await swift('GET', '/bkt/o')).text, 'two', 'promoted, and Swift sees it')
  const removed = await swift('DELETE', `/bkt/o?version-id=${two}`)
  t.match(removed, { status: 204, headers: { 'x-object-version-id': two } })
  t.equal((await swift('GET', '/bkt/o')).status, 404)
  t.equal(outcome(await s3('GET', '/bkt/o')), '404 NoSuchKey', 'not promoted, and S3 sees it so')
  t.equal((await s3('GET', `/bkt/o?versionId=${one}`)).text, 'one')
  await expectHistory(t, both, [['o', one, false, false]], 'nothing is current')
  t.same(await swiftList(both), [])
  const four = await write.s3('/bkt/o', 'four')
  await expectHistory(t, both, [
    ['o', four, false, true],
    ['o', one, false, false],
  ])
})

t.test(
  'a marker that goes by its id uncovers the object through S3, through Swift it does not',
  async (t) => {
    const both = await startVersioned(t)
    const { s3, swift, write } = both
    for (const name of ['s3', 'swift']) {
      await write.s3(`/bkt/${name}`, 'body')
      const marker = (await swift('DELETE', `/bkt/${name}`)).headers['x-object-version-id']
      if (name === 's3') await s3('DELETE', `/bkt/s3?versionId=${marker}`)
      else await swift('DELETE', `/bkt/swift?version-id=${marker}`)
    }
    for (const ask of [s3, swift]) {
      t.equal((await ask('GET', '/bkt/s3')).text, 'body')
      t.equal((await ask('GET', '/bkt/swift')).status, 404)
    }
  },
)

t.test('Swift makes an old version current, and S3 shows that', async (t) => {
  const both = await startVersioned(t)
  const { s3, swift, write } = both
  const one = await write.s3('/bkt/o', 'one')
  const two = await write.s3('/bkt/o', 'two')
  const made = await swift('PUT', `/bkt/o?version-id=${one}`)
  t.match(made, { status: 201, headers: { 'x-object-version-id': one } })
  const read = await s3('GET', '/bkt/o')
  t.match(read, { text: 'one', headers: { 'x-amz-version-id': one } })
  await expectHistory(t, both, [
    ['o', two, false, false],
    ['o', one, false, true],
  ])
  t.equal(element(await s3('GET', '/bkt?list-type=2'), 'Size'), '3')
  await s3('DELETE', `/bkt/o?versionId=${one}`)
  t.equal((await s3('GET', '/bkt/o')).text, 'two', 'S3 promotes the newest that is left')
})

t.test('the null version is called so by both, before, between and after', async (t) => {
  const both = await startWithContainer(t)
  const { s3, swift } = both
  await swift('PUT', '/bkt/o', { body: 'before' })
  await s3('PUT', '/bkt?versioning', { body: versioningBody('<Status>Enabled</Status>') })
  await expectHistory(t, both, [['o', 'null', false, true]])
  t.equal((await swift('HEAD', '/bkt/o')).headers['x-object-version-id'], 'null')
  t.equal((await s3('HEAD', '/bkt/o')).headers['x-amz-version-id'], 'null')
  const write = writersOf(both)
  const one = await write.swift('/bkt/o', 'one')
  const old = [
    await s3('GET', '/bkt/o?versionId=null'),
    await swift('GET', '/bkt/o?version-id=null'),
  ]
  for (const { text } of old) t.equal(text, 'before')
  await swift('POST', '/bkt', { headers: { 'X-Versions-Enabled': 'false' } })
  await s3('PUT', '/bkt/o', { body: 'suspended, by S3' })
  await swift('PUT', '/bkt/o', { body: 'suspended, by Swift' })
  await expectHistory(t, both, [
    ['o', 'null', false, true],
    ['o', one, false, false],
  ])
  t.equal((await s3('GET', '/bkt/o?versionId=null')).text, 'suspended, by Swift')
  t.equal((await swift('GET', `/bkt/o?version-id=${one}`)).text, 'one')
  await swift('DELETE', '/bkt/o')
  await expectHistory(
    t,
    both,
    [
      ['o', 'null', true, true],
      ['o', one, false, false],
    ],
    'a delete while suspended puts a null marker in its place',
  )
  t.equal((await s3('DELETE', '/bkt/o?versionId=null')).status, 204)
  t.equal((await swift('GET', '/bkt/o')).text, 'one', 'S3 promoted what was left')
})

t.test('each version has its own customer key, through both', async (t) => {
  const both = await startVersioned(t)
  const { s3, swift } = both
  const versions: { id: string; letter: string; text: string }[] = []
  for (const [i, letter] of [...'abcd'].entries()) {
    const [ask, keyed, header] =
      i % 2 === 0
        ? ([s3, withKey, 'x-amz-version-id'] as const)
        : ([swift, withSwiftKey, 'x-object-version-id'] as const)
    const text = `version ${letter}`
    const put = await ask('PUT', '/bkt/o', keyed(customerKey(letter), { body: text }))
    versions.push({ id: String(put.headers[header]), letter, text })
  }
  for (const { id, letter, text } of versions) {
    for (const used of 'abcd') {
      const key = customerKey(used)
      const byS3 = await s3('GET', `/bkt/o?versionId=${id}`, withKey(key))
      const bySwift = await swift('GET', `/bkt/o?version-id=${id}`, withSwiftKey(key))
      for (const read of [byS3, bySwift]) {
        t.equal(read.status, used === letter ? 200 : 403, `${letter} with ${used}`)
        t.equal(read.text === text, used === letter)
      }
    }
    t.equal((await swift('GET', `/bkt/o?version-id=${id}`)).status, 400, 'no key')
  }
  const [first] = versions
  await swift('PUT', `/bkt/o?version-id=${first!.id}`)
  t.equal((await s3('GET', '/bkt/o', withKey(customerKey('a')))).text, 'version a')
  t.equal((await s3('GET', '/bkt/o', withKey(customerKey('d')))).status, 403)
})

t.test('copies take versions of the other side, with their keys', async (t) => {
  const both = await startVersioned(t)
  const { s3, swift } = both
  const [key, next] = [customerKey('k'), customerKey('n')]
  const old = await swift('PUT', '/bkt/o', withSwiftKey(key, { body: 'old' }))
  const id = String(old.headers['x-object-version-id'])
  await s3('PUT', '/bkt/o', { body: 'new' })
  const byS3 = await s3(
    'PUT',
    '/bkt/s3',
    withKey(next, {
      headers: {
        'x-amz-copy-source': `/bkt/o?versionId=${id}`,
        ...keyHeaders(key, 'x-amz-copy-source-'),
      },
    }),
  )
  t.match(byS3, { status: 200, headers: { 'x-amz-copy-source-version-id': id } })
  const bySwift = await swift(
    'COPY',
    `/bkt/o?version-id=${id}`,
    withSwiftKey(next, {
      headers: {
        Destination: '/bkt/swift',
        ...swiftKey(key, 'X-Copy-Source-Object-Encryption-Customer-'),
      },
    }),
  )
  t.match(bySwift, { status: 201, headers: { 'x-copied-from-version-id': id } })
  t.equal((await swift('GET', '/bkt/s3', withSwiftKey(next))).text, 'old')
  t.equal((await s3('GET', '/bkt/swift', withKey(next))).text, 'old')
})

t.test('a container goes only when its last version has gone, by either side', async (t) => {
  const both = await startVersioned(t)
  const { s3, swift, write } = both
  const id = await write.s3('/bkt/o', 'x')
  const marker = (await swift('DELETE', '/bkt/o')).headers['x-object-version-id']
  for (const step of ['both are there', 'the marker is left']) {
    t.equal(outcome(await s3('DELETE', '/bkt')), '409 BucketNotEmpty', step)
    t.match(await swift('DELETE', '/bkt'), {
      status: 409,
      text: 'Delete all versions before deleting container.',
    })
    await swift('DELETE', `/bkt/o?version-id=${id}`)
  }
  await s3('DELETE', `/bkt/o?versionId=${marker}`)
  t.equal((await swift('DELETE', '/bkt')).status, 204)
})

t.test('writers of both at once leave one version each, and one of them current', async (t) => {
  const both = await startVersioned(t)
  const { swift, write } = both
  const ids = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      (i % 2 === 0 ? write.s3 : write.swift)('/bkt/o', `${i}`.padStart(3)),
    ),
  )
  const { s3: byS3, swift: bySwift } = await historyOf(both)
  t.same(byS3, bySwift)
  t.same(byS3.map(([, id]) => id).sort(), [...ids].sort())
  t.same(
    byS3.map(([, , , latest]) => latest),
    [true, ...Array(19).fill(false)],
  )
  t.match((await swift('HEAD', '/bkt')).headers, {
    'x-container-object-count': '1',
    'x-container-bytes-used': '60',
  })
})

t.test('an id that is none, or of nothing, is refused by both in their own words', async (t) => {
  const both = await startVersioned(t)
  const { s3, swift, write } = both
  const id = await write.s3('/bkt/o', 'x')
  const absent = id.slice(0, -1) + (id.endsWith('0') ? '1' : '0')
  t.equal(outcome(await s3('GET', '/bkt/o?versionId=nonsense')), '400 InvalidArgument')
  t.equal((await swift('GET', '/bkt/o?version-id=nonsense')).status, 400)
  t.equal(outcome(await s3('GET', `/bkt/o?versionId=${absent}`)), '404 NoSuchVersion')
  t.equal((await swift('GET', `/bkt/o?version-id=${absent}`)).status, 404)
  t.equal(outcome(await s3('GET', '/bkt/o?versionId=null')), '404 NoSuchVersion')
  t.equal((await swift('GET', '/bkt/o?version-id=null')).status, 404)
  t.equal((await swift('PUT', `/bkt/o?version-id=${absent}`)).status, 404)
  t.equal((await swift('PUT', '/bkt/o?version-id=nonsense')).status, 400)
  await expectHistory(t, both, [['o', id, false, true]], 'nothing changed')
})
