// The cost of a customer key: the same requests with SSE-C, and under the root key.
import type { Bench } from '../bench.ts'
import { compareCost, measureSides, nameOf, shapesOf } from '../sides.ts'
import type { Finding } from '../table.ts'

/** SSE-C costs at most a tenth more. */
const CPU_RATIO_MAX = 1.1

export async function measureSealing(bench: Bench): Promise<Finding[]> {
  const node = await bench.startNode()
  const findings: Finding[] = []
  for (const shape of shapesOf(bench.settings.quick)) {
    const plain = { name: 'plain', load: { ...shape, sealing: 'root' } } as const
    const sides = await measureSides(bench, node, { ...shape, sealing: 'customer' }, plain)
    const what = `SSE-C ${nameOf(shape)}, against plain`
    findings.push(compareCost(what, sides, { atMost: CPU_RATIO_MAX }))
  }
  await node.stop()
  return findings
}
