// Which key a request brings, as the service sees it: one type with a root and a customer case, so that
// no caller branches on it. A request that brings a key never gets root-key bytes, one without a key never
// gets customer-key bytes (D-KEY-RULE). The key is checked before any byte of content.
import { randomBytes } from 'node:crypto'
import { CofferError, isCode } from '../errors.ts'
import type { CustomerKey } from './customer-key.ts'
import {
  type BodySecret,
  type Envelope,
  KIND_CUSTOMER,
  KIND_ROOT,
  SALT_BYTES,
  unwrap,
  type WrapContext,
  wrap,
} from './envelope.ts'

export type { BodySecret, WrapContext }

export interface Cipher {
  readonly sealing: 'root' | 'customer'
  /** Wraps under a new random salt. */
  wrap(context: WrapContext, secret: BodySecret): Envelope
  /** Throws KeyRequired (envelope is a customer's, no key came), KeyNotApplicable (the reverse),
   * KeyWrong, StoreCorrupt (a root-key envelope that does not open). */
  unwrap(context: WrapContext, envelope: Envelope): BodySecret
}

/** The operator's root keys. */
export interface Keyring {
  /** Id of the key that wraps from now on; never empty. */
  readonly active: string
  /** The key's 32 bytes; undefined where the keyring has no such key. */
  key(id: string): Buffer | undefined
}

/** The cipher of requests that bring no key. `wrap` throws Internal where the active key is missing. */
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
        // Nobody sent this key: if it does not fit, the row or the keyring is damaged.
        if (!isCode(error, 'KeyWrong')) throw error
        throw new CofferError('StoreCorrupt', { what: 'envelope', rootKeyId }, error)
      }
    },
  }
}

/** The cipher of requests that bring a customer key. The key stays its maker's to destroy. */
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

/** Seals as `customer` does and opens what either of them opens: for a request that may read both kinds. */
export function eitherCipher(root: Cipher, customer: Cipher): Cipher {
  return {
    sealing: customer.sealing,
    wrap: (context, secret) => customer.wrap(context, secret),
    unwrap: (context, envelope) =>
      (envelope.kind === KIND_ROOT ? root : customer).unwrap(context, envelope),
  }
}
