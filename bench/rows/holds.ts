// How long one request holds the node's thread at a stretch, for each kind of request at its worst legal size.
// No other request is answered meanwhile. Refusals of anonymous requests are among them.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { rootCipher } from '../../lib/crypto/cipher.ts'
import { openKeyring } from '../../lib/crypto/keyring.ts'
import { completeDocument, fillParts } from '../../test/helpers/many-parts.ts'
import type { Bench } from '../bench.ts'
import { account, bucket, type CofferNode, type Request } from '../node.ts'
import type { Finding } from '../table.ts'
import { fillNames, openLevelOf } from './listing.ts'

/** The longest hold that is allowed. */
const HOLD_MS_MAX = 50
const PARTS = 10_000
const NAMES = 10_000
const DELETE_KEYS = 1000
const DOCUMENT_BYTES = 4 << 20
const CHUNKS = 256 << 10
const REPEATS = 3

interface Attack {
  readonly what: string
  readonly run: (node: CofferNode, round: number) => Promise<unknown>
}

const uploadOf = async (node: CofferNode, object: string, headers: Record<string, string>) => {
  const { text } = await node.request('POST', `/${bucket}/${object}`, {
    query: { uploads: '' },
    headers,
  })
  return /<UploadId>([^<]+)</.exec(text)?.[1] ?? ''
}

const checksums = {
  sha256: { 'x-amz-checksum-algorithm': 'SHA256' },
  crc64nvme: { 'x-amz-checksum-algorithm': 'CRC64NVME' },
}
type Algorithm = keyof typeof checksums

/** A Swift request of the bench's user. */
function swift(method: string, path: string, request: Request = {}) {
  return async (node: CofferNode) => {
    const headers = { 'x-auth-token': await node.askToken(), ...request.headers }
    return await node.send(method, `/v1/AUTH_${account}/${bucket}${path}`, {
      ...request,
      headers,
    })
  }
}

function withDigest(body: string): Request {
  const digest = createHash('md5').update(body).digest('base64')
  return { body, headers: { 'content-md5': digest } }
}

const repeated = (piece: string, bytes: number) => piece.repeat(Math.floor(bytes / piece.length))

function attacks(uploads: Readonly<Record<string, string>>): Attack[] {
  const complete = (algorithm: Algorithm): Attack => ({
    what: `Complete of ${PARTS.toLocaleString('en')} parts with ${algorithm}, ${DOCUMENT_BYTES >> 20} MiB`,
    run: (node, round) =>
      node.request('POST', `/${bucket}/${algorithm}-${round}`, {
        query: { uploadId: uploads[`${algorithm}-${round}`]! },
        body: completeDocument(PARTS, { algorithm, bytes: DOCUMENT_BYTES }),
      }),
  })
  const junk = { body: `<a>${repeated('<b/>', DOCUMENT_BYTES - 7)}</a>`, anyAnswer: true }
  const keys = (more: string) =>
    Array.from(
      { length: DELETE_KEYS },
      (_, i) => `<Object><Key>flat/${String(i).padStart(4, '0')}</Key>${more}</Object>`,
    ).join('')
  const remove = (more: string): Request => ({
    query: { delete: '' },
    ...withDigest(`<Delete>${keys(more)}</Delete>`),
    anyAnswer: true,
  })
  const version = `<VersionId>${'0'.repeat(32)}</VersionId>`
  return [
    complete('sha256'),
    complete('crc64nvme'),
    {
      what: 'a stranger’s Complete of 4 MiB of <b/>',
      run: (node) => node.send('POST', `/nobucket/nokey?uploadId=x`, junk),
    },
    {
      what: 'an owner’s Complete of 4 MiB of <b/>',
      run: (node) =>
        node.request('POST', `/${bucket}/junk`, { query: { uploadId: uploads.junk! }, ...junk }),
    },
    {
      what: 'a stranger’s DeleteObjects of 1,000 keys',
      run: (node) => node.send('POST', `/${bucket}?delete`, remove('')),
    },
    {
      what: 'DeleteObjects of 1,000 keys',
      run: (node) => node.request('POST', `/${bucket}`, remove('')),
    },
    {
      what: 'DeleteObjects of 1,000 versions that are not there',
      run: (node) => node.request('POST', `/${bucket}`, remove(version)),
    },
    {
      what: `Swift’s listing of ${NAMES.toLocaleString('en')} names, JSON`,
      run: swift('GET', '?format=json'),
    },
    {
      what: `Swift’s listing of ${NAMES.toLocaleString('en')} names, XML`,
      run: swift('GET', '?format=xml'),
    },
    {
      what: 'S3’s listing of 1,000 names',
      run: (node) => node.request('GET', `/${bucket}`, { query: { 'list-type': '2' } }),
    },
    {
      what: 'PUT of 256 KiB in chunks of a byte',
      run: swift('PUT', '/chunks', { body: 'x'.repeat(CHUNKS), chunkBytes: 1 }),
    },
    {
      what: '800 headers',
      run: swift('GET', '/small', {
        headers: Object.fromEntries(Array.from({ length: 800 }, (_, i) => [`x-${i}`, ''])),
      }),
    },
    {
      what: 'Range of 8 KiB',
      run: swift('GET', '/small', {
        headers: { range: `bytes=${repeated('0-,', 8000)}1-` },
        anyAnswer: true,
      }),
    },
    {
      what: 'Accept of 8 KiB',
      run: swift('GET', '?limit=1', { headers: { accept: `${repeated('a/b;q=0.1,', 8000)}*/*` } }),
    },
    {
      what: 'If-None-Match of 8 KiB',
      run: swift('GET', '/small', { headers: { 'if-none-match': `${repeated('"a",', 8000)}"b"` } }),
    },
    {
      what: 'X-Container-Read of 8 KiB',
      run: swift('POST', '', { headers: { 'x-container-read': repeated('%61,', 8000) } }),
    },
    {
      what: '1,000 query parameters',
      run: swift('GET', `?limit=1&${Array.from({ length: 999 }, (_, i) => `p${i}=%41`).join('&')}`),
    },
    {
      what: 'a signature over 1,000 query parameters',
      run: (node) =>
        node.request('GET', `/${bucket}`, {
          query: Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`p${1000 + i}`, 'A'])),
        }),
    },
  ]
}

/** Begins the uploads, uploads their parts, and puts names into the bucket. */
async function prepare(node: CofferNode) {
  const uploads: Record<string, string> = {}
  for (const algorithm of ['sha256', 'crc64nvme'] as const) {
    for (let round = 0; round < REPEATS; round++) {
      const object = `${algorithm}-${round}`
      uploads[object] = await uploadOf(node, object, checksums[algorithm])
    }
  }
  uploads.junk = await uploadOf(node, 'junk', {})
  await node.request('PUT', `/${bucket}/small`, { body: 'x'.repeat(1000) })
  await node.stop()
  const catalog = await openLevelOf(node)
  const cipher = rootCipher(openKeyring(join(node.data, 'keyring'), { create: false }))
  try {
    for (const [object, uploadId] of Object.entries(uploads)) {
      if (object !== 'junk')
        await fillParts(catalog, cipher, { account, container: bucket, object }, uploadId, PARTS)
    }
    await fillNames(catalog, NAMES)
  } finally {
    await catalog.close()
  }
  await node.start()
  await node.child.settledCpuSeconds()
  return uploads
}

export async function measureHolds(bench: Bench): Promise<Finding[]> {
  const node = await bench.startNode({ name: 'node', watched: true })
  const uploads = await prepare(node)
  const findings: Finding[] = []
  for (const { what, run } of attacks(uploads)) {
    const samples: number[] = []
    for (let round = 0; round < REPEATS; round++) {
      samples.push(await node.hold(() => run(node, round)))
    }
    findings.push({ what, unit: 'ms', samples, budget: { atMost: HOLD_MS_MAX } })
  }
  await node.stop()
  return findings
}
