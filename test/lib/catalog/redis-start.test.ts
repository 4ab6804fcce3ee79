// What a catalog wants of a Redis before it trusts it, how it is reached, and what it makes of what it finds.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openRedisCatalog } from '../../../lib/catalog/redis.ts'
import { randomId } from '../../../lib/names.ts'
import { freePort } from '../../helpers/free-port.ts'
import { scratch } from '../../helpers/process.ts'
import { recordedLog } from '../../helpers/recorded-log.ts'
import { catalogOptions, redisServer, redisTest, startRedis } from '../../helpers/redis.ts'
import { coffersAcl } from '../../helpers/redis-acl.ts'

const startTimeoutMs = 1500

redisTest(
  t,
  'a Redis that can lose what it acknowledged is refused, with what to set',
  async (t) => {
    const redis = await startRedis(t)
    await redis.raw.connect()
    const unsafe: readonly [setting: string, value: string, safe: string][] = [
      ['appendonly', 'no', 'yes'],
      ['appendfsync', 'everysec', 'always'],
      ['appendfsync', 'no', 'always'],
      ['no-appendfsync-on-rewrite', 'yes', 'no'],
      ['maxmemory-policy', 'allkeys-lru', 'noeviction'],
      ['maxmemory-policy', 'volatile-ttl', 'noeviction'],
    ]
    for (const [setting, value, safe] of unsafe) {
      await redis.raw.config('SET', setting, value)
      await t.rejects(openRedisCatalog(catalogOptions(redis.url)), {
        code: 'StoreUnavailable',
        details: { message: new RegExp(`set ${setting} ${safe} \\(it is ${value}\\), else `) },
      })
      t.equal(await redis.raw.dbsize(), 0, 'nothing was written')
      const { log, lines } = recordedLog()
      const relaxed = await openRedisCatalog(
        catalogOptions(redis.url, { durability: 'relaxed', log, prefix: randomId() }),
      )
      await relaxed.close()
      t.match(
        lines().filter(({ level }) => level === 'warn'),
        [{ faults: [new RegExp(`set ${setting} ${safe}`)] }],
        'relaxed warns of it',
      )
      await redis.raw.config('SET', setting, safe)
      await redis.raw.flushall()
    }
    const safe = await openRedisCatalog(catalogOptions(redis.url))
    await safe.close()
  },
)

redisTest(t, 'all that is unsafe is said at once', async (t) => {
  const redis = await startRedis(t, { appendonly: 'no', 'maxmemory-policy': 'allkeys-lfu' })
  await t.rejects(openRedisCatalog(catalogOptions(redis.url)), {
    code: 'StoreUnavailable',
    details: { message: /set appendonly yes .*; set maxmemory-policy noeviction/ },
  })
})

redisTest(t, 'settings that the user may not see are taken for unsafe', async (t) => {
  const redis = await startRedis(t, {}, [
    'user coffer on >secret ~{coffer}:* +@all -config',
    'user blind on >secret ~{coffer}:* +@all -config -info',
  ])
  const credentials = { username: 'coffer', password: 'secret' }
  await t.rejects(openRedisCatalog(catalogOptions(redis.url, credentials)), {
    code: 'StoreUnavailable',
    details: { message: /cannot be checked: allow its user CONFIG GET/ },
  })
  await t.rejects(
    openRedisCatalog(catalogOptions(redis.url, { ...credentials, username: 'blind' })),
    {
      code: 'StoreUnavailable',
      details: { message: /allow INFO/ },
    },
  )
  const relaxed = await openRedisCatalog(
    catalogOptions(redis.url, { ...credentials, durability: 'relaxed' }),
  )
  await relaxed.commit({ id: randomId(), put: [{ key: 'a', value: Buffer.from('x') }] })
  t.same((await relaxed.get('a'))?.value, Buffer.from('x'), 'relaxed makes do without')
  await relaxed.close()
})

redisTest(t, 'a user with the rights of etc/redis/coffer.conf is enough', async (t) => {
  const redis = await startRedis(t, {}, [coffersAcl('secret')])
  const credentials = { username: 'coffer', password: 'secret' }
  const catalog = await openRedisCatalog(catalogOptions(redis.url, credentials))
  t.teardown(() => catalog.close())
  await catalog.commit({
    id: randomId(),
    put: [{ key: 'a', value: Buffer.from('x') }],
    add: [{ key: 'n', deltas: [1] }],
  })
  await catalog.commit({ id: randomId(), del: ['a'] })
  t.same((await catalog.getCounters('n'))?.values, [1])
  const page = await catalog.scan({
    from: 'a',
    to: 'z',
    limit: 1,
    group: { prefix: '', delimiter: '/' },
  })
  t.equal(page.entries.length, 1)
})

redisTest(t, 'etc/redis/coffer.conf starts a Redis that a node trusts', async (t) => {
  const dir = scratch(t)
  const port = await freePort()
  const text = readFileSync(new URL('../../../etc/redis/coffer.conf', import.meta.url), 'utf8')
  const file = join(dir, 'coffer.conf')
  writeFileSync(file, text.replace(/^dir .*$/m, `dir ${dir}`))
  const here = ['--port', String(port), '--bind', '127.0.0.1']
  const server = spawn(redisServer!, [file, ...here], { stdio: 'ignore' })
  t.teardown(async () => {
    server.kill('SIGKILL')
    await once(server, 'exit')
  })
  const credentials = { username: 'coffer', password: 'change-me' }
  const catalog = await openRedisCatalog(catalogOptions(`redis://127.0.0.1:${port}`, credentials))
  await catalog.commit({ id: randomId(), put: [{ key: 'a', value: Buffer.from('x') }] })
  await catalog.close()
})

redisTest(t, 'a Redis that hangs ends the start in time', async (t) => {
  const redis = await startRedis(t)
  await redis.kill('SIGSTOP')
  const opening = openRedisCatalog(catalogOptions(redis.url, { startTimeoutMs, timeoutMs: 300 }))
  await t.rejects(opening, { code: 'StoreUnavailable' })
})

redisTest(t, 'a password that is wrong or missing is told apart, and never told', async (t) => {
  const redis = await startRedis(t, { requirepass: 'right-secret' })
  const { log, text } = recordedLog()
  const more = { startTimeoutMs, log }
  for (const password of ['wrong-secret', undefined]) {
    const options = catalogOptions(redis.url, password === undefined ? more : { ...more, password })
    await t.rejects(openRedisCatalog(options), {
      code: 'StoreUnavailable',
      details: {
        message:
          password === undefined ? 'Redis wants a password' : /does not accept user and password/,
      },
    })
  }
  const inUrl = redis.url.replace('//', '//:wrong-secret@')
  const error = await openRedisCatalog(catalogOptions(inUrl, more)).catch((error) => error)
  t.notMatch(`${error.stack}${JSON.stringify(error.details)}`, /wrong-secret/)
  t.notMatch(text(), /secret/)
  const right = await openRedisCatalog(
    catalogOptions(redis.url.replace('//', '//default:right%2Dsecret@')),
  )
  await right.close()
})

redisTest(
  t,
  'nothing that listens, or no Redis, ends the start in time with a sentence',
  async (t) => {
    const redis = await startRedis(t)
    await redis.kill()
    await t.rejects(openRedisCatalog(catalogOptions(redis.url, { startTimeoutMs })), {
      code: 'StoreUnavailable',
      details: { message: 'Redis is away: nothing listens there' },
    })
  },
)

redisTest(t, 'an empty Redis begins a catalog only where that is asked for', async (t) => {
  const redis = await startRedis(t)
  await redis.raw.connect()
  await t.rejects(openRedisCatalog(catalogOptions(redis.url, { create: null })), {
    code: 'StoreCorrupt',
    details: { message: /Redis is empty/ },
  })
  t.equal(await redis.raw.dbsize(), 0)
  const create = { catalogId: randomId(), commitNumber: 41 }
  const first = await openRedisCatalog(catalogOptions(redis.url, { create }))
  t.match({ id: first.id, number: first.commitNumber }, { id: create.catalogId, number: 41 })
  const second = await openRedisCatalog(catalogOptions(redis.url))
  t.equal(second.id, create.catalogId, 'a second node does not draw another')
  await Promise.all([first.close(), second.close()])
  await redis.raw.del('{coffer}:about')
  await redis.raw.hset('{coffer}:rows', 'a', 'x')
  await t.rejects(openRedisCatalog(catalogOptions(redis.url)), {
    code: 'StoreCorrupt',
    details: { message: /nothing says of which catalog/ },
  })
  await redis.raw.hset('{coffer}:about', 'copyOf', create.catalogId)
  await t.rejects(openRedisCatalog(catalogOptions(redis.url)), {
    code: 'StoreCorrupt',
    details: { message: /a copy of a catalog that was not finished/ },
  })
  await redis.raw.hset('{coffer}:about', { id: create.catalogId, number: '1', layout: '3' })
  await t.rejects(openRedisCatalog(catalogOptions(redis.url)), {
    code: 'StoreCorrupt',
    details: { message: /layout 3 of the catalog is newer/ },
  })
})

redisTest(t, 'of many that open an empty Redis together all have one catalog', async (t) => {
  const redis = await startRedis(t)
  const all = await Promise.all(
    Array.from({ length: 8 }, () => openRedisCatalog(catalogOptions(redis.url))),
  )
  t.equal(new Set(all.map(({ id }) => id)).size, 1)
  const names = await Promise.allSettled(
    all.map((catalog) =>
      catalog.commit({
        id: randomId(),
        expect: [{ key: 'name', revision: null }],
        put: [{ key: 'name', value: Buffer.from('x') }],
        add: [{ key: 'n', deltas: [1] }],
      }),
    ),
  )
  t.equal(names.filter(({ status }) => status === 'fulfilled').length, 1, 'one create wins')
  t.same((await all[7]!.getCounters('n'))?.values, [1])
  await Promise.all(all.map((catalog) => catalog.close()))
})

redisTest(t, 'catalogs of two prefixes or databases do not see each other', async (t) => {
  const redis = await startRedis(t)
  const places = [{}, { prefix: 'other' }, { url: `${redis.url}/3` }]
  const all = await Promise.all(
    places.map((place) => openRedisCatalog(catalogOptions(redis.url, place))),
  )
  t.equal(new Set(all.map(({ id }) => id)).size, 3)
  await all[0]!.commit({ id: randomId(), put: [{ key: 'a', value: Buffer.from('x') }] })
  t.equal(await all[1]!.get('a'), undefined)
  t.equal(await all[2]!.get('a'), undefined)
  await Promise.all(all.map((catalog) => catalog.close()))
})
