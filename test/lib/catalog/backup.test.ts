// Backups: one moment of the catalog while others write, a file in which any change is found, and a restored
// catalog that is marked as older than its volumes.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { type BackupSource, verifyBackup, writeBackup } from '../../../lib/catalog/backup.ts'
import { BackupSession } from '../../../lib/catalog/backup-session.ts'
import type { Catalog } from '../../../lib/catalog/catalog.ts'
import { openLevelCatalog } from '../../../lib/catalog/level.ts'
import { restoreBackup } from '../../../lib/catalog/restore.ts'
import { levelRestore } from '../../../lib/catalog/restore-level.ts'
import { RESTORED_KEY, readRestored } from '../../../lib/catalog/restore-mark.ts'
import { FileInvalid } from '../../../lib/file-invalid.ts'
import { classicEngine } from '../../../lib/leveldb/engine.ts'
import { nowMicros, randomId } from '../../../lib/names.ts'
import { type Faults, faultyEngine } from '../../helpers/faulty-engine.ts'
import { randomFrom, seedOfRun } from '../../helpers/random.ts'

const log = pino({ level: 'silent' })
const open = (location: string) =>
  openLevelCatalog({ engine: classicEngine, location, writeBufferBytes: 4 << 20, log })

async function put(catalog: Catalog, rows: Record<string, string>): Promise<void> {
  const all = Object.entries(rows)
  for (let at = 0; at < all.length; at += 100) {
    const some = all.slice(at, at + 100).map(([key, value]) => ({ key, value: Buffer.from(value) }))
    await catalog.commit({ id: randomId(), put: some })
  }
}

async function contentOf(catalog: Catalog): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  let from: string | undefined = '!'
  while (from !== undefined) {
    const page = await catalog.scan({ from, to: '\u{10ffff}', limit: 1000 })
    for (const entry of page.entries) {
      if ('key' in entry && entry.key !== 'meta') {
        found.set(entry.key, entry.revision + entry.value.toString('hex'))
      }
    }
    from = page.cursor
  }
  return found
}

/** A backup of the present moment; `between` runs before each page. */
async function sourceOf(catalog: Catalog, between = async () => {}): Promise<BackupSource> {
  const session = new BackupSession(catalog)
  const begun = await session.begin()
  return {
    ...begun,
    async *pieces() {
      for (let after = ''; ; ) {
        await between()
        const page = await session.page(begun.id, after)
        if (page.rows === 0) return session.end(begun.id)
        after = page.after
        yield page
      }
    },
  }
}

/** An error of the store that says this to people. */
const said = (message: string | RegExp) => ({ details: { message } }) as unknown as Error

const rowsOf = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`version/a/${i}`, `row ${i}`]))

async function filled(t: Test, rows: Record<string, string>): Promise<[Catalog, string]> {
  const dir = t.testdir()
  const catalog = await open(join(dir, 'catalog'))
  t.teardown(() => catalog.close())
  await put(catalog, rows)
  return [catalog, dir]
}

t.test('a backup holds one moment, however much is written while it is taken', async (t) => {
  const [catalog, dir] = await filled(t, rowsOf(2500))
  await catalog.commit({ id: randomId(), add: [{ key: 'body/x', deltas: [1, 2] }] })
  const before = await contentOf(catalog)
  const number = catalog.commitNumber
  let turn = 0
  const source = await sourceOf(catalog, async () => {
    turn++
    await put(catalog, { [`version/a/${turn}`]: 'changed', [`version/z/${turn}`]: 'new' })
    await catalog.commit({ id: randomId(), del: [`version/a/${2000 + turn}`] })
  })
  const file = join(dir, 'backup')
  const report = await writeBackup(file, source)
  t.ok(turn >= 3, `${turn} pages`)
  t.match(report, { catalogId: catalog.id, commitNumber: number, rows: before.size })
  t.equal(report.bytes, statSync(file).size)
  t.equal(statSync(file).mode & 0o777, 0o600)

  const target = join(dir, 'other', 'catalog')
  await restoreBackup(file, levelRestore(classicEngine, target), nowMicros())
  const restored = await open(target)
  t.teardown(() => restored.close())
  t.equal(restored.id, catalog.id)
  t.equal(restored.commitNumber, number)
  const mark = await readRestored(restored)
  t.match(mark, { commitNumber: number, backupMicros: report.timeMicros })
  const content = await contentOf(restored)
  content.delete(RESTORED_KEY)
  t.strictSame(content, before)
  await restored.commit({ id: randomId(), del: [RESTORED_KEY] })
  t.equal(await readRestored(restored), null, 'once it is accepted')
  t.equal((await restored.getCounters('body/x'))?.values.join(), '1,2')
})

for (const count of [0, 1, 999, 1000, 1001]) {
  t.test(`a catalog of ${count} rows comes back`, async (t) => {
    const [catalog, dir] = await filled(t, rowsOf(count))
    const file = join(dir, 'backup')
    t.equal((await writeBackup(file, await sourceOf(catalog))).rows, count)
    const target = join(dir, 'restored')
    await restoreBackup(file, levelRestore(classicEngine, target), nowMicros())
    const restored = await open(target)
    t.equal((await contentOf(restored)).size, count + 1)
    await restored.close()
    t.notOk(existsSync(`${target}.restoring`))
  })
}

t.test(
  'any byte that is changed, cut off or put behind is found, and nothing restored',
  async (t) => {
    const [catalog, dir] = await filled(t, rowsOf(6))
    const file = join(dir, 'backup')
    await writeBackup(file, await sourceOf(catalog))
    const whole = readFileSync(file)
    const damaged = join(dir, 'damaged')
    const refuses = async (bytes: Buffer, what: string) => {
      writeFileSync(damaged, bytes)
      const error = await verifyBackup(damaged).then(
        () => null,
        (error) => error,
      )
      if (!(error instanceof FileInvalid)) t.fail(`${what}: ${error}`)
    }
    for (let at = 0; at < whole.length; at++) {
      const bytes = Buffer.from(whole)
      bytes[at]! ^= 1 << (at % 8)
      await refuses(bytes, `byte ${at}`)
    }
    const random = randomFrom(seedOfRun())
    for (let turn = 0; turn < 40; turn++) {
      const length = random.integer(whole.length)
      await refuses(whole.subarray(0, length), `cut to ${length}, seed ${random.seed}`)
    }
    await refuses(Buffer.concat([whole, Buffer.alloc(1)]), 'a byte behind')
    writeFileSync(damaged, whole.subarray(0, -1))
    const target = join(dir, 'restored')
    await t.rejects(
      restoreBackup(damaged, levelRestore(classicEngine, target), nowMicros()),
      /damaged: it ends too early/,
    )
    t.notOk(existsSync(target))
    t.notOk(existsSync(`${target}.restoring`))
  },
)

t.test('a backup of another version is refused by what it is', async (t) => {
  const [catalog, dir] = await filled(t, {})
  const file = join(dir, 'backup')
  await writeBackup(file, await sourceOf(catalog))
  const bytes = readFileSync(file)
  bytes.write('coffer/v3', 'latin1')
  writeFileSync(file, bytes)
  await t.rejects(verifyBackup(file), {
    name: 'FormatNewer',
    message: `${file}: version 3 of the backup is newer than this program, which knows 2: run the later release`,
  })
  bytes.write('coffer/v1', 'latin1')
  writeFileSync(file, bytes)
  await t.rejects(verifyBackup(file), {
    name: 'FormatUnreleased',
    message: `${file}: version 1 of the backup was never released, and no program reads it`,
  })
})

t.test('a backup that fails leaves the earlier one, and nothing beside it', async (t) => {
  const [catalog, dir] = await filled(t, rowsOf(2500))
  const file = join(dir, 'backup')
  await writeBackup(file, await sourceOf(catalog))
  const before = readFileSync(file)
  let turn = 0
  const failing = await sourceOf(catalog, async () => {
    if (++turn === 2) throw new Error('the disk is gone')
  })
  await t.rejects(writeBackup(file, failing), { message: 'the disk is gone' })
  t.ok(readFileSync(file).equals(before))
  t.same(readdirSync(dir).sort(), ['backup', 'catalog'])
})

t.test('what is no backup is neither replaced nor restored', async (t) => {
  const [catalog, dir] = await filled(t, {})
  const file = join(dir, 'letter')
  for (const text of ['', 'dear', 'dear reader, this is a letter']) {
    writeFileSync(file, text)
    await t.rejects(
      writeBackup(file, await sourceOf(catalog)),
      /is no backup that could be replaced/,
    )
    t.equal(readFileSync(file, 'utf8'), text)
    await t.rejects(verifyBackup(file), /is no backup of a coffer catalog/)
  }
  await t.rejects(writeBackup(dir, await sourceOf(catalog)), FileInvalid)
})

t.test('a catalog that is there is not overwritten', async (t) => {
  const [catalog, dir] = await filled(t, { 'account/a': 'x' })
  const file = join(dir, 'backup')
  await writeBackup(file, await sourceOf(catalog))
  await t.rejects(
    restoreBackup(file, levelRestore(classicEngine, join(dir, 'catalog')), nowMicros()),
    /a catalog is there/,
  )
  t.equal((await catalog.get('account/a'))?.value.toString(), 'x')
})

t.test('a rotten row stops the backup and is named', async (t) => {
  const [catalog, dir] = await filled(t, rowsOf(5))
  await catalog.close()
  const options = { writeBufferBytes: 4 << 20, maxFileBytes: 8 << 20, cacheBytes: 1 << 20 }
  const location = join(dir, 'catalog')
  const all = { keyEncoding: 'utf8', ...options, create: false } as const
  const db = await classicEngine.open(location, all)
  const framed = (await db.get('version/a/3'))!
  framed[20]! ^= 1
  await db.put('version/a/3', framed)
  await db.close()
  const again = await open(location)
  t.teardown(() => again.close())
  await t.rejects(writeBackup(join(dir, 'backup'), await sourceOf(again)), {
    code: 'StoreCorrupt',
    details: { key: 'version/a/3' },
  } as unknown as Error)
})

t.test('one backup at a time, and its moment ends with it', async (t) => {
  const [catalog] = await filled(t, rowsOf(3))
  const session = new BackupSession(catalog)
  const { id } = await session.begin()
  t.equal(session.running, true)
  await t.rejects(session.begin(), { code: 'StoreUnavailable' })
  await session.end('another')
  t.equal((await session.page(id, '')).rows, 3)
  await session.end(id)
  t.equal(session.running, false)
  await t.rejects(session.page(id, ''), said('the backup was given up: begin anew'))
  await session.close()
})

for (const reopened of [false, true]) {
  const where = reopened ? 'tables' : 'the memtable'
  t.test(`rows of ${where} that were replaced leave the files with a compaction`, async (t) => {
    const dir = t.testdir()
    const location = join(dir, 'catalog')
    let catalog = await open(location)
    await put(catalog, { 'version/a': 'SECRET-OF-OLD', 'version/b': 'kept' })
    if (reopened) {
      await catalog.close()
      catalog = await open(location)
    }
    await put(catalog, { 'version/a': 'new' })
    const holds = () =>
      readdirSync(location).some((name) =>
        readFileSync(join(location, name)).includes('SECRET-OF-OLD'),
      )
    t.equal(holds(), true, 'before')
    await catalog.compact!('version/', 'version0')
    t.equal(holds(), false)
    await put(catalog, { 'version/c': 'later' })
    await catalog.close()
    const last = await open(location)
    t.teardown(() => last.close())
    t.same([...(await contentOf(last)).keys()], ['version/a', 'version/b', 'version/c'])
  })
}

t.test(
  'a compaction begins a log, and no commit is acknowledged before its name is durable',
  async (t) => {
    const location = join(t.testdir(), 'catalog')
    const faults: Faults = {}
    const engine = faultyEngine(classicEngine, faults)
    const catalog = await openLevelCatalog({ engine, location, writeBufferBytes: 4 << 20, log })
    t.teardown(() => catalog.close())
    await put(catalog, { 'version/a': 'one' })
    let synced = 0
    faults.syncDirectory = (directory) => {
      if (directory === location) synced++
    }
    await catalog.compact!('version/', 'version0')
    t.ok(synced > 0, 'synced with the compaction')
    faults.syncDirectory = () => {
      throw new Error('EIO')
    }
    await t.rejects(catalog.compact!('version/', 'version0'), { code: 'StoreUnavailable' })
    await t.rejects(put(catalog, { 'version/b': 'two' }), { code: 'OutcomeUnknown' })
    faults.syncDirectory = undefined
    await put(catalog, { 'version/c': 'three' })
    t.equal((await catalog.get('version/c'))?.value.toString(), 'three')
  },
)
