// Commits whose request or answer is lost on the way: each has its effect once or not at all, and whoever
// asked hears which.
import t, { type Test } from 'tap'
import { type Catalog, type Commit, Conflict } from '../../../lib/catalog/catalog.ts'
import { openRedisCatalog } from '../../../lib/catalog/redis.ts'
import { isCode } from '../../../lib/errors.ts'
import { randomId } from '../../../lib/names.ts'
import { type CutProxy, type Loss, startCutProxy } from '../../helpers/cut-proxy.ts'
import { randomFrom, seedOfRun } from '../../helpers/random.ts'
import { catalogOptions, redisTest, startRedis, type TestRedis } from '../../helpers/redis.ts'

interface Place {
  readonly redis: TestRedis
  readonly proxy: CutProxy
  /** By way of the proxy. */
  readonly catalog: Catalog
  /** Directly. */
  readonly other: Catalog
}

async function startPlace(t: Test): Promise<Place> {
  const redis = await startRedis(t)
  const proxy = await startCutProxy(t, redis.port)
  const other = await openRedisCatalog(catalogOptions(redis.url))
  const url = `redis://127.0.0.1:${proxy.port}`
  const catalog = await openRedisCatalog(catalogOptions(url))
  // Redis knows the script from now on, so that what a test loses is the commit itself.
  await catalog.commit({ id: randomId(), put: [{ key: 'first', value }] })
  t.teardown(() => Promise.all([catalog.close(), other.close()]).then(() => {}))
  return { redis, proxy, catalog, other }
}

const outcomeOf = (commit: Promise<void>) =>
  commit.then(
    () => 'done',
    (error) =>
      error instanceof Conflict
        ? 'conflict'
        : isCode(error, 'StoreUnavailable')
          ? 'unknown'
          : String(error),
  )

const idBytes = ({ id }: Commit) => Buffer.from(id, 'hex')
const value = Buffer.from('x')
const countOf = async (catalog: Catalog) => (await catalog.getCounters('n'))?.values[0] ?? 0

redisTest(
  t,
  'a lost request or answer is settled, 200 times, without a second effect',
  async (t) => {
    const { proxy, catalog, other } = await startPlace(t)
    const seed = seedOfRun()
    const random = randomFrom(seed)
    let expected = 0
    for (let n = 0; n < 200; n++) {
      const about = `seed ${seed}, try ${n}`
      const loss: Loss = random.pick(['request', 'answer', 'late'])
      const clashes = random.integer(4) === 0
      const key = `row/${n}`
      if (clashes) await other.commit({ id: randomId(), put: [{ key, value }] })
      const commit: Commit = {
        id: randomId(),
        expect: [{ key, revision: null }],
        put: [{ key, value }],
        add: [{ key: 'n', deltas: [1] }],
      }
      proxy.cut(loss, idBytes(commit))
      const outcome = await outcomeOf(catalog.commit(commit))
      if (outcome !== (clashes ? 'conflict' : 'done')) t.fail(`${about}: ${outcome} after ${loss}`)
      if (!clashes) expected++
      // What was refused, or done already, does not come to pass when it arrives at last and would fit.
      await other.commit({ id: randomId(), del: [key] })
      await proxy.deliver()
      if ((await other.get(key)) !== undefined) t.fail(`${about}: it was done late`)
      const count = await countOf(other)
      if (count !== expected) t.fail(`${about}: counted ${count} times, not ${expected}`)
    }
    t.ok(expected > 100)
    t.equal(catalog.impaired, null)
  },
)

redisTest(t, 'of many commits on a connection that is cut each is done once', async (t) => {
  const { proxy, catalog, other } = await startPlace(t)
  const commits = Array.from(
    { length: 300 },
    (_, n): Commit => ({
      id: randomId(),
      expect: [{ key: `row/${n}`, revision: null }],
      put: [{ key: `row/${n}`, value }],
      add: [{ key: 'n', deltas: [1] }],
    }),
  )
  for (const loss of ['answer', 'request'] as const) {
    const half = commits.splice(0, 150)
    proxy.cut(loss, idBytes(half[75]!))
    const outcomes = await Promise.all(half.map((commit) => outcomeOf(catalog.commit(commit))))
    t.same([...new Set(outcomes)], ['done'], loss)
  }
  t.equal(await countOf(other), 300)
})

redisTest(t, 'reads that are cut off are refused, not waited for', async (t) => {
  const { proxy, catalog } = await startPlace(t)
  await catalog.commit({ id: randomId(), put: [{ key: 'mark-of-a-key', value }] })
  proxy.cut('answer', Buffer.from('mark-of-a-key'))
  await t.rejects(catalog.get('mark-of-a-key'), { code: 'StoreUnavailable' })
})

redisTest(
  t,
  'a commit that nobody could settle is void once Redis is back, be it full',
  async (t) => {
    const { redis, proxy, catalog, other } = await startPlace(t)
    await redis.raw.connect()
    const commit: Commit = {
      id: randomId(),
      put: [{ key: 'a', value }],
      add: [{ key: 'n', deltas: [1] }],
    }
    proxy.cut('late', idBytes(commit))
    proxy.refusing = true
    const error = await catalog.commit(commit).catch((error) => error)
    t.match(error, { code: 'OutcomeUnknown' })
    t.type(catalog.impaired, 'string')
    await t.rejects(catalog.get('a'), { code: 'StoreUnavailable' }, 'nobody decides from its row')
    await redis.raw.config('SET', 'maxmemory', '100kb')
    proxy.refusing = false
    while (catalog.impaired !== null) await new Promise((resolve) => setTimeout(resolve, 20))
    t.equal(await catalog.get('a'), undefined)
    t.equal(await error.done, false, 'whoever waits for its outcome hears it')
    await redis.raw.config('SET', 'maxmemory', '0')
    await proxy.deliver()
    t.equal(await other.get('a'), undefined, 'what came late did nothing')
    t.equal(await countOf(other), 0)
  },
)

redisTest(
  t,
  'a commit that was done and could not be settled is there once Redis is back',
  async (t) => {
    const { proxy, catalog } = await startPlace(t)
    const commit: Commit = { id: randomId(), put: [{ key: 'a', value }] }
    proxy.cut('answer', idBytes(commit))
    proxy.refusing = true
    const error = await catalog.commit(commit).catch((error) => error)
    t.match(error, { code: 'OutcomeUnknown' })
    proxy.refusing = false
    while (catalog.impaired !== null) await new Promise((resolve) => setTimeout(resolve, 20))
    t.equal((await catalog.get('a'))?.revision, commit.id)
    t.equal(await error.done, true, 'whoever waits for its outcome hears it')
  },
)

redisTest(t, 'the same commit sent twice is done once', async (t) => {
  const { catalog, other } = await startPlace(t)
  const commit: Commit = { id: randomId(), add: [{ key: 'n', deltas: [1] }] }
  await catalog.commit(commit)
  await other.commit(commit)
  t.equal(await countOf(other), 1)
})

redisTest(t, 'ids of commits are forgotten in the end', async (t) => {
  const { redis, catalog } = await startPlace(t)
  await redis.raw.connect()
  t.equal(await redis.raw.zcard('{coffer}:done'), 1)
  // As after so many commits: the number decides.
  await redis.raw.hset('{coffer}:about', 'number', 65_536 + 128 - 1)
  await catalog.commit({ id: randomId(), put: [{ key: 'a', value }] })
  t.equal(await redis.raw.zcard('{coffer}:done'), 1, 'the newer one is left')
})
