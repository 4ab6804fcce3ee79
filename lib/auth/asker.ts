// Who asks, and what a rule may know of the request that asks. There is one for each request; every verb of the service
// takes it and hands it on, and lib/service/access.ts alone decides by it.
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
