// Memory during a single PUT and a GET of an object of 5 GiB, which must not depend on the object's size.
// Anonymous memory counts. LevelDB's mapped tables do not, because the kernel can drop them.
import type { Bench } from '../bench.ts'
import { WRITE_BUFFER_BYTES } from '../node.ts'
import { headersOf, objectNames } from '../objects.ts'
import type { Finding } from '../table.ts'

/** Beyond mapped files and two write buffers for each device that is written to. */
const ANON_MIB_MAX = 300
const OBJECT_BYTES = 5 * 2 ** 30
const OBJECT_BYTES_QUICK = 2 ** 30
const SAMPLE_MS = 100
const MIB = 2 ** 20

export async function measureMemory(bench: Bench): Promise<Finding[]> {
  const bytes = bench.settings.quick ? OBJECT_BYTES_QUICK : OBJECT_BYTES
  const size = `${bytes / 2 ** 30} GiB`
  const node = await bench.startNode()
  const headers = headersOf('customer')
  const origin = node.https
  const startMib = node.child.memory().anon
  const findings: Finding[] = []
  for (const method of ['PUT', 'GET'] as const) {
    const paths = bench.paths(origin, { method, headers }, objectNames('huge', 1))
    const bodyBytes = method === 'PUT' ? bytes : 0
    const samples: number[] = []
    const timer = setInterval(() => samples.push(node.child.memory().anon), SAMPLE_MS)
    try {
      const until = { requests: 1 }
      await bench.load({ origin, method, paths, headers, bodyBytes, connections: 1, until })
    } finally {
      clearInterval(timer)
    }
    const buffersMib = (2 * WRITE_BUFFER_BYTES) / MIB
    const beyond = Math.max(...samples) - buffersMib
    findings.push(
      {
        what: `RssAnon in a ${method} of ${size}, at its start ${Math.round(startMib)}`,
        unit: 'MiB',
        samples,
      },
      {
        what: `its peak beyond 2 write buffers of ${WRITE_BUFFER_BYTES / MIB} MiB`,
        unit: 'MiB',
        samples: [beyond],
        budget: { atMost: ANON_MIB_MAX },
      },
    )
  }
  const peak = { what: 'VmHWM of the node, maps included', unit: 'MiB' }
  findings.push({ ...peak, samples: [node.child.memory().peak] })
  await node.stop()
  return findings
}
