// Listing 1,000 of 1,000,000 names with a delimiter, over HTTP: as common prefixes of 1,000 names each, and as
// 1,000 names below one prefix. The names are put into the catalog directly, because listings read no other
// row.
import { join } from 'node:path'
import { type Catalog, COMMIT_ROWS_MAX } from '../../lib/catalog/catalog.ts'
import { rowKeys } from '../../lib/catalog/keys.ts'
import { openLevelCatalog } from '../../lib/catalog/level.ts'
import { objectRow } from '../../lib/catalog/rows.ts'
import { classicEngine } from '../../lib/leveldb/engine.ts'
import { makeLog } from '../../lib/log.ts'
import { nowMicros, randomId, versionIdAt } from '../../lib/names.ts'
import type { Bench } from '../bench.ts'
import { account, bucket, type CofferNode } from '../node.ts'
import type { Finding } from '../table.ts'

/** What a page of a listing may take, whatever the number of names (docs/bench.md). */
const LISTING_MS_MAX = 20
const PREFIXES = 1000
const PAGE = 1000
const COMMITS_IN_FLIGHT = 64
const REQUESTS = 30
const WARM_REQUESTS = 5

const FLAT = 'flat/'
const digits = (i: number) => String(i).padStart(4, '0')

/** Name `i` of `names`: 1,000 below `flat/`, the others evenly below 1,000 prefixes. */
function nameOf(i: number, names: number): string {
  if (i < PAGE) return FLAT + digits(i)
  const perPrefix = names / PREFIXES - 1
  const at = i - PAGE
  return `${digits(Math.floor(at / perPrefix))}/${digits(at % perPrefix)}`
}

/** Puts `names` names into the catalog of a stopped node. */
export async function fillNames(catalog: Catalog, names: number): Promise<void> {
  const current = versionIdAt(nowMicros())
  const type = 'application/octet-stream'
  const summary = { timeMicros: nowMicros(), size: 4096, etag: randomId(), type, checksum: null }
  const value = objectRow.encode({ current, nullVersion: current, summary })
  let next = 0
  const walk = async () => {
    while (next < names) {
      const count = Math.min(COMMIT_ROWS_MAX, names - next)
      const first = next
      next += count
      const put = Array.from({ length: count }, (_, i) => ({
        key: rowKeys.object(account, bucket, nameOf(first + i, names)),
        value,
      }))
      await catalog.commit({ id: randomId(), put })
    }
  }
  await Promise.all(Array.from({ length: COMMITS_IN_FLIGHT }, walk))
}

/** Milliseconds of listings of 1,000 common prefixes, and of 1,000 names below one prefix. */
export async function timeListings(node: CofferNode) {
  return {
    prefixes: await timeListing(node, {}, 'CommonPrefixes'),
    flat: await timeListing(node, { prefix: FLAT }, 'Contents'),
  }
}

async function timeListing(
  node: CofferNode,
  query: Record<string, string>,
  element: string,
): Promise<number[]> {
  const samples: number[] = []
  for (let i = 0; i < WARM_REQUESTS + REQUESTS; i++) {
    const startMs = performance.now()
    const { text } = await node.request('GET', `/${bucket}`, {
      query: { 'list-type': '2', delimiter: '/', 'max-keys': String(PAGE), ...query },
    })
    const ms = performance.now() - startMs
    const entries = text.split(`<${element}>`).length - 1
    if (entries !== PAGE) throw new Error(`${entries} ${element} listed, not ${PAGE}`)
    if (i >= WARM_REQUESTS) samples.push(ms)
  }
  return samples
}

export const namesOf = ({ settings }: Bench) => (settings.quick ? 100_000 : 1_000_000)

/** The catalog of a stopped node. */
export function openLevelOf(node: CofferNode): Promise<Catalog> {
  return openLevelCatalog({
    engine: classicEngine,
    location: join(node.data, 'catalog'),
    writeBufferBytes: 16 << 20,
    log: makeLog('silent'),
  })
}

export async function measureListing(bench: Bench): Promise<Finding[]> {
  const names = namesOf(bench)
  const node = await bench.startNode()
  await node.stop()
  const catalog = await openLevelOf(node)
  try {
    await fillNames(catalog, names)
  } finally {
    await catalog.close()
  }
  await node.start()
  await node.child.settledCpuSeconds()
  const budget = { atMost: LISTING_MS_MAX }
  const of = `of ${names.toLocaleString('en')} names`
  const { prefixes, flat } = await timeListings(node)
  await node.stop()
  return [
    {
      what: `list 1,000 prefixes ${of}`,
      unit: 'ms',
      samples: prefixes,
      budget,
    },
    { what: `list 1,000 names below a prefix ${of}`, unit: 'ms', samples: flat, budget },
  ]
}
