// How S3 spells the five checksum algorithms, in headers and in XML.
import type { Checksum, ChecksumAlgorithm, PartChecksum } from '../../lib/catalog/rows.ts'
import type { Header } from './headers.ts'
import { invalidRequest } from './s3-error.ts'
import { type Fragment, leaf } from './xml-writer.ts'

const spellings = {
  crc32: 'CRC32',
  crc32c: 'CRC32C',
  crc64nvme: 'CRC64NVME',
  sha1: 'SHA1',
  sha256: 'SHA256',
} as const satisfies Record<ChecksumAlgorithm, string>

const algorithms = Object.keys(spellings) as readonly ChecksumAlgorithm[]

/** Element name to algorithm: `ChecksumCRC32` … */
export const checksumElements: ReadonlyMap<string, ChecksumAlgorithm> = new Map(
  algorithms.map((algorithm) => [`Checksum${spellings[algorithm]}`, algorithm]),
)

/** `CRC32` … */
export const spelledAlgorithm = (algorithm: ChecksumAlgorithm): string => spellings[algorithm]

/** `x-amz-checksum-crc32` … */
export const checksumHeader = (algorithm: ChecksumAlgorithm) => `x-amz-checksum-${algorithm}`

/** A checksum's value as an element of a result document. */
export function checksumElement(checksum: PartChecksum | null): Fragment {
  if (checksum === null) return leaf('', undefined)
  return leaf(`Checksum${spellings[checksum.algorithm]}`, checksum.value)
}

/** `<ChecksumAlgorithm>` and `<ChecksumType>`; nothing for an object without a checksum. */
export function checksumKind(
  checksum: { algorithm: ChecksumAlgorithm; type: Checksum['type'] } | null,
): readonly Fragment[] {
  if (checksum === null) return []
  return [
    leaf('ChecksumAlgorithm', spellings[checksum.algorithm]),
    leaf('ChecksumType', checksum.type),
  ]
}

/** Reads `CRC32`, in any case. Throws S3Error InvalidRequest for an unknown algorithm. */
export function readAlgorithm(spelled: string): ChecksumAlgorithm {
  const found = algorithms.find((algorithm) => algorithm === spelled.trim().toLowerCase())
  if (found !== undefined) return found
  throw invalidRequest(
    'Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]',
  )
}

/**
 * The checksum that CreateMultipartUpload chooses for its upload. Where no type is sent, the algorithm decides: SHAs
 * are composite, CRC64NVME covers the whole object. Throws S3Error InvalidRequest for a pair that does not exist.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
 */
export function uploadChecksum(
  header: Header,
): { algorithm: ChecksumAlgorithm; type: Checksum['type'] } | undefined {
  const named = header('x-amz-checksum-algorithm')
  const type = readChecksumType(header)
  if (named === undefined) {
    if (type === undefined) return undefined
    throw invalidRequest(
      'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
    )
  }
  const algorithm = readAlgorithm(named)
  const usual = algorithm === 'crc64nvme' ? 'FULL_OBJECT' : 'COMPOSITE'
  const impossible =
    algorithm === 'crc64nvme' ? 'COMPOSITE' : /^sha/.test(algorithm) && 'FULL_OBJECT'
  if (type !== undefined && type === impossible) {
    throw invalidRequest(
      `The ${type} checksum type cannot be used with the ${algorithm} checksum algorithm.`,
    )
  }
  return { algorithm, type: type ?? usual }
}

/** `x-amz-checksum-type`. Throws S3Error InvalidRequest for an unknown one. */
export function readChecksumType(header: Header): Checksum['type'] | undefined {
  const type = header('x-amz-checksum-type')?.trim().toUpperCase()
  if (type === undefined || type === 'COMPOSITE' || type === 'FULL_OBJECT') return type
  throw invalidRequest('Value for x-amz-checksum-type header is invalid.')
}

/**
 * The checksum of the whole that CompleteMultipartUpload may carry; a composite one ends with `-<parts>`.
 * Throws S3Error InvalidRequest for several, and for one that is no base64.
 */
export function claimedChecksum(header: Header): PartChecksum | undefined {
  const sent = algorithms.filter((algorithm) => header(checksumHeader(algorithm)) !== undefined)
  const algorithm = sent[0]
  if (algorithm === undefined) return undefined
  if (sent.length > 1) {
    throw invalidRequest(
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    )
  }
  const value = header(checksumHeader(algorithm))!.trim()
  if (!/^[A-Za-z0-9+/]+={0,2}(?:-\d{1,5})?$/.test(value)) {
    throw invalidRequest(`Value for ${checksumHeader(algorithm)} header is invalid.`)
  }
  return { algorithm, value }
}
