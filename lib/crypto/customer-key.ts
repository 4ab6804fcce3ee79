// A customer key for the duration of its request: 32 bytes in a handle that does not print, zeroed at the end.
// It is no KeyObject, because Node's KeyObject cannot be zeroed.
import { hash } from 'node:crypto'
import { inspect } from 'node:util'
import { CofferError } from '../errors.ts'
import { KEY_BYTES } from './keys.ts'

/** Holds exactly 32 bytes. Its maker calls `destroy` when the request ends. */
export class CustomerKey {
  readonly #bytes: Buffer
  /** Base64 of the key's MD5, which S3 echoes. It is never stored. */
  readonly md5Base64: string
  #destroyed = false

  /** Copies `bytes`, which the caller zeroes. Throws KeyInvalid unless there are 32. */
  constructor(bytes: Uint8Array) {
    if (bytes.length !== KEY_BYTES) {
      throw new CofferError('KeyInvalid', { message: 'a customer key has exactly 32 bytes' })
    }
    // Buffer.alloc does not pool: this memory holds nothing else, and zeroing it leaves no copy.
    this.#bytes = Buffer.alloc(KEY_BYTES)
    this.#bytes.set(bytes)
    this.md5Base64 = hash('md5', this.#bytes, 'base64')
  }

  /** Calls `fn` with the bytes, which `fn` must neither keep nor change. Throws Internal after `destroy`,
   * because zeroes would be a valid key. */
  use<T>(fn: (bytes: Buffer) => T): T {
    if (this.#destroyed) throw new CofferError('Internal', { what: 'a customer key used too late' })
    return fn(this.#bytes)
  }

  /** Zeroes the key. May be called more than once. */
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
