// The upgrade rule: this release reads what every release before it has written, and refuses what a later
// one has, by a sentence that says what and which version.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Encoder } from 'cbor-x'
import t, { type Test } from 'tap'
import { frameRow } from '../lib/catalog/framing.ts'
import { classicEngine } from '../lib/level.ts'
import { randomId } from '../lib/names.ts'
import { customerKey, type ExpectedObject } from './fixtures/expected.ts'
import { copyFixture, type Fixture, fixtures } from './helpers/fixture.ts'
import { type Answer, keyHeaders, type SentRequest, send } from './helpers/node.ts'
import { run, start } from './helpers/process.ts'
import { login, type Session } from './helpers/swift.ts'

const encoded = (object: string) => object.split('/').map(encodeURIComponent).join('/')
const pathOf = ({ container, object }: { container: string; object: string }) =>
  `/${container}/${encoded(object)}`

function swiftKey(key: number | undefined): Record<string, string> {
  if (key === undefined) return {}
  const name = 'X-Object-Encryption-Customer'
  return {
    [`${name}-Algorithm`]: 'AES256',
    [`${name}-Key`]: customerKey(key).toString('base64'),
  }
}

interface Opened {
  request(method: string, path: string, options?: SentRequest): Promise<Answer>
  readonly swift: Session
  stop(): Promise<void>
}

/** Runs this release on a copy of the fixture. */
async function openFixture(t: Test, { args }: Fixture): Promise<Opened> {
  const { http, child, exited } = await start(t, args)
  const request = (method: string, path: string, options: SentRequest = {}) =>
    send(http, method, path, options, '')
  return {
    request,
    swift: await login({ request }),
    async stop() {
      child.kill('SIGTERM')
      const { code, stderr } = await exited
      t.equal(code, 0, stderr)
    },
  }
}

function isBody(t: Test, answer: Answer, expected: ExpectedObject, name: string): void {
  t.equal(answer.status, 200, name)
  t.equal(answer.body.length, expected.size, `${name}: size`)
  t.equal(createHash('sha256').update(answer.body).digest('hex'), expected.sha256, name)
}

async function readsAll(t: Test, { request, swift }: Opened, { expected }: Fixture) {
  const { objects, versions, markers } = expected
  for (const each of [...objects, ...versions]) {
    const { key, versionId } = each
    const sealed = key === undefined ? {} : keyHeaders(customerKey(key))
    const path = pathOf(each)
    const query = (name: string) => (versionId === undefined ? '' : `?${name}=${versionId}`)
    const s3 = await request('GET', path + query('versionId'), { headers: sealed })
    isBody(t, s3, each, `S3 ${path}${query('versionId')}`)
    const read = { headers: swiftKey(key) }
    isBody(t, await swift.request('GET', path + query('version-id'), read), each, `Swift ${path}`)
    if (key === undefined) continue
    const other = { headers: keyHeaders(customerKey(key + 100)) }
    t.equal((await request('GET', path, other)).status, 403, `${path} under another key`)
  }
  for (const marker of markers) {
    const plain = await request('GET', pathOf(marker))
    t.equal(plain.status, 404)
    t.equal(plain.headers['x-amz-delete-marker'], 'true')
    const byId = await request('HEAD', `${pathOf(marker)}?versionId=${marker.versionId}`)
    t.equal(byId.status, 405)
  }
  const small = await request('GET', '/plain/small.txt')
  t.match(small.headers, { 'x-amz-meta-colour': 'blue' })
  t.equal(small.headers['content-type'], 'text/plain; charset=utf-8')
  const note = await swift.request('HEAD', '/swift/note')
  t.match(note.headers, { 'x-object-meta-shape': 'round', 'x-delete-at': '4102444800' })
  const container = await swift.request('HEAD', '/swift')
  t.match(container.headers, { 'x-container-meta-season': 'summer' })
  t.equal(container.headers['x-container-read'], '.r:*,.rlistings')
  t.equal(container.headers['x-container-object-count'], '2')
  t.equal((await swift.request('HEAD', '')).headers['x-account-meta-town'], 'Ulm')
  const anonymous = await request('GET', '/v1/AUTH_test/swift/note', { sign: false })
  t.equal(anonymous.status, 200, 'the ACL holds')
  const state = await request('GET', '/versions?versioning')
  t.match(state.text, '<Status>Suspended</Status>')
  const listed = await swift.request('GET', '/plain')
  const names = objects.filter((each) => each.container === 'plain').map(({ object }) => object)
  t.same(listed.text.trimEnd().split('\n'), names.sort())
}

for (const name of fixtures) {
  t.test(`what the release of ${name} has written is read through both dialects`, async (t) => {
    const fixture = copyFixture(t, name)
    const node = await openFixture(t, fixture)
    await readsAll(t, node, fixture)
    await node.stop()
    const again = await openFixture(t, fixture)
    await readsAll(t, again, fixture)

    const { upload } = fixture.expected
    const path = pathOf(upload)
    const part = `<Part><PartNumber>${upload.part}</PartNumber><ETag>${upload.etag}</ETag></Part>`
    const completed = await again.request('POST', `${path}?uploadId=${upload.uploadId}`, {
      body: `<CompleteMultipartUpload>${part}</CompleteMultipartUpload>`,
    })
    t.equal(completed.status, 200, completed.text)
    isBody(t, await again.request('GET', path), upload, 'an upload of then is completed now')
    const put = await again.request('PUT', '/plain/new', { body: 'new' })
    t.equal(put.status, 200)
    t.equal((await again.swift.request('GET', '/plain/new')).text, 'new')
  })
}

const [newest] = fixtures.toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true })) as [
  string,
]

/** A copy of the newest fixture, `change`d, is refused with this message at a start and changed by nothing. */
async function refuses(t: Test, change: (data: string) => Promise<void>, message: RegExp) {
  const { data, args } = copyFixture(t, newest)
  await change(data)
  const { code, stdout, stderr } = await run(args)
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, message)
}

async function changeDatabase<E extends 'utf8' | 'buffer'>(
  location: string,
  keyEncoding: E,
  change: (db: Awaited<ReturnType<typeof classicEngine.open<E>>>) => Promise<void>,
): Promise<void> {
  const sizes = { writeBufferBytes: 4 << 20, maxFileBytes: 8 << 20, cacheBytes: 1 << 20 }
  const db = await classicEngine.open(location, { keyEncoding, ...sizes, create: false })
  await change(db)
  await db.close()
}

t.test('a catalog of a later layout is refused', (t) =>
  refuses(
    t,
    (data) =>
      changeDatabase(join(data, 'catalog'), 'utf8', async (db) => {
        const meta = new Encoder({ useRecords: false }).encode([2, randomId(), 7])
        await db.put('meta', frameRow('meta', randomId(), meta))
      }),
    /layout 2 of the catalog is newer than this program/,
  ),
)

t.test('a volume of a later format is refused, and not taken for a damaged one', (t) =>
  refuses(
    t,
    async (data) => {
      const [volume] = readdirSync(join(data, 'volumes'))
      await changeDatabase(join(data, 'volumes', volume!), 'buffer', async (db) => {
        const number = Buffer.alloc(8)
        const header = (await db.get(number))!
        header.write('coffer/v2 volume', 'latin1')
        await db.put(number, header)
      })
    },
    /volumes\/[0-9a-f]{16}\.g1: version 2 of the volume is newer than this program, which knows 1: run/,
  ),
)

t.test('a keyring of a later version is refused, whatever else is in it', (t) =>
  refuses(
    t,
    async (data) => {
      const file = join(data, 'keyring')
      const text = readFileSync(file, 'utf8').replace('version: 1', 'version: 2\nslots: [1]')
      writeFileSync(file, text)
    },
    /keyring: version 2 of the keyring is newer than this program, which knows 1: run/,
  ),
)
