// Reads x-amz-content-sha256: the body is hashed, unsigned, or aws-chunked in one of three ways.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
import { CofferError } from '../errors.ts'
import type { ChunkSignatures } from './chunk-signatures.ts'

/** How the body is signed, which decides what must be verified while it is read. */
export type PayloadMode =
  /** The whole body's SHA-256 in lower-case hex. */
  | { readonly kind: 'hash'; readonly sha256: string }
  | { readonly kind: 'unsigned' }
  /** aws-chunked. `signatures` is null where chunks are not signed. */
  | {
      readonly kind: 'streaming'
      readonly trailer: boolean
      readonly signatures: ChunkSignatures | null
    }

export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD'

/**
 * Reads the value of x-amz-content-sha256. An absent one counts as unsigned. `signatures` returns the chain for
 * signed chunks; it is absent where no SigV4 signature can be the chain's seed. Throws PayloadHashInvalid, and
 * NotSupported for the ECDSA variants.
 */
export function readPayloadMode(
  value: string | undefined,
  signatures?: () => ChunkSignatures,
): PayloadMode {
  if (value === undefined || value === UNSIGNED_PAYLOAD) return { kind: 'unsigned' }
  if (/^[0-9a-f]{64}$/i.test(value)) return { kind: 'hash', sha256: value.toLowerCase() }
  if (value === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') {
    return { kind: 'streaming', trailer: true, signatures: null }
  }
  const signed = /^STREAMING-AWS4-HMAC-SHA256-PAYLOAD(-TRAILER)?$/.exec(value)
  if (signed !== null && signatures !== undefined) {
    return { kind: 'streaming', trailer: signed[1] !== undefined, signatures: signatures() }
  }
  if (/^STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD(-TRAILER)?$/.test(value)) {
    throw new CofferError('NotSupported', { what: 'SigV4A (AWS4-ECDSA-P256-SHA256)' })
  }
  throw new CofferError('PayloadHashInvalid', {
    message:
      'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.',
  })
}
