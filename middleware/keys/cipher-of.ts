// Makes a cipher of a customer key as a request brought it.
import { type Cipher, customerCipher } from '../../lib/crypto/cipher.ts'
import { CofferError } from '../../lib/errors.ts'
import type { KeyHeaders } from '../state.ts'

/** How strictly the headers of a key are read. */
export type Options = Parameters<KeyHeaders['read']>[0]

export const strict: Options = { md5Required: true, lengthChecked: true }
/** Reads may leave the MD5 out, and a key of another length is just a wrong one. */
export const lenient: Options = { md5Required: false, lengthChecked: false }

/** The cipher of a key of a wrong length, which opens no object. */
const misfit: Cipher = {
  sealing: 'customer',
  wrap() {
    throw new CofferError('Internal', { what: 'a key of the wrong length cannot wrap' })
  },
  unwrap(_context, envelope) {
    throw new CofferError(envelope.kind === 1 ? 'KeyNotApplicable' : 'KeyWrong')
  },
}

/**
 * The cipher, and the base64 MD5 of its key where that has the right length. Throws KeyInvalid, KeyAlgorithmInvalid.
 */
export function cipherOf(
  headers: KeyHeaders,
  options: Options,
): { cipher: Cipher; md5: string | undefined } {
  const key = headers.read(options)
  if (key === undefined) return { cipher: misfit, md5: undefined }
  return { cipher: customerCipher(key), md5: key.md5Base64 }
}
