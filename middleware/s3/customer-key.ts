// A customer key as S3's trio of headers brings it, judged as S3 judges it.
import { KEY_BYTES } from '../../lib/crypto/keys.ts'
import { CofferError } from '../../lib/errors.ts'
import { invalidKey, SentKey, sameMd5 } from '../keys/sent-key.ts'

/** The texts are AWS's, for clients and people search for them. */
const texts = {
  key: 'Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.',
  algorithm:
    'Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.',
  md5: 'Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated MD5 of the secret key.',
  short: 'The secret key was invalid - too short.',
  mismatch: 'The calculated MD5 hash of the key did not match the hash that was provided.',
  length: 'The secret key was invalid for the specified algorithm.',
}

/** S3's trio, in AWS's order of checks. */
export class S3Key extends SentKey {
  protected judge(
    key: string | undefined,
    md5: string | undefined,
    bytes: Buffer,
    options: { md5Required: boolean; lengthChecked: boolean },
  ): Buffer | undefined {
    if (this.algorithm === undefined) throw invalidKey(texts.algorithm)
    if (key === undefined) throw invalidKey(texts.key)
    if (md5 === undefined && options.md5Required) throw invalidKey(texts.md5)
    // AWS skips characters that are not base64, and so does Buffer.
    const length = bytes.write(key, 'base64')
    if (length === 0) throw invalidKey(texts.short)
    const found = bytes.subarray(0, length)
    if (md5 !== undefined && !sameMd5(found, Buffer.from(md5, 'base64'))) {
      throw invalidKey(texts.mismatch)
    }
    if (this.algorithm !== 'AES256') {
      throw new CofferError('KeyAlgorithmInvalid', { value: this.algorithm })
    }
    if (length === KEY_BYTES) return found
    if (options.lengthChecked) throw invalidKey(texts.length)
    return undefined
  }
}
