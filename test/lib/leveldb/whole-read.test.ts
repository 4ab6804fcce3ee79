// LevelDB's iterators pass over a table that they cannot read. A catalog whose table has become unreadable under it
// answers no page that lacks rows, and a backup or a copy of it fails.
import { readdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { openLevelCatalog } from '../../../lib/catalog/level.ts'
import { openRawLevel } from '../../../lib/catalog/raw-level.ts'
import { classicEngine } from '../../../lib/leveldb/engine.ts'
import { readRows } from '../../../lib/leveldb/whole-read.ts'
import { randomId } from '../../../lib/names.ts'

const log = pino({ level: 'silent' })
const open = (location: string) =>
  openLevelCatalog({ engine: classicEngine, location, writeBufferBytes: 1 << 20, log })

const keyOf = (letter: string, i: number) => `object/${letter}${String(i).padStart(2, '0')}`
const value = Buffer.alloc(2000, 'x')

/** A catalog whose rows lie in one table for each letter; the second's is not opened yet. */
async function makeCatalog(t: Test) {
  const location = join(t.testdir(), 'catalog')
  for (const letter of ['a', 'b', 'c']) {
    const catalog = await open(location)
    const put = Array.from({ length: 20 }, (_, i) => ({ key: keyOf(letter, i), value }))
    await catalog.commit({ id: randomId(), put })
    await catalog.close()
  }
  const tables = readdirSync(location)
    .filter((name) => name.endsWith('.ldb') && statSync(join(location, name)).size > 20_000)
    .map((name) => join(location, name))
    .sort()
  t.equal(tables.length, 3)
  /** The table cannot be read from now on. */
  const hide = () => renameSync(tables[1]!, `${location}-hidden`)
  const show = () => renameSync(`${location}-hidden`, tables[1]!)
  return { location, hide, show }
}

t.test('a page with a row that cannot be read is no page', async (t) => {
  const { location, hide, show } = await makeCatalog(t)
  const catalog = await open(location)
  hide()
  const range = { from: 'object/', to: 'object/~', limit: 25 }
  const group = { prefix: 'object/', delimiter: '/' }
  const unavailable = {
    code: 'StoreUnavailable',
    details: { message: 'the catalog cannot be read' },
  }
  await t.rejects(catalog.scan(range), unavailable)
  await t.rejects(catalog.scan({ ...range, reverse: true }), unavailable)
  await t.rejects(catalog.scan({ ...range, limit: 1000 }), unavailable)
  await t.rejects(catalog.scan({ ...range, group }), unavailable)
  const snapshot = await catalog.snapshot()
  await t.rejects(snapshot.rowsBehind(''), unavailable)
  await snapshot.close()
  show()
  const page = await catalog.scan(range)
  t.equal(page.entries.length, 25)
  t.match(page.following, { key: keyOf('b', 5) })
  await catalog.close()
})

t.test('neither a copy nor the first row of a range lacks a row', async (t) => {
  const { location, hide, show } = await makeCatalog(t)
  const raw = await openRawLevel(classicEngine, location)
  hide()
  await t.rejects(raw.rowsBehind('object/'), { code: 'LEVEL_IO_ERROR' })
  show()
  t.equal((await raw.rowsBehind('object/')).length, 60)
  await raw.close()
  const db = await classicEngine.open(location, {
    keyEncoding: 'utf8',
    writeBufferBytes: 1 << 20,
    maxFileBytes: 1 << 20,
    cacheBytes: 1 << 20,
    create: false,
  })
  hide()
  const range = { gte: 'object/b', fillCache: false }
  await t.rejects(readRows(db, range, 1), { code: 'LEVEL_IO_ERROR' })
  await t.rejects(readRows(db, { lt: 'object/c', reverse: true }, 1), { code: 'LEVEL_IO_ERROR' })
  show()
  t.match(await readRows(db, range, 1), [[keyOf('b', 0)]])
  t.same(await readRows(db, { gte: 'x' }, 1), [])
  await db.close()
})
