// What volumes take on disk: asked by every scrape, so that it must not cost a look at every file of all of them.
import { basename } from 'node:path'
import t from 'tap'
import type { Volumes } from '../../../lib/blobs/volumes.ts'
import { classicEngine, type Engine } from '../../../lib/leveldb/engine.ts'
import { RECORD_BYTES, saveBlob, until } from '../../helpers/blobs.ts'
import { openStore } from '../../helpers/volumes.ts'

/** Notes whose files were looked at since it was last asked. */
function watchedEngine(): { readonly engine: Engine; readonly looked: () => string[] } {
  const names: string[] = []
  const measure: Engine['measure'] = (location) => {
    names.push(basename(location))
    return classicEngine.measure(location)
  }
  return { engine: { ...classicEngine, measure }, looked: () => names.splice(0) }
}

const usageOf = async (store: Volumes, id: string) =>
  (await store.usage()).find(({ volume }) => volume === id)!

/** Writes a blob, and seals the volume in which it lies. */
async function sealOne(store: Volumes) {
  const saved = await saveBlob(store, [RECORD_BYTES, RECORD_BYTES])
  const { volume } = saved.locator
  await store.roll(volume)
  await until(async () => (await usageOf(store, volume)).state === 'sealed')
  return { saved, volume }
}

t.test('files of a sealed volume are looked at once, of an open one each time', async (t) => {
  const { engine, looked } = watchedEngine()
  const store = await openStore(engine, t.testdir())
  t.teardown(() => store.close())
  const sealed = [await sealOne(store), await sealOne(store), await sealOne(store)]
  const first = await store.usage()
  const open = first.find(({ state }) => state === 'open')!
  looked()
  t.same(await store.usage(), first)
  t.same(looked(), [`${open.volume}.g${open.generation}`], 'only what may have changed')
  for (const { volume } of sealed) {
    const { diskBytes } = first.find((usage) => usage.volume === volume)!
    t.equal(diskBytes, (await classicEngine.measure(locationOf(first, volume))).bytes)
  }
  function locationOf(usages: typeof first, id: string): string {
    const { device, volume, generation } = usages.find((usage) => usage.volume === id)!
    return `${device}/${volume}.g${generation}`
  }
})

t.test('a volume is looked at anew when it is sealed, and when it was reclaimed', async (t) => {
  const { engine, looked } = watchedEngine()
  const directory = t.testdir()
  const store = await openStore(engine, directory)
  const { volume, saved } = await sealOne(store)
  const dead = await saveBlob(store, [RECORD_BYTES, RECORD_BYTES, RECORD_BYTES])
  const before = await usageOf(store, volume)
  t.ok(before.diskBytes > 2 * RECORD_BYTES)
  await store.roll(dead.locator.volume)
  await until(async () => (await usageOf(store, dead.locator.volume)).state === 'sealed')
  const full = await usageOf(store, dead.locator.volume)
  t.ok(full.diskBytes > 3 * RECORD_BYTES, 'with all that was written before it was sealed')
  const signal = new AbortController().signal
  const collect = async () => 0
  const pace = async () => {}
  await store.reclaim(dead.locator.volume, collect, { signal, pace, progress: () => {} })
  t.notOk(
    (await store.usage()).some((usage) => usage.volume === dead.locator.volume),
    'all was dead',
  )
  await store.reclaim(
    volume,
    async (live) => {
      live.add(saved.id, saved.locator.pieces)
      return saved.locator.storedBytes
    },
    { signal, pace, progress: () => {} },
  )
  looked()
  const after = await usageOf(store, volume)
  t.equal(after.generation, 2)
  t.ok(looked().includes(`${volume}.g2`), 'the copy is looked at')
  t.ok(after.diskBytes > 2 * RECORD_BYTES)
  await store.close()
  const again = await openStore(engine, directory)
  looked()
  await again.usage()
  t.ok(looked().includes(`${volume}.g2`), 'and once after a start')
  await again.close()
})
