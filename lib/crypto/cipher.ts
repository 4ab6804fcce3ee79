// Which key a request brings, as the service sees it: one type with a root and a customer case, so that
// no caller branches on it. Rules of DESIGN §7: a request that brings a key never gets root-key bytes,
// one without never gets customer-key bytes; the key is checked before any byte of content.
import type { Envelope } from '../catalog/rows.ts'

/** What the wrap of a body key is bound to (docs/format.md §4). */
export interface WrapContext {
  readonly versionId: string
  readonly account: string
  readonly container: string
  readonly object: string
}

/** What a wrap seals. `size` null: the wrap precedes the body (uploads). */
export interface BodySecret {
  readonly bodyKey: Buffer
  readonly size: number | null
  readonly md5: Buffer | null
}

export interface Cipher {
  readonly sealing: 'root' | 'customer'
  /** Wraps under a new random salt. */
  wrap(context: WrapContext, secret: BodySecret): Envelope
  /** Throws KeyRequired (envelope is a customer's, no key came), KeyNotApplicable (the reverse),
   * KeyWrong, StoreCorrupt (a root-key envelope that does not open). */
  unwrap(context: WrapContext, envelope: Envelope): BodySecret
}
