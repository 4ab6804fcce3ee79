// SSE-C PUT of 4 KiB, durable when it is answered, against LevelDB alone writing as many rows of that size in
// synced batches, which is the most that the disk can do.
import type { Bench } from '../bench.ts'
import {
  compare,
  cpuPerThousand,
  type ObjectLoad,
  requestsPerSecond,
  SMALL_BYTES,
  SMALL_CONNECTIONS,
  workOf,
} from '../objects.ts'
import type { Finding } from '../table.ts'

/** Requests a second: five times what MinIO and RGW gave, about 1,000/s on the machine where they were measured. */
const RATE_MIN = 5000
const NAMES = 2000
/** Time for some thousands of requests, in which V8 compiles the hot functions. */
const WARM_SECONDS = 2

export async function measurePutSmall(bench: Bench): Promise<Finding[]> {
  const seconds = bench.settings.quick ? 1 : 2
  const load: ObjectLoad = {
    method: 'PUT',
    sealing: 'customer',
    bytes: SMALL_BYTES,
    names: NAMES,
    connections: SMALL_CONNECTIONS,
    until: { seconds },
  }
  const node = await bench.startNode()
  const level = await bench.startLevel()
  const findings: Finding[] = []
  for (const scheme of bench.schemes) {
    const work = workOf(bench, node[scheme], load)
    await bench.load({ ...work, until: { seconds: WARM_SECONDS } })
    const rounds = await bench.rounds(async () => ({
      level: await bench.account(level.child, async () => {
        const job = { kind: 'batches', rows: SMALL_CONNECTIONS, seconds } as const
        const result = await level.run(job)
        return { ...result, bytes: result.count * SMALL_BYTES }
      }),
      node: await bench.measure(node.child, work),
    }))
    const samples = rounds.map((round) => round.node)
    const reference = { name: 'LevelDB', samples: rounds.map((round) => round.level) }
    const what = `SSE-C PUT 4 KiB, durable, ${scheme}`
    findings.push(
      compare(what, 'requests/s', requestsPerSecond, samples, undefined, { atLeast: RATE_MIN }),
      compare(what, 'requests/s', requestsPerSecond, samples, reference),
      compare(what, 'CPU-s/1,000', cpuPerThousand, samples, reference),
    )
  }
  await level.child.stop()
  await node.stop()
  return findings
}
