// The reserve of a device: what is refused before anything is written, and what may still come.
import t from 'tap'
import { beginBlob, codeOf, saveBlob, until } from '../../helpers/blobs.ts'
import { faultyEngine } from '../../helpers/faulty-engine.ts'
import { memoryEngine } from '../../helpers/memory-engine.ts'
import { openStore, WRITE_BUFFER_BYTES } from '../../helpers/volumes.ts'

const RESERVE = 10 << 20
const MIB = 1 << 20

async function storeWith(freeBytes: number, reserveBytes = RESERVE) {
  const engine = memoryEngine()
  engine.freeBytesNow = freeBytes
  const store = await openStore(engine, '/data', { reserveBytes })
  return { engine, store }
}

t.test('a blob that would go below the reserve is refused at once', async (t) => {
  const { store } = await storeWith(RESERVE + MIB)
  const before = (await store.usage())[0]!.records
  t.equal(await codeOf(() => beginBlob(store, [], MIB + 1)), 'StoreFull')
  t.equal((await store.usage())[0]!.records, before, 'nothing was written')
  t.equal(store.impaired, null, 'a smaller one may come')
  beginBlob(store, [], MIB).writer.abort()
  await store.close()
})

t.test('what begun blobs have announced is not given twice', async (t) => {
  const { store } = await storeWith(RESERVE + 3 * MIB + 100_000)
  const first = beginBlob(store, [1000], 2 * MIB)
  t.equal(await codeOf(() => beginBlob(store, [], 2 * MIB)), 'StoreFull')
  beginBlob(store, [], MIB).writer.abort()
  await first.write()
  t.equal(await codeOf(() => beginBlob(store, [], 2 * MIB)), 'StoreFull', 'less what was written')
  first.writer.abort()
  beginBlob(store, [], 2 * MIB).writer.abort()
  await store.close()
})

t.test(
  'a blob of unknown length stops at the reserve, and its volume is none the worse',
  async (t) => {
    const { engine, store } = await storeWith(RESERVE + MIB)
    const blob = beginBlob(store, new Array(200).fill(60_000))
    await blob.write(10)
    engine.freeBytesNow = RESERVE - 1
    t.ok(await until(async () => (await codeOf(() => blob.write(1))) === 'StoreFull'))
    blob.writer.abort()
    t.match(store.impaired, 'not enough space')
    engine.freeBytesNow = RESERVE + MIB
    t.equal(store.impaired, null)
    await saveBlob(store, [5])
    await store.close()
  },
)

t.test('a blob that was admitted is not stopped by the reserve', async (t) => {
  const { engine, store } = await storeWith(RESERVE + MIB)
  const blob = beginBlob(store, new Array(15).fill(60_000), 15 * 60_000)
  engine.freeBytesNow = RESERVE - 1
  const isRefused = async () => (await codeOf(() => beginBlob(store, [], 1))) === 'StoreFull'
  t.ok(await until(isRefused), 'another one is')
  await blob.write(14)
  await blob.write()
  await blob.finish()
  await store.close()
})

t.test('a reserve of 0 asks for nothing', async (t) => {
  const { store } = await storeWith(3 * WRITE_BUFFER_BYTES, 0)
  t.equal(await codeOf(() => beginBlob(store, [], 2 ** 40)), undefined)
  await store.close()
})

t.test('a device without room for a volume refuses, until it has some', async (t) => {
  const { engine, store } = await storeWith(3 * WRITE_BUFFER_BYTES - 1, 0)
  t.equal(await codeOf(() => beginBlob(store, [])), 'StoreFull')
  t.match(store.impaired, 'not enough space')
  engine.freeBytesNow = 3 * WRITE_BUFFER_BYTES
  t.ok(await until(() => store.impaired === null))
  await saveBlob(store, [5])
  await store.close()
})

t.test('a full device leaves the blobs to the others', async (t) => {
  const memory = memoryEngine()
  let full = '/one'
  const engine = {
    ...faultyEngine(memory, {}),
    freeBytes: (directory: string) => (directory === full ? RESERVE : RESERVE + 100 * MIB),
  }
  const devices = ['/one', '/two']
  const store = await openStore(engine, '/data', { devices, reserveBytes: RESERVE })
  const deviceOf = async () => {
    const { volume } = (await saveBlob(store, [5])).locator
    return (await store.usage()).find((entry) => entry.volume === volume)!.device
  }
  t.same([await deviceOf(), await deviceOf(), await deviceOf()], ['/two', '/two', '/two'])
  full = 'neither'
  t.same([await deviceOf(), await deviceOf()].sort(), ['/one', '/two'])
  await store.close()
})

t.test('a device that cannot tell its free space is unavailable, not full', async (t) => {
  const engine = memoryEngine()
  const store = await openStore(engine, '/data', { reserveBytes: RESERVE })
  engine.freeBytes = () => {
    throw new Error('stale handle')
  }
  t.ok(await until(async () => (await codeOf(() => beginBlob(store, []))) === 'StoreUnavailable'))
  t.match(store.impaired, 'free space unknown')
  await store.close()
})
