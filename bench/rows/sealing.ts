// What a customer's key costs: the same requests with SSE-C and without, where the root key seals.
import type { Bench, Sample } from '../bench.ts'
import {
  compare,
  cpuPerGb,
  cpuPerThousand,
  LARGE_BYTES,
  LARGE_CONNECTIONS,
  type ObjectLoad,
  prepareReads,
  SMALL_BYTES,
  SMALL_CONNECTIONS,
  workOf,
} from '../objects.ts'
import type { Finding } from '../table.ts'

/** DESIGN §8: SSE-C costs at most a tenth more. */
const CPU_RATIO_MAX = 1.1

type Sealing = ObjectLoad['sealing']
const SEALINGS: readonly Sealing[] = ['root', 'customer']

type Shape = Omit<ObjectLoad, 'sealing'>

function shapes(quick: boolean): Shape[] {
  const large = { bytes: LARGE_BYTES, connections: LARGE_CONNECTIONS, names: 16 }
  const small = { bytes: SMALL_BYTES, connections: SMALL_CONNECTIONS, names: 500 }
  const until = { seconds: quick ? 1 : 2 }
  return [
    { ...large, method: 'PUT', until: { requests: quick ? 6 : 12 } },
    { ...large, method: 'GET', until: { requests: quick ? 16 : 48 } },
    { ...small, method: 'PUT', until },
    { ...small, method: 'GET', until },
  ]
}

export async function measureSealing(bench: Bench): Promise<Finding[]> {
  const node = await bench.startNode()
  const findings: Finding[] = []
  for (const shape of shapes(bench.settings.quick)) {
    const work = (sealing: Sealing) => workOf(bench, node.http, { ...shape, sealing })
    for (const sealing of SEALINGS) {
      await prepareReads(bench, node, { ...shape, sealing })
    }
    let round = 0
    const rounds = await bench.rounds(async () => {
      // Whoever comes second finds more compactions under way: they take turns.
      const order = round++ % 2 === 0 ? SEALINGS : SEALINGS.toReversed()
      const samples: Partial<Record<Sealing, Sample>> = {}
      for (const sealing of order) samples[sealing] = await bench.measure(node.child, work(sealing))
      return { root: samples.root!, customer: samples.customer! }
    })
    const large = shape.bytes === LARGE_BYTES
    findings.push(
      compare(
        `SSE-C ${shape.method} ${large ? '16 MiB' : '4 KiB'}, against plain`,
        large ? 'CPU-s/GB' : 'CPU-s/1,000',
        large ? cpuPerGb : cpuPerThousand,
        rounds.map((round) => round.customer),
        { name: 'plain', samples: rounds.map((round) => round.root) },
        { atMost: CPU_RATIO_MAX },
      ),
    )
  }
  await node.stop()
  return findings
}
