// The catalog of the nodes of a test file: LevelDB in each node's directory, or, with
// COFFER_TEST_CATALOG=redis, a prefix for each node in one Redis, which starts with the first node and stops
// after the last.
import { randomBytes } from 'node:crypto'
import type { TestRedis } from './redis.ts'

let redis: Promise<TestRedis> | undefined

/** The part of a node's configuration about its catalog; empty for LevelDB. */
export async function chosenCatalog(): Promise<{
  catalog?: { redis: { url: string; prefix: string } }
}> {
  if (process.env.COFFER_TEST_CATALOG !== 'redis') return {}
  redis ??= startForFile()
  const { url } = await redis
  return { catalog: { redis: { url, prefix: `node-${randomBytes(4).toString('hex')}` } } }
}

/** Where the catalog keeps its files, if not in the nodes' directories. */
export async function catalogDirectory(): Promise<string | undefined> {
  return (await redis)?.dir
}

/** Imports tap only here, because the bench uses these helpers without tap. */
async function startForFile(): Promise<TestRedis> {
  const [{ default: t }, { startRedis }] = await Promise.all([import('tap'), import('./redis.ts')])
  return await startRedis(t)
}
