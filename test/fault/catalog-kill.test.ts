// The catalog's process killed while it commits: every acknowledged commit is there at the next start, and
// no other is there in part.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import t from 'tap'
import { openLevelCatalog } from '../../lib/catalog/level.ts'
import { classicEngine } from '../../lib/leveldb/engine.ts'
import { randomFrom, seedOfRun } from '../helpers/random.ts'
import '../helpers/plain-children.ts'

const committer = fileURLToPath(new URL('catalog-committer.ts', import.meta.url))

/** Runs the committer until it has printed `count` ids, and kills it. Returns all that it printed. */
async function commitAndKill(location: string, count: number): Promise<string[]> {
  const child = spawn(process.execPath, [committer, location], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    if (text.length >= count * 33) child.kill('SIGKILL')
  })
  const [, signal] = await once(child, 'close')
  if (signal !== 'SIGKILL') throw new Error('the committer ended by itself')
  return text.split('\n').slice(0, -1)
}

t.test('a killed catalog has every commit that it acknowledged, and none in part', async (t) => {
  const seed = seedOfRun()
  const random = randomFrom(seed)
  const location = join(t.testdir(), 'catalog')
  const acknowledged = new Set<string>()
  for (let round = 0; round < 4; round++) {
    for (const id of await commitAndKill(location, 1 + random.integer(400))) acknowledged.add(id)
    const catalog = await openLevelCatalog({
      engine: classicEngine,
      location,
      writeBufferBytes: 64 << 10,
      log: pino({ level: 'silent' }),
    })
    const found = new Map<string, number>()
    let from: string | undefined = 'row/'
    while (from !== undefined) {
      const page = await catalog.scan({ from, to: 'row0', limit: 1000 })
      for (const entry of page.entries) {
        if ('revision' in entry) found.set(entry.revision, (found.get(entry.revision) ?? 0) + 1)
      }
      from = page.cursor
    }
    const lost = [...acknowledged].filter((id) => found.get(id) !== 3)
    t.same(lost, [], `seed ${seed}: of ${acknowledged.size} acknowledged`)
    t.ok(
      [...found.values()].every((rows) => rows === 3),
      'none in part',
    )
    t.same((await catalog.getCounters('count'))?.values, [found.size])
    t.ok(catalog.commitNumber > 0)
    await catalog.close()
  }
})
