// The upgrade rule: this release reads what every release before it has written, and refuses what a later
// one has, by a sentence that says what and which version.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Encoder } from 'cbor-x'
import t, { type Test } from 'tap'
import { frameRow } from '../lib/catalog/framing.ts'
import { classicEngine } from '../lib/leveldb/engine.ts'
import { randomId } from '../lib/names.ts'
import { copyFixture, fixtures, newestFixture } from './helpers/fixture.ts'
import { isBody, openFixture, pathOf, readsAll } from './helpers/fixture-node.ts'
import { run } from './helpers/process.ts'

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

/** A copy of the newest fixture, `change`d, is refused with this message at a start and changed by nothing. */
async function refuses(t: Test, change: (data: string) => Promise<void>, message: RegExp) {
  const { data, args } = copyFixture(t, newestFixture)
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

const withLayout = (layout: number) => (data: string) =>
  changeDatabase(join(data, 'catalog'), 'utf8', async (db) => {
    const meta = new Encoder({ useRecords: false }).encode([layout, randomId(), 7])
    await db.put('meta', frameRow('meta', randomId(), meta))
  })

t.test('a catalog of a later layout is refused', (t) =>
  refuses(t, withLayout(3), /layout 3 of the catalog is newer than this program/),
)

t.test('a catalog of layout 1, which was never released, is refused by name', (t) =>
  refuses(t, withLayout(1), /layout 1 of the catalog was never released, and no program reads it/),
)

/** Names another format in the header of the fixture's first volume. */
async function renameVolume(data: string, magic: string): Promise<void> {
  const [volume] = readdirSync(join(data, 'volumes'))
  await changeDatabase(join(data, 'volumes', volume!), 'buffer', async (db) => {
    const number = Buffer.alloc(8)
    const header = (await db.get(number))!
    header.write(magic, 'latin1')
    await db.put(number, header)
  })
}

t.test('a volume of a later format is refused, and not taken for a damaged one', (t) =>
  refuses(
    t,
    (data) => renameVolume(data, 'coffer/v3 volume'),
    /volumes\/[0-9a-f]{16}\.g1: version 3 of the volume is newer than this program, which knows 2: run/,
  ),
)

t.test('a volume of version 1, which was never released, is refused by name', (t) =>
  refuses(
    t,
    (data) => renameVolume(data, 'coffer/v1 volume'),
    /volumes\/[0-9a-f]{16}\.g1: version 1 of the volume was never released, and no program reads it/,
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
