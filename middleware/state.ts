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

/** The request line as it was sent, neither decoded nor normalised, and the client. */
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

/** The key headers that `ssec` has taken out of the request. */
export interface RequestKeys {
  /** Headers of the request's own key, even incomplete ones; null where none was sent. */
  readonly own: KeyHeaders | null
  /** Headers of the copy source's key. */
  readonly source: KeyHeaders | null
}

/**
 * Key headers as they were sent. They are judged later, because the operation decides whether a missing MD5 is an
 * error. The values are private fields, which nothing prints, and are dropped when the request ends.
 */
export interface KeyHeaders {
  readonly algorithm: string | undefined
  /** True where all three headers are there, even empty. */
  readonly isComplete: boolean
  /** Judges the headers in the dialect's own order. Undefined: a key of the wrong length, where that is not checked;
   * it fits no object. Throws KeyInvalid, KeyAlgorithmInvalid. */
  read(options: { md5Required: boolean; lengthChecked: boolean }): CustomerKey | undefined
}

/** What an operation does with customer keys: which headers it reads, how strictly. `optional`: a key that is not
 * complete counts as none. */
export type KeyRule = 'write' | 'read' | 'copy' | 'optional' | 'none'

export interface State {
  requestId: string
  log: Logger
  startedMs: number
  target: Target
  /** The name of the dialect that the request speaks, for the log, the audit and metrics. */
  dialect: string
  /** What the dialect's `detect` named (`PutObject`); the log, the audit and the rules of the operation use it. */
  operation: string
  /**
   * The code with which the request was refused or failed, the service's or the dialect's. Undefined where it was
   * not.
   */
  failure: string | undefined
  /** The status that a failure behind a status of success would have had (late-failure.ts). */
  lateStatus: number | undefined
  container: string | undefined
  object: string | undefined
  caller: Caller
  /** The same and facts of the request, as the service takes it. */
  asker: Asker
  /** The access key, or the `account:user` of a login, that was verified. '' for anonymous requests and for tokens. */
  provenAs: string
  source: Source
  keys: RequestKeys
  /** Seals or opens the request's object. `encryption` makes it from the keys and the operation's rule. */
  cipher: Cipher
  /** Opens the source of a copy. */
  sourceCipher: Cipher
}

/** Koa's context of a request whose stages hand on an `S`. */
export type Context<S extends State = State> = ParameterizedContext<S> & {
  req: IncomingMessage
  res: ServerResponse
}
