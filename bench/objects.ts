// The objects that rows write and read: names, sizes, and the loads over them.
import type { Bench, Sample, Work } from './bench.ts'
import { account, bucket, type CofferNode } from './node.ts'
import { keyHeaders, swiftKeyHeaders } from './signing.ts'
import type { Finding } from './table.ts'

export const SMALL_BYTES = 4096
export const LARGE_BYTES = 16 << 20
export const SMALL_CONNECTIONS = 16
export const LARGE_CONNECTIONS = 4

/** The customer key of the bench. No object under it outlives the run. */
export const customerKey = Buffer.alloc(32, 'bench key')

/** Headers of a request on an object under the customer key (SSE-C), or under the root key. */
export const headersOf = (sealing: 'customer' | 'root') =>
  sealing === 'customer' ? keyHeaders(customerKey) : {}

export const objectNames = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, i) => `/${bucket}/${prefix}/${String(i).padStart(6, '0')}`)

/** A load of one kind of request on a node, over plain HTTP or TLS. */
export interface ObjectLoad {
  /** A token, with which the load speaks Swift. Absent: S3, by presigned URLs. */
  readonly token?: string
  /** PUT with Content-MD5, which S3 clients may send. */
  readonly sendsMd5?: boolean
  readonly method: 'GET' | 'PUT'
  readonly sealing: 'customer' | 'root'
  readonly bytes: number
  /** How many names are used. */
  readonly names: number
  readonly connections: number
  readonly until: Work['until']
}

/** The work of a load at one origin of a node. */
export function workOf(bench: Bench, origin: string, load: ObjectLoad): Work {
  const { method, sealing, bytes, names, connections, until, token, sendsMd5 = false } = load
  const objects = objectNames(`${sealing}-${bytes}`, names)
  const bodyBytes = method === 'PUT' ? bytes : 0
  const work = { origin, method, bodyBytes, sendsMd5, connections, until }
  if (token === undefined) {
    const headers = headersOf(sealing)
    return { ...work, headers, paths: bench.paths(origin, { method, headers }, objects) }
  }
  const key = sealing === 'customer' ? swiftKeyHeaders(customerKey) : {}
  const paths = objects.map((path) => `/v1/AUTH_${account}${path}`)
  return { ...work, headers: { 'x-auth-token': token, ...key }, paths }
}

/** Writes the objects that a load of GET will read, and reads them for a few rounds, so that the code is
 * warm. */
export async function prepareReads(
  bench: Bench,
  node: CofferNode,
  load: ObjectLoad,
): Promise<void> {
  const put = { ...load, method: 'PUT', until: { requests: load.names } } as const
  await bench.load(workOf(bench, node.http, put))
}

/** A finding about one figure of the samples, against the same figure of a reference. */
export function compare(
  what: string,
  unit: string,
  figure: (sample: Sample) => number,
  samples: readonly Sample[],
  reference?: { readonly name: string; readonly samples: readonly Sample[] },
  budget?: Finding['budget'],
): Finding {
  return {
    what,
    unit,
    samples: samples.map(figure),
    ...(reference !== undefined && {
      reference: { name: reference.name, samples: reference.samples.map(figure) },
    }),
    ...(budget !== undefined && { budget }),
  }
}

export const mbPerSecond = (sample: Sample) => sample.mbPerSecond
export const cpuPerGb = (sample: Sample) => sample.cpuSecondsPerGb
export const requestsPerSecond = (sample: Sample) => sample.requestsPerSecond
export const cpuPerThousand = (sample: Sample) => sample.cpuSecondsPerThousand
/** Throughput for each CPU second, which does not depend on other work of the machine. */
export const mbPerCpuSecond = (sample: Sample) => 1000 / sample.cpuSecondsPerGb
