// What the catalog does when its database fails: one failed write kills the handle, reads go on, and only
// an opening with room on the disk brings writes back (D-FAILED-WRITE).
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import t from 'tap'
import { type Catalog, type CommitUnknown, Conflict } from '../../../lib/catalog/catalog.ts'
import { openLevelCatalog } from '../../../lib/catalog/level.ts'
import type { Operation } from '../../../lib/catalog/log-names.ts'
import type { Engine } from '../../../lib/leveldb/engine.ts'
import { randomId } from '../../../lib/names.ts'
import { memoryEngine } from '../../helpers/memory-engine.ts'

const location = '/catalog'
const writeBufferBytes = 1000
const FULL = 3 * writeBufferBytes - 1

/** The memory engine, whose next calls fail or wait as a test says. */
function faultyEngine() {
  const memory = memoryEngine()
  const faults = {
    batch: null as 'before' | 'after' | null,
    open: null as Error | null,
    syncDirectory: null as Error | null,
    opening: Promise.resolve(),
    reading: Promise.resolve(),
    logs: ['000003.log'],
    calls: [] as string[],
  }
  const engine: Engine = {
    ...memory,
    freeBytes: () => memory.freeBytesNow,
    list: async () => [...faults.logs, 'CURRENT'],
    async syncDirectory(directory) {
      faults.calls.push(`sync ${directory}`)
      if (faults.syncDirectory !== null) throw faults.syncDirectory
    },
    async open(place, options) {
      faults.calls.push('open')
      await faults.opening
      if (faults.open !== null) throw faults.open
      const db = await memory.open(place, options)
      return new Proxy(db, {
        get(target, name) {
          if (name === 'close') {
            return () => {
              faults.calls.push('close')
              return target.close()
            }
          }
          if (name === 'getMany') {
            return async (keys: never[]) => {
              await faults.reading
              return target.getMany(keys)
            }
          }
          if (name === 'batch') {
            return async (...args: [Operation[], { sync: boolean }]) => {
              faults.calls.push(args[1].sync ? 'synced batch' : 'batch')
              if (faults.batch === 'before') throw new Error('IO error: No space left on device')
              await Reflect.apply(target.batch, target, args)
              if (faults.batch === 'after') throw new Error('IO error: fdatasync')
            }
          }
          const value = Reflect.get(target, name)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    },
  }
  return { engine, faults, memory }
}

function openOn(engine: Engine, more: { readonly?: boolean; lines?: string[] } = {}) {
  const log = pino({ level: 'info' }, { write: (line) => void more.lines?.push(line) })
  return openLevelCatalog({
    engine,
    location,
    writeBufferBytes,
    log,
    ...(more.readonly && { readonly: true }),
  })
}

const put = (key: string) => ({ id: randomId(), put: [{ key, value: Buffer.from('x') }] })
const unavailable = { code: 'StoreUnavailable' }
const unknown = { code: 'OutcomeUnknown' }

/** Lets a write fail where there is no room to open the database again, and makes the room after it. */
async function failOnce(
  catalog: Catalog,
  { faults, memory }: ReturnType<typeof faultyEngine>,
  batch: 'before' | 'after' = 'before',
) {
  faults.batch = batch
  memory.freeBytesNow = FULL
  const error = await catalog.commit(put('lost')).catch((error) => error)
  faults.batch = null
  memory.freeBytesNow = FULL + 1
  return error
}

t.test('a failed write is settled at once where the catalog can be opened again', async (t) => {
  const { engine, faults } = faultyEngine()
  const catalog = await openOn(engine)
  t.teardown(() => catalog.close())
  await catalog.commit(put('a'))
  const { commitNumber } = catalog
  const group = () => [
    catalog.commit(put('b')),
    catalog.commit({ ...put('c'), expect: [{ key: 'a', revision: null }] }),
    catalog.commit(put('d')),
  ]
  faults.batch = 'before'
  for (const outcome of await Promise.allSettled(group())) {
    t.match(outcome, { status: 'rejected', reason: unavailable }, 'nothing was done')
  }
  t.equal(catalog.impaired, null)
  t.equal(catalog.commitNumber, commitNumber)
  t.same(await catalog.getMany(['b', 'c', 'd']), [undefined, undefined, undefined])
  faults.batch = 'after'
  const [b, c, d] = await Promise.allSettled(group())
  t.match([b, d], [{ status: 'fulfilled' }, { status: 'fulfilled' }], 'it was done all the same')
  t.match(c, { status: 'rejected', reason: Conflict })
  t.equal(catalog.commitNumber, commitNumber + 1)
  const rows = await catalog.getMany(['b', 'c', 'd'])
  t.same(
    rows.map((row) => row?.key),
    ['b', undefined, 'd'],
  )
})

t.test(
  'no row that a write of unknown outcome would change is read before it is known',
  async (t) => {
    for (const batch of ['before', 'after'] as const) {
      const faulty = faultyEngine()
      const { faults, memory } = faulty
      const catalog = await openOn(faulty.engine)
      t.teardown(() => catalog.close())
      const add = (key: string) => ({ id: randomId(), add: [{ key, deltas: [1] }] })
      for (const commit of [put('gone'), put('kept'), add('count'), add('other')]) {
        await catalog.commit(commit)
      }
      faults.batch = batch
      memory.freeBytesNow = FULL
      const commits = [
        { id: randomId(), del: ['gone'], add: [{ key: 'count', deltas: [1] }] },
        { ...put('m/new'), expect: [{ key: 'kept', revision: null }] },
        put('m/new'),
      ]
      const [done, lost, made] = await Promise.allSettled(
        commits.map((each) => catalog.commit(each)),
      )
      t.match([done, made], [{ reason: unknown }, { reason: unknown }])
      t.match(
        lost,
        { reason: unavailable },
        'a loser changes nothing, whatever becomes of the batch',
      )
      const settled: boolean[] = []
      for (const outcome of [done, made]) {
        const { reason } = outcome as PromiseRejectedResult & { reason: CommitUnknown }
        void reason.done.then((isDone: boolean) => settled.push(isDone))
      }

      const scan = (from: string, to: string, more = {}) =>
        catalog.scan({ from, to, limit: 10, ...more })
      const refused: (() => Promise<unknown>)[] = [
        () => catalog.get('gone'),
        () => catalog.get('m/new'),
        () => catalog.getCounters('count'),
        () => catalog.getMany(['kept', 'm/new']),
        () => scan('a', 'z'),
        () => scan('m/new', 'n'),
        () => scan('a', 'z', { reverse: true }),
        () => scan('m', 'n', { group: { prefix: 'm', delimiter: '/' } }),
      ]
      for (const read of refused) await t.rejects(read(), unavailable, `${read}`)
      t.ok(await catalog.get('kept'), 'other rows are read on')
      t.ok(await catalog.getCounters('other'))
      t.equal((await catalog.getMany(['kept', 'none']))[0]?.key, 'kept')
      t.equal((await scan('h', 'm/new')).entries.length, 1, 'the end of a range is not in it')
      t.equal((await scan('n', 'z')).entries.length, 1)
      t.same(settled, [], 'nothing is known yet')

      faults.batch = null
      memory.freeBytesNow = FULL + 1
      await catalog.commit(put('next'))
      const isDone = batch === 'after'
      t.same(settled, [isDone, isDone], 'whoever waits hears what became of it')
      t.equal((await catalog.get('gone')) === undefined, isDone)
      t.equal((await catalog.get('m/new')) !== undefined, isDone)
      t.equal((await catalog.getCounters('count'))?.values[0], isDone ? 2 : 1)
      t.equal((await scan('a', 'z')).entries.length, 6)
    }
  },
)

t.test('a failed write gives all of its group an unknown outcome', async (t) => {
  const { engine, faults, memory } = faultyEngine()
  memory.freeBytesNow = FULL
  const lines: string[] = []
  const catalog = await openOn(engine, { lines })
  t.teardown(() => catalog.close())
  const first = put('a')
  await catalog.commit(first)
  const { commitNumber } = catalog
  faults.batch = 'before'
  const outcomes = await Promise.allSettled([
    catalog.commit(put('b')),
    catalog.commit({ ...put('c'), expect: [{ key: 'b', revision: null }] }),
    catalog.commit(put('d')),
  ])
  const codes = outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason.code)
  t.same(codes, ['OutcomeUnknown', 'StoreUnavailable', 'OutcomeUnknown'])
  t.type(catalog.impaired, 'string')
  t.equal(catalog.commitNumber, commitNumber)
  t.equal((await catalog.get('a'))?.revision, first.id, 'reads go on')
  t.equal(lines.filter((line) => line.includes('No space left')).length, 1, 'it is logged')
})

t.test('a loser alone hears of its conflict when no batch is written for others', async (t) => {
  const { engine, faults } = faultyEngine()
  const catalog = await openOn(engine)
  t.teardown(() => catalog.close())
  faults.batch = 'before'
  const losing = { id: randomId(), expect: [{ key: 'a', revision: randomId() }], del: ['a'] }
  await t.rejects(catalog.commit(losing), Conflict)
  t.equal(catalog.impaired, null)
})

t.test('after a failed write nothing is written before an opening with room', async (t) => {
  const faulty = faultyEngine()
  const { engine, faults, memory } = faulty
  const catalog = await openOn(engine)
  t.teardown(() => catalog.close())
  await catalog.commit(put('a'))
  await failOnce(catalog, faulty)
  memory.freeBytesNow = FULL
  faults.calls.length = 0
  for (let n = 0; n < 3; n++) await t.rejects(catalog.commit(put('b')), unavailable)
  t.same(faults.calls, [], 'not written, not even closed: reads need it')
  t.ok(await catalog.get('a'))
  t.equal((await catalog.scan({ from: 'a', to: 'b', limit: 1 })).entries.length, 1)
  memory.freeBytesNow = FULL + 1
  const commit = put('b')
  await catalog.commit(commit)
  t.same(faults.calls, ['close', 'open', 'synced batch'])
  t.equal(catalog.impaired, null)
  t.equal((await catalog.get('b'))?.revision, commit.id)
})

t.test('what a failed write left behind counts once the catalog is open again', async (t) => {
  const faulty = faultyEngine()
  const catalog = await openOn(faulty.engine)
  t.teardown(() => catalog.close())
  await catalog.commit(put('a'))
  const { commitNumber } = catalog
  const error = await failOnce(catalog, faulty, 'after')
  t.match(error, unknown)
  t.equal(catalog.commitNumber, commitNumber)
  await catalog.commit(put('c'))
  t.equal(catalog.commitNumber, commitNumber + 2, 'the number was read again')
  t.ok(await catalog.get('lost'))
  t.equal(await error.done, true, 'and the commit is settled')
})

t.test('reads wait while the catalog is reopened, and it waits for theirs', async (t) => {
  const faulty = faultyEngine()
  const { engine, faults } = faulty
  const catalog = await openOn(engine)
  t.teardown(() => catalog.close())
  await catalog.commit(put('a'))
  await failOnce(catalog, faulty)

  const reading = Promise.withResolvers<void>()
  const opening = Promise.withResolvers<void>()
  faults.reading = reading.promise
  faults.opening = opening.promise
  faults.calls.length = 0
  const early = catalog.getMany(Array.from({ length: 50 }, () => 'a'))
  const commit = catalog.commit(put('b'))
  for (let n = 0; n < 5; n++) await new Promise(setImmediate)
  t.same(faults.calls, [], 'not closed under a read')
  reading.resolve()
  t.equal((await early).filter(Boolean).length, 50)
  for (let n = 0; n < 5; n++) await new Promise(setImmediate)
  t.same(faults.calls, ['close', 'open'])
  let answered = 0
  const late = [
    catalog.get('a'),
    catalog.getCounters('none'),
    catalog.getMany(['a', 'none']),
    catalog.scan({ from: 'a', to: 'b', limit: 1 }),
  ].map((read) => read.finally(() => answered++))
  for (let n = 0; n < 5; n++) await new Promise(setImmediate)
  t.equal(answered, 0, 'nothing to read from yet')
  opening.resolve()
  await Promise.all(late)
  await commit
})

t.test('where it cannot be reopened, reads are refused until it can', async (t) => {
  const faulty = faultyEngine()
  const { engine, faults } = faulty
  const catalog = await openOn(engine)
  t.teardown(() => catalog.close())
  await catalog.commit(put('a'))
  await failOnce(catalog, faulty)
  faults.open = new Error('IO error: gone')
  for (let n = 0; n < 2; n++) {
    await t.rejects(catalog.commit(put('b')), unavailable)
    await t.rejects(catalog.get('a'), unavailable)
    await t.rejects(catalog.getMany(['a']), unavailable)
  }
  t.type(catalog.impaired, 'string')
  faults.open = null
  await catalog.commit(put('b'))
  t.ok(await catalog.get('a'))
})

t.test('a dead catalog comes back without a commit to make it', async (t) => {
  const faulty = faultyEngine()
  const catalog = await openOn(faulty.engine)
  t.teardown(() => catalog.close())
  await failOnce(catalog, faulty)
  t.type(catalog.impaired, 'string')
  while (catalog.impaired !== null) await sleep(20)
  await catalog.commit(put('a'))
})

t.test('a new log is not trusted before its name is durable', async (t) => {
  const { engine, faults } = faultyEngine()
  const catalog = await openOn(engine)
  t.teardown(() => catalog.close())
  faults.calls.length = 0
  // LevelDB begins a log when its memtable is full, so that much is written each time.
  const fill = (key: string) => ({
    id: randomId(),
    put: [{ key, value: Buffer.alloc(writeBufferBytes) }],
  })
  await catalog.commit(fill('a'))
  t.same(faults.calls, ['synced batch'], 'a known log needs nothing')
  faults.logs = ['000003.log', '000005.log']
  await catalog.commit(put('b'))
  t.same(faults.calls, ['synced batch', 'synced batch', 'sync /catalog'])
  faults.logs = ['000005.log', '000007.log']
  faults.syncDirectory = new Error('EIO')
  await t.rejects(catalog.commit(fill('c')), unknown)
  t.type(catalog.impaired, 'string')
})

t.test('a directory with rows but no meta row is no catalog', async (t) => {
  const { engine } = faultyEngine()
  const options = { keyEncoding: 'utf8', maxFileBytes: 1, cacheBytes: 1, create: true } as const
  const db = await engine.open(location, { ...options, writeBufferBytes })
  await db.put('a', Buffer.from('x'))
  await db.close()
  for (let n = 0; n < 2; n++) await t.rejects(openOn(engine), { code: 'StoreCorrupt' })
})

t.test('another catalog in its place is not written to', async (t) => {
  const faulty = faultyEngine()
  const { engine, memory } = faulty
  const catalog = await openOn(engine)
  t.teardown(() => catalog.close())
  await failOnce(catalog, faulty)
  await memory.destroy(location)
  await t.rejects(catalog.commit(put('a')), unavailable)
  t.type(catalog.impaired, 'string')
})

t.test('open for reading only, it reads and never writes', async (t) => {
  const { engine, faults } = faultyEngine()
  await t.rejects(openOn(engine, { readonly: true }), 'where there is none, none is made')
  const writing = await openOn(engine)
  await writing.commit(put('a'))
  await writing.close()
  faults.calls.length = 0
  const catalog = await openOn(engine, { readonly: true })
  t.equal(catalog.id, writing.id)
  t.ok(await catalog.get('a'))
  await t.rejects(catalog.commit(put('b')), unavailable)
  t.type(catalog.impaired, 'string')
  await catalog.close()
  t.same(faults.calls, ['open', 'close'])
})

t.test('many waiting commits are cut into batches of bounded size', async (t) => {
  const { engine } = faultyEngine()
  const catalog = await openOn(engine)
  t.teardown(() => catalog.close())
  const hundred = (n: number) =>
    Array.from({ length: 100 }, (_, i) => ({ key: `${n}/${i}`, value: Buffer.alloc(1) }))
  const commitMany = async (count: number, value?: Buffer) => {
    const before = catalog.commitNumber
    const commits = Array.from({ length: count }, (_, n) =>
      catalog.commit({ id: randomId(), put: value ? [{ key: `${n}`, value }] : hundred(n) }),
    )
    await Promise.all(commits)
    return catalog.commitNumber - before
  }
  t.equal(await commitMany(40), 1, '4,000 rows')
  t.equal(await commitMany(41), 2, '4,100 rows')
  t.equal(await commitMany(3, Buffer.alloc(5 << 20)), 3, 'a large one goes alone')
})
