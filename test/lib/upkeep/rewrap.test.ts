// Rewrap: every envelope under an older root key comes under the active one while others write, and no
// object changes; what cannot be opened stays and is named.
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { rowKeys } from '../../../lib/catalog/keys.ts'
import { versionRow } from '../../../lib/catalog/rows.ts'
import { type Coffer, openCoffer } from '../../../lib/coffer.ts'
import { defaultConfig } from '../../../lib/config/config.ts'
import { customerCipher } from '../../../lib/crypto/cipher.ts'
import { CustomerKey } from '../../../lib/crypto/customer-key.ts'
import { Draft } from '../../../lib/service/stores.ts'
import { countRootKeys } from '../../../lib/upkeep/hanging-rows.ts'
import { type RewrapProgress, startRewrap } from '../../../lib/upkeep/rewrap.ts'
import { inconsistencies } from '../../helpers/consistency.ts'
import { randomFrom, seedOfRun } from '../../helpers/random.ts'
import { admin, sourceOf } from '../../helpers/service.ts'

const keys = new Map(['k1', 'k2', 'k3'].map((id) => [id, randomBytes(32)]))

/** A keyring whose active key a test changes. */
function makeRing(active: string) {
  return { active, key: (id: string) => keys.get(id) }
}

interface Site extends Coffer {
  readonly dir: string
  readonly ring: ReturnType<typeof makeRing>
  write(object: string, body: string): Promise<void>
  read(object: string): Promise<string>
  rewrap(options?: object, ring?: object): Promise<RewrapProgress>
}

const refOf = (object: string) => ({ account: 'test', container: 'c', object })

async function openSite(t: Test): Promise<Site> {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-'))
  const base = defaultConfig()
  const storage = { ...base.storage, reserveBytes: 0, writeBufferBytes: 4 << 20 }
  const config = { ...base, data: dir, devices: [join(dir, 'volumes')], storage }
  const ring = makeRing('k1')
  const coffer = await openCoffer({ config, keyring: ring, log: pino({ level: 'silent' }) })
  t.teardown(async () => {
    await coffer.close()
    await rm(dir, { recursive: true, force: true })
  })
  const { service, rootCipher: cipher } = coffer
  await service.createContainer(admin, { account: 'test', container: 'c' }, { indexed: false })
  return {
    ...coffer,
    dir,
    ring,
    async write(object, body) {
      const source = sourceOf(body)
      await service.put(admin, refOf(object), { source, cipher, headers: {}, metadata: {} })
    },
    async read(object) {
      const reader = await service.get(admin, refOf(object), { cipher })
      const pieces: Buffer[] = []
      for (let piece = await reader.read(); piece; piece = await reader.read()) {
        pieces.push(Buffer.from(piece))
      }
      reader.close()
      return Buffer.concat(pieces).toString()
    },
    async rewrap(options = {}, other = ring) {
      const all = { rowsPerSecond: 1e6, closed: () => false, ...options }
      const { progress, done } = startRewrap(coffer.stores, other as typeof ring, all)
      await done
      return progress
    },
  }
}

/** `{ k1: 3, … }`: rows under each key. */
async function uses({ stores }: Site): Promise<Record<string, number>> {
  const found = await countRootKeys(stores)
  return Object.fromEntries(Array.from(found, ([id, use]) => [id, use.versions + use.uploads]))
}

t.test(
  'versions and unfinished uploads come under the active key, and read as before',
  async (t) => {
    const site = await openSite(t)
    const names = ['a', 'nul\u0000led', 'a/b', 'Grüße', '\u{1f600}', 'x'.repeat(1024)]
    for (const name of names) await site.write(name, `body of ${name}`)
    await site.write('large', 'y'.repeat(100_000))
    const { service, rootCipher: cipher } = site
    const upload = await service.createUpload(admin, refOf('parts'), {
      cipher,
      headers: {},
      metadata: {},
    })
    const id = upload.uploadId
    const part = await service.putPart(admin, refOf('parts'), id, 1, {
      source: sourceOf('first part'),
      cipher,
    })
    const customer = customerCipher(new CustomerKey(randomBytes(32)))
    const sealed = { source: sourceOf('sealed'), cipher: customer, headers: {}, metadata: {} }
    await service.put(admin, refOf('sealed'), sealed)
    t.same(await uses(site), { k1: names.length + 3 })

    site.ring.active = 'k2'
    await site.write('late', 'written under k2')
    const done = await site.rewrap()
    t.match(done, {
      phase: 'done',
      versions: names.length + 2,
      uploads: 1,
      containers: 1,
      buckets: 1,
      accounts: 1,
      failed: 0,
      compacted: true,
    })
    t.same(await uses(site), { k2: names.length + 4 })
    for (const name of names) t.equal(await site.read(name), `body of ${name}`)
    t.equal((await site.read('large')).length, 100_000)
    await service.completeUpload(admin, refOf('parts'), id, {
      parts: [{ part: 1, etag: part.etag }],
    })
    t.equal(await site.read('parts'), 'first part')
    t.same(await inconsistencies(site.stores.catalog), [])
    t.match(await site.rewrap(), { versions: 0, uploads: 0 }, 'a second run has nothing to do')
  },
)

t.test(
  'an upload that is completed while rows are counted is under its key all the same',
  async (t) => {
    const site = await openSite(t)
    const { service, rootCipher: cipher, stores } = site
    const begun = { cipher, headers: {}, metadata: {} }
    const { uploadId } = await service.createUpload(admin, refOf('parts'), begun)
    const source = sourceOf('first part')
    const { etag } = await service.putPart(admin, refOf('parts'), uploadId, 1, { source, cipher })
    const { catalog } = stores
    let ranges = 0
    const completing: typeof catalog = {
      ...catalog,
      get: (key) => catalog.get(key),
      async scan(range) {
        const page = await catalog.scan(range)
        if (range.from !== 'upload/') return page
        ranges++
        if (ranges === 1) {
          const parts = [{ part: 1, etag }]
          await service.completeUpload(admin, refOf('parts'), uploadId, { parts })
        }
        return page
      },
    }
    const counted = await countRootKeys({ catalog: completing })
    t.ok(counted.has('k1'), 'the key of an upload that became a version is counted')
    t.equal(ranges, 1)
  },
)

t.test('the old key opens nothing in the files of the catalog any more', async (t) => {
  const site = await openSite(t)
  await site.write('a', 'body')
  const rows = await site.stores.catalog.scan({ from: 'version/', to: 'version0', limit: 1 })
  const [row] = rows.entries as unknown as [{ key: string; value: Buffer }]
  const { wrapped } = versionRow.decodeUnproven(row.value).envelope!
  const location = join(site.dir, 'catalog')
  const holds = () =>
    readdirSync(location).some((name) => readFileSync(join(location, name)).includes(wrapped))
  t.equal(holds(), true)
  site.ring.active = 'k2'
  await site.rewrap()
  t.equal(holds(), false)
})

t.test('only rows under the key that is named are wrapped', async (t) => {
  const site = await openSite(t)
  await site.write('one', '1')
  site.ring.active = 'k2'
  await site.write('two', '2')
  site.ring.active = 'k3'
  t.match(await site.rewrap({ from: 'k2' }), { versions: 1 })
  t.same(await uses(site), { k1: 1, k3: 1 })
})

t.test(
  'what cannot be opened stays as it is, is named, and keeps nobody else waiting',
  async (t) => {
    const site = await openSite(t)
    await site.write('under k1', '1')
    site.ring.active = 'k2'
    await site.write('under k2', '2')
    const ring = { active: 'k3', key: (id: string) => (id === 'k1' ? undefined : keys.get(id)) }
    const done = await site.rewrap({}, ring)
    t.match(done, { phase: 'done', versions: 1, failed: 4 })
    t.match(done.failures, [
      /^account test, key k1: root key not in keyring$/,
      /^bucket c, key k1: root key not in keyring$/,
      /^container test\/c, key k1: root key not in keyring$/,
      /^version \S+ of test\/c\/under k1, key k1: root key not in keyring$/,
    ])
    t.same(await uses(site), { k1: 1, k3: 1 })
  },
)

t.test('a run that is stopped has lost nothing, and the next one ends the work', async (t) => {
  const site = await openSite(t)
  for (let i = 0; i < 130; i++) await site.write(`o${i}`, `${i}`)
  site.ring.active = 'k2'
  let asked = 0
  const first = await site.rewrap({ closed: () => ++asked > 16 })
  t.not(first.phase, 'done')
  const { k1 = 0, k2 = 0 } = await uses(site)
  t.equal(k1 + k2, 130)
  t.ok(k1 > 0 && k2 > 0, `${k1} and ${k2}`)
  t.match(await site.rewrap(), { phase: 'done', versions: k1 })
  t.same(await uses(site), { k2: 130 })
  for (let i = 0; i < 130; i++) t.equal(await site.read(`o${i}`), `${i}`)
})

t.test(
  'objects that are written, changed and deleted meanwhile are what their writers made them',
  async (t) => {
    const site = await openSite(t)
    const random = randomFrom(seedOfRun())
    const model = new Map<string, string>()
    for (let i = 0; i < 200; i++) {
      await site.write(`o${i}`, `first ${i}`)
      model.set(`o${i}`, `first ${i}`)
    }
    site.ring.active = 'k2'
    const { done } = startRewrap(site.stores, site.ring, {
      rowsPerSecond: 1e6,
      closed: () => false,
    })
    let running = true
    void done.finally(() => {
      running = false
    })
    for (let turn = 0; running || turn < 100; turn++) {
      const name = `o${random.integer(200)}`
      const choice = random.integer(3)
      if (choice === 0) {
        await site.write(name, `again ${turn}`)
        model.set(name, `again ${turn}`)
      } else if (choice === 1) {
        await site.service.delete(admin, refOf(name), { promote: true })
        model.delete(name)
      } else if (model.has(name)) {
        await site.service.update(admin, refOf(name), {
          cipher: site.rootCipher,
          revise: () => ({ headers: {}, metadata: { turn: String(turn) } }),
        })
      }
    }
    await done
    await site.rewrap()
    const about = `seed ${random.seed}`
    t.same(await uses(site), { k2: model.size }, about)
    for (const [name, body] of model) t.equal(await site.read(name), body, about)
    t.same(await inconsistencies(site.stores.catalog), [], about)
  },
)

t.test(
  'a row that another writer has changed since it was read is wrapped as it is now',
  async (t) => {
    const site = await openSite(t)
    await site.write('o', 'body')
    site.ring.active = 'k2'
    const { catalog } = site.stores
    let meddled = false
    const meddling = {
      ...catalog,
      get: (key: string) => catalog.get(key),
      scan: (range: Parameters<typeof catalog.scan>[0]) => catalog.scan(range),
      async commit(commit: Parameters<typeof catalog.commit>[0]) {
        const key = commit.put?.[0]?.key
        if (!meddled && key?.startsWith('version/')) {
          meddled = true
          const row = (await catalog.get(key))!
          const changed = { ...versionRow.decodeUnproven(row.value), metadata: { by: 'another' } }
          await new Draft()
            .put(key, versionRow.encode(key, changed, site.stores.macs))
            .commit(catalog)
        }
        return catalog.commit(commit)
      },
    }
    const run = startRewrap({ catalog: meddling }, site.ring, {
      rowsPerSecond: 1e6,
      closed: () => false,
    })
    await run.done
    t.equal(meddled, true)
    t.match(run.progress, { versions: 1, failed: 0 })
    const { info } = await site.service.head(admin, refOf('o'), { cipher: site.rootCipher })
    t.match(info.metadata, { by: 'another' })
    t.equal(await site.read('o'), 'body')
    const rows = await catalog.scan({
      from: rowKeys.version('test', 'c', 'o', ''),
      to: 'version0',
      limit: 1,
    })
    const [row] = rows.entries as unknown as [{ value: Buffer }]
    t.equal(versionRow.decodeUnproven(row.value).envelope?.rootKeyId, 'k2')
  },
)

t.test('a keyring without its active key wraps nothing', async (t) => {
  const site = await openSite(t)
  await t.rejects(site.rewrap({}, { active: 'k9', key: () => undefined }), {
    code: 'Internal',
  } as unknown as Error)
})

t.test(
  'an upload under a customer key is completed without it, its first root key gone',
  async (t) => {
    const site = await openSite(t)
    const { service } = site
    const cipher = customerCipher(new CustomerKey(randomBytes(32)))
    const begun = { cipher, headers: {}, metadata: {} }
    const { uploadId } = await service.createUpload(admin, refOf('sealed'), begun)
    const input = { source: sourceOf('one part'), cipher }
    const { part, etag } = await service.putPart(admin, refOf('sealed'), uploadId, 1, input)
    t.same(await uses(site), { k1: 1 }, 'what its completion needs is under the root key')
    site.ring.active = 'k2'
    t.match(await site.rewrap(), { uploads: 1, failed: 0 })
    t.same(await uses(site), { k2: 1 })
    const gone = keys.get('k1')!
    keys.delete('k1')
    t.teardown(() => keys.set('k1', gone))
    await service.completeUpload(admin, refOf('sealed'), uploadId, { parts: [{ part, etag }] })
    t.same(await uses(site), { k2: 1 }, 'only the MAC of a version under a customer key')
    const reader = await service.get(admin, refOf('sealed'), { cipher })
    t.equal(String(await reader.read()), 'one part')
    reader.close()
  },
)
