// Reads the request line: which bucket and key are addressed, and with what query. Works on the raw
// bytes as they were sent: nothing is normalised, `//`, `.` and `..` are part of a key.
import type { Target } from '../state.ts'
import { invalidUri, S3Error } from './s3-error.ts'

/** More parameters than any operation has; what a client sends beyond that is refused. */
const PARAMETERS_MAX = 1000
/** Container names of the other dialect reach 256 bytes, and S3 serves them too. */
const BUCKET_NAME_BYTES_MAX = 256

export interface Address {
  readonly bucket: string | undefined
  readonly key: string | undefined
}

// The byte-order mark is a legal beginning of a key.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Value of an ASCII hex digit, or -1. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const letter = code | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}

/**
 * Decodes percent-encoded UTF-8. `raw` has one character a byte, as Node gives it. Undefined where an
 * escape is broken or the bytes are no UTF-8 (RFC 3986 §2.1, RFC 3629).
 */
export function decodePercent(raw: string, plusIsSpace: boolean): string | undefined {
  if (!/[%+\x80-\uffff]/.test(raw)) return raw
  const bytes = Buffer.allocUnsafe(raw.length)
  let length = 0
  for (let i = 0; i < raw.length; i++) {
    let code = raw.charCodeAt(i)
    if (code > 0xff) return undefined
    if (code === 0x25) {
      const high = hexDigit(raw.charCodeAt(i + 1))
      const low = hexDigit(raw.charCodeAt(i + 2))
      if (high < 0 || low < 0) return undefined
      code = high * 16 + low
      i += 2
    } else if (code === 0x2b && plusIsSpace) {
      code = 0x20
    }
    bytes[length++] = code
  }
  try {
    return utf8.decode(bytes.subarray(0, length))
  } catch {
    return undefined
  }
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
  let start = 0
  for (let count = 0; start < query.length; count++) {
    if (count >= PARAMETERS_MAX) throw invalidUri()
    const ampersand = query.indexOf('&', start)
    const end = ampersand === -1 ? query.length : ampersand
    const pair = query.slice(start, end)
    start = end + 1
    const equals = pair.indexOf('=')
    const name = decodePercent(equals === -1 ? pair : pair.slice(0, equals), true)
    const value = decodePercent(equals === -1 ? '' : pair.slice(equals + 1), true)
    if (name === undefined || value === undefined) throw invalidUri()
    if (name === '' || parameters.has(name) || /customer-key$/i.test(name)) continue
    parameters.set(name, value)
  }
  return parameters
}
