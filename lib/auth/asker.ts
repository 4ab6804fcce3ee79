// The caller of a request, with the facts of the request that a rule of access may use. Each request has one Asker.
// Every verb of the service takes it and passes it on, and only lib/service/access.ts decides by it.
import type { Caller } from './identity.ts'

/** Implementations may look a fact up only when it is read: most requests are decided by the caller alone. */
export interface Asker {
  /** Who proved who they are; null is anybody. */
  readonly caller: Caller
  /** Address of the client, behind trusted proxies too. */
  readonly address: string
  /** The request came through TLS, the node's own or a trusted proxy's. */
  readonly encrypted: boolean
  /** Value of the Referer header, which a container's read list may name. */
  readonly referrer: string | undefined
  /** Value of another header by its name in lower case. Those that carry a customer's key are never among them. */
  header(name: string): string | undefined
}
