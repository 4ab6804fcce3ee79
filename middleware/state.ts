// What the pipeline's stages hand to one another in `ctx.state`, whatever the dialect. Each dialect adds what it alone
// reads, in a type of its own.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ParameterizedContext } from 'koa'
import type { Logger } from 'pino'
import type { Asker } from '../lib/auth/asker.ts'
import type { Caller } from '../lib/auth/identity.ts'
import type { Source } from '../lib/bytes/source.ts'
import type { Cipher } from '../lib/crypto/cipher.ts'
import type { CustomerKey } from '../lib/crypto/customer-key.ts'

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
  /** Judges the headers in the dialect's own order. Undefined: a key of the wrong length, where that is not checked;
   * it fits no object. Throws KeyInvalid, KeyAlgorithmInvalid. */
  read(options: { md5Required: boolean; lengthChecked: boolean }): CustomerKey | undefined
}

/** What an operation does with customer keys: which headers it reads, how strictly. */
export type KeyRule = 'write' | 'read' | 'copy' | 'complete' | 'none'

export interface State {
  requestId: string
  log: Logger
  startedMs: number
  target: Target
  /** The name of the dialect that the request speaks, for the log, the audit and metrics. */
  dialect: string
  /** What the dialect's `detect` named (`PutObject`); the log, the audit and the rules of the operation use it. */
  operation: string
  /** What the request was refused for, or failed with: a code of the service's or of the dialect's own;
   * undefined where it was not. */
  failure: string | undefined
  /** Where it failed behind a status of success: the status that the failure would have had. */
  lateStatus: number | undefined
  container: string | undefined
  object: string | undefined
  caller: Caller
  /** The same and facts of the request, as the service takes it. */
  asker: Asker
  /** By which access key, or `account:user` of a login, the caller proved who it is; '' for anybody and for tokens. */
  provenAs: string
  source: Source
  keys: RequestKeys
  /** What seals or opens the request's object; made by `encryption` from the keys and the operation's rule. */
  cipher: Cipher
  /** The same for the source of a copy. */
  sourceCipher: Cipher
}

/** Koa's context of a request whose stages hand on an `S`. */
export type Context<S extends State = State> = ParameterizedContext<S> & {
  req: IncomingMessage
  res: ServerResponse
}
