// What the stages of an S3 request hand on beside what every dialect has.
import type { PayloadMode } from '../../lib/auth/sigv4.ts'
import type { Context as AnyContext, State } from '../state.ts'
import type { ClaimedChecksum } from './checksum-headers.ts'
import type { S3Request } from './detect.ts'

export interface S3State extends State {
  /** What `detect` read of the request line and the headers. */
  s3: S3Request
  /** How the body is signed, set by `authenticate`: what the body's source must verify. */
  payload: PayloadMode
  /** Where the request's signature is: in a header, or in the query of a presigned URL. none: it has no signature. */
  signedBy: 'header' | 'query' | 'none'
  /** The checksum that the client sent with the body. `source.read` verifies it. */
  claimedChecksum: ClaimedChecksum | undefined
  /** Base64 MD5 of the request's own customer key, which answers echo; undefined without one. */
  keyMd5: string | undefined
}

export type Context = AnyContext<S3State>
