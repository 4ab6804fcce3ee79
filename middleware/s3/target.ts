// Reads the request line: bucket, key and query. It reads the raw bytes as they were sent and normalises nothing: `//`,
// `.` and `..` are part of a key.
import { bucketOfHost } from '../../lib/auth/virtual-host.ts'
import { CONTAINER_NAME_BYTES_MAX } from '../../lib/names.ts'
import { decodePercent } from '../http/percent.ts'
import { parametersOf } from '../http/query.ts'
import type { Target } from '../state.ts'
import { invalidArgument, invalidUri, S3Error } from './s3-error.ts'

export interface Address {
  readonly bucket: string | undefined
  readonly key: string | undefined
}

function decodePath(raw: string, uri: string): string {
  const text = decodePercent(raw, false)
  if (text === undefined) throw invalidUri(uri)
  return text
}

/**
 * Characters of a bucket's name in a host. A percent escape is refused, because SigV2 signs the host undecoded and
 * would name another bucket.
 */
const HOST_NAME = /^[a-z0-9._-]+$/

const invalidBucketName = (bucket: string) =>
  new S3Error(400, 'InvalidBucketName', 'The specified bucket is not valid.', {
    BucketName: bucket,
  })

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
  if (label !== undefined) {
    if (!HOST_NAME.test(label)) throw invalidBucketName(label)
    return { bucket: label, key: decodePath(path.slice(1), path) || undefined }
  }
  if (path === '/') return { bucket: undefined, key: undefined }
  const slash = path.indexOf('/', 1)
  const end = slash === -1 ? path.length : slash
  const bucket = decodePath(path.slice(1, end), path)
  if (
    bucket === '' ||
    bucket.includes('/') ||
    Buffer.byteLength(bucket) > CONTAINER_NAME_BYTES_MAX
  ) {
    throw invalidBucketName(bucket)
  }
  return { bucket, key: decodePath(path.slice(end + 1), path) || undefined }
}

/**
 * A query's parameters by name, decoded. Reading one that came twice with two values throws S3Error InvalidArgument
 * (D-PARAMETER-TWICE), because signer and reader could each mean another value. Parameters that S3 does not have are
 * never read.
 */
class Parameters extends Map<string, string> {
  readonly #ambiguous = new Set<string>()

  /** Adds the next parameter of the query. */
  add(name: string, value: string): void {
    if (super.has(name) && super.get(name) !== value) this.#ambiguous.add(name)
    else super.set(name, value)
  }

  override has(name: string): boolean {
    this.#requireOne(name)
    return super.has(name)
  }

  override get(name: string): string | undefined {
    this.#requireOne(name)
    return super.get(name)
  }

  #requireOne(name: string): void {
    if (!this.#ambiguous.has(name)) return
    throw invalidArgument('A query parameter must not come twice with different values.', name)
  }
}

/**
 * The query's parameters by name, decoded. A customer key in the query keeps its name only: middleware/auth.ts has
 * put the value of a presigned one into the headers. Throws S3Error InvalidURI where an escape cannot be read or
 * there are more than 1,000 parameters. Reading one that came twice with different values throws S3Error
 * InvalidArgument.
 */
export function parseQuery(query: string): ReadonlyMap<string, string> {
  const parameters = new Parameters()
  for (const { name, value } of parametersOf(query, () => invalidUri())) {
    if (name === undefined || value === undefined) throw invalidUri()
    if (name !== '')
      parameters.add(name, /encryption[-_](?:customer[-_])?key$/i.test(name) ? '' : value)
  }
  return parameters
}
