// The traces of a write that the catalog refused, or whose outcome is unknown. The write's volume can be sealed
// as soon as the outcome is known. While no commit is accepted, no body is read.
import { once } from 'node:events'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { scripts } from '../../lib/catalog/redis/scripts.ts'
import { until } from '../helpers/blobs.ts'
import { startCutProxy } from '../helpers/cut-proxy.ts'
import { startNode, type TestNode } from '../helpers/node.ts'
import { opsListener, readMetrics } from '../helpers/ops.ts'
import { redisTest, startRedis } from '../helpers/redis.ts'
import { outcome } from '../helpers/s3.ts'
import { login } from '../helpers/swift.ts'

/** Too large to lie beside its row. */
const body = Buffer.alloc(300_000, 'body ')

/** A node with a container, on a Redis of its own behind a proxy, with a listener for ops. */
async function startPlace(t: Test) {
  const redis = await startRedis(t)
  await redis.raw.connect()
  const proxy = await startCutProxy(t, redis.port)
  const node = await startNode(t, {
    catalog: { redis: { url: `redis://127.0.0.1:${proxy.port}` } },
    listen: [{ host: '127.0.0.1', port: 0, serves: ['object'] }, opsListener] as never,
  })
  t.equal((await node.request('PUT', '/bkt')).status, 200)
  t.equal((await node.request('PUT', '/bkt/first', { body })).status, 200)
  return { redis, proxy, node }
}

async function statesOf(node: TestNode): Promise<string[]> {
  return (await node.coffer.stores.blobs.usage()).map(({ state }) => state).sort()
}

async function rollAll(node: TestNode): Promise<void> {
  for (const { volume, state } of await node.coffer.stores.blobs.usage()) {
    if (state === 'open') await node.coffer.stores.blobs.roll(volume)
  }
}

redisTest(t, 'a PUT that Redis refused does not hold its volume', async (t) => {
  const { redis, node } = await startPlace(t)
  await redis.raw.config('SET', 'maxmemory', '1mb')
  t.equal(outcome(await node.request('PUT', '/bkt/large', { body })), '503 ServiceUnavailable')
  await redis.raw.config('SET', 'maxmemory', '0')
  await rollAll(node)
  t.ok(await until(async () => (await statesOf(node)).includes('sealed')), 'it is sealed')
  t.notOk((await statesOf(node)).includes('draining'))
})

redisTest(t, 'a PUT of unknown outcome holds its volume until it is known', async (t) => {
  const { proxy, node } = await startPlace(t)
  proxy.cut('answer', Buffer.from(scripts.commit.sha))
  const sent = node.request('PUT', '/bkt/late', { body })
  await until(() => node.coffer.impaired() !== null)
  proxy.refusing = true
  t.equal(outcome(await sent), '503 ServiceUnavailable')
  await rollAll(node)
  t.ok((await statesOf(node)).includes('draining'), 'a commit may still name its records')
  proxy.refusing = false
  t.ok(await until(async () => (await statesOf(node)).includes('sealed')), 'it is sealed')
  t.notOk((await statesOf(node)).includes('draining'))
  t.ok(await until(() => node.coffer.impaired() === null))
  t.same((await node.request('GET', '/bkt/late')).body, body, 'and the commit was done')
})

redisTest(t, 'no body is read while the catalog takes no writes', async (t) => {
  const { redis, node } = await startPlace(t)
  const { token, storageUrl } = await login(node)
  await redis.raw.config('SET', 'maxmemory', '1mb')
  t.equal((await node.request('PUT', '/bkt/small', { body: 'x' })).status, 503)
  const written = async () =>
    (await node.coffer.stores.blobs.usage()).reduce(
      (sum, { writtenBytes }) => sum + writtenBytes,
      0,
    )
  const before = await written()
  for (const name of ['small', 'large']) {
    const length = name === 'small' ? 10 : 50_000_000
    const headers = { 'X-Auth-Token': token, Expect: '100-continue', 'Content-Length': length }
    const req = request(`${storageUrl}/bkt/${name}`, { method: 'PUT', headers })
    let continued = false
    req.on('continue', () => {
      continued = true
    })
    req.flushHeaders()
    const [answer] = await once(req, 'response')
    t.equal(answer.statusCode, 503, name)
    t.equal(continued, false, `nobody sends the ${name} body for nothing`)
    req.on('error', () => {})
    req.destroy()
  }
  t.equal(await written(), before)
  await redis.raw.config('SET', 'maxmemory', '0')
  while (node.coffer.impaired() !== null) await sleep(20)
  t.equal((await node.request('PUT', '/bkt/small', { body: 'x' })).status, 200)
})

redisTest(t, '/metrics answers while the catalog is away, and says so', async (t) => {
  const { redis, node } = await startPlace(t)
  const impaired = 'coffer_impaired{store="catalog"}'
  const queue = 'coffer_sweep_queue_rows'
  t.match(await readMetrics(node), new Map([[impaired, 0]]))
  await redis.kill()
  t.ok(await until(() => node.coffer.impaired() !== null))
  const away = await readMetrics(node)
  t.equal(away.get(impaired), 1)
  t.ok(Number.isNaN(away.get(queue)), 'what nobody can count is no number')
  await redis.start()
  t.ok(await until(() => node.coffer.impaired() === null))
  const back = await readMetrics(node)
  t.equal(back.get(impaired), 0)
  t.equal(back.get(queue), 0)
})
