// Random requests while Redis loses answers, is full, stands still, is killed, or is away for longer than a
// commit waits. Every answer must stay true. OUTCOME_SEEDS sets how many sequences (1), SEED the first;
// io-faults.test.ts does the same on LevelDB.
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { scripts } from '../../lib/catalog/redis/scripts.ts'
import { until } from '../helpers/blobs.ts'
import { inconsistencies } from '../helpers/consistency.ts'
import { type CutProxy, type Loss, startCutProxy } from '../helpers/cut-proxy.ts'
import { startNode } from '../helpers/node.ts'
import { type Random, randomFrom, seedOfRun } from '../helpers/random.ts'
import { redisTest, startRedis, type TestRedis } from '../helpers/redis.ts'
import { OutcomeModel } from './outcome-model.ts'

const CLIENTS = 3
const ROUNDS = 6
const STEPS = 6
const seeds = Number(process.env.OUTCOME_SEEDS ?? 1)

t.setTimeout(120_000 + seeds * 120_000)

/** A way in which Redis fails, and its repair. */
type Fault = (redis: TestRedis, proxy: CutProxy, random: Random) => Promise<() => Promise<unknown>>

const commitMark = Buffer.from(scripts.commit.sha)

/** The next commit is lost, and the connection comes back only after the wait for its outcome has ended. */
const lose =
  (loss: Loss, isLong: boolean): Fault =>
  async (_redis, proxy) => {
    proxy.cut(loss, commitMark)
    proxy.refusing = isLong
    return async () => {
      proxy.refusing = false
      await proxy.deliver()
    }
  }

const faults: Readonly<Record<string, Fault>> = {
  request: lose('request', false),
  answer: lose('answer', false),
  late: lose('late', false),
  answerLong: lose('answer', true),
  lateLong: lose('late', true),
  full: async (redis) => {
    await redis.raw.config('SET', 'maxmemory', '1mb')
    return () => redis.raw.config('SET', 'maxmemory', '0')
  },
  still: async (redis) => {
    await redis.kill('SIGSTOP')
    return () => redis.kill('SIGCONT')
  },
  killed: async (redis, _proxy, random) => {
    await sleep(random.integer(30))
    await redis.kill()
    return () => redis.start()
  },
}

async function tryOne(t: Test, seed: number): Promise<OutcomeModel> {
  const random = randomFrom(seed)
  const redis = await startRedis(t)
  await redis.raw.connect()
  const proxy = await startCutProxy(t, redis.port)
  const node = await startNode(t, {
    catalog: { redis: { url: `redis://127.0.0.1:${proxy.port}` } },
    storage: { reserveBytes: 0, volumeSizeBytes: 1 << 20 },
  })
  const model = new OutcomeModel(node)
  t.equal((await node.request('PUT', '/bkt')).status, 200)
  const clients = Array.from({ length: CLIENTS }, (_, client) => randomFrom(seed + client))
  const change = () => Promise.all(clients.map((each, client) => model.run(client, each, STEPS)))
  for (let round = 0; round < ROUNDS; round++) {
    const name = random.pick(Object.keys(faults))
    const note = `seed ${seed}, round ${round}: ${name}`
    const changing = change()
    const mend = await faults[name]!(redis, proxy, random)
    await changing
    await mend()
    t.ok(await until(() => node.coffer.impaired() === null), `the catalog takes writes, ${note}`)
    await change()
    await model.verify(note)
    t.same(model.problems, [], note)
  }
  await node.restart()
  await model.verify('after the restart')
  t.same(model.problems, [], `seed ${seed}: after the restart`)
  t.same(await inconsistencies(node.coffer.stores.catalog), [], `seed ${seed}: rows agree`)
  return model
}

redisTest(t, 'whatever becomes of Redis, every answer holds', async (t) => {
  const totals = { acknowledged: 0, refused: 0 }
  for (let seed = seedOfRun(), n = 0; n < seeds; seed++, n++) {
    await t.test(`seed ${seed}`, async (t) => {
      const { acknowledged, refused } = await tryOne(t, seed)
      totals.acknowledged += acknowledged
      totals.refused += refused
    })
  }
  t.comment(`${seeds} seeds: ${JSON.stringify(totals)}`)
})
