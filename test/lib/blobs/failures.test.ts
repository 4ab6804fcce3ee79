// One failed write kills the handle (D-FAILED-WRITE): what fails with it, what goes on, and how writes come
// back. On memory-level behind an engine that fails when it is told to.
import t from 'tap'
import { Failures } from '../../../lib/blobs/failures.ts'
import type { BlobStore } from '../../../lib/blobs/store.ts'
import {
  beginBlob,
  codeOf,
  differenceOf,
  differencesOf,
  RECORD_BYTES,
  type SavedBlob,
  saveBlob,
  until,
} from '../../helpers/blobs.ts'
import { type Faults, faultyEngine } from '../../helpers/faulty-engine.ts'
import { memoryEngine } from '../../helpers/memory-engine.ts'
import { recordedLog } from '../../helpers/recorded-log.ts'
import { openStore, WRITE_BUFFER_BYTES } from '../../helpers/volumes.ts'

const broken = () => {
  throw new Error('input/output error')
}
const noSpace = () => {
  throw new Error('IO error: 000005.log: No space left on device')
}

async function faultyStore(options: Parameters<typeof openStore>[2] = {}) {
  const faults: Faults = { put: () => undefined, get: () => undefined, close: () => undefined }
  const memory = memoryEngine()
  const engine = faultyEngine(memory, faults)
  const opening = openStore(engine, '/data', options)
  const store = await opening
  return { faults, memory, store, logged: opening.logged, engine }
}

const stateOf = async (store: BlobStore, id: string) =>
  (await store.usage()).find(({ volume }) => volume === id)?.state

/** Writes a blob, trying until the store takes one. */
async function saveSoon(store: BlobStore): Promise<SavedBlob> {
  let saved: SavedBlob | undefined
  const came = await until(async () => {
    saved = await saveBlob(store, [100, RECORD_BYTES]).catch(() => undefined)
    return saved !== undefined
  })
  if (!came) throw new Error('the store takes no more blobs')
  return saved!
}

t.test('a failed put fails every writer of the volume, and no reader', async (t) => {
  const { faults, store, logged } = await faultyStore()
  const before = await saveBlob(store, [10, RECORD_BYTES])
  const blobs = [beginBlob(store, [10, 10]), beginBlob(store, [10, 10]), beginBlob(store, [10, 10])]
  const [one, two, finished] = blobs as [(typeof blobs)[0], (typeof blobs)[0], (typeof blobs)[0]]
  await two.write(1)
  await finished.write()
  await finished.finish()
  faults.put = broken
  await one.write(1).catch(() => undefined)
  t.equal(await codeOf(() => one.finish()), 'StoreUnavailable', 'the one whose put failed')
  faults.put = () => undefined
  t.equal(await codeOf(() => two.write()), 'StoreUnavailable', 'one that had written before')
  t.equal(await codeOf(() => two.writer.finish()), 'StoreUnavailable')
  t.equal(await codeOf(() => store.barrier([one.writer.volume])), 'StoreUnavailable')
  t.equal(await stateOf(store, one.writer.volume), 'failed')
  t.equal(await differenceOf(store, before), undefined, 'reads go on')
  t.equal(logged.errors.length, 1)
  await store.close()
})

t.test('new blobs go to another volume, while a begun one holds the failed', async (t) => {
  const { faults, store } = await faultyStore()
  const before = await saveBlob(store, [10])
  const { volume } = before.locator
  const finished = beginBlob(store, [10])
  await finished.write()
  const unsynced = await finished.finish()
  const one = beginBlob(store, [10])
  faults.put = broken
  await one.write().catch(() => undefined)
  await one.writer.finish().catch(() => undefined)
  faults.put = () => undefined
  t.equal(await codeOf(() => store.create('ab'.repeat(16))), 'StoreUnavailable', 'not yet')
  const after = await saveSoon(store)
  t.not(after.locator.volume, volume)
  one.writer.abort()
  await saveSoon(store)
  t.equal(await stateOf(store, volume), 'failed', 'one finished blob is not settled')
  t.equal(
    await codeOf(() => store.barrier([volume])),
    'StoreUnavailable',
    'and must not be taken for durable',
  )
  store.settle(unsynced.id)
  const sealed = await until(async () => {
    await saveSoon(store)
    return (await stateOf(store, volume)) === 'sealed'
  })
  t.ok(sealed, 'once nobody waits for it, it is opened again and sealed')
  t.same(await differencesOf(store, [before, after]), [])
  await store.close()
})

t.test('a volume that nobody holds is opened again and goes on', async (t) => {
  const { faults, store } = await faultyStore()
  const before = await saveBlob(store, [10])
  const one = beginBlob(store, [10])
  faults.put = broken
  await one.write().catch(() => undefined)
  one.writer.abort()
  faults.put = () => undefined
  const after = await saveSoon(store)
  t.equal(after.locator.volume, before.locator.volume)
  t.equal(store.impaired, null)
  t.same(await differencesOf(store, [before, after]), [])
  await store.close()
})

t.test('a record acknowledged behind a put that fails is not made durable', async (t) => {
  // LevelDB takes the second put after the first has damaged the log, and answers it first.
  const { faults, store } = await faultyStore()
  const first = beginBlob(store, [10])
  const second = beginBlob(store, [10])
  let failFirst = () => {}
  faults.put = () =>
    new Promise((_, reject) => {
      failFirst = () => reject(new Error('input/output error'))
    })
  await first.write()
  faults.put = () => undefined
  await second.write()
  const saved = await second.finish()
  const barrier = store.barrier([saved.locator.volume])
  await new Promise(setImmediate)
  failFirst()
  t.equal(await codeOf(() => barrier), 'StoreUnavailable')
  t.equal(await codeOf(() => first.finish()), 'StoreUnavailable')
  await store.close()
})

t.test('a full disk refuses as full, and takes blobs once there is room', async (t) => {
  const { faults, memory, store } = await faultyStore()
  const before = await saveBlob(store, [10])
  const one = beginBlob(store, [10])
  faults.put = noSpace
  memory.freeBytesNow = 3 * WRITE_BUFFER_BYTES - 1
  await one.write().catch(() => undefined)
  one.writer.abort()
  t.equal(await codeOf(() => store.create('ab'.repeat(16))), 'StoreFull')
  t.match(store.impaired, 'not enough space')
  t.equal(await differenceOf(store, before), undefined, 'the open handle still reads')
  faults.put = () => undefined
  memory.freeBytesNow = 3 * WRITE_BUFFER_BYTES
  const after = await saveSoon(store)
  t.same(await differencesOf(store, [before, after]), [])
  t.equal(store.impaired, null)
  await store.close()
})

t.test('reads wait while a volume is opened again', async (t) => {
  const { faults, store } = await faultyStore()
  const before = await saveBlob(store, [10, 20, 30])
  const one = beginBlob(store, [10])
  faults.put = broken
  await one.write().catch(() => undefined)
  one.writer.abort()
  faults.put = () => undefined
  let goOn = () => {}
  faults.close = () =>
    new Promise((resolve) => {
      goOn = resolve
    })
  t.equal(await codeOf(() => store.create('ab'.repeat(16))), 'StoreUnavailable')
  await new Promise(setImmediate)
  const reading = differenceOf(store, before)
  await new Promise(setImmediate)
  faults.close = () => undefined
  goOn()
  t.equal(await reading, undefined)
  await store.close()
})

t.test('a volume that cannot be opened again is tried again', async (t) => {
  const { faults, store } = await faultyStore()
  const before = await saveBlob(store, [10])
  const one = beginBlob(store, [10])
  faults.put = broken
  await one.write().catch(() => undefined)
  one.writer.abort()
  faults.put = () => undefined
  faults.open = broken
  const failed = async () => (await codeOf(() => differenceOf(store, before))) !== undefined
  t.ok(
    await until(async () => {
      await codeOf(() => store.create('ab'.repeat(16)))
      return failed()
    }),
    'while it is closed it is not read',
  )
  t.match(store.impaired, 'input/output error')
  faults.open = () => undefined
  const after = await saveSoon(store)
  t.ok(await until(async () => !(await failed())))
  t.same(await differencesOf(store, [before, after]), [])
  await store.close()
})

t.test('a failed barrier is not retried, and fails the volume', async (t) => {
  const { faults, store } = await faultyStore()
  const blob = beginBlob(store, [10])
  await blob.write()
  const saved = await blob.finish()
  const { volume } = saved.locator
  faults.list = broken
  t.equal(await codeOf(() => store.barrier([volume])), 'StoreUnavailable')
  faults.list = () => undefined
  t.equal(await codeOf(() => store.barrier([volume])), 'StoreUnavailable')
  t.equal(await stateOf(store, volume), 'failed')
  blob.writer.abort()
  await saveSoon(store)
  await store.close()
})

t.test('a next volume that cannot be made leaves the full one in use', async (t) => {
  const { faults, store, logged } = await faultyStore({ volumeSizeBytes: 2 * RECORD_BYTES })
  faults.syncDirectory = broken
  const saved: SavedBlob[] = []
  for (let i = 0; i < 6; i++) saved.push(await saveBlob(store, [RECORD_BYTES]))
  const { volume } = saved[0]!.locator
  t.ok(await until(() => logged.errors.length > 0))
  t.match(logged.errors, ['a device gets no volume to write to'])
  t.equal(store.impaired, null)
  t.equal(await stateOf(store, volume), 'open')
  t.equal((await store.usage()).length, 1, 'and nothing of it stays')
  faults.syncDirectory = () => undefined
  const rolled = await until(async () => {
    saved.push(await saveBlob(store, [RECORD_BYTES]))
    return (await stateOf(store, volume)) === 'sealed'
  })
  t.ok(rolled)
  t.same(await differencesOf(store, saved), [])
  await store.close()
})

t.test('a volume whose sealing failed is sealed later', async (t) => {
  const { faults, store } = await faultyStore({ volumeSizeBytes: 2 * RECORD_BYTES })
  const holding = beginBlob(store, [10])
  const { volume } = holding.writer
  const saved: SavedBlob[] = []
  const rolled = await until(async () => {
    saved.push(await saveBlob(store, [RECORD_BYTES]))
    return (await stateOf(store, volume)) === 'draining'
  })
  t.ok(rolled)
  faults.put = broken
  holding.writer.abort()
  t.ok(await until(async () => (await stateOf(store, volume)) === 'failed'))
  faults.put = () => undefined
  const sealed = await until(async () => {
    saved.push(await saveSoon(store))
    return (await stateOf(store, volume)) === 'sealed'
  })
  t.ok(sealed)
  t.same(await differencesOf(store, saved), [])
  await store.close()
})

t.test('a volume that cannot be opened at start is opened later', async (t) => {
  const { engine, faults, store: first } = await faultyStore()
  const before = await saveBlob(first, [10])
  const { volume } = before.locator
  await first.close()
  const failVolume = (path: string) => path.includes(volume) && broken()
  faults.open = failVolume
  faults.list = failVolume
  const store = await openStore(engine, '/data')
  t.equal(await codeOf(() => differenceOf(store, before)), 'StoreUnavailable')
  const after = await saveBlob(store, [10])
  t.not(after.locator.volume, volume)
  faults.open = () => undefined
  faults.list = () => undefined
  const sealed = await until(async () => {
    await saveSoon(store)
    return (await stateOf(store, volume)) === 'sealed'
  })
  t.ok(sealed, 'nobody writes to it, and another one takes the new blobs')
  t.same(await differencesOf(store, [before, after]), [])
  await store.close()
})

t.test('closing waits for the puts under way', async (t) => {
  const { faults, store, engine } = await faultyStore()
  const blob = beginBlob(store, [10])
  let goOn = () => {}
  faults.put = () =>
    new Promise((resolve) => {
      goOn = resolve
    })
  const writing = blob.write()
  let closed = false
  const closing = store.close().then(() => {
    closed = true
  })
  await new Promise(setImmediate)
  t.equal(closed, false)
  goOn()
  await writing
  const saved = await blob.finish()
  await closing
  const again = await openStore(engine, '/data')
  t.equal(await differenceOf(again, saved), undefined)
  await again.close()
})

t.test('why a database does not open is told with its cause', async (t) => {
  const failures = new Failures(recordedLog().log, '/disk')
  t.equal(failures.sentence, null)
  const cause = new Error('IO error: LOCK: Read-only file system')
  failures.keep(new Error('Database failed to open', { cause }), {}, 'a volume cannot be opened')
  t.equal(failures.sentence, 'Database failed to open: IO error: LOCK: Read-only file system')
  failures.clear()
  t.equal(failures.sentence, null)
})
