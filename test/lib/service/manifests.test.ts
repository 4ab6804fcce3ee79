// Manifests as the service keeps them: what is shown without a key and with it, what hangs on a root key, what is freed.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import type { Row } from '../../../lib/catalog/catalog.ts'
import { seamRows } from '../../../lib/catalog/check-rows.ts'
import { endOf, rowKeys } from '../../../lib/catalog/keys.ts'
import { versionRow } from '../../../lib/catalog/rows.ts'
import { openCoffer } from '../../../lib/coffer.ts'
import { defaultConfig } from '../../../lib/config/config.ts'
import type { Cipher } from '../../../lib/crypto/cipher.ts'
import { isCode } from '../../../lib/errors.ts'
import { Rate } from '../../../lib/plain-file.ts'
import { Draft } from '../../../lib/service/stores.ts'
import type { ManifestInput } from '../../../lib/service/types.ts'
import { fsck } from '../../../lib/upkeep/fsck.ts'
import { countRootKeys } from '../../../lib/upkeep/hanging-rows.ts'
import { startRewrap } from '../../../lib/upkeep/rewrap.ts'
import { bytesOf, newCustomerKey } from '../../contract/bodies.ts'
import { until } from '../../helpers/blobs.ts'
import { inconsistencies } from '../../helpers/consistency.ts'
import { admin, sourceOf } from '../../helpers/service.ts'

const refOf = (object: string) => ({ account: 'test', container: 'c', object })
const measure = async () => ({ bytes: 7, etag: 'document' })
const keys = new Map(['k1', 'k2'].map((id) => [id, randomBytes(32)]))

async function start(t: Test) {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-'))
  const base = defaultConfig()
  const storage = { ...base.storage, reserveBytes: 0, writeBufferBytes: 4 << 20 }
  const config = { ...base, data: dir, devices: [join(dir, 'volumes')], storage }
  const ring = { active: 'k1', key: (id: string) => keys.get(id) }
  const coffer = await openCoffer({ config, keyring: ring, log: pino({ level: 'silent' }) })
  t.teardown(async () => {
    await coffer.close()
    await rm(dir, { recursive: true, force: true })
  })
  const { service } = coffer
  await service.putContainer(admin, { account: 'test', container: 'c' }, {})
  const put = async (object: string, body: string, cipher: Cipher) => {
    const source = sourceOf(body)
    const input = { source, cipher, headers: {}, metadata: {}, sealMd5: true }
    return await service.put(admin, refOf(object), input)
  }
  const link = (object: string) => ({ ...refOf(object), etag: null, size: null, range: null })
  const putManifest = async (
    object: string,
    entries: ManifestInput['entries'],
    cipher: Cipher,
    more: Partial<ManifestInput> = {},
  ) => {
    const input = { entries, cipher, headers: {}, metadata: {}, measure, ...more }
    return await service.putManifest(admin, refOf(object), input)
  }
  const read = async (object: string, cipher: Cipher) =>
    (await bytesOf(await service.get(admin, refOf(object), { cipher }))).toString()
  const own = { data: Buffer.from('own') }
  /** Two segments and a manifest of them, under one key. */
  const make = async (name: string, cipher: Cipher) => {
    await put(`${name}-1`, 'first', cipher)
    await put(`${name}-2`, 'second', cipher)
    const ownData = { data: Buffer.from(own.data) }
    return await putManifest(name, [link(`${name}-1`), ownData, link(`${name}-2`)], cipher)
  }
  return { ...coffer, devices: config.devices, ring, put, link, putManifest, read, make }
}

type Started = Awaited<ReturnType<typeof start>>

async function rowsOf({ stores }: Started, prefix: string): Promise<Row[]> {
  const page = await stores.catalog.scan({ from: prefix, to: endOf(prefix), limit: 1000 })
  return page.entries.filter((entry): entry is Row => 'key' in entry)
}

async function problemsOf({ stores, devices }: Started) {
  const rows = seamRows(stores.catalog)
  const rate = new Rate(Number.POSITIVE_INFINITY)
  const { problems, rotten } = await fsck({ rows, macs: stores.macs, devices, rate, records: true })
  return [...problems, ...rotten]
}

t.test('one under a customer key is listed without it, and says of content nothing', async (t) => {
  const started = await start(t)
  const { service, rootCipher, make, read } = started
  const key = newCustomerKey()
  await make('sealed', key)
  t.equal(await read('sealed', key), 'firstownsecond')
  for (const cipher of [rootCipher, newCustomerKey()]) {
    await t.rejects(read('sealed', cipher), { code: /^Key(Required|Wrong)$/ })
  }
  const md5 = 'a9f0e61a137d86aa9db53465e0801612'
  const shown = await service.getManifest(admin, refOf('sealed'), { cipher: rootCipher })
  t.match(shown.entries, [
    { container: 'c', object: 'sealed-1', size: 5, etag: /^[0-9a-f]{32}$/ },
    { ownBytes: 3, data: undefined },
    { object: 'sealed-2', size: 6 },
  ])
  t.notMatch(JSON.stringify(shown), md5)
  t.equal(shown.info.md5, undefined)
  const opened = await service.getManifest(admin, refOf('sealed'), { cipher: key })
  t.match(opened.entries, [{ etag: '8b04d5e3775d298e78455efc5ca404d5' }, {}, { etag: md5 }])
  t.match(opened.entries![1], { data: Buffer.from('own') })
  const wrong = service.getManifest(admin, refOf('sealed'), { cipher: newCustomerKey() })
  await t.rejects(wrong, { code: 'KeyWrong' })
})

t.test('a segment under another kind of key, or another key, is not taken', async (t) => {
  const { rootCipher, put, link, putManifest, read } = await start(t)
  const [mine, theirs] = [newCustomerKey(), newCustomerKey()]
  await put('root', 'r', rootCipher)
  await put('mine', 'm', mine)
  await put('theirs', 't', theirs)
  const codes = async (cipher: Cipher) => {
    const entries = [link('root'), link('mine'), link('theirs'), link('none')]
    const { problems } = await putManifest('new', entries, cipher)
    return problems!.map(({ index, why }) => [index, typeof why === 'string' ? why : why.code])
  }
  t.same(await codes(rootCipher), [
    [1, 'KeyRequired'],
    [2, 'KeyRequired'],
    [3, 'ObjectMissing'],
  ])
  t.same(await codes(mine), [
    [2, 'KeyWrong'],
    [3, 'ObjectMissing'],
  ])
  t.equal(await read('root', rootCipher), 'r', 'nothing is sealed where an entry has a problem')
})

t.test('segments whose key changes stay what they are where their MD5 is known', async (t) => {
  const { service, make, read, putManifest, link } = await start(t)
  const [old, next] = [newCustomerKey(), newCustomerKey()]
  await make('o', old)
  for (const name of ['o-1', 'o-2']) {
    const to = { from: refOf(name), fromCipher: old, cipher: next, changesSelf: true }
    await service.copy(admin, refOf(name), to)
  }
  await t.rejects(read('o', old), { code: 'KeyWrong' })
  const { info } = await putManifest('again', [link('o-1'), link('o-2')], next)
  t.equal(info?.size, 11)
  t.equal(await read('again', next), 'firstsecond')
})

t.test('a rewrap brings envelopes, lists and MACs of manifests under the active key', async (t) => {
  const started = await start(t)
  const { stores, ring, service, rootCipher, make, read } = started
  const key = newCustomerKey()
  await make('plain', rootCipher)
  await make('sealed', key)
  ring.active = 'k2'
  const { progress, done } = startRewrap(stores, ring, { rowsPerSecond: 1e6, closed: () => false })
  await done
  t.match(progress, { phase: 'done', versions: 6, failed: 0 })
  t.same([...(await countRootKeys(stores)).keys()], ['k2'])
  for (const { value } of await rowsOf(started, 'version/')) {
    const { manifest } = versionRow.decodeUnproven(value)
    if (manifest !== undefined) t.equal(manifest.listKey.rootKeyId, 'k2')
  }
  const { entries } = await service.getManifest(admin, refOf('sealed'), { cipher: rootCipher })
  t.equal(entries!.length, 3)
  t.equal(await read('sealed', key), 'firstownsecond')
  t.equal(await read('plain', rootCipher), 'firstownsecond')
})

t.test(
  'its rows agree, also where it lies in volumes, and a deleted one leaves nothing',
  async (t) => {
    const started = await start(t)
    const { stores, service, rootCipher, make, putManifest, link } = started
    await make('small', rootCipher)
    const large = { data: randomBytes(100_000) }
    const links = Array.from({ length: 900 }, () => link('small-1'))
    t.ok((await putManifest('large', [...links, large], rootCipher)).info)
    t.same(await inconsistencies(stores.catalog), [])
    t.same(await problemsOf(started), [])
    const names = ['small', 'large']
    await putManifest('small', [link('small-1')], rootCipher)
    for (const name of names) await service.delete(admin, refOf(name), { promote: false })
    t.ok(await until(async () => (await rowsOf(started, 'queue/')).length === 0))
    t.equal((await rowsOf(started, 'segment/')).length, 2, 'those of its segments')
    t.same(await inconsistencies(stores.catalog), [])
    t.same(await problemsOf(started), [])
  },
)

t.test(
  'fsck names a manifest that lacks a segment, or whose segment has another size',
  async (t) => {
    const started = await start(t)
    const { stores, rootCipher, make } = started
    await make('o', rootCipher)
    const [version] = (await rowsOf(started, 'version/')).filter(({ value }) => {
      return versionRow.decodeUnproven(value).manifest !== undefined
    })
    const { body } = versionRow.decodeUnproven(version!.value)
    const key = rowKeys.segment(body!, 2)
    await new Draft().del(key).commit(stores.catalog)
    const found = await problemsOf(started)
    t.match(found.map(({ what }) => what).join('\n'), 'segment 2 has no row')
  },
)

t.test(
  'an ETag that is not the entries’ writes nothing, nor do sizes beyond all numbers',
  async (t) => {
    const started = await start(t)
    const { service, rootCipher, put, link, putManifest } = started
    await put('x', 'x'.repeat(20_000), rootCipher)
    await t.rejects(putManifest('o', [link('x')], rootCipher, { etag: 'x' }), {
      code: 'DigestMismatch',
    })
    let name = 'x'
    for (let depth = 0; ; depth++) {
      const links = Array.from({ length: 1000 }, () => link(name))
      try {
        await putManifest(`deep-${depth}`, links, rootCipher)
      } catch (error) {
        t.ok(isCode(error, 'ObjectTooLarge'))
        break
      }
      name = `deep-${depth}`
      t.ok(depth < 5)
    }
    await t.rejects(service.get(admin, refOf('o'), { cipher: rootCipher }), {
      code: 'ObjectMissing',
    })
    t.same(await inconsistencies(started.stores.catalog), [])
  },
)
