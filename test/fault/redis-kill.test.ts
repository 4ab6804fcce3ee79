// kill -9 of a node, of its Redis, or of both, under load. Acknowledged objects are there with every byte,
// others are there whole or not at all, and rows and counts agree. A node whose Redis was away serves again by
// itself. KILL_CYCLES sets how often (4), SEED what happens; `npm run long:kill:redis` is the long form.
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { openRedisCatalog } from '../../lib/catalog/redis.ts'
import { type ChildNode, startChildNode } from '../helpers/child-node.ts'
import { inconsistencies } from '../helpers/consistency.ts'
import { randomFrom, seedOfRun } from '../helpers/random.ts'
import { catalogOptions, redisTest, startRedis, type TestRedis } from '../helpers/redis.ts'
import { Load } from './load.ts'

const CLIENTS = 4
const victims = ['node', 'redis', 'both'] as const
const cycles = Number(process.env.KILL_CYCLES ?? 4)

t.setTimeout(120_000 + cycles * 30_000)

redisTest(t, 'nothing acknowledged is lost when node, Redis or both are killed', async (t) => {
  const seed = seedOfRun()
  const random = randomFrom(seed)
  const redis = await startRedis(t)
  const node = await startChildNode(t, {
    catalog: { redis: { url: redis.url } },
    log: { level: 'error' },
    storage: { reserveBytes: 0 },
  })
  const load = await Load.on(node)
  for (let cycle = 0; cycle < cycles; cycle++) {
    // Each of the three once in a short run, then as the seed decides.
    const victim = victims[cycle] ?? random.pick(victims)
    const note = `seed ${seed} cycle ${cycle}: ${victim}`
    let ended = false
    const clients = Array.from({ length: CLIENTS }, (_, client) =>
      load.run(client, randomFrom(random.integer(2 ** 31)), () => ended),
    )
    await sleep(300 + random.integer(900))
    const pauseMs = random.integer(1500)
    if (victim === 'node') {
      await node.kill()
    } else if (victim === 'both') {
      const both = [() => node.kill(), () => redis.kill()]
      if (random.integer(2) === 0) both.reverse()
      for (const kill of both) await kill()
      await redis.start()
    } else {
      await redis.kill()
      await sleep(pauseMs)
      await redis.start()
      await healthy(node)
      await sleep(random.integer(500))
      ended = true
    }
    await Promise.all(clients)
    if (victim === 'redis') {
      await load.verify(t, `${note}, the same node`)
      await node.kill()
    }
    t.same(await rowsOf(redis), [], `the rows agree with one another, ${note}`)
    await node.start()
    await load.verify(t, note)
  }
  t.ok(load.acknowledged > cycles, `${load.acknowledged} changes were acknowledged`)
  t.comment(`seed ${seed}: ${cycles} kills, ${load.acknowledged} changes, ${load.refused} refusals`)
})

/** Resolves when the node serves again. The test's own timeout ends a wait without end. */
async function healthy(node: ChildNode): Promise<void> {
  while ((await node.request('GET', '/healthcheck', { sign: false })).status !== 200) {
    await sleep(50)
  }
}

/** Contradictions between rows in a catalog that no node has open. */
async function rowsOf(redis: TestRedis): Promise<string[]> {
  const catalog = await openRedisCatalog(catalogOptions(redis.url, { create: null }))
  try {
    return await inconsistencies(catalog)
  } finally {
    await catalog.close()
  }
}
