// Of the sealed volumes of a device only so many are open at once, whatever is read: no read fails for it, or
// sees a database that was closed under it.
import t from 'tap'
import { OpenVolumes } from '../../../lib/blobs/open-volumes.ts'
import type { Volumes } from '../../../lib/blobs/volumes.ts'
import { classicEngine, type Engine } from '../../../lib/leveldb/engine.ts'
import {
  differenceOf,
  differencesOf,
  RECORD_BYTES,
  type SavedBlob,
  saveBlob,
  until,
} from '../../helpers/blobs.ts'
import { type Faults, faultyEngine } from '../../helpers/faulty-engine.ts'
import { memoryEngine } from '../../helpers/memory-engine.ts'
import { randomFrom, seedOfRun } from '../../helpers/random.ts'
import { openStore } from '../../helpers/volumes.ts'
import { watchedEngine } from '../../helpers/watched-engine.ts'

const VOLUMES = 20
const OPEN_MAX = 4

/** `engine`, and how many databases of it are open, now and at most. One that is being closed is open. */
function countingEngine(engine: Engine) {
  const open = { now: 0, most: 0 }
  const counting = watchedEngine(engine, {
    opening: () => {
      open.now++
      open.most = Math.max(open.most, open.now)
    },
    closed: () => {
      open.now--
    },
  })
  return { engine: counting, open }
}

/** Closes the store again; its last volume takes writes, all others are sealed. */
async function fillVolumes(engine: Engine, directory: string): Promise<SavedBlob[]> {
  const store = await openStore(engine, directory, { volumeSizeBytes: RECORD_BYTES })
  const saved: SavedBlob[] = []
  for (let i = 0; i < VOLUMES; i++) saved.push(await saveNext(store, saved))
  await store.close()
  return saved
}

/** Saves a blob of two records in a volume that has none yet. */
async function saveNext(store: Volumes, saved: readonly SavedBlob[]): Promise<SavedBlob> {
  const taken = new Set(saved.map(({ locator }) => locator.volume))
  const isFresh = async () =>
    (await store.usage()).some(({ state, volume }) => state === 'open' && !taken.has(volume))
  for (;;) {
    const blob = await saveBlob(store, [RECORD_BYTES, 100])
    if (!taken.has(blob.locator.volume)) return blob
    await until(isFresh)
  }
}

for (const [name, makeEngine] of [
  ['LevelDB', () => classicEngine],
  ['memory', memoryEngine],
] as const) {
  t.test(`a bounded number of volumes is open while all are read, on ${name}`, async (t) => {
    const seed = seedOfRun()
    const random = randomFrom(seed)
    const { engine, open } = countingEngine(makeEngine())
    const directory = t.testdir()
    const saved = await fillVolumes(engine, directory)
    t.equal(new Set(saved.map(({ locator }) => locator.volume)).size, VOLUMES)
    t.equal(open.now, 0)
    const store = await openStore(engine, directory, { openVolumes: OPEN_MAX })
    const atStart = open.now
    open.most = 0
    const wrong: string[] = []
    const reading = Array.from({ length: 16 }, async () => {
      for (let i = 0; i < 15; i++) {
        const blob = saved[random.integer(saved.length)]!
        const found = await differenceOf(store, blob).catch((error) => String(error))
        if (found !== undefined) wrong.push(found)
      }
    })
    await Promise.all(reading)
    t.same(wrong, [], `seed ${seed}`)
    t.ok(open.most <= atStart + OPEN_MAX, `${open.most} of ${VOLUMES} were open, seed ${seed}`)
    t.equal(open.now, atStart + OPEN_MAX, 'and so many stay open')
    await store.close()
    t.equal(open.now, 0)
  })
}

t.test('a volume that is read again and again stays open', async (t) => {
  const { engine, open } = countingEngine(memoryEngine())
  const directory = t.testdir()
  const saved = await fillVolumes(engine, directory)
  const store = await openStore(engine, directory, { openVolumes: 2 })
  const [hot, ...others] = saved as [SavedBlob, ...SavedBlob[]]
  t.equal(await differenceOf(store, hot), undefined)
  let opened = 0
  const { open: openOne } = engine
  engine.open = (location, options) => {
    if (location.includes(hot.locator.volume)) opened++
    return openOne(location, options)
  }
  for (const other of others) t.same(await differencesOf(store, [other, hot]), [])
  t.equal(opened, 0, 'others gave way')
  t.ok(open.now <= 3)
  await store.close()
})

t.test('a volume that could not be opened again is not closed for another', async (t) => {
  const faults: Faults = {}
  const { engine: counting, open } = countingEngine(memoryEngine())
  const engine = faultyEngine(counting, faults)
  const directory = t.testdir()
  const [other, ...saved] = (await fillVolumes(engine, directory)).slice(0, 10)
  const readOnly = () => {
    throw Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' })
  }
  const store = await openStore(engine, directory, { openVolumes: 2 })
  // What closing needs is looked at once a second.
  const aSecond = () => new Promise((resolve) => setTimeout(resolve, 1100))
  faults.requireWritable = readOnly
  await aSecond()
  t.same(await differencesOf(store, saved), [])
  const opened = open.now
  t.ok(opened >= saved.length, 'all are open rather than one lost')
  faults.open = readOnly
  t.same(await differencesOf(store, saved), [], 'and read on')
  faults.requireWritable = undefined
  faults.open = undefined
  await aSecond()
  t.equal(await differenceOf(store, other!), undefined)
  t.ok(open.now <= 3, 'once it could, the others make room')
  await store.close()
})

t.test('nobody waits for ever behind volumes that are always being read', async (t) => {
  const closed: string[] = []
  const open = new OpenVolumes(2, async () => true)
  const busy = (name: string) => {
    const volume = {
      readAt: open.turn(),
      isBeingRead: true,
      close: async () => {
        closed.push(name)
        open.leave(volume)
      },
    }
    return volume
  }
  const [a, b, c, d] = [busy('a'), busy('b'), busy('c'), busy('d')]
  await Promise.all([open.admit(a), open.admit(b), open.admit(c)])
  t.same(closed, ['a'], 'the one that was read first')
  c.isBeingRead = false
  await open.admit(d)
  t.same(closed, ['a', 'c'], 'rather one that nobody reads')
})

t.test('a volume that cannot be closed does not keep the others from being opened', async (t) => {
  const open = new OpenVolumes(1, async () => true)
  const stuck = {
    readAt: 0,
    isBeingRead: false,
    close: () => Promise.reject(new Error('input/output error')),
  }
  await open.admit(stuck)
  await open.admit({ ...stuck, close: async () => {} })
  t.pass()
})
