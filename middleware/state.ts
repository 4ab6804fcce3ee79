// What the pipeline's middlewares hand to one another in `ctx.state`, and the node they serve.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ParameterizedContext } from 'koa'
import type { Logger } from 'pino'
import type { Audit } from '../lib/audit.ts'
import type { Asker } from '../lib/auth/asker.ts'
import type { Caller } from '../lib/auth/identity.ts'
import type { PayloadMode } from '../lib/auth/sigv4.ts'
import type { Tokens } from '../lib/auth/tokens.ts'
import type { Users } from '../lib/auth/users.ts'
import type { Budget } from '../lib/budget.ts'
import type { Source } from '../lib/bytes/source.ts'
import type { Config } from '../lib/config/config.ts'
import type { Cipher } from '../lib/crypto/cipher.ts'
import type { CustomerKey } from '../lib/crypto/customer-key.ts'
import type { Figures } from '../lib/figures.ts'
import type { Service } from '../lib/service/types.ts'
import type { ClaimedChecksum } from './checksum-headers.ts'
import type { Limits } from './limits.ts'
import type { Metrics } from './ops/metrics.ts'
import type { S3Request } from './s3/detect.ts'
import type { SwiftRequest } from './swift/detect.ts'

/** Everything a request may need of the process, handed down by the composition root. */
export interface NodeParts {
  readonly config: Config
  readonly service: Service
  readonly users: Users
  readonly tokens: Tokens
  readonly rootCipher: Cipher
  /** Memory for what is on its way to clients. */
  readonly answerMemory: Budget
  readonly log: Logger
  readonly audit: Pick<Audit, 'write'>
  /** Null when requests are served, else why not (for health). */
  readonly impaired: () => string | null
  /** What the stores tell of themselves, for metrics. */
  readonly figures: () => Promise<Figures>
  /** The program's. */
  readonly version: string
}

/** What the servers serve: the parts of the process, and what they count and bound together. */
export interface Node extends NodeParts {
  readonly metrics: Metrics
  readonly limits: Limits
}

export type Dialect = 's3' | 'swift'

/** The request line as sent: nothing decoded, nothing normalised. */
export interface Target {
  /** With its leading slash, up to `?`. */
  readonly path: string
  /** Behind `?`, or ''. */
  readonly query: string
  /** Host as the client sees it (X-Forwarded-Host of a trusted proxy, else Host), lower case, no port. */
  readonly host: string
  /** Where the client reaches this listener: scheme, host, port and path; no slash at its end. */
  readonly baseUrl: string
  readonly secure: 'direct' | 'forwarded' | 'loopback' | 'no'
  /** Address of the client, behind trusted proxies too. */
  readonly address: string
}

/** What `ssec` made of the key headers; the raw ones are gone from the request. */
export interface RequestKeys {
  /** Headers of the request's own key, even incomplete ones; null where none was sent. */
  readonly own: KeyHeaders | null
  /** Headers of the copy source's key. */
  readonly source: KeyHeaders | null
}

/** Key headers as sent, not yet judged: whether a missing MD5 is an error depends on the operation.
 * The values are private and forgotten when the request ends; nothing prints them. */
export interface KeyHeaders {
  readonly algorithm: string | undefined
  /** True where all three headers are there, even empty. */
  readonly isComplete: boolean
  /** Judges the headers in the order of D-KEY-ORDER. Undefined: a key of the wrong length, where
   * that is not checked; it fits no object. Throws KeyInvalid, KeyAlgorithmInvalid. */
  read(options: { md5Required: boolean; lengthChecked: boolean }): CustomerKey | undefined
}

/** What an operation does with customer keys: which headers it reads, and how strictly (D-KEY-READS, D-KEY-PARTS). */
export type KeyRule = 'write' | 'read' | 'copy' | 'complete' | 'none'

export interface State {
  requestId: string
  log: Logger
  startedMs: number
  target: Target
  dialect: Dialect
  /** For S3 what `detect` named (`PutObject`); the log, the audit and the rules of the operation use it. */
  operation: string
  /** What the S3 dialect's `detect` read; only on requests of that dialect. */
  s3: S3Request
  /** What the Swift dialect's `detect` read; only on requests of that dialect. */
  swift: SwiftRequest
  /** What the request was refused for, or failed with: a code of the service's or of the dialect's own;
   * undefined where it was not. */
  failure: string | undefined
  /** Where it failed behind a status of success: the status that the failure would have had. */
  lateStatus: number | undefined
  /** A token was sent, right or wrong: what is denied is 403 with a right one, else 401. Only Swift. */
  token: 'none' | 'valid' | 'invalid'
  container: string | undefined
  object: string | undefined
  caller: Caller
  /** The same and facts of the request, as the service takes it. */
  asker: Asker
  /** By which access key, or `account:user` of a login, the caller proved who it is; '' for anybody and for tokens. */
  provenAs: string
  /** The `account:user` that a login of Swift names, not yet checked; '' where there is none. */
  loginAs: string
  /** How the body is signed, set by auth: what `body` must verify. */
  payload: PayloadMode
  /** Presigned query parameters or a header signed the request; none: anonymous. */
  signedBy: 'header' | 'query' | 'none'
  source: Source
  /** The checksum that the client sent with the body, set by body. `read` verifies it. */
  claimedChecksum: ClaimedChecksum | undefined
  keys: RequestKeys
  /** What seals or opens the request's object; made by `encryption` from the keys and the operation's rule. */
  cipher: Cipher
  /** The same for the source of a copy. */
  sourceCipher: Cipher
  /** Base64 MD5 of the request's own customer key, which S3 echoes; undefined without one. */
  keyMd5: string | undefined
}

export type Context = ParameterizedContext<State> & { req: IncomingMessage; res: ServerResponse }
