// A scrub beside a node whose volumes are rolled, sealed, rewritten and removed all the time, while clients
// write and delete. It takes no lock, and so reads files that come and go. It must find no rot, read every
// volume that stays, and end with 0. SCRUBS sets how many there are (4).
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { NodeStatus } from '../../bin/commands/status.ts'
import { callControl } from '../../lib/control.ts'
import type { ReclaimOutcome } from '../../lib/upkeep/reclaim-worker.ts'
import { scrubFile } from '../../lib/upkeep/scrub-file.ts'
import { type ChildNode, startChildNode } from '../helpers/child-node.ts'
import { run } from '../helpers/process.ts'
import { randomFrom, seedOfRun } from '../helpers/random.ts'
import { Load } from './load.ts'

t.setTimeout(600_000)

const CLIENTS = 4

async function volumesOf(node: ChildNode): Promise<string[]> {
  const status = (await callControl(node.data, 'status', {})) as unknown as NodeStatus
  return status.devices.flatMap(({ volumes }) => volumes.map(({ volume }) => volume))
}

t.test('a scrub finds no rot that is not there while volumes are replaced under it', async (t) => {
  const seed = seedOfRun()
  const random = randomFrom(seed)
  const node = await startChildNode(t, {
    catalog: 'level',
    log: { level: 'error' },
    storage: { reserveBytes: 0, volumeSizeBytes: 1 << 20, writeBufferBytes: 1 << 16 },
  })
  const load = await Load.on(node, { firstPartBytes: 200_000 })
  let ended = false
  const clients = Array.from({ length: CLIENTS }, (_, client) =>
    load.run(client, randomFrom(random.integer(2 ** 31)), () => ended),
  )
  let rewritten = 0
  const reclaiming = (async () => {
    while (!ended) {
      const request = { deadShare: 0, roll: true, bytesPerSecond: 0 }
      const answer = await callControl(node.data, 'reclaim', request)
      const outcomes = (answer?.outcomes ?? []) as readonly ReclaimOutcome[]
      rewritten += outcomes.filter(({ done }) => done !== undefined).length
    }
  })()
  const scrubs = Number(process.env.SCRUBS ?? 4)
  for (let i = 0; i < scrubs; i++) {
    const note = `scrub ${i}, seed ${seed}`
    const before = await volumesOf(node)
    const config = join(node.dir, 'coffer.yaml')
    const { code, stdout, stderr } = await run(['scrub', '--restart', '--json', '--config', config])
    const { volumes } = JSON.parse(readFileSync(scrubFile(node.data), 'utf8'))
    const after = await volumesOf(node)
    t.same(JSON.parse(stdout).findings, [], note)
    t.equal(code, 0, `${note} ${stderr}`)
    const stayed = before.filter((volume) => after.includes(volume))
    t.ok(stayed.length > 0, note)
    t.same(
      stayed.filter((volume) => volumes[volume] !== 'done'),
      [],
      `every volume that stayed was read, ${note}`,
    )
  }
  ended = true
  await Promise.all(clients)
  await reclaiming
  t.ok(rewritten > 0, `${rewritten} volumes rewritten`)
  await load.verify(t, `seed ${seed}`)
  t.comment(
    `seed ${seed}: ${scrubs} scrubs, ${rewritten} volumes rewritten, ${load.acknowledged} acknowledged`,
  )
})
