// Copy and change of key of an SSE-C object of 1,000 parts. One small value is wrapped anew and no data is
// read, so that the time must not depend on the size.
import type { Bench } from '../bench.ts'
import { bucket, type CofferNode } from '../node.ts'
import { customerKey } from '../objects.ts'
import { keyHeaders, presign } from '../signing.ts'
import type { Finding } from '../table.ts'

/** What a request may hold the thread for: a copy does not read its body (docs/bench.md). */
const COPY_MS_MAX = 50
const PARTS = 1000
const PARTS_QUICK = 100
/** The least size of a part that is not the last, in S3. */
const PART_BYTES = 5 << 20
const CONNECTIONS = 4
const REPEATS = 20
const OBJECT = `/${bucket}/parts`

const otherKey = Buffer.alloc(32, 'other key')

async function writeParts(bench: Bench, node: CofferNode, parts: number): Promise<void> {
  const headers = keyHeaders(customerKey)
  const created = await node.request('POST', OBJECT, { query: { uploads: '' }, headers })
  const uploadId = /<UploadId>([^<]+)</.exec(created.text)?.[1] ?? ''
  const origin = node.http
  const method = 'PUT'
  const paths = Array.from({ length: parts }, (_, i) => {
    const query = { partNumber: String(i + 1), uploadId }
    return presign({ method, origin, path: OBJECT, query, headers })
  })
  const { etags } = await bench.load({
    ...{ origin, method, paths, headers, bodyBytes: PART_BYTES },
    connections: CONNECTIONS,
    until: { requests: parts },
  })
  const list = etags.map(
    (etag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${etag}</ETag></Part>`,
  )
  const body = `<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`
  await node.request('POST', OBJECT, { query: { uploadId }, body })
}

/** Milliseconds of a copy of the object to `path`, from one key to another. */
async function timeCopy(node: CofferNode, path: string, from: Buffer, to: Buffer) {
  const headers = {
    'x-amz-copy-source': OBJECT,
    ...keyHeaders(from, 'source'),
    ...keyHeaders(to),
  }
  const startMs = performance.now()
  await node.request('PUT', path, { headers })
  return performance.now() - startMs
}

export async function measureCopy(bench: Bench): Promise<Finding[]> {
  const parts = bench.settings.quick ? PARTS_QUICK : PARTS
  const node = await bench.startNode()
  await writeParts(bench, node, parts)
  await node.child.settledCpuSeconds()
  const copies: number[] = []
  const rotations: number[] = []
  for (let i = 0; i < REPEATS; i++) {
    const [now, next] = i % 2 === 0 ? [customerKey, otherKey] : [otherKey, customerKey]
    copies.push(await timeCopy(node, `/${bucket}/copy-${i}`, now, now))
    rotations.push(await timeCopy(node, OBJECT, now, next))
  }
  await node.stop()
  const size = `${((parts * PART_BYTES) / 2 ** 30).toFixed(1)} GiB in ${parts.toLocaleString('en')} parts`
  const budget = { atMost: COPY_MS_MAX }
  return [
    { what: `copy of ${size}`, unit: 'ms', samples: copies, budget },
    { what: `rotation of ${size}`, unit: 'ms', samples: rotations, budget },
  ]
}
