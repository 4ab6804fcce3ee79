// A customer key as a request brings it: private values, and one key that is handed out and zeroed at the end. How the
// values are judged is the dialect's.
import { hash } from 'node:crypto'
import { CustomerKey } from '../../lib/crypto/customer-key.ts'
import { CofferError } from '../../lib/errors.ts'
import type { KeyHeaders, RequestKeys } from '../state.ts'

/** The three headers of a key as they were sent, undefined where one is missing. An empty header is not missing. */
export interface KeyFields {
  readonly algorithm: string | undefined
  readonly key: string | undefined
  readonly md5: string | undefined
}

/** The request's keys for whoever took them: they are destroyed when the request is over. */
export type SentKeys = { [K in keyof RequestKeys]: (KeyHeaders & { destroy(): void }) | null }

export const invalidKey = (message: string) => new CofferError('KeyInvalid', { message })

/** True where `claimed` is the MD5 of the key. */
export const sameMd5 = (key: Buffer, claimed: Buffer) =>
  claimed.length === 16 && claimed.equals(hash('md5', key, 'buffer'))

/**
 * The part that all spellings share: private values, and one key, which is made at the first read and zeroed at the
 * end.
 */
export abstract class SentKey implements KeyHeaders {
  readonly algorithm: string | undefined
  readonly isComplete: boolean
  #key: string | undefined
  readonly #md5: string | undefined
  #handed: CustomerKey | undefined

  constructor({ algorithm, key, md5 }: KeyFields) {
    this.algorithm = algorithm
    this.#key = key
    this.#md5 = md5
    this.isComplete = algorithm !== undefined && key !== undefined && md5 !== undefined
  }

  read(options: { md5Required: boolean; lengthChecked: boolean }): CustomerKey | undefined {
    const bytes = Buffer.alloc(Math.ceil(((this.#key?.length ?? 0) * 3) / 4))
    try {
      const found = this.judge(this.#key, this.#md5, bytes, options)
      if (found !== undefined) this.#handed ??= new CustomerKey(found)
      return found && this.#handed
    } finally {
      bytes.fill(0)
    }
  }

  /**
   * Decodes the key into `bytes` and returns the part that is the key. Undefined for a key of a wrong length where
   * `lengthChecked` is false. Throws KeyInvalid, KeyAlgorithmInvalid.
   */
  protected abstract judge(
    key: string | undefined,
    md5: string | undefined,
    bytes: Buffer,
    options: { md5Required: boolean; lengthChecked: boolean },
  ): Buffer | undefined

  destroy(): void {
    this.#key = undefined
    this.#handed?.destroy()
  }
}
