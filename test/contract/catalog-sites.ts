// The implementations on which the catalog's contracts run: LevelDB and memory-level, through the same code,
// and Redis.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { pino } from 'pino'
import type { TAP, Test } from 'tap'
import { openLevelCatalog } from '../../lib/catalog/level.ts'
import { openRedisCatalog } from '../../lib/catalog/redis.ts'
import { classicEngine, type Database, type Engine } from '../../lib/leveldb/engine.ts'
import { memoryEngine } from '../helpers/memory-engine.ts'
import { catalogOptions, redisTest, startRedis, type TestRedis } from '../helpers/redis.ts'
import type { MakeSite, Site } from './catalog.ts'

const writeBufferBytes = 1 << 20

function siteOn(engine: Engine, location: string): Site {
  const raw = async <T>(use: (db: Database<string>) => Promise<T>): Promise<T> => {
    const options = { keyEncoding: 'utf8', maxFileBytes: 2 << 20, cacheBytes: 1 << 20 } as const
    const db = await engine.open(location, { ...options, writeBufferBytes, create: false })
    try {
      return await use(db)
    } finally {
      await db.close()
    }
  }
  return {
    open: () =>
      openLevelCatalog({ engine, location, writeBufferBytes, log: pino({ level: 'silent' }) }),
    damage: (key, byte) =>
      raw(async (db) => {
        const value = (await db.get(key))!
        value[byte]! ^= 1 << (byte % 8)
        await db.put(key, value)
      }),
    storedBytes: (key) => raw(async (db) => (await db.get(key))!.length),
  }
}

/** A prefix of its own in a Redis that the suite shares. */
function siteIn({ url, raw }: TestRedis, prefix: string): Site {
  const rows = `{${prefix}}:rows`
  return {
    open: () => openRedisCatalog(catalogOptions(url, { prefix })),
    async damage(key, byte) {
      const value = (await raw.hgetBuffer(rows, key))!
      value[byte]! ^= 1 << (byte % 8)
      await raw.hset(rows, key, value)
    },
    storedBytes: async (key) => (await raw.hgetBuffer(rows, key))!.length,
  }
}

/** Runs `suite` on every implementation, each in a test with its name. */
export function onEveryCatalog(t: TAP, suite: (t: Test, makeSite: MakeSite) => void): void {
  for (const [name, makeEngine] of [
    ['classic-level', () => classicEngine],
    ['memory-level', memoryEngine],
  ] as const) {
    void t.test(name, async (t) => {
      suite(t, async (t: Test) =>
        siteOn(makeEngine(), join(t.testdir(), randomBytes(4).toString('hex'))),
      )
    })
  }
  redisTest(t, 'redis', async (t) => {
    const redis = await startRedis(t)
    await redis.raw.connect()
    suite(t, async () => siteIn(redis, randomBytes(4).toString('hex')))
  })
}
