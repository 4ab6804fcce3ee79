// kill -9 of a node under load: what was acknowledged is there with every byte, what was not is there
// whole or not at all, rows and counts agree with what is listed. KILL_CYCLES sets how often (3), SEED what
// happens; `npm run long:kill` is the long form.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import t from 'tap'
import { openLevelCatalog } from '../../lib/catalog/level.ts'
import { classicEngine } from '../../lib/level.ts'
import { startChildNode } from '../helpers/child-node.ts'
import { inconsistencies } from '../helpers/consistency.ts'
import { randomFrom, seedOfRun } from '../helpers/random.ts'
import { Load } from './load.ts'

const cycles = Number(process.env.KILL_CYCLES ?? 3)

t.setTimeout(120_000 + cycles * 30_000)

t.test('nothing that was acknowledged is lost when the node is killed', async (t) => {
  const seed = seedOfRun()
  const random = randomFrom(seed)
  const node = await startChildNode(t, {
    catalog: 'level',
    log: { level: 'error' },
    storage: { reserveBytes: 0 },
  })
  const load = await Load.on(node)
  let checked = 0
  for (let cycle = 0; cycle < cycles; cycle++) {
    const note = `seed ${seed} cycle ${cycle}`
    const clients = [0, 1, 2, 3].map((client) =>
      load.run(client, randomFrom(random.integer(2 ** 31))),
    )
    await sleep(100 + random.integer(700))
    await node.kill()
    await Promise.all(clients)
    t.same(await rowsOf(node.data), [], `the rows agree with one another, ${note}`)
    await node.start()
    await load.verify(t, note)
    checked += load.names
  }
  t.comment(
    `seed ${seed}: ${cycles} kills under ${load.acknowledged} acknowledged changes, ${checked} objects ` +
      `checked, ${t.passing() ? 'none' : 'some'} lost`,
  )
})

/** What does not fit together in the catalog of a node that is gone. */
async function rowsOf(data: string): Promise<string[]> {
  const catalog = await openLevelCatalog({
    engine: classicEngine,
    location: join(data, 'catalog'),
    writeBufferBytes: 16 << 20,
    log: pino({ level: 'silent' }),
    readonly: true,
  })
  try {
    return await inconsistencies(catalog)
  } finally {
    await catalog.close()
  }
}
