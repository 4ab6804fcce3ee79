// A customer's key for as long as its request lasts: 32 bytes behind a handle that does not print,
// zeroed at the end. Not a KeyObject, because that could not be zeroed when we want it.
import { hash } from 'node:crypto'
import { inspect } from 'node:util'
import { CofferError } from '../errors.ts'
import { KEY_BYTES } from './keys.ts'

/** Holds exactly 32 bytes. Whoever makes one calls `destroy` when the request ends. */
export class CustomerKey {
  readonly #bytes: Buffer
  /** Base64 of the key's MD5, which S3 echoes and which is never stored. */
  readonly md5Base64: string
  #destroyed = false

  /** Copies `bytes`, which stay the caller's to zero. Throws KeyInvalid unless there are 32. */
  constructor(bytes: Uint8Array) {
    if (bytes.length !== KEY_BYTES) {
      throw new CofferError('KeyInvalid', { message: 'a customer key has exactly 32 bytes' })
    }
    // Buffer.alloc is not pooled: nothing else lies in this memory, and zeroing it is the end of it.
    this.#bytes = Buffer.alloc(KEY_BYTES)
    this.#bytes.set(bytes)
    this.md5Base64 = hash('md5', this.#bytes, 'base64')
  }

  /** Lends the bytes to `fn`, which must neither keep nor change them. Throws Internal once the key was
   * destroyed: zeroes would be a key like any other. */
  use<T>(fn: (bytes: Buffer) => T): T {
    if (this.#destroyed) throw new CofferError('Internal', { what: 'a customer key used too late' })
    return fn(this.#bytes)
  }

  /** Zeroes the key. Safe more than once. */
  destroy(): void {
    this.#destroyed = true
    this.#bytes.fill(0)
  }

  toString(): string {
    return '[key]'
  }

  toJSON(): string {
    return '[key]'
  }

  [inspect.custom](): string {
    return '[key]'
  }
}
