// Rows that compare two kinds of requests with the same bodies on one node: four shapes of request, small and
// large, PUT and GET. Each round measures both kinds.
import type { Bench, Sample } from './bench.ts'
import type { CofferNode } from './node.ts'
import {
  compare,
  cpuPerGb,
  cpuPerThousand,
  LARGE_BYTES,
  LARGE_CONNECTIONS,
  mbPerSecond,
  type ObjectLoad,
  prepareReads,
  requestsPerSecond,
  SMALL_BYTES,
  SMALL_CONNECTIONS,
  workOf,
} from './objects.ts'
import type { Finding } from './table.ts'

/** A load without its key and its API. */
export type Shape = Omit<ObjectLoad, 'sealing' | 'token' | 'sendsMd5'>

export function shapesOf(quick: boolean): Shape[] {
  const large = { bytes: LARGE_BYTES, connections: LARGE_CONNECTIONS, names: quick ? 4 : 16 }
  const small = { bytes: SMALL_BYTES, connections: SMALL_CONNECTIONS, names: 500 }
  const until = { seconds: quick ? 1 : 2 }
  return [
    { ...large, method: 'PUT', until: { requests: quick ? 6 : 12 } },
    { ...large, method: 'GET', until: { requests: quick ? 16 : 48 } },
    { ...small, method: 'PUT', until },
    { ...small, method: 'GET', until },
  ]
}

/** `PUT 16 MiB`. */
export const nameOf = ({ method, bytes }: Shape) =>
  `${method} ${bytes === LARGE_BYTES ? '16 MiB' : '4 KiB'}`

/** The figures of one side and of its reference, one of each for every round. */
export interface Sides {
  readonly shape: Shape
  readonly samples: readonly Sample[]
  readonly reference: { readonly name: string; readonly samples: readonly Sample[] }
}

/** Measures a load against another of the same shape, whose name is `name`. */
export async function measureSides(
  bench: Bench,
  node: CofferNode,
  load: ObjectLoad,
  { name, load: referenceLoad }: { readonly name: string; readonly load: ObjectLoad },
): Promise<Sides> {
  const loads = [referenceLoad, load]
  for (const one of loads) await prepareReads(bench, node, one)
  const works = loads.map((one) => workOf(bench, node.http, one))
  const rounds: (readonly [reference: Sample, sample: Sample])[] = []
  await bench.rounds(async () => {
    // The second load meets more compactions, so that the sides take turns.
    const isTurned = rounds.length % 2 === 1
    const [first, second] = isTurned ? works.toReversed() : works
    const one = await bench.measure(node.child, first!)
    const other = await bench.measure(node.child, second!)
    rounds.push(isTurned ? [other, one] : [one, other])
  })
  const reference = { name, samples: rounds.map(([sample]) => sample) }
  return { shape: load, samples: rounds.map(([, sample]) => sample), reference }
}

/** The CPU cost of a side against its reference, for as many bytes or requests. */
export function compareCost(what: string, sides: Sides, budget: Finding['budget']): Finding {
  const { shape, samples, reference } = sides
  return shape.bytes === LARGE_BYTES
    ? compare(what, 'CPU-s/GB', cpuPerGb, samples, reference, budget)
    : compare(what, 'CPU-s/1,000', cpuPerThousand, samples, reference, budget)
}

/** The rate of a side against its reference. */
export function compareRate(what: string, { shape, samples, reference }: Sides): Finding {
  return shape.bytes === LARGE_BYTES
    ? compare(what, 'MB/s', mbPerSecond, samples, reference)
    : compare(what, 'requests/s', requestsPerSecond, samples, reference)
}
