// SSE-C PUT of 16 MiB bodies: the cost of a node above LevelDB alone with the same records, and above a server
// that reads the same bodies and drops them, over HTTP and over TLS. TLS bodies come in pieces of 16 KiB.

import { RECORD_BYTES } from '../../lib/crypto/records.ts'
import type { Bench } from '../bench.ts'
import {
  compare,
  cpuPerGb,
  LARGE_BYTES,
  LARGE_CONNECTIONS,
  mbPerSecond,
  type ObjectLoad,
  workOf,
} from '../objects.ts'
import type { Finding } from '../table.ts'

/** CPU per GB against LevelDB alone. */
const CPU_RATIO_MAX = 1.5
const WARM_REQUESTS = 6

export async function measurePutLarge(bench: Bench): Promise<Finding[]> {
  const requests = bench.settings.quick ? 12 : 24
  const load: ObjectLoad = {
    method: 'PUT',
    sealing: 'customer',
    bytes: LARGE_BYTES,
    names: requests,
    connections: LARGE_CONNECTIONS,
    until: { requests },
  }
  const count = (requests * LARGE_BYTES) / RECORD_BYTES
  const warm = { until: { requests: WARM_REQUESTS } }
  const node = await bench.startNode()
  const level = await bench.startLevel()
  await level.run({ kind: 'records', count: count / 4 })
  const findings: Finding[] = []
  for (const scheme of bench.schemes) {
    const bare = await bench.startBare(scheme)
    const work = workOf(bench, node[scheme], load)
    const drop = { ...work, origin: bare.origin }
    await bench.load({ ...work, ...warm })
    await bench.load({ ...drop, ...warm })
    const rounds = await bench.rounds(async () => ({
      level: await bench.account(level.child, async () => {
        const { seconds } = await level.run({ kind: 'records', count })
        return { count, seconds, bytes: count * RECORD_BYTES }
      }),
      sink: await bench.measure(bare.child, drop),
      node: await bench.measure(node.child, work),
    }))
    await bare.child.stop()
    const samples = rounds.map((round) => round.node)
    const ofLevel = { name: 'LevelDB', samples: rounds.map((round) => round.level) }
    const ofSink = { name: `${scheme} sink`, samples: rounds.map((round) => round.sink) }
    const what = `SSE-C PUT 16 MiB, ${scheme}`
    findings.push(
      compare(what, 'CPU-s/GB', cpuPerGb, samples, ofLevel, { atMost: CPU_RATIO_MAX }),
      compare(what, 'CPU-s/GB', cpuPerGb, samples, ofSink),
      compare(what, 'MB/s', mbPerSecond, samples, ofLevel),
      compare(what, 'MB/s', mbPerSecond, samples, ofSink),
    )
  }
  await level.child.stop()
  await node.stop()
  return findings
}
