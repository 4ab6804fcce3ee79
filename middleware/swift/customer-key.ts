// A customer key as a Swift request brings it, in one spelling or several that agree. It is judged strictly, because
// the MD5 that would show a typing mistake may be missing.
import type { CustomerKey } from '../../lib/crypto/customer-key.ts'
import { KEY_BYTES } from '../../lib/crypto/keys.ts'
import { invalidKey, type KeyFields, SentKey, sameMd5 } from '../keys/sent-key.ts'
import type { Spelling } from '../keys/take-fields.ts'
import type { KeyHeaders } from '../state.ts'
import { titled } from './header-names.ts'

/** A key in one spelling on a Swift request. The MD5 may be missing. Everything else must be right, on reads too. */
export class SwiftKey extends SentKey {
  readonly #names: Spelling

  constructor(fields: KeyFields, names: Spelling) {
    super(fields)
    this.#names = names
  }

  /** The name of the key's header in messages. */
  get name(): string {
    return titled(this.#names.key)
  }

  protected judge(key: string | undefined, md5: string | undefined, bytes: Buffer): Buffer {
    const algorithm = titled(this.#names.algorithm)
    if (key === undefined) throw invalidKey(`${this.name} is missing`)
    if (this.algorithm === undefined) {
      throw invalidKey(`${algorithm} is missing: it comes with ${this.name}, and is AES256`)
    }
    if (this.algorithm !== 'AES256') throw invalidKey(`${algorithm} must be AES256`)
    const form = `${this.name} must be the base64 of exactly ${KEY_BYTES} bytes`
    // 43 characters, of which the last carries four bits, and one of padding.
    if (!/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(key)) throw invalidKey(form)
    const found = bytes.subarray(0, bytes.write(key, 'base64'))
    if (md5 !== undefined && !sameMd5(found, Buffer.from(md5, 'base64'))) {
      const name = titled(this.#names.md5).replace('Md5', 'MD5')
      throw invalidKey(`${name} is not the base64 of the MD5 of the key in ${this.name}`)
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
      throw invalidKey(`${first!.name} and ${other.name} are two different keys`)
    }
    return key
  }

  destroy(): void {
    for (const key of this.#keys) key.destroy()
  }
}
