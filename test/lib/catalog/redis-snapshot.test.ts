// Snapshots of a Redis catalog where something goes wrong: Redis is full, killed, changed by a program that
// keeps nothing, or the backup dies. No commit ever fails for a backup, and a torn moment is never given out.
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Catalog } from '../../../lib/catalog/catalog.ts'
import { openRedisCatalog } from '../../../lib/catalog/redis.ts'
import { randomId } from '../../../lib/names.ts'
import { readAll } from '../../contract/catalog-snapshot.ts'
import { catalogOptions, redisTest, startRedis } from '../../helpers/redis.ts'
import { coffersAcl } from '../../helpers/redis-acl.ts'

const [about, before, names] = ['{coffer}:about', '{coffer}:before', '{coffer}:before-keys']

const keyOf = (n: number) => `row/${String(n).padStart(5, '0')}`

async function put(catalog: Catalog, first: number, count: number, bytes = 20): Promise<void> {
  const rows = Array.from({ length: count }, (_, i) => first + i)
  for (let at = 0; at < count; at += 90) {
    const some = rows.slice(at, at + 90).map((n) => ({ key: keyOf(n), value: Buffer.alloc(bytes) }))
    await catalog.commit({ id: randomId(), put: some })
  }
}

/** A catalog of so many rows. */
async function place(t: Test, rows: number, more: readonly string[] = [], options = {}) {
  const redis = await startRedis(t, {}, more)
  const catalog = await openRedisCatalog(catalogOptions(redis.url, options))
  t.teardown(() => catalog.close())
  await put(catalog, 0, rows)
  return { redis, raw: redis.raw, catalog }
}

const says = (message: RegExp) =>
  ({ code: 'StoreUnavailable', details: { message } }) as unknown as Error

redisTest(t, 'a backup leaves nothing in Redis, and neither does one that died', async (t) => {
  const { raw, catalog } = await place(t, 1200)
  const first = await catalog.snapshot()
  await put(catalog, 0, 1200)
  t.ok((await raw.hlen(before)) > 1000, 'what commits change is kept')
  t.equal((await readAll(first)).length, 1200)
  t.ok((await raw.hlen(before)) < 10, 'and dropped once it was read')
  await first.close()
  t.equal(await raw.exists(before, names), 0)

  await catalog.snapshot()
  await put(catalog, 500, 10)
  for (const key of [before, names]) t.ok((await raw.pttl(key)) > 30_000, 'it will expire')
  await t.rejects(catalog.snapshot(), says(/^another backup is being taken/))
  await raw.pexpire(before, 1)
  await raw.pexpire(names, 1)
  while ((await raw.exists(before, names)) > 0) await sleep(5)
  await put(catalog, 500, 10)
  t.equal(await raw.exists(before, names), 0, 'and nothing is kept any more')
  const next = await catalog.snapshot()
  t.equal((await readAll(next)).length, 1200)
  await next.close()
})

redisTest(t, 'a moment that Redis does not hold any more is not read', async (t) => {
  const { raw, catalog } = await place(t, 1200)
  for (const key of [before, names]) {
    const snapshot = await catalog.snapshot()
    await put(catalog, 0, 1200)
    const page = await snapshot.rowsBehind('')
    await raw.del(key)
    await t.rejects(snapshot.rowsBehind(page.at(-1)!.key), { code: 'StoreUnavailable' })
    await snapshot.close()
    await raw.del(before, names)
  }
  const snapshot = await catalog.snapshot()
  const page = await snapshot.rowsBehind('')
  await snapshot.rowsBehind(page.at(-1)!.key)
  await t.rejects(snapshot.rowsBehind(''), says(/begin anew/), 'nor what was passed')
})

redisTest(t, 'a program that keeps nothing ends the backup when it commits', async (t) => {
  const { raw, catalog } = await place(t, 1200)
  const snapshot = await catalog.snapshot()
  const page = await snapshot.rowsBehind('')
  await raw.hincrby(about, 'number', 1)
  await t.rejects(snapshot.rowsBehind(page.at(-1)!.key), says(/by a program that keeps nothing/))
})

redisTest(t, 'where Redis is full deletes go on, and end the backup', async (t) => {
  const { raw, catalog } = await place(t, 1200, [], { timeoutMs: 1000 })
  const full = () => raw.config('SET', 'maxmemory', '100kb')
  await full()
  const quiet = await catalog.snapshot()
  t.equal((await readAll(quiet)).length, 1200, 'a full Redis can be backed up')
  await quiet.close()

  const snapshot = await catalog.snapshot()
  const page = await snapshot.rowsBehind('')
  await t.rejects(put(catalog, 2000, 1), says(/^Redis is full/))
  t.ok((await snapshot.rowsBehind(page.at(-1)!.key)).length > 0, 'a refused commit changes nothing')
  await catalog.commit({ id: randomId(), del: [keyOf(1199), keyOf(1198)] })
  t.equal(await catalog.get(keyOf(1199)), undefined, 'a delete is done')
  await t.rejects(snapshot.rowsBehind(keyOf(999)), says(/^Redis is full/))
  await raw.config('SET', 'maxmemory', '0')
  while (catalog.impaired !== null) await sleep(20)
  const next = await catalog.snapshot()
  t.equal((await readAll(next)).length, 1198)
  await next.close()
})

redisTest(t, 'a backup that would keep too much is given up, and commits go on', async (t) => {
  const { raw, catalog } = await place(t, 600)
  const snapshot = await catalog.snapshot()
  await snapshot.rowsBehind('')
  // As if so much had been kept already.
  await raw.hset(before, Buffer.from('\xffbytes', 'latin1'), 256 << 20)
  await put(catalog, 590, 5)
  await t.rejects(snapshot.rowsBehind(keyOf(499)), says(/more changed meanwhile/))
  await put(catalog, 590, 5)
  const next = await catalog.snapshot()
  t.equal((await readAll(next)).length, 600, 'the next one need not wait')
})

redisTest(t, 'Redis is killed in the middle of a backup, and the backup goes on', async (t) => {
  const { redis, catalog } = await place(t, 2000)
  const snapshot = await catalog.snapshot()
  let pages = 0
  const found = await readAll(snapshot, async () => {
    pages++
    await put(catalog, 1900, 50)
    await catalog.commit({ id: randomId(), del: [keyOf(1000 + pages)] })
    if (pages !== 2) return
    await redis.kill()
    await redis.start()
  })
  t.same(
    found.map(({ key }) => key),
    Array.from({ length: 2000 }, (_, n) => keyOf(n)),
  )
  t.ok(pages > 3, `${pages} pages`)
  await snapshot.close()
})

redisTest(t, 'the rights of etc/redis/coffer.conf are enough, and fewer are said', async (t) => {
  const fewer = coffersAcl('secret').replace('user coffer', 'user fewer').replace('+pexpire', '')
  const credentials = { username: 'coffer', password: 'secret' }
  const users = [coffersAcl('secret'), fewer]
  const { redis, catalog } = await place(t, 600, users, credentials)
  const snapshot = await catalog.snapshot()
  await put(catalog, 0, 600)
  t.equal((await readAll(snapshot)).length, 600)
  const options = catalogOptions(redis.url, { ...credentials, username: 'fewer' })
  const other = await openRedisCatalog(options)
  t.teardown(() => other.close())
  await put(other, 0, 10)
  await snapshot.close()
  await t.rejects(other.snapshot(), says(/does not allow its user a command/))
  t.equal(await redis.raw.exists(before, names), 0, 'nothing that would not expire')
})
