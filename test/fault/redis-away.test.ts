// A node whose Redis is away, paused, full, read-only or emptied. Both dialects refuse in their own form, reads
// that are possible succeed, and health and log give the reason. The node recovers by itself with all objects.
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Both, startWithContainer } from '../helpers/both.ts'
import type { Answer } from '../helpers/node.ts'
import { redisTest, startRedis, type TestRedis } from '../helpers/redis.ts'
import { outcome } from '../helpers/s3.ts'

const small = Buffer.from('small')
const large = Buffer.alloc(200_000, 'large ')

interface Place extends Both {
  readonly redis: TestRedis
}

/** A node with two objects, one of them in a volume, on a Redis of its own. */
async function startPlace(t: Test): Promise<Place> {
  const redis = await startRedis(t)
  const both = await startWithContainer(t, { catalog: { redis: { url: redis.url } } })
  t.equal((await both.s3('PUT', '/bkt/small', { body: small })).status, 200)
  t.equal((await both.swift('PUT', '/bkt/large', { body: large })).status, 201)
  return { ...both, redis }
}

/** Fails unless a request was refused in the dialect's form of "try again". */
function checkRefusal(t: Test, answer: Answer, dialect: 's3' | 'swift', what: string): void {
  t.match(answer.headers['retry-after'], /^\d+$/, `${what}: Retry-After`)
  if (dialect === 's3') t.match(outcome(answer), /^503 (ServiceUnavailable|SlowDown)$/, what)
  else t.match(answer, { status: 503, text: /Service Unavailable/ }, what)
}

async function checkWritesRefused(t: Test, { s3, swift }: Place): Promise<void> {
  checkRefusal(t, await s3('PUT', '/bkt/lost', { body: small }), 's3', 'S3 PUT')
  checkRefusal(t, await s3('PUT', '/bkt/lost', { body: large }), 's3', 'S3 PUT into a volume')
  checkRefusal(t, await s3('POST', '/bkt/lost?uploads'), 's3', 'S3 CreateMultipartUpload')
  checkRefusal(t, await swift('PUT', '/bkt/lost', { body: small }), 'swift', 'Swift PUT')
  checkRefusal(t, await swift('POST', '/bkt/small'), 'swift', 'Swift POST')
  checkRefusal(t, await swift('PUT', '/other'), 'swift', 'Swift PUT of a container')
}

async function checkReadsRefused(t: Test, { s3, swift }: Place): Promise<void> {
  checkRefusal(t, await s3('GET', '/bkt/small'), 's3', 'S3 GET')
  checkRefusal(t, await s3('GET', '/bkt'), 's3', 'S3 list')
  checkRefusal(t, await swift('GET', '/bkt/large'), 'swift', 'Swift GET')
  checkRefusal(t, await swift('GET', '/bkt'), 'swift', 'Swift list')
}

async function checkReads(t: Test, { s3, swift }: Place, names: readonly string[]): Promise<void> {
  t.ok((await s3('GET', '/bkt/large')).body.equals(large), 'S3 reads')
  t.ok((await swift('GET', '/bkt/small')).body.equals(small), 'Swift reads')
  const listing = (await swift('GET', '/bkt')).text
  t.same(listing.split('\n').filter(Boolean), names, 'and lists')
}

/** Checks that health and log have the same sentence. */
async function checkReason(t: Test, { node }: Place, reason: RegExp): Promise<void> {
  const { status, headers, text } = await node.request('GET', '/healthcheck', { sign: false })
  t.match({ status, text }, { status: 503, text: reason })
  t.match(headers['retry-after'], /^\d+$/)
  t.match(node.logged(), reason, 'the log says it')
}

async function recovered(t: Test, { node, s3, swift }: Place): Promise<void> {
  while ((await node.request('GET', '/healthcheck', { sign: false })).status !== 200) {
    await sleep(50)
  }
  t.equal((await s3('PUT', '/bkt/after', { body: small })).status, 200, 'S3 writes')
  t.equal((await swift('DELETE', '/bkt/after')).status, 204, 'Swift deletes')
}

redisTest(t, 'a Redis that was killed is back with everything, and so is the node', async (t) => {
  const place = await startPlace(t)
  await place.redis.kill()
  await checkWritesRefused(t, place)
  await checkReadsRefused(t, place)
  await checkReason(t, place, /Redis is away/)
  await place.redis.start()
  await recovered(t, place)
  await checkReads(t, place, ['large', 'small'])
})

redisTest(t, 'a Redis that stands still keeps nobody waiting for ever', async (t) => {
  const place = await startPlace(t)
  await place.redis.kill('SIGSTOP')
  const sent = Array.from({ length: 5 }, (_, n) =>
    place.s3('PUT', `/bkt/waiting-${n}`, { body: small }),
  )
  for (const answer of await Promise.all(sent)) checkRefusal(t, answer, 's3', 'under way')
  await checkWritesRefused(t, place)
  await checkReadsRefused(t, place)
  await checkReason(t, place, /Redis does not answer/)
  await place.redis.kill('SIGCONT')
  await recovered(t, place)
  // An upload that was answered with 503 is there whole or not at all, and that does not change.
  const names = (await place.swift('GET', '/bkt')).text.split('\n').filter(Boolean)
  for (const name of names.filter((each) => each.startsWith('waiting'))) {
    t.ok((await place.s3('GET', `/bkt/${name}`)).body.equals(small), `${name} is whole`)
  }
  const others = names.filter((name) => !name.startsWith('waiting'))
  t.same(others, ['large', 'small'])
  await checkReads(t, place, names)
})

redisTest(t, 'a Redis that is full is read, and takes deletes', async (t) => {
  const place = await startPlace(t)
  for (const name of ['one', 'two']) await place.s3('PUT', `/bkt/${name}`, { body: small })
  await place.redis.raw.config('SET', 'maxmemory', '1mb')
  await checkWritesRefused(t, place)
  await checkReason(t, place, /Redis is full/)
  t.equal((await place.s3('DELETE', '/bkt/one')).status, 204, 'S3 deletes')
  t.equal((await place.swift('DELETE', '/bkt/two')).status, 204, 'Swift deletes')
  await checkReads(t, place, ['large', 'small'])
  await place.redis.raw.config('SET', 'maxmemory', '0')
  await recovered(t, place)
  await checkReads(t, place, ['large', 'small'])
})

redisTest(t, 'a Redis that became a replica takes no writes, and is read', async (t) => {
  const place = await startPlace(t)
  // No server listens on port 1.
  await place.redis.raw.replicaof('127.0.0.1', 1)
  await checkWritesRefused(t, place)
  await checkReason(t, place, /Redis is a replica/)
  await checkReads(t, place, ['large', 'small'])
  await place.redis.raw.call('REPLICAOF', 'NO', 'ONE')
  await recovered(t, place)
  await checkReads(t, place, ['large', 'small'])
})

redisTest(t, 'a Redis that was emptied is neither believed nor written to', async (t) => {
  const place = await startPlace(t)
  await place.redis.raw.flushall()
  await checkReadsRefused(t, place)
  await checkWritesRefused(t, place)
  await checkReason(t, place, /Redis was emptied/)
  t.equal(await place.redis.raw.dbsize(), 0)
})
