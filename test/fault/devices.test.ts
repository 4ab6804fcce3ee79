// Devices that are missing at a start, come late, vanish, or take no more writes. The other devices serve, and
// objects of that device answer 503 or stay readable. Log and status name the device, and it comes back without
// a restart.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { classicEngine } from '../../lib/leveldb/engine.ts'
import { codeOf, differenceOf, differencesOf, saveBlob, until } from '../helpers/blobs.ts'
import { faultyEngine } from '../helpers/faulty-engine.ts'
import { startNode } from '../helpers/node.ts'
import { openStore } from '../helpers/volumes.ts'

const BODY = Buffer.alloc(100_000, 7)

/** A node on two devices with an object on each, and the names of the objects. */
async function startOnTwo(t: Test) {
  const directory = t.testdir()
  const devices = [join(directory, 'one'), join(directory, 'two')]
  const node = await startNode(t, { devices })
  await node.request('PUT', '/bkt')
  const names = Array.from({ length: 4 }, (_, i) => `/bkt/${i}`)
  for (const name of names) {
    t.equal((await node.request('PUT', name, { body: BODY })).status, 200)
  }
  const statuses = async () =>
    (await Promise.all(names.map((name) => node.request('GET', name)))).map(({ status }) => status)
  return { node, devices, statuses }
}

t.test(
  'a device that is not mounted at a start is not made anew, and serves once it is there',
  async (t) => {
    const { node, devices, statuses } = await startOnTwo(t)
    const [, two] = devices as [string, string]
    const away = `${two}-away`
    for (const below of ['missing', 'empty']) {
      renameSync(two, away)
      if (below === 'empty') mkdirSync(two)
      await node.restart()
      t.same((await statuses()).sort(), [200, 200, 503, 503], `${below}: the rest serves`)
      t.equal((await node.request('PUT', '/bkt/new', { body: BODY })).status, 200)
      const volumes = existsSync(two) ? readdirSync(two) : []
      t.same(volumes, [], 'nothing was made on the disk below')
      const state = node.coffer.stores.blobs.devices().find(({ device }) => device === two)
      t.match(state?.impaired, /is the disk mounted\?/)
      t.match(node.logged(), /"device":"[^"]*two".*a device cannot be used/)

      if (below === 'empty') execFileSync('rmdir', [two])
      renameSync(away, two)
      const back = async () => (await statuses()).every((status) => status === 200)
      t.ok(await until(back), `${below}: it is back without a restart`)
      t.ok(node.coffer.stores.blobs.devices().every(({ impaired }) => impaired === null))
    }
  },
)

t.test(
  'the only device is not made anew, unless somebody says that it is a new disk',
  async (t) => {
    const directory = t.testdir()
    const device = join(directory, 'device')
    const knownVolumes = async () => ['0123456789abcdef']
    const open = () => openStore(classicEngine, directory, { knownVolumes })
    await t.rejects(open(), { name: 'DiskMissing', message: /named new-disk/ })
    t.notOk(existsSync(device))
    mkdirSync(device)
    await t.rejects(open(), { name: 'DiskMissing' })
    t.same(readdirSync(device), [])
    writeFileSync(join(device, 'new-disk'), '')
    const store = await open()
    t.equal(store.impaired, null)
    await store.close()
  },
)

t.test('a new device beside those that hold every volume is just used', async (t) => {
  const directory = t.testdir()
  const devices = [join(directory, 'one'), join(directory, 'two')]
  const first = await openStore(classicEngine, directory, { devices: devices.slice(0, 1) })
  const saved = await saveBlob(first, [1])
  await first.close()
  const knownVolumes = async () => [saved.locator.volume]
  const store = await openStore(classicEngine, directory, { devices, knownVolumes })
  t.ok(readdirSync(devices[1]!).some((name) => name.endsWith('.g1')))
  await store.close()
})

t.test(
  'a device whose directory vanishes under the node takes no writes, and comes back',
  async (t) => {
    const { node, devices, statuses } = await startOnTwo(t)
    const [, two] = devices as [string, string]
    for (const below of ['nothing', 'an empty directory']) {
      renameSync(two, `${two}-away`)
      if (below !== 'nothing') mkdirSync(two)
      const put = async (i: number) =>
        (await node.request('PUT', `/bkt/more-${i}`, { body: BODY })).status
      const before = [await put(0), await put(1), await put(2), await put(3)]
      t.ok(before.includes(200), 'the rest takes writes')
      t.same(
        [await put(4), await put(5), await put(6)],
        [200, 200, 200],
        `${below}: the rest alone`,
      )
      t.same(await statuses(), [200, 200, 200, 200], 'what is open is read on')
      const state = node.coffer.stores.blobs.devices().find(({ device }) => device === two)
      t.type(state?.impaired, 'string')
      const left = existsSync(two) ? readdirSync(two) : []
      t.same(left, [], 'nothing was made on the disk below')

      if (below !== 'nothing') execFileSync('rmdir', [two])
      renameSync(`${two}-away`, two)
      const isBack = () =>
        node.coffer.stores.blobs.devices().every(({ impaired }) => impaired === null)
      t.ok(await until(isBack), 'it is back without a restart')
      t.same(await statuses(), [200, 200, 200, 200])
    }
  },
)

t.test(
  'a device that turns read-only is read on, and takes writes when it is mended',
  async (t) => {
    const directory = t.testdir()
    const devices = [join(directory, 'one'), join(directory, 'two')]
    const readonly = { now: false, tries: 0 }
    const refuse = (path: string) => {
      if (readonly.now && path.startsWith(devices[1]!)) {
        throw Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' })
      }
    }
    const requireWritable = (path: string) => {
      if (readonly.now) readonly.tries++
      refuse(path)
    }
    const faults = { put: refuse, write: refuse, requireWritable, open: refuse }
    const store = await openStore(faultyEngine(classicEngine, faults), directory, { devices })
    const saved = [await saveBlob(store, [9]), await saveBlob(store, [9])]
    readonly.now = true
    const codes = [
      await codeOf(() => saveBlob(store, [9])),
      await codeOf(() => saveBlob(store, [9])),
    ]
    t.same(codes.sort(), ['StoreUnavailable', undefined], 'one write meets it')
    for (let i = 0; i < 3; i++) saved.push(await saveBlob(store, [9]))
    t.same(await differencesOf(store, saved), [])
    await new Promise((resolve) => setTimeout(resolve, 1100))
    t.match(store.devices()[1]!.impaired, /failed|read-only/)
    t.equal(await differenceOf(store, saved[1]!), undefined, 'also after a repair was tried')
    readonly.now = false
    t.ok(await until(() => store.devices().every(({ impaired }) => impaired === null)))
    await store.close()
  },
)
