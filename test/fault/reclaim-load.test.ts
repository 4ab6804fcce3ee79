// Reclaim under load. While clients write, copy, complete, overwrite and delete through both dialects, every
// volume is rewritten again and again, and the node is killed meanwhile. Acknowledged objects are there with
// every byte, and in the end the disk holds little more than the live ones. KILL_CYCLES sets how often (2).
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { NodeStatus } from '../../bin/commands/status.ts'
import { callControl } from '../../lib/control.ts'
import type { ReclaimOutcome } from '../../lib/upkeep/reclaim-worker.ts'
import { startChildNode } from '../helpers/child-node.ts'
import { randomFrom, seedOfRun } from '../helpers/random.ts'
import { Load } from './load.ts'

t.setTimeout(600_000)

const reclaimAll = async (data: string): Promise<readonly ReclaimOutcome[]> => {
  const request = { deadShare: 0, roll: true, bytesPerSecond: 0 }
  const answer = await callControl(data, 'reclaim', request)
  return (answer?.outcomes ?? []) as readonly ReclaimOutcome[]
}

t.test('nothing is lost while every volume is rewritten under load', async (t) => {
  const cycles = Number(process.env.KILL_CYCLES ?? 2)
  const seed = seedOfRun()
  const random = randomFrom(seed)
  const node = await startChildNode(t, {
    catalog: 'level',
    log: { level: 'error' },
    storage: { reserveBytes: 0, volumeSizeBytes: 4 << 20, writeBufferBytes: 1 << 19 },
  })
  const load = await Load.on(node)
  let rewritten = 0
  for (let cycle = 0; cycle <= cycles; cycle++) {
    const note = `seed ${seed} cycle ${cycle}`
    let ended = false
    const clients = [0, 1, 2].map((client) =>
      load.run(client, randomFrom(random.integer(2 ** 31)), () => ended),
    )
    const reclaiming = (async () => {
      const failures: string[] = []
      while (!ended) {
        // A killed node gives no answer.
        const outcomes = await reclaimAll(node.data).catch(() => [])
        rewritten += outcomes.filter(({ done }) => done !== undefined).length
        for (const { failure } of outcomes) if (failure !== undefined) failures.push(failure)
        await sleep(20)
      }
      return failures.filter((failure) => !failure.startsWith('uploads that began'))
    })()
    await sleep(1500 + random.integer(1500))
    const isLast = cycle === cycles
    if (!isLast) await node.kill()
    ended = true
    await Promise.all(clients)
    t.same(await reclaiming, [], `none was refused for another reason, ${note}`)
    if (!isLast) await node.start()
    await load.verify(t, note)
  }
  t.ok(rewritten > 0, `${rewritten} volumes rewritten, seed ${seed}`)
  await reclaimAll(node.data)
  const status = (await callControl(node.data, 'status', {})) as unknown as NodeStatus
  const [device] = status.devices
  const { diskBytes, liveBytes } = device!
  const spareBytes = device!.volumes.length * (1 << 20)
  t.ok(diskBytes <= 1.1 * liveBytes + spareBytes, `${diskBytes} on disk, ${liveBytes} live`)
  await load.verify(t, `seed ${seed}, after all`)
  t.comment(`seed ${seed}: ${rewritten} volumes rewritten, ${load.acknowledged} acknowledged`)
})
