// Which catalog the nodes of a test file run on: LevelDB in their own directory, or, where COFFER_TEST_CATALOG
// is `redis`, a prefix each of one Redis, which is started for the first of them and stopped after the last.
import { randomBytes } from 'node:crypto'
import type { TestRedis } from './redis.ts'

let redis: Promise<TestRedis> | undefined

/** What a node's configuration says of its catalog: nothing for LevelDB. */
export async function chosenCatalog(): Promise<{
  catalog?: { redis: { url: string; prefix: string } }
}> {
  if (process.env.COFFER_TEST_CATALOG !== 'redis') return {}
  redis ??= startForFile()
  const { url } = await redis
  return { catalog: { redis: { url, prefix: `node-${randomBytes(4).toString('hex')}` } } }
}

/** Where the catalog keeps its files, if that is not in the nodes' own directories. */
export async function catalogDirectory(): Promise<string | undefined> {
  return (await redis)?.dir
}

/** Imported only here: the bench uses these helpers too, without tap. */
async function startForFile(): Promise<TestRedis> {
  const [{ default: t }, { startRedis }] = await Promise.all([import('tap'), import('./redis.ts')])
  return await startRedis(t)
}
