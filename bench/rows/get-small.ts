// SSE-C GET of 4 KiB over presigned URLs, against a bare prototype with the least work for such a GET.
import type { Bench } from '../bench.ts'
import {
  compare,
  cpuPerThousand,
  customerKey,
  type ObjectLoad,
  prepareReads,
  requestsPerSecond,
  SMALL_BYTES,
  SMALL_CONNECTIONS,
  workOf,
} from '../objects.ts'
import type { Finding } from '../table.ts'

/** Requests per second against the prototype. */
const RATE_RATIO_MIN = 0.8
const OBJECTS = 500
/** Time for some thousands of requests, in which V8 compiles the hot functions. */
const WARM_SECONDS = 2

export async function measureGetSmall(bench: Bench): Promise<Finding[]> {
  const load: ObjectLoad = {
    method: 'GET',
    sealing: 'customer',
    bytes: SMALL_BYTES,
    names: OBJECTS,
    connections: SMALL_CONNECTIONS,
    until: { seconds: bench.settings.quick ? 1 : 2 },
  }
  const node = await bench.startNode()
  await prepareReads(bench, node, load)
  const findings: Finding[] = []
  for (const scheme of bench.schemes) {
    const prototype = await bench.startPrototype(scheme, {
      objects: OBJECTS,
      bytes: SMALL_BYTES,
      customerKey,
    })
    const work = workOf(bench, node[scheme], load)
    const { origin, names } = prototype
    const bare = { ...work, origin, paths: bench.paths(origin, work, names) }
    await bench.load({ ...work, until: { seconds: WARM_SECONDS } })
    await bench.load({ ...bare, until: { seconds: WARM_SECONDS } })
    const rounds = await bench.rounds(async () => ({
      prototype: await bench.measure(prototype.child, bare),
      node: await bench.measure(node.child, work),
    }))
    await prototype.child.stop()
    const samples = rounds.map((round) => round.node)
    const reference = { name: 'prototype', samples: rounds.map((round) => round.prototype) }
    const what = `SSE-C GET 4 KiB, ${scheme}`
    findings.push(
      compare(what, 'requests/s', requestsPerSecond, samples, reference, {
        atLeast: RATE_RATIO_MIN,
      }),
      compare(what, 'CPU-s/1,000', cpuPerThousand, samples, reference),
    )
  }
  await node.stop()
  return findings
}
