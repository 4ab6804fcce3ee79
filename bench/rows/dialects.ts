// What Swift costs against S3: the same bodies under the same names, with a token here and presigned URLs
// there, sealed by the root key and by a customer's.
import type { Bench } from '../bench.ts'
import type { ObjectLoad } from '../objects.ts'
import { compareCost, compareRate, measureSides, nameOf, shapesOf } from '../sides.ts'
import type { Finding } from '../table.ts'

/** Neither API is the other's poor relation. */
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
      // Swift's clients compare ETags with the MD5 of what they sent, so it is always computed there; S3
      // computes it under a customer key only where the client sends it.
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
