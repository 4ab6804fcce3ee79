// Runs the catalog's contract on LevelDB and on memory-level, through the same code.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { openLevelCatalog } from '../../lib/catalog/level.ts'
import { classicEngine, type Database, type Engine } from '../../lib/level.ts'
import { memoryEngine } from '../helpers/memory-engine.ts'
import { catalogContract, type Site } from './catalog.ts'
import { scanContract } from './catalog-scan.ts'

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

for (const [name, makeEngine] of [
  ['classic-level', () => classicEngine],
  ['memory-level', memoryEngine],
] as const) {
  t.test(name, async (t) => {
    const makeSite = async (t: Test) =>
      siteOn(makeEngine(), join(t.testdir(), randomBytes(4).toString('hex')))
    catalogContract(t, makeSite)
    scanContract(t, makeSite)
  })
}
