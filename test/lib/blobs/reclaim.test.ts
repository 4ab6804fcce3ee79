// Reclaim of a volume below the catalog: what is kept, what is refused, and what a failure leaves.
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { INDEX_NAME } from '../../../lib/blobs/file/index-file.ts'
import type { CollectLive, ReclaimOptions } from '../../../lib/blobs/reclaim.ts'
import { LiveRecords } from '../../../lib/blobs/reclaim-live.ts'
import type { Volumes } from '../../../lib/blobs/volumes.ts'
import { classicEngine, type Engine } from '../../../lib/leveldb/engine.ts'
import {
  beginBlob,
  codeOf,
  differencesOf,
  RECORD_BYTES,
  type SavedBlob,
  saveBlob,
  until,
} from '../../helpers/blobs.ts'
import { changeRecord } from '../../helpers/changed-record.ts'
import { type Faults, faultyEngine } from '../../helpers/faulty-engine.ts'
import { chosenFormat } from '../../helpers/format-choice.ts'
import { memoryEngine } from '../../helpers/memory-engine.ts'
import { openStore } from '../../helpers/volumes.ts'

const options: ReclaimOptions = {
  signal: new AbortController().signal,
  pace: async () => {},
  progress: () => {},
}

const collector =
  (blobs: readonly SavedBlob[]): CollectLive =>
  async (live) => {
    for (const { id, locator } of blobs) live.add(id, locator.pieces)
    return blobs.reduce((sum, { locator }) => sum + locator.storedBytes, 0)
  }

const usageOf = async (store: Volumes, id: string) =>
  (await store.usage()).find(({ volume }) => volume === id)

/** A store with one sealed volume that has these blobs. */
async function sealedStore(t: Test, engine: Engine, directory: string, blobs = 12) {
  const store = await openStore(engine, directory)
  const saved: SavedBlob[] = []
  for (let i = 0; i < blobs; i++) {
    saved.push(await saveBlob(store, [RECORD_BYTES, 5000 + i, 1].slice(i % 3)))
  }
  const { volume } = saved[0]!.locator
  await store.roll(volume)
  await until(async () => (await usageOf(store, volume))?.state === 'sealed')
  t.teardown(() => store.close().catch(() => undefined))
  return { store, saved, volume }
}

const halves = (saved: readonly SavedBlob[]) => [
  saved.filter((_, i) => i % 2 === 0),
  saved.filter((_, i) => i % 2 === 1),
]

for (const [name, makeEngine] of [
  ['LevelDB', () => classicEngine],
  ['memory', memoryEngine],
] as const) {
  t.test(
    `reclaim keeps what is live under its numbers, and nothing else, on ${name}`,
    async (t) => {
      const engine = makeEngine()
      const directory = t.testdir()
      const { store, saved, volume } = await sealedStore(t, engine, directory)
      const [live, dead] = halves(saved) as [SavedBlob[], SavedBlob[]]
      const before = await usageOf(store, volume)
      const done = await store.reclaim(volume, collector(live), options)
      t.equal(done.generation, 2)
      t.equal(
        done.records,
        live.reduce((sum, { lengths }) => sum + lengths.length, 0),
      )
      t.same(done.bad, [])
      if (name === 'LevelDB') t.ok(done.bytesAfter < done.bytesBefore)
      t.same(await differencesOf(store, live), [])
      for (const blob of dead) {
        const { pieces } = blob.locator
        const reader = store.read(volume, blob.id, (piece) => pieces[piece]!, 0, 0)
        t.equal(await codeOf(() => reader.read()), 'StoreCorrupt', 'it is gone')
      }
      const after = await usageOf(store, volume)
      t.equal(after?.records, before?.records, 'numbers are not used again')
      t.equal(after?.state, 'sealed')
      t.same(
        await engine
          .list(join(directory, 'device'))
          .then((names) =>
            names.filter((each) => each.startsWith(`${volume}.`) && !each.endsWith('.reading')),
          ),
        [`${volume}.g2`],
      )
      await store.close()
      const again = await openStore(engine, directory)
      t.equal((await usageOf(again, volume))?.state, 'sealed', 'a start finds it sealed')
      t.equal((await usageOf(again, volume))?.generation, 2)
      t.same(await differencesOf(again, live), [])
      await again.close()
    },
  )
}

t.test('several generations follow one another, down to nothing', async (t) => {
  const directory = t.testdir()
  const { store, saved, volume } = await sealedStore(t, classicEngine, directory)
  for (let left = saved.length - 1, generation = 2; left > 0; left--, generation++) {
    const live = saved.slice(0, left)
    const done = await store.reclaim(volume, collector(live), options)
    t.equal(done.generation, generation)
    t.same(await differencesOf(store, live), [])
  }
  const done = await store.reclaim(volume, collector([]), options)
  t.equal(done.generation, null, 'a volume without a live record goes')
  t.equal(await usageOf(store, volume), undefined)
  const names = await classicEngine.list(join(directory, 'device'))
  t.notOk(names.some((name) => name.startsWith(volume)))
  const { id, locator } = saved[0]!
  const reader = store.read(volume, id, (piece) => locator.pieces[piece]!, 0, 0)
  t.equal(await codeOf(() => reader.read()), 'StoreUnavailable')
})

t.test('a rotten record is copied as it is, and named', async (t) => {
  const directory = t.testdir()
  const { store, saved, volume } = await sealedStore(t, classicEngine, directory)
  await store.close()
  const location = join(directory, 'device', `${volume}.g1`)
  // Number 2 is the first blob's second record.
  await changeRecord(location, 2, (value) => {
    value[100]! ^= 1
  })
  const again = await openStore(classicEngine, directory)
  for (const generation of [2, 3]) {
    const done = await again.reclaim(volume, collector(saved), options)
    t.equal(done.generation, generation)
    t.same(done.bad, [{ number: 2, blob: saved[0]!.id, index: 1 }])
  }
  t.same(await differencesOf(again, saved.slice(1)), [])
  t.same(await codeOf(() => differencesOf(again, saved.slice(0, 1))), 'StoreCorrupt')
  await again.close()
})

t.test('reclaim is refused where a live record is missing, and nothing changes', async (t) => {
  const directory = t.testdir()
  const { store, saved, volume } = await sealedStore(t, classicEngine, directory)
  const [live, dead] = halves(saved) as [SavedBlob[], SavedBlob[]]
  await store.reclaim(volume, collector(live), options)
  const refused = store.reclaim(volume, collector([live[0]!, dead[0]!]), options)
  await t.rejects(refused, { code: 'StoreCorrupt', details: { what: 'record missing' } })
  t.equal((await usageOf(store, volume))?.generation, 2)
  t.same(await differencesOf(store, live), [])
})

t.test('only a sealed volume is reclaimed', async (t) => {
  const store = await openStore(memoryEngine(), t.testdir())
  const begun = beginBlob(store, [RECORD_BYTES, RECORD_BYTES])
  const { volume } = begun.writer
  const reclaim = () => store.reclaim(volume, collector([]), options)
  await t.rejects(reclaim(), { message: 'the volume is open' })
  await store.roll(volume)
  await t.rejects(reclaim(), { message: 'the volume is draining' })
  await begun.write()
  const saved = await begun.finish()
  await t.rejects(reclaim(), { message: 'the volume is draining' }, 'its commit has no outcome yet')
  store.settle(saved.id)
  await until(async () => (await usageOf(store, volume))?.state === 'sealed')
  await store.reclaim(volume, collector([saved]), options)
  t.same(await differencesOf(store, [saved]), [])
  t.equal(
    await codeOf(() => store.reclaim('00'.repeat(8), collector([]), options)),
    'StoreUnavailable',
  )
  await store.close()
})

t.test(
  'two at a time are one: a second reclaim is refused, and a second roll makes no volume',
  async (t) => {
    const { store, saved, volume } = await sealedStore(t, memoryEngine(), t.testdir())
    const both = [1, 2].map(() => store.reclaim(volume, collector(saved), options))
    await t.rejects(both[1]!, { message: 'another volume is being reclaimed' })
    t.equal((await both[0])?.generation, 2)
    const open = (await store.usage()).find(({ state }) => state === 'open')!
    const before = (await store.usage()).length
    await Promise.all([store.roll(open.volume), store.roll(open.volume)])
    t.equal((await store.usage()).length, before + 1)
    t.same(await differencesOf(store, saved), [])
  },
)

t.test('reclaim is off while the catalog is older than a volume', async (t) => {
  const directory = t.testdir()
  const engine = memoryEngine()
  const { store, saved, volume } = await sealedStore(t, engine, directory)
  await store.close()
  const old = await openStore(engine, directory, { commitNumber: () => 6 })
  t.match(old.reclaimOff, /fsck --accept-catalog/)
  await t.rejects(old.reclaim(volume, collector([]), options), { name: 'ReclaimRefused' })
  t.same(await differencesOf(old, saved), [])
  await old.close()
})

t.test(
  'the sealed header of the next generation carries the commit number of its moment',
  async (t) => {
    const directory = t.testdir()
    const engine = memoryEngine()
    const { store, saved, volume } = await sealedStore(t, engine, directory)
    await store.close()
    const later = await openStore(engine, directory, { commitNumber: () => 70 })
    await later.reclaim(volume, collector(saved), options)
    await later.close()
    const behind = await openStore(engine, directory, { commitNumber: () => 69 })
    t.same(behind.catalogBehind, [volume])
    await behind.close()
  },
)

t.test('a copy that would go below the reserve is not begun', async (t) => {
  const engine = memoryEngine()
  const { store, saved, volume } = await sealedStore(t, engine, t.testdir())
  engine.freeBytesNow = 3 << 20
  t.equal(await codeOf(() => store.reclaim(volume, collector(saved), options)), 'StoreFull')
  engine.freeBytesNow = 2 ** 40
  t.equal((await store.reclaim(volume, collector(saved), options)).generation, 2)
})

t.test(
  'whatever call fails, the volume is what it was, and the next attempt succeeds',
  async (t) => {
    const noSpace = () => Object.assign(new Error('No space left on device'), { code: 'ENOSPC' })
    // A handle that could not be opened is tried again a second later.
    const reads = (store: Volumes, blobs: SavedBlob[]) =>
      until(async () => (await differencesOf(store, blobs).catch(() => ['not yet'])).length === 0)
    const kinds: (keyof Faults)[] =
      chosenFormat() === 'file'
        ? ['openData', 'write', 'datasync', 'makeOne', 'syncDirectory', 'rename', 'readv']
        : ['open', 'put', 'batch', 'syncDirectory', 'rename', 'get']
    for (const kind of kinds) {
      for (let nth = 1; nth <= 8; nth++) {
        const directory = t.testdir()
        const faults: Faults = {}
        const engine = faultyEngine(classicEngine, faults)
        const { store, saved, volume } = await sealedStore(t, engine, directory, 40)
        const [live] = halves(saved) as [SavedBlob[]]
        let calls = 0
        faults[kind] = (path) => {
          // What an index lacks is read from the records.
          if (basename(path) === INDEX_NAME) return
          calls++
          if (calls === nth) throw noSpace()
        }
        const outcome = await store.reclaim(volume, collector(live), options).then(
          (done) => done.generation,
          () => 'failed',
        )
        faults[kind] = undefined
        const note = `${kind} ${nth} of ${calls}`
        t.ok(await reads(store, live), note)
        const usage = await usageOf(store, volume)
        t.equal(usage?.state, 'sealed', note)
        if (calls >= nth && kind !== 'syncDirectory') t.equal(outcome, 'failed', note)
        if (outcome === 'failed') {
          t.ok(await reads(store, saved), `${note}: even the dead are there still`)
          t.equal((await store.reclaim(volume, collector(live), options)).generation, 2, note)
        }
        t.same(await differencesOf(store, live), [], note)
        await store.close()
        const again = await openStore(classicEngine, directory)
        t.same(await differencesOf(again, live), [], `${note}, after a start`)
        await again.close()
        if (calls < nth) break
      }
    }
  },
)

t.test('readers go on through the switch', async (t) => {
  const { store, saved, volume } = await sealedStore(t, classicEngine, t.testdir(), 30)
  const [live] = halves(saved) as [SavedBlob[]]
  let ended = false
  const reading = (async () => {
    const found: string[] = []
    while (!ended) found.push(...(await differencesOf(store, live)))
    return found
  })()
  for (let round = 0; round < 8; round++) await store.reclaim(volume, collector(live), options)
  ended = true
  t.same(await reading, [])
  t.equal((await usageOf(store, volume))?.generation, 9)
})

t.test('closing the store ends a reclaim, and leaves the volume as it is', async (t) => {
  const directory = t.testdir()
  const { store, saved, volume } = await sealedStore(t, classicEngine, directory, 40)
  let closed: Promise<void> | undefined
  const pace = async () => {
    closed ??= store.close()
  }
  const reclaim = store.reclaim(volume, collector(saved), { ...options, pace })
  await t.rejects(reclaim, { message: 'the node is being closed' })
  await closed
  const again = await openStore(classicEngine, directory)
  t.equal((await usageOf(again, volume))?.generation, 1)
  t.same(await differencesOf(again, saved), [])
  await again.close()
})

t.test('the time of the oldest dead bytes lasts over a restart, and ends with them', async (t) => {
  const directory = t.testdir()
  const { store, saved, volume } = await sealedStore(t, classicEngine, directory)
  t.equal((await usageOf(store, volume))?.deadSinceMs, null)
  const beforeMs = Date.now()
  store.release(volume, saved[0]!.id)
  const since = (await usageOf(store, volume))!.deadSinceMs!
  t.ok(since >= beforeMs && since <= Date.now())
  store.release(volume, saved[1]!.id)
  t.equal((await usageOf(store, volume))?.deadSinceMs, since, 'the first one counts')
  const note = join(directory, 'device', `${volume}.g1`, 'dead-since')
  t.ok(await until(async () => (await classicEngine.readNote(note)) !== undefined))
  await store.close()
  const again = await openStore(classicEngine, directory)
  t.equal((await usageOf(again, volume))?.deadSinceMs, since)
  await again.reclaim(volume, collector(saved.slice(2)), options)
  t.equal((await usageOf(again, volume))?.deadSinceMs, null)
  const dying: CollectLive = async (live) => {
    const bytes = await collector(saved.slice(2))(live)
    again.release(volume, saved[2]!.id)
    return bytes
  }
  await again.reclaim(volume, dying, options)
  t.not(
    (await usageOf(again, volume))?.deadSinceMs,
    null,
    'what died during the copy is dead in it',
  )
  await again.close()
})

t.test('records that rows name wrongly are refused', async (t) => {
  const live = () => new LiveRecords('ab'.repeat(8), 10)
  const piece = (...bytes: number[]) => [Buffer.from(bytes)]
  const blob = (digit: string) => digit.repeat(32)
  for (const [name, pieces] of [
    ['0, the header', piece(0, 1)],
    ['10, which is beyond the last', piece(10, 1)],
    ['9 and 10', piece(9, 2)],
  ] as const) {
    t.throws(() => live().add(blob('a'), pieces), { code: 'StoreCorrupt' }, name)
  }
  const twice = live()
  twice.add(blob('a'), piece(1, 3))
  t.throws(() => twice.add(blob('b'), piece(3, 1)), { code: 'StoreCorrupt' })
  const both = live()
  t.equal(both.add(blob('a'), piece(1, 1, 1, 1)), 2)
  t.equal(both.add(blob('b'), piece(2, 1, 6, 1)), 2)
  t.same(
    [...both.slices(3)].map((slice) =>
      slice.map(({ number, blob, index }) => [number, blob[0], index]),
    ),
    [
      [
        [1, 'a', 0],
        [2, 'b', 0],
        [3, 'a', 1],
      ],
      [[9, 'b', 1]],
    ],
  )
})
