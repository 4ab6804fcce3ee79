// SSE-C PUT and GET of 16 MiB bodies on volumes as files, against the same node on volumes as LevelDB databases, in
// one run.
import type { Bench } from '../bench.ts'
import {
  compare,
  cpuPerGb,
  LARGE_BYTES,
  LARGE_CONNECTIONS,
  mbPerSecond,
  type ObjectLoad,
  prepareReads,
  workOf,
} from '../objects.ts'
import type { Finding } from '../table.ts'

const OBJECTS = 16

export async function measureVolumes(bench: Bench): Promise<Finding[]> {
  const requests = bench.settings.quick ? 24 : 64
  const load: ObjectLoad = {
    method: 'GET',
    sealing: 'customer',
    bytes: LARGE_BYTES,
    names: OBJECTS,
    connections: LARGE_CONNECTIONS,
    until: { requests },
  }
  const level = await bench.startNode()
  const storage = { volumeFormat: 'file' }
  const files = await bench.startNode({ name: 'files', more: { storage } })
  // They also warm both nodes for the PUTs.
  await prepareReads(bench, level, load)
  await prepareReads(bench, files, load)
  const findings: Finding[] = []
  for (const scheme of bench.schemes) {
    for (const method of ['PUT', 'GET'] as const) {
      const [onLevel, onFiles] = [level, files].map((node) =>
        workOf(bench, node[scheme], {
          ...load,
          method,
          names: method === 'PUT' ? requests : OBJECTS,
        }),
      )
      // What is written past the page cache is read from the disk once. Rounds of GET read from the cache.
      const once = { ...load, until: { requests: OBJECTS } }
      for (const node of method === 'GET' ? [level, files] : []) {
        await bench.load(workOf(bench, node[scheme], once))
      }
      const rounds = await bench.rounds(async () => ({
        level: await bench.measure(level.child, onLevel!),
        files: await bench.measure(files.child, onFiles!),
      }))
      const samples = rounds.map((round) => round.files)
      const reference = { name: 'LevelDB volumes', samples: rounds.map((round) => round.level) }
      const what = `SSE-C ${method} 16 MiB, volumes as files, ${scheme}`
      findings.push(
        compare(what, 'CPU-s/GB', cpuPerGb, samples, reference),
        compare(what, 'MB/s', mbPerSecond, samples, reference),
      )
    }
  }
  await files.stop()
  await level.stop()
  return findings
}
