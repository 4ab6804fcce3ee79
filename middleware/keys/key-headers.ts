// A customer key as one spelling of its headers brings it: S3's trio, judged as S3 judges it, and Swift's
// three, judged strictly, because there the MD5 that would show a typing mistake may be missing.
import { hash } from 'node:crypto'
import { CustomerKey } from '../../lib/crypto/customer-key.ts'
import { KEY_BYTES } from '../../lib/crypto/keys.ts'
import { CofferError } from '../../lib/errors.ts'
import { titled } from '../gatekeeper.ts'
import type { KeyHeaders } from '../state.ts'

/** The three headers, as sent: undefined where one is missing. Presence is 'it exists, even empty'. */
export interface KeyFields {
  readonly algorithm: string | undefined
  readonly key: string | undefined
  readonly md5: string | undefined
}

/** AWS's own texts, because clients and people search for them (D-KEY-ORDER). */
const texts = {
  key: 'Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.',
  algorithm:
    'Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.',
  md5: 'Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated MD5 of the secret key.',
  short: 'The secret key was invalid - too short.',
  mismatch: 'The calculated MD5 hash of the key did not match the hash that was provided.',
  length: 'The secret key was invalid for the specified algorithm.',
}

const invalid = (message: string) => new CofferError('KeyInvalid', { message })

const sameMd5 = (key: Buffer, claimed: Buffer) =>
  claimed.length === 16 && claimed.equals(hash('md5', key, 'buffer'))

/** What every spelling has: private values, and one key that is handed out and zeroed at the end. */
abstract class SentKey implements KeyHeaders {
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
   * Decodes the key into `bytes` and gives the part of them that is the key; undefined for one of the wrong
   * length where that is not checked. Throws KeyInvalid, KeyAlgorithmInvalid.
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

/** S3's trio, in AWS's order of checks. */
export class S3Key extends SentKey {
  protected judge(
    key: string | undefined,
    md5: string | undefined,
    bytes: Buffer,
    options: { md5Required: boolean; lengthChecked: boolean },
  ): Buffer | undefined {
    if (this.algorithm === undefined) throw invalid(texts.algorithm)
    if (key === undefined) throw invalid(texts.key)
    if (md5 === undefined && options.md5Required) throw invalid(texts.md5)
    // AWS decodes leniently, and so does Buffer: foreign characters are skipped.
    const length = bytes.write(key, 'base64')
    if (length === 0) throw invalid(texts.short)
    const found = bytes.subarray(0, length)
    if (md5 !== undefined && !sameMd5(found, Buffer.from(md5, 'base64'))) {
      throw invalid(texts.mismatch)
    }
    if (this.algorithm !== 'AES256') {
      throw new CofferError('KeyAlgorithmInvalid', { value: this.algorithm })
    }
    if (length === KEY_BYTES) return found
    if (options.lengthChecked) throw invalid(texts.length)
    return undefined
  }
}

/** Names of the three headers of a spelling, in lower case. */
export interface Spelling {
  readonly algorithm: string
  readonly key: string
  readonly md5: string
}

/** A spelling on a Swift request. The MD5 may be missing; all else must be exactly right, on reads too. */
export class SwiftKey extends SentKey {
  readonly #names: Spelling

  constructor(fields: KeyFields, names: Spelling) {
    super(fields)
    this.#names = names
  }

  /** What messages call it. */
  get name(): string {
    return titled(this.#names.key)
  }

  protected judge(key: string | undefined, md5: string | undefined, bytes: Buffer): Buffer {
    const algorithm = titled(this.#names.algorithm)
    if (key === undefined) throw invalid(`${this.name} is missing`)
    if (this.algorithm === undefined) {
      throw invalid(`${algorithm} is missing: it comes with ${this.name}, and is AES256`)
    }
    if (this.algorithm !== 'AES256') throw invalid(`${algorithm} must be AES256`)
    const form = `${this.name} must be the base64 of exactly ${KEY_BYTES} bytes`
    // 43 characters, of which the last carries four bits, and one of padding.
    if (!/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(key)) throw invalid(form)
    const found = bytes.subarray(0, bytes.write(key, 'base64'))
    if (md5 !== undefined && !sameMd5(found, Buffer.from(md5, 'base64'))) {
      const name = titled(this.#names.md5).replace('Md5', 'MD5')
      throw invalid(`${name} is not the base64 of the MD5 of the key in ${this.name}`)
    }
    return found
  }
}

/** A key that one Swift request brings in several spellings, which must agree. */
export class SwiftKeys implements KeyHeaders {
  readonly #keys: readonly SwiftKey[]

  /** At least one. */
  constructor(keys: readonly SwiftKey[]) {
    this.#keys = keys
  }

  get algorithm(): string | undefined {
    return this.#keys[0]!.algorithm
  }

  get isComplete(): boolean {
    return this.#keys.every((key) => key.isComplete)
  }

  read(options: { md5Required: boolean; lengthChecked: boolean }): CustomerKey | undefined {
    const [first, ...others] = this.#keys
    const key = first!.read(options)
    for (const other of others) {
      if (other.read(options)?.md5Base64 === key?.md5Base64) continue
      throw invalid(`${first!.name} and ${other.name} are two different keys`)
    }
    return key
  }

  destroy(): void {
    for (const key of this.#keys) key.destroy()
  }
}
