// The same node on both catalogs: LevelDB, and a Redis on this machine that syncs every commit. The rows are
// small PUTs and GETs, whose cost is mostly the catalog's, and listings. Each round measures both, one right
// after the other.
import { openRedisCatalog } from '../../lib/catalog/redis.ts'
import { catalogOptions, startRedis } from '../../test/helpers/redis.ts'
import type { Bench } from '../bench.ts'
import type { CofferNode } from '../node.ts'
import {
  compare,
  cpuPerThousand,
  type ObjectLoad,
  prepareReads,
  requestsPerSecond,
  SMALL_BYTES,
  SMALL_CONNECTIONS,
  workOf,
} from '../objects.ts'
import type { Finding } from '../table.ts'
import { fillNames, namesOf, openLevelOf, timeListings } from './listing.ts'

const NAMES = 500
/** Time for some thousands of requests, in which V8 compiles the hot functions. */
const WARM_SECONDS = 2
const PREFIX = 'bench'

interface Nodes {
  readonly level: CofferNode
  readonly redis: CofferNode
}

export async function measureCatalogs(bench: Bench): Promise<Finding[]> {
  const server = await startRedis({ teardown: (close) => bench.scope.defer(close) })
  const { url } = server
  const more = { catalog: { redis: { url, prefix: PREFIX } } }
  const nodes = {
    level: await bench.startNode(),
    redis: await bench.startNode({ name: 'on-redis', more }),
  }
  const findings: Finding[] = []
  for (const method of ['PUT', 'GET'] as const)
    findings.push(...(await requests(bench, nodes, method)))
  findings.push(...(await listings(bench, nodes, url)))
  return findings
}

async function requests(bench: Bench, { level, redis }: Nodes, method: 'PUT' | 'GET') {
  const load: ObjectLoad = {
    method,
    sealing: 'root',
    bytes: SMALL_BYTES,
    names: NAMES,
    connections: SMALL_CONNECTIONS,
    until: { seconds: bench.settings.quick ? 1 : 2 },
  }
  const sides = { level: workOf(bench, level.http, load), redis: workOf(bench, redis.http, load) }
  for (const [node, work] of [
    [level, sides.level],
    [redis, sides.redis],
  ] as const) {
    await prepareReads(bench, node, load)
    await bench.load({ ...work, until: { seconds: WARM_SECONDS } })
  }
  const rounds = await bench.rounds(async () => ({
    level: await bench.measure(level.child, sides.level),
    redis: await bench.measure(redis.child, sides.redis),
  }))
  const samples = rounds.map((round) => round.redis)
  const reference = { name: 'LevelDB', samples: rounds.map((round) => round.level) }
  const what = `${method} 4 KiB, rows in Redis`
  return [
    compare(what, 'requests/s', requestsPerSecond, samples, reference),
    compare(`${what}, the node's CPU`, 'CPU-s/1,000', cpuPerThousand, samples, reference),
  ]
}

async function listings(bench: Bench, nodes: Nodes, url: string): Promise<Finding[]> {
  const names = namesOf(bench)
  await nodes.level.stop()
  await nodes.redis.stop()
  for (const open of [
    () => openLevelOf(nodes.level),
    () => openRedisCatalog(catalogOptions(url, { prefix: PREFIX, create: null })),
  ]) {
    const catalog = await open()
    try {
      await fillNames(catalog, names)
    } finally {
      await catalog.close()
    }
  }
  const [level, redis] = [await listingsOf(nodes.level), await listingsOf(nodes.redis)]
  const of = `of ${names.toLocaleString('en')} names, rows in Redis`
  return (['prefixes', 'flat'] as const).map((kind) => ({
    what: `list 1,000 ${kind === 'flat' ? 'names below a prefix' : 'prefixes'} ${of}`,
    unit: 'ms',
    samples: redis[kind],
    reference: { name: 'LevelDB', samples: level[kind] },
  }))
}

async function listingsOf(node: CofferNode) {
  await node.start()
  await node.child.settledCpuSeconds()
  const found = await timeListings(node)
  await node.stop()
  return found
}
