// The reserve of a device: what is refused before anything is written, and what may still come.
import t from 'tap'
import { Claim, Space } from '../../../lib/blobs/space.ts'
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

t.test('what somebody has announced is not taken from others, only from itself', async (t) => {
  const { store } = await storeWith(RESERVE + 10 * MIB)
  const announced = beginBlob(store, [1000], 8 * MIB, 'much')
  t.match(store.devices()[0], { claimedBytes: MIB, announcedBytes: 7 * MIB + 8453 })
  t.equal(await codeOf(() => beginBlob(store, [], 8 * MIB, 'much')), 'StoreFull')
  const other = beginBlob(store, [], 8 * MIB, 'other')
  await announced.write()
  announced.writer.abort()
  other.writer.abort()
  t.match(store.devices()[0], { claimedBytes: 0, announcedBytes: 0 })
  beginBlob(store, [], 8 * MIB, 'much').writer.abort()
  await store.close()
})

t.test('what is announced is claimed as it comes, and stops where others were first', async (t) => {
  const { engine, store } = await storeWith(RESERVE + 10 * MIB)
  const blob = beginBlob(store, new Array(1000).fill(6000), 6_000_000)
  await blob.write(200)
  const { claimedBytes, announcedBytes } = store.devices()[0]!
  t.ok(claimedBytes > 0 && claimedBytes <= MIB, `${claimedBytes} claimed`)
  t.ok(announcedBytes < 6_000_000 - 200 * 6000, `${announcedBytes} announced`)
  engine.freeBytesNow = RESERVE - 1
  t.ok(await until(async () => (await codeOf(() => blob.write(1))) === 'StoreFull'))
  blob.writer.abort()
  t.match(store.devices()[0], { claimedBytes: 0, announcedBytes: 0 })
  await store.close()
})

t.test('near the reserve a blob claims what it needs and no step', async (t) => {
  const engine = memoryEngine()
  engine.freeBytesNow = RESERVE + 2.5 * MIB
  const space = new Space(engine, '/data', RESERVE)
  const claim = new Claim(space, 4 * MIB, 'one')
  const wrote = (bytes: number) => {
    claim.require(bytes)
    claim.wrote(bytes)
    engine.freeBytesNow -= bytes
    space.forget()
  }
  t.equal(space.claimedBytes, MIB, 'a step at the beginning')
  wrote(MIB)
  wrote(1000)
  t.equal(space.claimedBytes, MIB - 1000, 'the next when that is written')
  wrote(MIB - 1000)
  wrote(1000)
  t.equal(space.claimedBytes, 0, 'no step where there is no room for one')
  t.throws(() => wrote(MIB), { code: 'StoreFull' })
  wrote(1000)
  claim.end()
  t.equal(space.claimedBytes, 0)
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
