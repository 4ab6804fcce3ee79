// Runs test files as they are, with every node that they start on Redis (../helpers/catalog-choice.ts).
import { readdirSync } from 'node:fs'
import type { TAP } from 'tap'
import { redisServer, redisTest } from '../helpers/redis.ts'

/** Runs the test files of these paths, and of directories all in them; `test/` stands before them. Without a
 * redis-server there is one test instead, which is skipped or fails (redisTest). */
export async function onRedis(t: TAP, sentence: string, paths: readonly string[]): Promise<void> {
  if (redisServer === undefined) return redisTest(t, sentence, async () => {})
  process.env.COFFER_TEST_CATALOG = 'redis'
  for (const path of paths) {
    for (const file of filesOf(path)) await import(file)
  }
}

/** Modules for `import`. Throws where a path names nothing, or no test. */
function filesOf(path: string): string[] {
  const place = new URL(`../${path}`, import.meta.url)
  if (path.endsWith('.test.ts')) return [place.href]
  const names = readdirSync(place).filter((name) => name.endsWith('.test.ts'))
  if (names.length === 0) throw new Error(`no tests in ${path}`)
  return names.sort().map((name) => new URL(`${place.href}/${name}`).href)
}
