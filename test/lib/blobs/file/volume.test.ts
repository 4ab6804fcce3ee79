// A volume as a file: what a start finds in it, what is never written again, and what a failed write ends.
import {
  appendFileSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { findPlaces } from '../../../../lib/blobs/file/find.ts'
import { HEAD_BYTES, PAGE_BYTES, writeHead } from '../../../../lib/blobs/file/layout.ts'
import { decodePiece } from '../../../../lib/blobs/locator.ts'
import type { Volumes } from '../../../../lib/blobs/volumes.ts'
import { diskFiles } from '../../../../lib/files.ts'
import type { Engine } from '../../../../lib/leveldb/engine.ts'
import {
  beginBlob,
  codeOf,
  differenceOf,
  differencesOf,
  RECORD_BYTES,
  type SavedBlob,
  saveBlob,
  until,
} from '../../../helpers/blobs.ts'
import { randomFrom, seedOfRun } from '../../../helpers/random.ts'
import { type Refusals, seeWrites } from '../../../helpers/seen-writes.ts'
import { openStore } from '../../../helpers/volumes.ts'

const failing = (code: string) => () => {
  throw Object.assign(new Error(code), { code })
}

const open = (engine: Engine, directory: string) =>
  openStore(engine, directory, { volumeFormat: 'file' })

const locationOf = (directory: string, { locator }: SavedBlob) =>
  join(directory, 'device', `${locator.volume}.g1`)

const stateOf = async (store: Volumes, id: string) =>
  (await store.usage()).find(({ volume }) => volume === id)?.state

/** A closed store of some blobs in one volume. */
async function closedStore(t: Test, blobs = 6) {
  const directory = t.testdir()
  const { engine } = seeWrites()
  const store = await open(engine, directory)
  const saved: SavedBlob[] = []
  for (let i = 0; i < blobs; i++) saved.push(await saveBlob(store, [RECORD_BYTES, 5000 + i, 1]))
  await store.close()
  return { directory, engine, saved, location: locationOf(directory, saved[0]!) }
}

async function placesIn(location: string) {
  return (await findPlaces(diskFiles, location, statSync(join(location, 'records')).size)).places
}

const numberOf = ({ locator }: SavedBlob, index: number) =>
  decodePiece(locator.pieces[0]!)[0]!.first + index

t.test('no page is written twice, over whatever starts', async (t) => {
  const directory = t.testdir()
  const { engine, writes } = seeWrites()
  const saved: SavedBlob[] = []
  for (let round = 0; round < 4; round++) {
    const store = await open(engine, directory)
    t.same(await differencesOf(store, saved), [])
    for (let i = 0; i < 5; i++) saved.push(await saveBlob(store, [RECORD_BYTES, 1 + i * 900]))
    await store.close()
  }
  t.equal(new Set(writes.map(({ path }) => path)).size, 1, 'one volume')
  const inOrder = [...writes].sort((a, b) => a.at - b.at)
  t.ok(inOrder.every(({ at, bytes }) => at % PAGE_BYTES === 0 && bytes % PAGE_BYTES === 0))
  const overlaps = inOrder.filter(({ at }, i) => {
    const before = inOrder[i - 1]
    return before !== undefined && at < before.at + before.bytes
  })
  t.same(overlaps, [])
})

t.test('records are found without an index, and with a damaged one', async (t) => {
  const { directory, engine, saved, location } = await closedStore(t)
  const sealing = await openStore(engine, directory, { volumeFormat: 'file', volumeSizeBytes: 1 })
  const { volume } = saved[0]!.locator
  t.ok(await until(async () => (await stateOf(sealing, volume)) === 'sealed'))
  const { records } = (await sealing.usage()).find((each) => each.volume === volume)!
  await sealing.close()
  const index = join(location, 'index')
  const whole = readFileSync(index)
  t.ok(whole.length > 3 * saved.length * 12, 'the index names every record')
  for (const damage of ['none', 'rotten', 'short', 'gone'] as const) {
    const rotten = Buffer.from(whole)
    rotten[whole.length >> 1]! ^= 1
    if (damage === 'rotten') writeFileSync(index, rotten)
    else if (damage === 'short') writeFileSync(index, whole.subarray(0, -1))
    else if (damage === 'gone') rmSync(index)
    const store = await open(engine, directory)
    t.same(await differencesOf(store, saved), [], damage)
    const usage = (await store.usage()).find((each) => each.volume === volume)
    t.match(usage, { records, state: 'sealed', format: 'file' }, damage)
    await store.close()
  }
})

t.test('what a power cut left behind the last sync costs nothing and no number', async (t) => {
  const random = randomFrom(seedOfRun())
  const { directory, engine, saved, location } = await closedStore(t)
  const path = join(location, 'records')
  const { last } = await placesIn(location)
  // A batch of which the first page is missing, and a record of it whose value was not written whole.
  const batch = Buffer.concat([
    Buffer.alloc(PAGE_BYTES),
    random.bytes(PAGE_BYTES),
    Buffer.alloc(99),
  ])
  const lost = { number: last! + 40, blob: 'ab'.repeat(16), index: 0, length: 50 }
  writeHead(batch, PAGE_BYTES + 700, lost)
  appendFileSync(path, batch)
  const store = await open(engine, directory)
  t.same(await differencesOf(store, saved), [])
  const next = await saveBlob(store, [RECORD_BYTES, 10])
  t.equal(next.locator.volume, saved[0]!.locator.volume)
  t.ok(numberOf(next, 0) > lost.number, 'a number that may be in use is not used again')
  await store.close()
  rmSync(join(location, 'index'), { force: true })
  const again = await open(engine, directory)
  t.same(await differencesOf(again, [...saved, next]), [])
  await again.close()
})

t.test('a file that lost what was synced is not written again', async (t) => {
  const { directory, engine, saved, location } = await closedStore(t)
  const sealing = await openStore(engine, directory, { volumeFormat: 'file', volumeSizeBytes: 1 })
  const { volume } = saved[0]!.locator
  t.ok(await until(async () => (await stateOf(sealing, volume)) === 'sealed'))
  await sealing.close()
  const { offset } = (await placesIn(location)).of(numberOf(saved[4]!, 0))!
  truncateSync(join(location, 'records'), offset)
  const store = await open(engine, directory)
  t.equal(await stateOf(store, volume), 'sealed', 'numbers that rows name would be used again')
  t.same(await differencesOf(store, saved.slice(0, 4)), [])
  t.equal(await codeOf(() => differenceOf(store, saved[4]!)), 'StoreCorrupt')
  await store.close()
})

t.test('a rotten head costs its record, and no other', async (t) => {
  const { directory, engine, saved, location } = await closedStore(t)
  const path = join(location, 'records')
  const places = await placesIn(location)
  const bytes = readFileSync(path)
  bytes[places.of(numberOf(saved[2]!, 1))!.offset - HEAD_BYTES + 9]! ^= 1
  writeFileSync(path, bytes)
  rmSync(join(location, 'index'), { force: true })
  const store = await open(engine, directory)
  t.equal(await codeOf(() => differenceOf(store, saved[2]!)), 'StoreCorrupt')
  t.equal(await differenceOf(store, saved[2]!, 2, 2), undefined)
  t.same(await differencesOf(store, [...saved.slice(0, 2), ...saved.slice(3)]), [])
  await store.close()
})

for (const [kind, code] of [
  ['write', 'ENOSPC'],
  ['write', 'EIO'],
  ['datasync', 'EIO'],
] as const) {
  t.test(`after ${code} of a ${kind} a file is never written again`, async (t) => {
    const directory = t.testdir()
    const refusals: Refusals = {}
    const { engine, writes } = seeWrites(refusals)
    const store = await open(engine, directory)
    const before = await saveBlob(store, [RECORD_BYTES, 100])
    const { volume } = before.locator
    const path = join(locationOf(directory, before), 'records')
    const failed = beginBlob(store, [RECORD_BYTES, 100])
    await failed.write()
    await failed.finish()
    refusals[kind] = failing(code)
    t.equal(await codeOf(() => store.barrier([volume])), 'StoreUnavailable')
    refusals[kind] = undefined
    t.equal(await codeOf(() => store.barrier([volume])), 'StoreUnavailable', 'nor by another try')
    t.equal(await stateOf(store, volume), 'failed')
    t.equal(await differenceOf(store, before), undefined, 'reads go on')
    failed.writer.abort()
    const count = () => writes.filter((write) => write.path === path).length
    const written = count()
    const saved = [before]
    const rolled = await until(async () => {
      const next = await saveBlob(store, [100]).catch(() => undefined)
      if (next !== undefined) saved.push(next)
      return (await stateOf(store, volume)) === 'sealed'
    })
    t.ok(rolled, 'another volume takes the blobs, and this one counts as sealed')
    t.ok(saved.slice(1).every(({ locator }) => locator.volume !== volume))
    t.ok(existsSync(join(locationOf(directory, before), 'write-failed')))
    await store.close()

    const again = await open(engine, directory)
    t.equal(await stateOf(again, volume), 'sealed', 'also after a start')
    t.same(await differencesOf(again, saved), [])
    t.equal(count(), written)
    const signal = new AbortController().signal
    const collect = async (live: Parameters<Parameters<Volumes['reclaim']>[1]>[0]) => {
      live.add(before.id, before.locator.pieces)
      return before.locator.storedBytes
    }
    const options = { signal, pace: async () => {}, progress: () => {} }
    t.equal((await again.reclaim(volume, collect, options)).generation, 2)
    t.same(await differencesOf(again, saved), [])
    await again.close()
    t.notOk(readdirSync(join(directory, 'device', `${volume}.g2`)).includes('write-failed'))
  })
}

t.test('a sector that cannot be read costs one record', async (t) => {
  const directory = t.testdir()
  const refusals: Refusals = {}
  const { engine } = seeWrites(refusals)
  const store = await open(engine, directory)
  const saved = await saveBlob(store, new Array(20).fill(RECORD_BYTES))
  const { offset } = (await placesIn(locationOf(directory, saved))).of(numberOf(saved, 13))!
  refusals.read = (at, end) => {
    if (at <= offset + 9000 && end > offset + 9000) failing('EIO')()
  }
  t.equal(await codeOf(() => differenceOf(store, saved)), 'StoreUnavailable')
  t.equal(await differenceOf(store, saved, 0, 12), undefined)
  t.equal(await differenceOf(store, saved, 14, 19), undefined)
  t.equal(await codeOf(() => differenceOf(store, saved, 13, 13)), 'StoreUnavailable')
  await store.close()
})

t.test('where O_DIRECT is refused files are written through the page cache', async (t) => {
  for (const kind of ['open', 'write'] as const) {
    const refuse = (flags: number) => {
      if ((flags & constants.O_DIRECT) !== 0) failing('EINVAL')()
    }
    const { engine } = seeWrites({ [kind]: refuse })
    const directory = t.testdir()
    const opening = open(engine, directory)
    const store = await opening
    const saved = await saveBlob(store, [RECORD_BYTES, 7])
    t.match(opening.logged.infos, [/through the page cache/], `refused at ${kind}`)
    await store.close()
    const again = await open(seeWrites().engine, directory)
    t.equal(await differenceOf(again, saved), undefined)
    await again.close()
  }
})

t.test('a file that was never used goes; one with anything in it stays', async (t) => {
  const { directory, engine, saved, location } = await closedStore(t)
  const device = join(directory, 'device')
  const contents = {
    '1': Buffer.alloc(0),
    '2': Buffer.alloc(PAGE_BYTES),
    '3': Buffer.alloc(PAGE_BYTES, 7),
    '4': Buffer.alloc(2 * PAGE_BYTES),
  }
  const nameOf = (digit: string) => join(device, `000000000000000${digit}.g1`)
  for (const [digit, bytes] of Object.entries(contents)) {
    mkdirSync(nameOf(digit))
    writeFileSync(join(nameOf(digit), 'records'), bytes)
  }
  const opening = open(engine, directory)
  const store = await opening
  t.same(
    Object.keys(contents).map((digit) => existsSync(nameOf(digit))),
    [false, false, true, true],
  )
  t.same(await differencesOf(store, saved), [])
  await store.close()
  const bytes = readFileSync(join(location, 'records'))
  bytes.write('cfr2', 0, 'latin1')
  writeFileSync(join(location, 'records'), bytes)
  await t.rejects(open(engine, directory), { name: 'FormatNewer' }, 'of a later release')
})
