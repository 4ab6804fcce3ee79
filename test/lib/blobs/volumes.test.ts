// What a store makes of the directories it finds: whose volumes they are, which generation counts, what a
// crash left; and of volumes whose bytes have changed.
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { encodeHeader } from '../../../lib/blobs/header.ts'
import { decodePiece } from '../../../lib/blobs/locator.ts'
import { recordKey } from '../../../lib/blobs/record.ts'
import { classicEngine, type Database, type Engine } from '../../../lib/leveldb/engine.ts'
import {
  codeOf,
  differenceOf,
  differencesOf,
  RECORD_BYTES,
  type SavedBlob,
  saveBlob,
  until,
} from '../../helpers/blobs.ts'
import { faultyEngine } from '../../helpers/faulty-engine.ts'
import { memoryEngine } from '../../helpers/memory-engine.ts'
import { CATALOG_ID, openStore, WRITE_BUFFER_BYTES } from '../../helpers/volumes.ts'

/** Changes a closed volume's database behind the store's back. */
async function tamper(engine: Engine, location: string, change: (db: Database<Buffer>) => unknown) {
  const db = await engine.open(location, {
    keyEncoding: 'buffer',
    writeBufferBytes: WRITE_BUFFER_BYTES,
    maxFileBytes: WRITE_BUFFER_BYTES,
    cacheBytes: 1 << 20,
    create: false,
  })
  await change(db)
  await db.close()
}

/** A closed store on memory-level with one blob of three records in it. */
async function storeWithBlob() {
  const engine = memoryEngine()
  const store = await openStore(engine, '/data')
  const saved = await saveBlob(store, [100, RECORD_BYTES, 100])
  await store.close()
  const location = `/data/device/${saved.locator.volume}.g1`
  return { engine, saved, location }
}

const numberOf = (blob: SavedBlob, index: number) =>
  decodePiece(blob.locator.pieces[0]!)[0]!.first + index

t.test('record 0 of a volume is its header, and the last one once it is sealed', async (t) => {
  const { engine, saved, location } = await storeWithBlob()
  const { volume } = saved.locator
  const header = { volume, catalog: CATALOG_ID, commitNumber: 7 }
  await tamper(engine, location, async (db) => {
    t.same(await db.get(recordKey(0)), encodeHeader({ ...header, sealed: false }, 0))
    t.equal(await db.get(recordKey(4)), undefined)
  })
  const options = { volumeSizeBytes: 1000, commitNumber: () => 9 }
  await (await openStore(engine, '/data', options)).close()
  await tamper(engine, location, async (db) => {
    const last = encodeHeader({ ...header, sealed: true, commitNumber: 9 }, 4)
    t.same(await db.get(recordKey(4)), last)
    t.equal(await db.get(recordKey(5)), undefined)
  })
})

t.test('volumes of another catalog are left alone', async (t) => {
  const { engine, saved, location } = await storeWithBlob()
  const opening = openStore(engine, '/data', { catalogId: 'fe'.repeat(16) })
  const store = await opening
  t.same(store.foreign, [saved.locator.volume])
  t.match(opening.logged.errors, ["a volume is another catalog's: it is left alone"])
  t.equal(await codeOf(() => differenceOf(store, saved)), 'StoreUnavailable')
  t.not((await saveBlob(store, [5])).locator.volume, saved.locator.volume)
  await store.close()
  await tamper(engine, location, async (db) => {
    t.equal(await db.get(recordKey(4)), undefined, 'nothing was written to it')
  })
})

t.test('a catalog that is older than a volume is reported', async (t) => {
  const { engine, saved } = await storeWithBlob()
  const old = await openStore(engine, '/data', { commitNumber: () => 6 })
  t.same(old.catalogBehind, [saved.locator.volume])
  t.equal(await differenceOf(old, saved), undefined, 'and the volume is read')
  await old.close()
  const same = await openStore(engine, '/data', { commitNumber: () => 7 })
  t.same(same.catalogBehind, [])
  await same.close()
})

t.test('a volume whose header is damaged is read, and never written', async (t) => {
  for (const damage of ['changed', 'missing', 'of another volume']) {
    const { engine, saved, location } = await storeWithBlob()
    await tamper(engine, location, (db) => {
      const other = { sealed: false, volume: '00'.repeat(8), catalog: CATALOG_ID, commitNumber: 1 }
      if (damage === 'changed') return db.put(recordKey(0), Buffer.alloc(53, 1))
      if (damage === 'missing') return db.batch([{ type: 'del', key: recordKey(0) }])
      return db.put(recordKey(0), encodeHeader(other, 0))
    })
    const opening = openStore(engine, '/data')
    const store = await opening
    t.match(
      opening.logged.errors,
      ['a volume is without a readable header: it is only read'],
      damage,
    )
    t.equal(await differenceOf(store, saved), undefined)
    const later = await saveBlob(store, [5])
    t.not(later.locator.volume, saved.locator.volume)
    t.same((await store.usage()).map(({ state }) => state).sort(), ['failed', 'open'])
    await store.close()
  }
})

t.test('a record that is rotten, gone or another one is corrupt, and named', async (t) => {
  const changes: [string, (db: Database<Buffer>, number: number) => Promise<void>][] = [
    [
      'one bit',
      async (db, number) => {
        const value = (await db.get(recordKey(number)))!
        value[1234]! ^= 1
        await db.put(recordKey(number), value)
      },
    ],
    ['gone', (db, number) => db.batch([{ type: 'del', key: recordKey(number) }])],
    [
      'another record of the blob',
      async (db, number) => {
        await db.put(recordKey(number), (await db.get(recordKey(number + 1)))!)
      },
    ],
    ['short', (db, number) => db.put(recordKey(number), Buffer.alloc(3))],
    ['empty', (db, number) => db.put(recordKey(number), Buffer.alloc(0))],
  ]
  for (const [what, change] of changes) {
    const { engine, saved, location } = await storeWithBlob()
    const number = numberOf(saved, 1)
    await tamper(engine, location, (db) => change(db, number))
    const store = await openStore(engine, '/data')
    t.equal(await differenceOf(store, saved, 0, 0), undefined, 'the one before it is read')
    t.equal(await differenceOf(store, saved, 2, 2), undefined, 'the one behind it, too')
    const details = { volume: saved.locator.volume, record: number, blob: saved.id }
    await t.rejects(differenceOf(store, saved), { code: 'StoreCorrupt', details }, what)
    await store.close()
  }
})

t.test('an error of the database is told apart: corrupt, or try again', async (t) => {
  const faults: { get?: () => void } = {}
  const engine = faultyEngine(memoryEngine(), faults)
  faults.get = () => undefined
  const store = await openStore(engine, '/data')
  const saved = await saveBlob(store, [100])
  faults.get = () => {
    throw Object.assign(new Error('bad block'), { code: 'LEVEL_CORRUPTION' })
  }
  t.equal(await codeOf(() => differenceOf(store, saved)), 'StoreCorrupt')
  faults.get = () => {
    throw Object.assign(new Error('input/output'), { code: 'LEVEL_IO_ERROR' })
  }
  t.equal(await codeOf(() => differenceOf(store, saved)), 'StoreUnavailable')
  faults.get = () => undefined
  t.equal(await differenceOf(store, saved), undefined)
  await store.close()
})

t.test('the highest generation of a volume counts, and the others go', async (t) => {
  const directory = t.testdir()
  const device = join(directory, 'device')
  const store = await openStore(classicEngine, directory)
  const saved = await saveBlob(store, [100, 200])
  await store.close()
  const { volume } = saved.locator
  renameSync(join(device, `${volume}.g1`), join(device, `${volume}.g10`))
  for (const name of [`${volume}.g9`, `${volume}.g1`, `${volume}.new`, 'fedcba9876543210.new']) {
    mkdirSync(join(device, name))
    writeFileSync(join(device, name, 'CURRENT'), 'MANIFEST-000001\n')
  }
  const others = ['lost+found', `${volume}.g0`, `${volume}.g01`, 'README']
  for (const name of others) mkdirSync(join(device, name))
  const again = await openStore(classicEngine, directory)
  t.equal(await differenceOf(again, saved), undefined)
  await again.close()
  t.same(readdirSync(device).sort(), [...others, `${volume}.g10`].sort(), 'other names stay')
})

t.test('what a crash left of a volume that was being made is removed', async (t) => {
  const directory = t.testdir({
    device: {
      '0000000000000001.g1': {},
      '0000000000000002.g1': { LOCK: '', LOG: '', 'MANIFEST-000001': 'torn' },
      '0000000000000003.g1': { LOCK: '', 'MANIFEST-000001': 'torn', '000005.ldb': 'data' },
    },
  })
  const device = join(directory, 'device')
  const empty = join(device, '0000000000000004.g1')
  await tamper(
    {
      ...classicEngine,
      open: (at, options) => classicEngine.open(at, { ...options, create: true }),
    },
    empty,
    () => undefined,
  )
  const opening = openStore(classicEngine, directory)
  const store = await opening
  t.notOk(existsSync(join(device, '0000000000000001.g1')), 'no file')
  t.notOk(existsSync(join(device, '0000000000000002.g1')), 'no CURRENT and nothing that holds data')
  t.ok(existsSync(join(device, '0000000000000003.g1', '000005.ldb')), 'a table is never removed')
  t.notOk(existsSync(empty), 'no header')
  const never = 'a volume is empty: it was never used'
  t.same(opening.logged.errors.sort(), ['a volume cannot be opened', never, never, never])
  const saved = await saveBlob(store, [1])
  t.same(await differencesOf(store, [saved]), [])
  await store.close()
})

t.test('a store is closed once it writes nothing more to its disk', async (t) => {
  const gate = Promise.withResolvers<void>()
  let passing = Number.POSITIVE_INFINITY
  let looks = 0
  const engine: Engine = {
    ...memoryEngine(),
    async requireWritable() {
      if (passing-- > 0) return
      looks++
      await gate.promise
      looks--
    },
  }
  const store = await openStore(engine, '/data')
  const { locator } = await saveBlob(store, [100])
  // A roll looks at the disk itself.
  passing = 1
  await store.roll(locator.volume)
  t.ok(await until(() => looks === 1), 'a sealed volume is closed where its disk is there')
  let isClosed = false
  const closed = store.close().then(() => {
    isClosed = true
  })
  await sleep(100)
  t.notOk(isClosed, 'the look at the disk is waited for')
  gate.resolve()
  await closed
  t.equal(looks, 0)
})

t.test('a device that cannot be used takes no other with it', async (t) => {
  const directory = t.testdir({ file: 'not a directory' })
  const devices = [join(directory, 'file'), join(directory, 'good')]
  const opening = openStore(classicEngine, directory, { devices })
  const store = await opening
  t.same(opening.logged.errors, ['a device cannot be used'])
  const saved = [await saveBlob(store, [1]), await saveBlob(store, [1])]
  t.same(await differencesOf(store, saved), [])
  await store.close()
  await t.rejects(openStore(classicEngine, directory, { devices: devices.slice(0, 1) }), {
    code: 'EEXIST',
  })
})
