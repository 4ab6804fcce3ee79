// SSE-C GET of 16 MiB bodies against a bare server that writes the same bytes, over HTTP and over TLS, and
// against LevelDB alone reading the same records, which shows the cost of the store.
import { RECORD_BYTES } from '../../lib/crypto/records.ts'
import type { Bench } from '../bench.ts'
import {
  compare,
  cpuPerGb,
  LARGE_BYTES,
  LARGE_CONNECTIONS,
  mbPerCpuSecond,
  mbPerSecond,
  type ObjectLoad,
  prepareReads,
  workOf,
} from '../objects.ts'
import type { Finding } from '../table.ts'

/** Throughput per CPU second against the bare source. */
const EFFICIENCY_RATIO_MIN = 0.5
const OBJECTS = 16

export async function measureGetLarge(bench: Bench): Promise<Finding[]> {
  const requests = bench.settings.quick ? 24 : 64
  const load: ObjectLoad = {
    method: 'GET',
    sealing: 'customer',
    bytes: LARGE_BYTES,
    names: OBJECTS,
    connections: LARGE_CONNECTIONS,
    until: { requests },
  }
  const node = await bench.startNode()
  await prepareReads(bench, node, load)
  const level = await bench.startLevel()
  const count = (requests * LARGE_BYTES) / RECORD_BYTES
  await level.run({ kind: 'records', count: (OBJECTS * LARGE_BYTES) / RECORD_BYTES })
  const findings: Finding[] = []
  for (const scheme of bench.schemes) {
    const bare = await bench.startBare(scheme)
    const work = workOf(bench, node[scheme], load)
    const source = { ...work, origin: bare.origin, paths: [`/${LARGE_BYTES}`] }
    await bench.load({ ...work, until: { requests: OBJECTS } })
    await bench.load({ ...source, until: { requests: OBJECTS } })
    const rounds = await bench.rounds(async () => ({
      level: await bench.account(level.child, async () => {
        const { seconds } = await level.run({ kind: 'reads', count })
        return { count, seconds, bytes: count * RECORD_BYTES }
      }),
      source: await bench.measure(bare.child, source),
      node: await bench.measure(node.child, work),
    }))
    await bare.child.stop()
    const samples = rounds.map((round) => round.node)
    const reference = { name: `${scheme} source`, samples: rounds.map((round) => round.source) }
    const ofLevel = { name: 'LevelDB', samples: rounds.map((round) => round.level) }
    const what = `SSE-C GET 16 MiB, ${scheme}`
    findings.push(
      compare(what, 'MB/CPU-s', mbPerCpuSecond, samples, reference, {
        atLeast: EFFICIENCY_RATIO_MIN,
      }),
      compare(what, 'CPU-s/GB', cpuPerGb, samples, reference),
      compare(what, 'CPU-s/GB', cpuPerGb, samples, ofLevel),
      compare(what, 'MB/s', mbPerSecond, samples, reference),
    )
  }
  await level.child.stop()
  await node.stop()
  return findings
}
