// The package that the engine is made of has types for browsers and Node.js alike. What the engine needs beyond them is
// there on Node.js, with LevelDB's options.
import { readdirSync } from 'node:fs'
import { ClassicLevel } from 'classic-level'
import { Level } from 'level'
import t from 'tap'
import { classicEngine } from '../../../lib/leveldb/engine.ts'

const open = (location: string, options: { create: boolean; maxFileBytes: number }) =>
  classicEngine.open(location, {
    ...options,
    keyEncoding: 'utf8',
    writeBufferBytes: 1 << 20,
    cacheBytes: 1 << 20,
  })

t.test('on Node.js `level` is classic-level, which the decrypt program reads with', async (t) => {
  t.equal(Level, ClassicLevel)
})

t.test('a second handle of a process opens a database that is open', async (t) => {
  const location = t.testdir()
  const options = { multithreading: true, keyEncoding: 'utf8', valueEncoding: 'utf8' } as const
  const first = new Level(location, options)
  const second = new Level(location, options)
  await first.open()
  await second.open()
  await first.put('key', 'value')
  t.equal(await second.get('key'), 'value')
  await second.close()
  await first.close()
})

t.test('a database is read at once, as it was at a moment, and compacted', async (t) => {
  const location = t.testdir()
  const db = await open(location, { create: true, maxFileBytes: 1 << 20 })
  await db.put('key', Buffer.from('old'), { sync: true })
  const snapshot = db.snapshot()
  await db.put('key', Buffer.from('new'))
  t.equal(db.getSync('key', { snapshot })?.toString(), 'old')
  t.equal(db.getSync('key')?.toString(), 'new')
  t.equal(db.getSync('other'), undefined)
  t.equal(await db.get('other'), undefined)
  await snapshot.close()
  await db.compactRange('', '\uffff')
  t.ok(readdirSync(location).some((name) => name.endsWith('.ldb')))
  await db.close()
})

t.test('a database has tables of the size that was asked for, not compressed', async (t) => {
  const location = t.testdir()
  const db = await open(location, { create: true, maxFileBytes: 1 << 20 })
  const value = Buffer.alloc(1 << 16, 'a')
  for (let i = 10; i < 74; i++) await db.put(`key${i}`, value)
  await db.compactRange('', '\uffff')
  await db.close()
  const { bytes } = await classicEngine.measure(location)
  t.ok(bytes > 64 * value.length, `${bytes} bytes`)
  const tables = readdirSync(location).filter((name) => name.endsWith('.ldb'))
  t.ok(tables.length >= 4, `${tables.length} tables`)
})

t.test('a database that is to be there is not made', async (t) => {
  const location = `${t.testdir()}/none`
  await t.rejects(open(location, { create: false, maxFileBytes: 1 << 20 }), { code: 'ENOENT' })
})
