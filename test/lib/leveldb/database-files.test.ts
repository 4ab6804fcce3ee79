// A LevelDB database read from its files, held against LevelDB itself: every key with its newest value, through
// overwrites, deletes, levels and logs, while it is open and after; and every changed byte is told.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Damage } from '../../../lib/damage.ts'
import { DatabaseFiles } from '../../../lib/leveldb/database-files.ts'
import { classicEngine, type Database } from '../../../lib/leveldb/engine.ts'
import { PlainFile, Rate } from '../../../lib/plain-file.ts'
import { randomFrom, seedOfRun } from '../../helpers/random.ts'

/** The end of a table: two places as numbers of varying length, zeros, and a magic number. */
const FOOTER_BYTES = 48

const unlimited = () => new Rate(Number.POSITIVE_INFINITY)

const open = (location: string): Promise<Database<string>> =>
  classicEngine.open(location, {
    keyEncoding: 'utf8',
    writeBufferBytes: 64 << 10,
    maxFileBytes: 64 << 10,
    cacheBytes: 1 << 20,
    create: true,
  })

/** A closed database whose files all count. A close while LevelDB writes a table leaves that table behind, named by
 * no manifest, and what changes in it changes nothing. */
async function makeSettled(location: string, bytesOf: (i: number) => Buffer): Promise<void> {
  const db = await open(location)
  for (let i = 0; i < 400; i++) await db.put(`row/${i}`, bytesOf(i))
  await db.compactRange('', '~')
  // These fit in the log.
  for (let i = 0; i < 100; i++) await db.put(`row/${i}`, bytesOf(i))
  await db.close()
}

/** Rows of the files as text, and what is damaged. */
async function readAll(location: string, range: { from?: string; to?: string } = {}) {
  const files = await DatabaseFiles.open(location, unlimited())
  const damages: Damage[] = [...files.damages]
  const rows: [string, string][] = []
  const [from, to] = [range.from, range.to].map((end) =>
    end === undefined ? end : Buffer.from(end),
  )
  for await (const { key, value } of files.scan({ from, to }, (each) => damages.push(each))) {
    rows.push([key.toString(), value.toString('latin1')])
  }
  const lastKey = files.lastKey?.toString()
  await files.close()
  return { rows, damages, lastKey }
}

const rowsOf = async (db: Database<string>, range = {}): Promise<[string, string][]> =>
  (await db.iterator(range).all()).map(([key, value]) => [key, value.toString('latin1')])

t.test('the files hold what LevelDB says they hold', async (t) => {
  const seed = seedOfRun()
  const random = randomFrom(seed)
  const location = join(t.testdir(), 'db')
  let db = await open(location)
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 1500; i++) {
      const key = `row/${random.integer(700)}`
      if (random.integer(5) === 0) await db.batch([{ type: 'del', key }])
      else await db.put(key, random.bytes(random.integer(300)))
    }
    // A record over several blocks of the log.
    await db.put('row/large', Buffer.alloc(100_000 + round, round))
    const expected = await rowsOf(db)
    const note = `seed ${seed} round ${round}`
    const live = await readAll(location)
    t.same(live.damages, [], note)
    t.ok(JSON.stringify(live.rows) === JSON.stringify(expected), `open, ${note}`)
    t.equal(live.lastKey, 'row/large', note)
    const range = { from: `row/${random.integer(700)}`, to: `row/${random.integer(700)}` }
    const part = (await readAll(location, range)).rows
    t.same(part, await rowsOf(db, { gte: range.from, lt: range.to }), `a range, ${note}`)
    if (round === 3) await db.compactRange('', '~')
    await db.close()
    t.ok(
      JSON.stringify((await readAll(location)).rows) === JSON.stringify(expected),
      `closed, ${note}`,
    )
    db = await open(location)
  }
  await db.close()
})

t.test('an empty database has no rows, and is sound', async (t) => {
  const location = join(t.testdir(), 'db')
  await (await open(location)).close()
  t.same(await readAll(location), { rows: [], damages: [], lastKey: undefined })
})

t.test('every changed byte is told, and names its file', async (t) => {
  const seed = seedOfRun()
  const random = randomFrom(seed)
  const location = join(t.testdir(), 'db')
  await makeSettled(location, () => random.bytes(400))
  const names = readdirSync(location).filter((name) =>
    /\.(ldb|log)$|^(MANIFEST|CURRENT)/.test(name),
  )
  for (let i = 0; i < 300; i++) {
    const name = random.pick(names.filter((each) => readFileSync(join(location, each)).length > 0))
    const sound = readFileSync(join(location, name))
    const at = random.integer(sound.length)
    const changed = Buffer.from(sound)
    changed[at] = changed[at]! ^ (1 << random.integer(8))
    writeFileSync(join(location, name), changed)
    const { damages } = await readAll(location)
    const note = `seed ${seed}: ${name} byte ${at} of ${sound.length}`
    t.ok(
      damages.some(({ file }) => file === name),
      note,
    )
    writeFileSync(join(location, name), sound)
  }
  t.same((await readAll(location)).damages, [])
})

t.test('every changed bit of the parts without a checksum is told', async (t) => {
  const location = join(t.testdir(), 'db')
  const db = await open(location)
  for (let i = 0; i < 3; i++) await db.put(`row/${i}`, Buffer.alloc(400, i))
  await db.compactRange('', '~')
  await db.close()
  const table = readdirSync(location).find((name) => name.endsWith('.ldb'))!
  const untold: string[] = []
  for (const [name, bytes] of [[table, FOOTER_BYTES] as const, ['CURRENT', Infinity] as const]) {
    const sound = readFileSync(join(location, name))
    for (let bit = 8 * Math.max(0, sound.length - bytes); bit < 8 * sound.length; bit++) {
      const at = bit >> 3
      const changed = Buffer.from(sound)
      changed[at] = changed[at]! ^ (1 << (bit & 7))
      writeFileSync(join(location, name), changed)
      const { damages } = await readAll(location)
      if (!damages.some(({ file }) => file === name))
        untold.push(`${name} byte ${at} bit ${bit & 7}`)
    }
    writeFileSync(join(location, name), sound)
  }
  t.same(untold, [])
})

t.test('a log that ends in half a write is told from one that is damaged within', async (t) => {
  const location = join(t.testdir(), 'db')
  const db = await open(location)
  for (let i = 0; i < 20; i++) await db.put(`row/${i}`, Buffer.alloc(1000, i))
  const name = readdirSync(location).find((each) => each.endsWith('.log'))!
  const sound = readFileSync(join(location, name))
  const writeLog = (bytes: Buffer) => writeFileSync(join(location, name), bytes)
  for (const cut of [1, 6, 7, 8, 500, 1000]) {
    writeLog(sound.subarray(0, sound.length - cut))
    const { damages, rows } = await readAll(location)
    t.match(damages, [{ file: name, torn: true }], `${cut} bytes short`)
    t.equal(rows.length, 19)
  }
  const zeros = Buffer.concat([sound, Buffer.alloc(5000)])
  writeLog(zeros)
  t.match((await readAll(location)).damages, [{ torn: true }], 'zeros behind the end')
  for (const at of [0, 4, 6, 500, 2100]) {
    const changed = Buffer.from(sound)
    changed[at] = changed[at]! ^ 1
    writeLog(changed)
    const { damages, rows } = await readAll(location)
    t.ok(damages.length > 0 && damages.every(({ torn }) => !torn), `byte ${at} is rot`)
    t.ok(rows.length >= 18, 'and what follows is found')
  }
  writeLog(sound)
  await db.close()
})

t.test('a file that is missing or shorter is told', async (t) => {
  const location = join(t.testdir(), 'db')
  await makeSettled(location, (i) => Buffer.alloc(400, i))
  const tables = readdirSync(location).filter((name) => name.endsWith('.ldb'))
  const [first] = tables as [string]
  const sound = readFileSync(join(location, first))
  for (const length of [0, 1, 47, 48, sound.length - 1]) {
    writeFileSync(join(location, first), sound.subarray(0, length))
    const { damages } = await readAll(location)
    t.match(damages[0], { file: first, what: new RegExp(`has ${length} bytes`) })
  }
  rmSync(join(location, first))
  t.match((await readAll(location)).damages, [{ file: first, what: 'is missing' }])
})

t.test('a rate lets so many bytes through, and none once it is stopped', async (t) => {
  const rate = new Rate(1e9)
  const path = join(t.testdir({ file: 'x'.repeat(5000) }), 'file')
  const file = await PlainFile.open(path, rate)
  t.equal((await file.read(4990, 100, false)).toString(), 'x'.repeat(10), 'up to the end')
  t.equal((await file.read(5000, 1, true)).length, 0)
  t.equal((await file.read(0, 3, true)).toString(), 'xxx')
  t.equal(rate.bytes, 10 + 0 + 5000, 'what is read ahead counts')
  rate.stop()
  await t.rejects(file.read(0, 5001, false))
  await file.close()
})

t.test(
  'a changed value is harmless, changed keys and what says where they are is deadly',
  async (t) => {
    const location = join(t.testdir(), 'db')
    const db = await open(location)
    for (let i = 0; i < 40; i++) await db.put(`row/${100 + i}`, Buffer.alloc(4000, 'v'))
    await db.compactRange('', '~')
    await db.close()
    const name = readdirSync(location).find((each) => each.endsWith('.ldb'))!
    const sound = readFileSync(join(location, name))
    const deadlyAt = async (at: number) => {
      const changed = Buffer.from(sound)
      changed[at] = changed[at]! ^ 0x84
      writeFileSync(join(location, name), changed)
      const files = await DatabaseFiles.open(location, unlimited())
      const damages = [...files.damages]
      await files.verify((damage) => damages.push(damage))
      await files.close()
      return damages.map(({ deadly }) => deadly)
    }
    const key = sound.indexOf('row/', 100)
    t.same(await deadlyAt(key + 500), [false], 'a value')
    t.same(await deadlyAt(key), [true], 'a key')
    t.same(await deadlyAt(key - 4), [true], 'what it shares with the key before')
    t.same(await deadlyAt(key - 3), [true], 'its length')
    t.same(await deadlyAt(sound.length - 1), [true], 'the footer')
  },
)

/** Reading without a limit; `during` is done once, when something was read for the first time. */
class Interrupted extends Rate {
  #during: (() => Promise<void>) | undefined

  constructor(during: () => Promise<void>) {
    super(Number.POSITIVE_INFINITY)
    this.#during = during
  }

  override async take(bytes: number): Promise<void> {
    await super.take(bytes)
    const during = this.#during
    this.#during = undefined
    await during?.()
  }
}

t.test('a log that becomes a table while the files are opened is not missed', async (t) => {
  const location = join(t.testdir(), 'db')
  const db = await open(location)
  t.teardown(() => db.close())
  await db.put('key', Buffer.from('value'))
  // The manifest has been read, and names that log.
  const flush = () => db.compactRange('a', 'z')
  const files = await DatabaseFiles.open(location, new Interrupted(flush))
  t.teardown(() => files.close())
  const keys: string[] = []
  for await (const { key } of files.scan({}, () => undefined)) keys.push(key.toString())
  t.same(keys, ['key'])
  t.same(files.damages, [])
})

t.test('a write under way is not taken for a log that was cut off', async (t) => {
  const location = join(t.testdir(), 'db')
  const db = await open(location)
  await db.put('key', Buffer.alloc(50_000, 1))
  await db.close()
  const log = join(location, readdirSync(location).find((name) => name.endsWith('.log'))!)
  const whole = readFileSync(log)
  writeFileSync(log, whole.subarray(0, 20_000))
  const cut = await readAll(location)
  t.same(cut.rows, [])
  t.match(cut.damages, [{ torn: true }], 'one that stays so is')
  const goOn = async () => void setTimeout(() => writeFileSync(log, whole), 50)
  const files = await DatabaseFiles.open(location, new Interrupted(goOn))
  t.teardown(() => files.close())
  t.same(files.damages, [])
})
