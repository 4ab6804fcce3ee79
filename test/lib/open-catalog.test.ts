// A node whose Redis is not the one it was: emptied, restored, exchanged. Its volumes hold the bytes, so the
// start says so and begins nothing new.
import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readWitness } from '../../lib/catalog/witness.ts'
import { type Config, defaultConfig } from '../../lib/config/config.ts'
import { randomId } from '../../lib/names.ts'
import { openCatalog, requireCatalog } from '../../lib/open-catalog.ts'
import { scratch } from '../helpers/process.ts'
import { recordedLog } from '../helpers/recorded-log.ts'
import { redisTest, startRedis, type TestRedis } from '../helpers/redis.ts'

function configOf(t: Test, redis: TestRedis): Config {
  const data = scratch(t)
  const catalog = { redis: { url: redis.url } }
  return { ...defaultConfig(), data, devices: [join(data, 'volumes')], catalog }
}

const put = () => ({ id: randomId(), put: [{ key: 'a', value: Buffer.from('x') }] })

async function place(t: Test) {
  const redis = await startRedis(t)
  await redis.raw.connect()
  const config = configOf(t, redis)
  const { log, lines } = recordedLog()
  return { redis, config, lines, open: () => openCatalog(config, log) }
}

redisTest(t, 'the catalog that a node has seen is noted, up to its last commit', async (t) => {
  const { config, open } = await place(t)
  t.equal(readWitness(config.data), null)
  const first = await open()
  t.equal(first.smallBodyBytes, 1024)
  const { catalog } = first
  t.same(readWitness(config.data), { catalogId: catalog.id, commitNumber: 0 })
  for (let n = 0; n < 3; n++) await catalog.commit(put())
  await first.close()
  t.same(readWitness(config.data), { catalogId: catalog.id, commitNumber: 3 })
  const again = await open()
  t.equal(again.catalog.id, catalog.id)
  await again.close()
})

redisTest(t, 'a command makes no catalog in an empty Redis', async (t) => {
  const { redis, config, open } = await place(t)
  await t.rejects(requireCatalog(config), { name: 'FileInvalid', message: /none in Redis/ })
  t.equal(await redis.raw.dbsize(), 0)
  await (await open()).close()
  await requireCatalog(config)
  await redis.raw.flushall()
  // What has become of it is said when it is opened.
  await requireCatalog(config)
})

redisTest(t, 'an emptied Redis is refused, and left empty', async (t) => {
  const { redis, open } = await place(t)
  await (await open()).close()
  await redis.raw.flushall()
  await t.rejects(open(), { code: 'StoreCorrupt', details: { message: /Redis is empty/ } })
  t.equal(await redis.raw.dbsize(), 0)
})

redisTest(t, 'an empty Redis next to volumes is refused, whatever else is gone', async (t) => {
  const { redis, config, open } = await place(t)
  const volume = join(config.devices[0]!, '0123456789abcdef.g1')
  await mkdir(volume, { recursive: true })
  await t.rejects(open(), { code: 'StoreCorrupt', details: { message: /Redis is empty/ } })
  t.equal(await redis.raw.dbsize(), 0)
  t.notOk(existsSync(join(config.data, 'catalog-seen.json')))
  await rm(volume, { recursive: true })
  await writeFile(join(config.devices[0]!, 'README'), 'no volume')
  await (await open()).close()
})

redisTest(t, 'another catalog than before is refused, and not touched', async (t) => {
  const { redis, config, open } = await place(t)
  const first = await open()
  await first.close()
  await redis.raw.hset('{coffer}:about', 'id', randomId())
  await t.rejects(open(), { code: 'StoreCorrupt', details: { message: /another catalog/ } })
  t.match(readWitness(config.data), { catalogId: first.catalog.id })
})

redisTest(
  t,
  'an older copy is opened, and every start says so until it has caught up',
  async (t) => {
    const { redis, config, lines, open } = await place(t)
    const first = await open()
    for (let n = 0; n < 5; n++) await first.catalog.commit(put())
    await first.close()
    await redis.raw.hset('{coffer}:about', 'number', 2)
    for (const starts of [1, 2]) {
      const older = await open()
      const said = lines().filter(({ msg }) => /is an older copy/.test(msg))
      t.equal(said.length, starts)
      t.match(said.at(-1), { level: 'error', commitNumber: starts + 1, seen: 5 })
      await older.catalog.commit(put())
      await older.close()
      t.match(readWitness(config.data), { commitNumber: 5 })
    }
    const caughtUp = await open()
    for (let n = 0; n < 2; n++) await caughtUp.catalog.commit(put())
    await caughtUp.close()
    t.match(readWitness(config.data), { commitNumber: 6 })
  },
)

redisTest(t, 'a note that is damaged is no note', async (t) => {
  const { config, open } = await place(t)
  for (const text of ['', '{', '{}', '{"catalogId":"x","commitNumber":1}', 'null']) {
    await writeFile(join(config.data, 'catalog-seen.json'), text)
    await t.rejects(open(), { code: 'StoreCorrupt', details: { message: /catalog-seen\.json/ } })
  }
})
