// The key of a request: one type with a root case and a customer case, so that no caller branches on it. A request
// with a key never gets bytes under a root key, and one without a key never gets bytes under a customer key
// (D-KEY-RULE). The key is verified before any byte of content is read.
import { randomBytes } from 'node:crypto'
import { CofferError, isCode } from '../errors.ts'
import type { CustomerKey } from './customer-key.ts'
import {
  type BodySecret,
  type Envelope,
  KIND_CUSTOMER,
  KIND_ROOT,
  unwrap,
  type WrapContext,
  wrap,
} from './envelope.ts'
import { SALT_BYTES } from './wrapping.ts'

export type { BodySecret, WrapContext }

export interface Cipher {
  readonly sealing: 'root' | 'customer'
  /** Wraps a body key under a new random salt. */
  wrap(context: WrapContext, secret: BodySecret): Envelope
  /** Opens an envelope. Throws KeyRequired (the envelope is a customer's, and the request brought no key),
   * KeyNotApplicable (the reverse), KeyWrong, StoreCorrupt (an envelope under a root key does not open). */
  unwrap(context: WrapContext, envelope: Envelope): BodySecret
}

/** The operator's root keys. */
export interface Keyring {
  /** Id of the root key that wraps new body keys; never empty. */
  readonly active: string
  /** The key's 32 bytes; undefined where the keyring has no key of that id. */
  key(id: string): Buffer | undefined
}

/** The cipher of requests without a key. `wrap` throws Internal where the active key is missing. */
export function rootCipher(keyring: Keyring): Cipher {
  return {
    sealing: 'root',
    wrap(context, secret) {
      const key = keyring.key(keyring.active)
      if (key === undefined) throw new CofferError('Internal', { what: 'active root key missing' })
      return wrap(key, KIND_ROOT, keyring.active, context, secret, randomBytes(SALT_BYTES))
    },
    unwrap(context, envelope) {
      if (envelope.kind === KIND_CUSTOMER) throw new CofferError('KeyRequired')
      const { rootKeyId } = envelope
      const key = keyring.key(rootKeyId)
      if (key === undefined) {
        throw new CofferError('StoreCorrupt', { what: 'root key not in keyring', rootKeyId })
      }
      try {
        return unwrap(key, context, envelope)
      } catch (error) {
        // No client sent this key. Where it is wrong, the row or the keyring is damaged.
        if (!isCode(error, 'KeyWrong')) throw error
        throw new CofferError('StoreCorrupt', { what: 'envelope', rootKeyId }, error)
      }
    },
  }
}

/** The cipher of requests with a customer key. The caller destroys the key. */
export function customerCipher(key: CustomerKey): Cipher {
  return {
    sealing: 'customer',
    wrap(context, secret) {
      const salt = randomBytes(SALT_BYTES)
      return key.use((bytes) => wrap(bytes, KIND_CUSTOMER, '', context, secret, salt))
    },
    unwrap(context, envelope) {
      if (envelope.kind === KIND_ROOT) throw new CofferError('KeyNotApplicable')
      return key.use((bytes) => unwrap(bytes, context, envelope))
    },
  }
}

/** Wraps as `customer` does, and opens envelopes of both kinds: for a request that may read both. */
export function eitherCipher(root: Cipher, customer: Cipher): Cipher {
  return {
    sealing: customer.sealing,
    wrap: (context, secret) => customer.wrap(context, secret),
    unwrap: (context, envelope) =>
      (envelope.kind === KIND_ROOT ? root : customer).unwrap(context, envelope),
  }
}
