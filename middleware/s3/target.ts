// Reads the request line: which bucket and key are addressed, and with what query. Works on the raw
// bytes as they were sent: nothing is normalised, `//`, `.` and `..` are part of a key.
import { decodePercent } from '../percent.ts'
import { parametersOf } from '../query.ts'
import type { Target } from '../state.ts'
import { invalidUri, S3Error } from './s3-error.ts'

/** Container names of the other dialect reach 256 bytes, and S3 serves them too. */
const BUCKET_NAME_BYTES_MAX = 256

export interface Address {
  readonly bucket: string | undefined
  readonly key: string | undefined
}

function decodePath(raw: string, uri: string): string {
  const text = decodePercent(raw, false)
  if (text === undefined) throw invalidUri(uri)
  return text
}

/** The bucket that a virtual-host name carries: the part before the longest domain that fits. */
export function bucketOfHost(host: string, domains: readonly string[]): string | undefined {
  let label: string | undefined
  for (const domain of domains) {
    const end = host.length - domain.length - 1
    if (end < 1 || !host.endsWith(`.${domain.toLowerCase()}`)) continue
    if (label === undefined || end < label.length) label = host.slice(0, end)
  }
  return label
}

/**
 * Bucket and key of a request, path style or virtual host. Throws S3Error InvalidURI for an escape
 * that cannot be read, InvalidBucketName for a bucket that no container can be called.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
 */
export function addressOf(
  target: Pick<Target, 'path' | 'host'>,
  domains: readonly string[],
): Address {
  const { path, host } = target
  if (!path.startsWith('/')) throw invalidUri(path)
  const label = bucketOfHost(host, domains)
  if (label !== undefined)
    return { bucket: label, key: decodePath(path.slice(1), path) || undefined }
  if (path === '/') return { bucket: undefined, key: undefined }
  const slash = path.indexOf('/', 1)
  const end = slash === -1 ? path.length : slash
  const bucket = decodePath(path.slice(1, end), path)
  if (bucket === '' || bucket.includes('/') || Buffer.byteLength(bucket) > BUCKET_NAME_BYTES_MAX) {
    throw new S3Error(400, 'InvalidBucketName', 'The specified bucket is not valid.', {
      BucketName: bucket,
    })
  }
  return { bucket, key: decodePath(path.slice(end + 1), path) || undefined }
}

/**
 * The query's parameters by name, decoded; of several with one name the first counts. Customer keys
 * that came in the query (SigV2 URLs) are left out: only the key headers' own reader may hold them.
 * Throws S3Error InvalidURI where an escape cannot be read or there are more than 1,000 parameters.
 */
export function parseQuery(query: string): Map<string, string> {
  const parameters = new Map<string, string>()
  for (const { name, value } of parametersOf(query, () => invalidUri())) {
    if (name === undefined || value === undefined) throw invalidUri()
    if (name === '' || parameters.has(name) || /customer-key$/i.test(name)) continue
    parameters.set(name, value)
  }
  return parameters
}
