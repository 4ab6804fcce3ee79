// A process for catalog-kill.test.ts: commits without end, and prints each id once it is acknowledged.
import { writeSync } from 'node:fs'
import { pino } from 'pino'
import { openLevelCatalog } from '../../lib/catalog/level.ts'
import { classicEngine } from '../../lib/leveldb/engine.ts'
import { randomId } from '../../lib/names.ts'

const catalog = await openLevelCatalog({
  engine: classicEngine,
  location: process.argv[2]!,
  writeBufferBytes: 64 << 10, // small, so that logs and tables are switched all the time
  log: pino({ level: 'silent' }),
})

async function commitForEver(): Promise<never> {
  for (;;) {
    const id = randomId()
    const put = [1, 2, 3].map((n) => ({ key: `row/${id}/${n}`, value: Buffer.alloc(n * 300, n) }))
    await catalog.commit({ id, put, add: [{ key: 'count', deltas: [1] }] })
    writeSync(1, `${id}\n`)
  }
}

await Promise.all(Array.from({ length: 8 }, commitForEver))
