// The body of an S3 request: out of aws-chunked, and held to what its signature, digest and checksum say of it.
import type { IncomingMessage } from 'node:http'
import { ChunkedPieces } from '../../lib/auth/sigv4-chunks.ts'
import type { Pieces } from '../../lib/bytes/pull.ts'
import { type Claims, VerifiedSource } from '../../lib/bytes/verify.ts'
import { CofferError } from '../../lib/errors.ts'
import { type Announced, requireLength, requireWhole } from '../http/received-body.ts'
import {
  type ClaimedChecksum,
  readBase64,
  readChecksum,
  readClaimedChecksum,
} from './checksum-headers.ts'
import type { Context } from './context.ts'
import type { OperationName } from './names.ts'

/** Operations that store their body. */
const storing: ReadonlySet<string> = new Set<OperationName>(['PutObject', 'UploadPart'])

// Operations whose x-amz-checksum-* headers are of the object and not of the request's body.
const describeObject: ReadonlySet<string> = new Set<OperationName>(['CompleteMultipartUpload'])

/** Content-MD5, RFC 1864. Throws DigestInvalid. */
function claimedMd5(req: IncomingMessage): Buffer | undefined {
  const value = req.headers['content-md5']
  if (value === undefined) return undefined
  const bytes = readBase64(String(value), 16)
  if (bytes === undefined) throw new CofferError('DigestInvalid', { value: String(value) })
  return bytes
}

/** x-amz-decoded-content-length. Throws LengthMissing. */
function decodedLength(req: IncomingMessage): number {
  const value = String(req.headers['x-amz-decoded-content-length'] ?? '')
  if (!/^\d{1,15}$/.test(value)) throw new CofferError('LengthMissing')
  return Number(value)
}

function checksumClaim(claimed: ClaimedChecksum | undefined, chunks: ChunkedPieces | null) {
  if (claimed === undefined) return undefined
  const { algorithm, value } = claimed
  return {
    algorithm,
    value: () =>
      value === undefined
        ? readChecksum(
            algorithm,
            chunks?.trailer(`x-amz-checksum-${algorithm}`) ?? '',
            'trailing header',
          )
        : readChecksum(algorithm, value, 'header'),
  }
}

/** Sets `source` and `claimedChecksum`, from the headers and from how the request is signed. Throws LengthMissing,
 * BodyPartial, DigestInvalid, ChecksumInvalid, TrailerMalformed. */
export function prepareBody(ctx: Context, raw: Pieces, announced: Announced): void {
  const { req, state } = ctx
  const { payload } = state
  const { chunked, length } = announced
  if (storing.has(state.operation)) requireLength(announced)
  if (state.operation === 'PutObject') requireWhole(req)
  const claimed = describeObject.has(state.operation) ? undefined : readClaimedChecksum(req.headers)
  const announcesTrailer = claimed !== undefined && claimed.value === undefined
  if (announcesTrailer && !(payload.kind === 'streaming' && payload.trailer)) {
    throw new CofferError('TrailerMalformed')
  }
  const md5 = claimedMd5(req)
  const chunks =
    payload.kind === 'streaming'
      ? new ChunkedPieces(raw, {
          decodedBytes: decodedLength(req),
          trailer: payload.trailer,
          announced: announcesTrailer ? `x-amz-checksum-${claimed.algorithm}` : undefined,
          signatures: payload.signatures,
        })
      : null
  const checksum = checksumClaim(claimed, chunks)
  const plainLength = chunks === null ? (chunked ? undefined : (length ?? 0)) : decodedLength(req)
  const claims: Claims = {
    ...(plainLength !== undefined && { length: plainLength }),
    ...(md5 !== undefined && { md5 }),
    ...(payload.kind === 'hash' && { sha256: payload.sha256 }),
    ...(checksum !== undefined && { checksum }),
  }
  state.claimedChecksum = claimed
  state.source = new VerifiedSource(chunks ?? raw, claims)
}
