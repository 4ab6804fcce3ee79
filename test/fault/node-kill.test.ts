// kill -9 of a node under load, while its volumes are rolled and reclaimed. Acknowledged objects are there with
// every byte, others are there whole or not at all, and rows and counts agree with the listings. KILL_CYCLES
// sets how often (3), SEED what happens; `npm run long:kill` is the long form.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import t from 'tap'
import { openLevelCatalog } from '../../lib/catalog/level.ts'
import { ControlRefused, callControl } from '../../lib/control.ts'
import { classicEngine } from '../../lib/leveldb/engine.ts'
import type { ReclaimOutcome } from '../../lib/upkeep/reclaim-worker.ts'
import { type ChildNode, startChildNode } from '../helpers/child-node.ts'
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
    // Volumes that are full and half dead after a few cycles.
    storage: { reserveBytes: 0, writeBufferBytes: 1 << 20, volumeSizeBytes: 8 << 20 },
  })
  const load = await Load.on(node)
  let checked = 0
  let reclaimed = 0
  for (let cycle = 0; cycle < cycles; cycle++) {
    const note = `seed ${seed} cycle ${cycle}`
    const clients = [0, 1, 2, 3].map((client) =>
      load.run(client, randomFrom(random.integer(2 ** 31))),
    )
    const reclaiming = reclaimOn(node, () => reclaimed++)
    // Sometimes long enough for a sweep, and for a reclaim that finds dead bytes.
    await sleep(100 + random.integer(random.integer(6) === 0 ? 5000 : 700))
    await node.kill()
    await Promise.all([...clients, reclaiming])
    t.same(await rowsOf(node.data), [], `the rows agree with one another, ${note}`)
    await node.start()
    await load.verify(t, note)
    checked += load.names
  }
  t.comment(
    `seed ${seed}: ${cycles} kills under ${load.acknowledged} acknowledged changes, ${reclaimed} volumes ` +
      `reclaimed, ${checked} objects checked, ${t.passing() ? 'none' : 'some'} lost`,
  )
})

/** Reclaims all volumes with dead bytes again and again, until the node has ended. `done` is called for each
 * volume. */
async function reclaimOn(node: ChildNode, done: () => void): Promise<void> {
  const request = { deadShare: 0.05, bytesPerSecond: 0, roll: true }
  for (;;) {
    const answer = await callControl(node.data, 'reclaim', request).catch((error) => {
      if (error instanceof ControlRefused) throw error
      return null
    })
    if (answer === null) return
    for (const outcome of answer.outcomes as ReclaimOutcome[]) if (outcome.done) done()
    await sleep(20)
  }
}

/** Contradictions between rows in the catalog of a node that has ended. */
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
