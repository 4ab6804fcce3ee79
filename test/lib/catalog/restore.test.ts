// Backups from each store into each: the same rows, id and commit number arrive, marked as restored. Nothing is
// restored where something is, and of two restores at once one loses its place.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { openBackup, writeBackup } from '../../../lib/catalog/backup.ts'
import { BackupSession } from '../../../lib/catalog/backup-session.ts'
import type { Catalog, RawRow } from '../../../lib/catalog/catalog.ts'
import { openLevelCatalog } from '../../../lib/catalog/level.ts'
import { makeRawRedis } from '../../../lib/catalog/redis/raw.ts'
import { redisRestore } from '../../../lib/catalog/redis/restore.ts'
import { openRedisCatalog, openRedisLink } from '../../../lib/catalog/redis.ts'
import { type RestoreTarget, restoreBackup } from '../../../lib/catalog/restore.ts'
import { levelRestore } from '../../../lib/catalog/restore-level.ts'
import { RESTORED_KEY, readRestored } from '../../../lib/catalog/restore-mark.ts'
import { classicEngine } from '../../../lib/leveldb/engine.ts'
import { nowMicros, randomId } from '../../../lib/names.ts'
import { readAll } from '../../contract/catalog-snapshot.ts'
import { catalogOptions, redisTest, startRedis, type TestRedis } from '../../helpers/redis.ts'

interface Place {
  open(): Promise<Catalog>
  target(): Promise<RestoreTarget>
}

function levelPlace(t: Test): Place {
  const location = join(t.testdir(), randomBytes(4).toString('hex'), 'catalog')
  const log = pino({ level: 'silent' })
  return {
    open: () =>
      openLevelCatalog({ engine: classicEngine, location, writeBufferBytes: 4 << 20, log }),
    target: async () => levelRestore(classicEngine, location),
  }
}

function redisPlace({ url }: TestRedis): Place {
  const options = catalogOptions(url, { prefix: randomBytes(4).toString('hex') })
  return {
    open: () => openRedisCatalog(options),
    target: async () => redisRestore(makeRawRedis(await openRedisLink(options))),
  }
}

async function fill(catalog: Catalog, rows: number): Promise<void> {
  for (let first = 0; first < rows; first += 90) {
    const some = Array.from({ length: Math.min(90, rows - first) }, (_, i) => first + i)
    const put = some.map((n) => ({ key: `row/${n}/\u{10000}`, value: randomBytes(n % 200) }))
    const add = [{ key: `usage/${first}`, deltas: [first, 7] }]
    await catalog.commit({ id: randomId(), put, add })
  }
}

async function backUp(catalog: Catalog, file: string): Promise<RawRow[]> {
  const session = new BackupSession(catalog)
  const begun = await session.begin()
  await writeBackup(file, {
    ...begun,
    async *pieces() {
      for (let after = ''; ; ) {
        const page = await session.page(begun.id, after)
        if (page.rows === 0) return session.end(begun.id)
        after = page.after
        yield page
      }
    },
  })
  const snapshot = await catalog.snapshot()
  const rows = await readAll(snapshot)
  await snapshot.close()
  return rows
}

redisTest(t, 'a backup of either store is restored into either', async (t) => {
  const redis = await startRedis(t)
  const file = join(t.testdir(), 'backup')
  const stores = { level: () => levelPlace(t), redis: () => redisPlace(redis) }
  for (const [from, makeFrom] of Object.entries(stores)) {
    for (const [to, makeTo] of Object.entries(stores)) {
      for (const rows of [0, 1700]) {
        const about = `${rows} rows from ${from} to ${to}`
        const [source, target] = [await makeFrom().open(), makeTo()]
        await fill(source, rows)
        const { id, commitNumber } = source
        const wanted = await backUp(source, file)
        await source.close()
        await restoreBackup(file, await target.target(), nowMicros())
        const restored = await target.open()
        t.match(restored, { id, commitNumber }, about)
        t.match(await readRestored(restored), { commitNumber }, about)
        await restored.commit({ id: randomId(), del: [RESTORED_KEY] })
        const snapshot = await restored.snapshot()
        t.same(await readAll(snapshot), wanted, about)
        await snapshot.close()
        await restored.close()
        await t.rejects(restoreBackup(file, await target.target(), nowMicros()), {
          name: 'FileInvalid',
        })
      }
    }
  }
})

redisTest(t, 'of two restores into one place the second has it, and the first fails', async (t) => {
  const redis = await startRedis(t)
  const file = join(t.testdir(), 'backup')
  const source = await levelPlace(t).open()
  await fill(source, 300)
  await backUp(source, file)
  await source.close()
  const place = redisPlace(redis)
  const meta = (await openBackup(file)).header
  const [first, second] = [await place.target(), await place.target()]
  await first.begin(meta)
  await second.begin(meta)
  const row = { key: 'row/x', framed: randomBytes(40) }
  await t.rejects(first.put([row]), { code: 'StoreCorrupt' })
  await t.rejects(first.finish(meta), { code: 'StoreCorrupt' })
  await first.close()
  await second.put([row])
  t.equal((await second.rowsBehind('')).length, 1, 'the first took nothing with it')
  await second.close()
  await restoreBackup(file, await place.target(), nowMicros())

  const other = await place.target()
  await t.rejects(other.begin(meta), /Redis holds the catalog [0-9a-f]{32}/)
  await other.close()
  const elsewhere = redisPlace(redis)
  const [cut, next] = [await elsewhere.target(), await elsewhere.target()]
  await cut.begin({ ...meta, catalogId: randomId() })
  await t.rejects(next.begin(meta), /an unfinished copy of another catalog/)
  await next.close()
  await cut.close()
  const free = await elsewhere.target()
  await free.begin(meta)
  await free.close()
})
