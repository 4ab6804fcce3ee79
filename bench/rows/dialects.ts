// The cost of Swift against S3: the same bodies under the same names, with a token and with presigned URLs,
// under the root key and under a customer key.
import type { Bench } from '../bench.ts'
import type { ObjectLoad } from '../objects.ts'
import { compareCost, compareRate, measureSides, nameOf, shapesOf } from '../sides.ts'
import type { Finding } from '../table.ts'

/** Neither dialect may cost more than a tenth above the other. */
const CPU_RATIO_MAX = 1.1

const sealings: Readonly<Record<ObjectLoad['sealing'], string>> = {
  root: 'plain',
  customer: 'SSE-C',
}

export async function measureDialects(bench: Bench): Promise<Finding[]> {
  const node = await bench.startNode()
  const token = await node.askToken()
  const findings: Finding[] = []
  for (const shape of shapesOf(bench.settings.quick)) {
    for (const sealing of ['root', 'customer'] as const) {
      const load = { ...shape, sealing }
      // Swift clients compare ETags with the MD5 of their bodies, so that Swift always computes it. S3 computes
      // it under a customer key only where the client sends it.
      const sendsMd5 = shape.method === 'PUT' && sealing === 'customer'
      const reference = { name: 'S3', load: { ...load, sendsMd5 } }
      const sides = await measureSides(bench, node, { ...load, token }, reference)
      const what = `Swift ${sealings[sealing]} ${nameOf(shape)}, against S3`
      findings.push(compareCost(what, sides, { atMost: CPU_RATIO_MAX }), compareRate(what, sides))
    }
  }
  await node.stop()
  return findings
}
