// The checksum of its body that a client sends, in an `x-amz-checksum-*` header or a trailer, and S3's rules for its
// form.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
import type { IncomingHttpHeaders } from 'node:http'
import { digestBytes } from '../../lib/bytes/digests.ts'
import type { ChecksumAlgorithm } from '../../lib/catalog/rows.ts'
import { CofferError } from '../../lib/errors.ts'

export interface ClaimedChecksum {
  readonly algorithm: ChecksumAlgorithm
  /** The value in base64, undefined where it comes as a trailer. */
  readonly value?: string
}

const PREFIX = 'x-amz-checksum-'
const algorithms: ReadonlySet<string> = new Set<ChecksumAlgorithm>([
  'crc32',
  'crc32c',
  'crc64nvme',
  'sha1',
  'sha256',
])
// Ends of headers that have the same prefix and hold no checksum.
const noValues = new Set(['algorithm', 'type', 'mode'])

const invalid = (message: string) => new CofferError('ChecksumInvalid', { message })

/** The algorithm that a header's name ends with, undefined for an unknown one. */
function algorithmOf(header: string): ChecksumAlgorithm | undefined {
  const name = header.slice(PREFIX.length)
  return header.startsWith(PREFIX) && algorithms.has(name) ? (name as ChecksumAlgorithm) : undefined
}

/** The bytes that base64 stands for, undefined where `text` is not exactly the base64 of `length` bytes. */
export function readBase64(text: string, length: number): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === length && bytes.toString('base64') === text ? bytes : undefined
}

/** Reads a checksum's value from a header, or from a trailer. Throws ChecksumInvalid. */
export function readChecksum(
  algorithm: ChecksumAlgorithm,
  value: string,
  place: 'header' | 'trailing header',
): Buffer {
  const bytes = readBase64(value, digestBytes[algorithm])
  if (bytes === undefined) throw invalid(`Value for ${PREFIX}${algorithm} ${place} is invalid.`)
  return bytes
}

function claimedInHeader(headers: IncomingHttpHeaders): ClaimedChecksum | undefined {
  let claimed: ClaimedChecksum | undefined
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(PREFIX) || noValues.has(name.slice(PREFIX.length))) continue
    const algorithm = algorithmOf(name)
    if (algorithm === undefined) {
      throw invalid(
        'Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]',
      )
    }
    if (claimed !== undefined) throw manyChecksums()
    readChecksum(algorithm, String(value), 'header')
    claimed = { algorithm, value: String(value) }
  }
  return claimed
}

const manyChecksums = () =>
  invalid('Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.')

/**
 * The checksum that the headers carry or announce. Throws ChecksumInvalid with AWS's message for two checksums, an
 * unknown algorithm, a value that is no base64 of the right length, and an algorithm that differs from
 * x-amz-sdk-checksum-algorithm.
 */
export function readClaimedChecksum(headers: IncomingHttpHeaders): ClaimedChecksum | undefined {
  let claimed = claimedInHeader(headers)
  const trailer = headers['x-amz-trailer']
  if (trailer !== undefined) {
    const algorithm = algorithmOf(String(trailer).trim().toLowerCase())
    if (algorithm === undefined) {
      throw invalid('The value specified in the x-amz-trailer header is not supported')
    }
    if (claimed !== undefined) throw manyChecksums()
    claimed = { algorithm }
  }
  const sdk = headers['x-amz-sdk-checksum-algorithm']
  if (sdk === undefined) return claimed
  if (claimed === undefined) {
    throw invalid(
      'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
    )
  }
  if (String(sdk).toLowerCase() !== claimed.algorithm) {
    throw invalid('Value for x-amz-sdk-checksum-algorithm header is invalid.')
  }
  return claimed
}
