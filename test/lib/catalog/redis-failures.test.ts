// A Redis that goes away, hangs, is full, read-only, or is another one than before, under an open catalog:
// what can be answered is, the rest is refused at once with a reason, and the catalog comes back by itself.
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Catalog } from '../../../lib/catalog/catalog.ts'
import { openRedisCatalog } from '../../../lib/catalog/redis.ts'
import { randomId } from '../../../lib/names.ts'
import { freePort } from '../../helpers/free-port.ts'
import { catalogOptions, redisTest, startRedis, type TestRedis } from '../../helpers/redis.ts'

const value = Buffer.alloc(100, 'x')
const put = (key: string, bytes = value) => ({ id: randomId(), put: [{ key, value: bytes }] })

async function startPlace(
  t: Test,
  settings: Record<string, string> = {},
): Promise<{ redis: TestRedis; catalog: Catalog }> {
  const redis = await startRedis(t, settings)
  await redis.raw.connect()
  const catalog = await openRedisCatalog(catalogOptions(redis.url, { timeoutMs: 400 }))
  t.teardown(() => catalog.close())
  await catalog.commit(put('a'))
  return { redis, catalog }
}

/** Waits until writes are accepted; the test's own timeout ends a wait in vain. */
async function recovered(catalog: Catalog): Promise<void> {
  while (catalog.impaired !== null) await sleep(20)
}

async function refusesWrites(t: Test, catalog: Catalog, message: RegExp): Promise<void> {
  await t.rejects(catalog.commit(put('lost')), { code: 'StoreUnavailable', details: { message } })
  t.match(catalog.impaired, message)
}

async function refusesReads(t: Test, catalog: Catalog, message: RegExp): Promise<void> {
  const error = { code: 'StoreUnavailable', details: { message } } as const
  await t.rejects(catalog.get('a'), error)
  await t.rejects(catalog.getMany(['a', 'b']), error)
  await t.rejects(catalog.getMany([]), error)
  await t.rejects(catalog.getCounters('a'), error)
  await t.rejects(catalog.scan({ from: 'a', to: 'b', limit: 1 }), error)
}

async function reads(t: Test, catalog: Catalog): Promise<void> {
  t.same((await catalog.get('a'))?.value, value, 'reads go on')
}

async function isAsBefore(t: Test, catalog: Catalog): Promise<void> {
  await recovered(catalog)
  t.same((await catalog.get('a'))?.value, value)
  t.equal(await catalog.get('lost'), undefined)
  await catalog.commit(put('b'))
  t.same((await catalog.get('b'))?.value, value)
}

redisTest(
  t,
  'Redis killed: refused at once, and all that was acknowledged is there again',
  async (t) => {
    const { redis, catalog } = await startPlace(t)
    for (let n = 0; n < 50; n++) await catalog.commit(put(`row/${n}`))
    await redis.kill()
    while (catalog.impaired === null) await sleep(5)
    await refusesReads(t, catalog, /^Redis is away/)
    await refusesWrites(t, catalog, /^Redis is away/)
    await redis.start()
    await isAsBefore(t, catalog)
    t.equal((await catalog.scan({ from: 'row/', to: 'row0', limit: 100 })).entries.length, 50)
  },
)

redisTest(t, 'commits under way when Redis is killed are done once when it is back', async (t) => {
  const { redis, catalog } = await startPlace(t)
  const commits = Array.from({ length: 200 }, (_, n) =>
    catalog.commit({ ...put(`row/${n}`), add: [{ key: 'n', deltas: [1] }] }),
  )
  await redis.kill()
  await redis.start()
  await Promise.all(commits)
  t.same((await catalog.getCounters('n'))?.values, [200])
})

redisTest(
  t,
  'Redis that hangs: nobody waits longer than the timeout, then nobody waits',
  async (t) => {
    const { redis, catalog } = await startPlace(t)
    await redis.kill('SIGSTOP')
    const writing = catalog.commit({ ...put('c'), add: [{ key: 'n', deltas: [1] }] })
    await t.rejects(catalog.get('a'), { code: 'StoreUnavailable' })
    await refusesReads(t, catalog, /^Redis (does not answer|is away)/)
    await redis.kill('SIGCONT')
    await writing
    await isAsBefore(t, catalog)
    t.same((await catalog.getCounters('n'))?.values, [1])
  },
)

redisTest(
  t,
  'Redis that is full: reads and deletes go on, what needs room is refused',
  async (t) => {
    const { redis, catalog } = await startPlace(t)
    await catalog.commit(put('large', Buffer.alloc(20_000, 'y')))
    await redis.raw.config('SET', 'maxmemory', '100kb')
    await refusesWrites(t, catalog, /^Redis is full/)
    const counter = { id: randomId(), add: [{ key: 'n', deltas: [1] }] }
    await t.rejects(catalog.commit(counter), { code: 'StoreUnavailable' })
    await reads(t, catalog)
    await catalog.commit({ id: randomId(), del: ['large'], put: [{ key: 'queue', value }] })
    t.equal(await catalog.get('large'), undefined, 'a commit that makes room is done')
    t.type(catalog.impaired, 'string')
    await redis.raw.config('SET', 'maxmemory', '0')
    await isAsBefore(t, catalog)
  },
)

redisTest(t, 'Redis that became a replica: reads go on', async (t) => {
  const { redis, catalog } = await startPlace(t)
  await redis.raw.replicaof('127.0.0.1', await freePort())
  await refusesWrites(t, catalog, /replica and takes no writes/)
  await reads(t, catalog)
  await redis.raw.replicaof('NO', 'ONE')
  await isAsBefore(t, catalog)
})

redisTest(t, 'a replica that does not answer without its master', async (t) => {
  const { redis, catalog } = await startPlace(t)
  await redis.raw.config('SET', 'replica-serve-stale-data', 'no')
  await redis.raw.replicaof('127.0.0.1', await freePort())
  await t.rejects(catalog.get('a'), { code: 'StoreUnavailable' })
  await refusesReads(t, catalog, /replica that has lost its master/)
  await refusesWrites(t, catalog, /replica that has lost its master/)
  await redis.raw.replicaof('NO', 'ONE')
  await isAsBefore(t, catalog)
})

redisTest(t, 'Redis that has lost its replicas, where it must have some', async (t) => {
  const { redis, catalog } = await startPlace(t)
  await redis.raw.config('SET', 'min-replicas-to-write', '1')
  await refusesWrites(t, catalog, /fewer replicas/)
  await reads(t, catalog)
  await redis.raw.config('SET', 'min-replicas-to-write', '0')
  await isAsBefore(t, catalog)
})

redisTest(t, 'Redis that cannot write its snapshot', async (t) => {
  const { redis, catalog } = await startPlace(t, { save: '3600 1' })
  await rm(redis.dir, { recursive: true })
  await redis.raw.bgsave()
  while (!/rdb_last_bgsave_status:err/.test(await redis.raw.info('persistence'))) await sleep(20)
  await refusesWrites(t, catalog, /cannot write to its disk/)
  await reads(t, catalog)
  await redis.raw.config('SET', 'stop-writes-on-bgsave-error', 'no')
  await isAsBefore(t, catalog)
})

redisTest(t, 'Redis that is busy with a script of somebody else', async (t) => {
  const { redis, catalog } = await startPlace(t, { 'busy-reply-threshold': '50' })
  const endless = redis.raw.duplicate()
  t.teardown(() => endless.disconnect())
  const killed = endless.eval('while true do end', 0).catch((error) => error)
  await sleep(100)
  await t.rejects(catalog.get('a'), { code: 'StoreUnavailable' })
  await refusesReads(t, catalog, /busy with a script/)
  await refusesWrites(t, catalog, /busy with a script/)
  await redis.raw.script('KILL')
  await killed
  await isAsBefore(t, catalog)
})

redisTest(t, 'rights that are taken away under an open connection', async (t) => {
  const { redis, catalog } = await startPlace(t)
  await redis.raw.call('ACL', 'SETUSER', 'default', '-eval', '-evalsha')
  await t.rejects(catalog.get('a'), { code: 'StoreUnavailable' })
  await refusesReads(t, catalog, /does not allow its user/)
  await redis.raw.call('ACL', 'SETUSER', 'default', '+eval', '+evalsha')
  await isAsBefore(t, catalog)
})

redisTest(t, 'scripts that Redis has forgotten are sent again', async (t) => {
  const { redis, catalog } = await startPlace(t)
  await redis.raw.script('FLUSH')
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, n) =>
      catalog.commit({ ...put(`row/${n}`), add: [{ key: 'n', deltas: [1] }] }),
    ),
  )
  t.ok(outcomes.every(({ status }) => status === 'fulfilled'))
  t.same((await catalog.getCounters('n'))?.values, [20])
  await redis.raw.script('FLUSH')
  t.equal((await catalog.scan({ from: 'row/', to: 'row0', limit: 100 })).entries.length, 20)
})

const about = '{coffer}:about'

redisTest(t, 'a Redis that was emptied is neither believed nor written to', async (t) => {
  const { redis, catalog } = await startPlace(t)
  await redis.raw.flushall()
  await t.rejects(catalog.get('a'), { code: 'StoreUnavailable' })
  await refusesReads(t, catalog, /^Redis was emptied$/)
  await refusesWrites(t, catalog, /^Redis was emptied$/)
  await redis.kill()
  await redis.start()
  while (!/emptied/.test(catalog.impaired ?? '')) await sleep(20)
  await refusesReads(t, catalog, /^Redis was emptied$/)
  t.equal(await redis.raw.dbsize(), 0)
})

redisTest(t, 'another catalog in its place is neither believed nor written to', async (t) => {
  const { redis, catalog } = await startPlace(t)
  await redis.raw.hset(about, 'id', randomId())
  await t.rejects(catalog.commit(put('lost')), { code: 'StoreUnavailable' })
  await refusesReads(t, catalog, /another catalog/)
  t.equal(await redis.raw.hlen('{coffer}:rows'), 1)
  await redis.raw.hset(about, 'id', catalog.id)
  await isAsBefore(t, catalog)
})

redisTest(t, 'an older copy in its place is neither believed nor written to', async (t) => {
  const { redis, catalog } = await startPlace(t)
  const { commitNumber } = catalog
  await redis.raw.hset(about, 'number', commitNumber - 1)
  await t.rejects(catalog.get('a'), { code: 'StoreUnavailable' })
  await refusesReads(t, catalog, /at commit 0, where it was at 1: an older copy/)
  await refusesWrites(t, catalog, /an older copy/)
  await redis.raw.hset(about, 'number', commitNumber)
  await isAsBefore(t, catalog)
})

redisTest(t, 'a row whose key is in order but whose value is gone is corrupt', async (t) => {
  const { redis, catalog } = await startPlace(t)
  await redis.raw.hdel('{coffer}:rows', 'a')
  await t.rejects(catalog.scan({ from: 'a', to: 'b', limit: 1 }), {
    code: 'StoreCorrupt',
    details: { key: 'a' },
  })
})

redisTest(t, 'settings that became unsafe are noticed at the next connection', async (t) => {
  const { redis, catalog } = await startPlace(t)
  await redis.raw.config('SET', 'appendfsync', 'everysec')
  await redis.raw.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  while (!/set appendfsync always/.test(catalog.impaired ?? '')) await sleep(20)
  await refusesReads(t, catalog, /set appendfsync always/)
  await redis.raw.config('SET', 'appendfsync', 'always')
  await isAsBefore(t, catalog)
})
