// Customer keys on Swift requests: the spellings that they are taken from, and which ciphers they make.
import type { IncomingMessage } from 'node:http'
import { eitherCipher } from '../../lib/crypto/cipher.ts'
import { CofferError } from '../../lib/errors.ts'
import { cipherOf, strict } from '../keys/cipher-of.ts'
import type { KeyFields, SentKeys } from '../keys/sent-key.ts'
import { amz, type Spelling, spelling, takeFields } from '../keys/take-fields.ts'
import type { KeyRule } from '../state.ts'
import type { Context } from './context.ts'
import { SwiftKey, SwiftKeys } from './customer-key.ts'

/** Ours, S3's, and that of the public guides, which is a key and never metadata. */
const spellings = {
  own: [spelling('x-object-encryption-customer-'), amz.own, spelling('x-object-meta-encryption-')],
  source: [spelling('x-copy-source-object-encryption-customer-'), amz.source],
}

/**
 * True for an algorithm without a key on a POST. HEAD shows an object's algorithm, and rclone sends back what HEAD
 * showed when it sets a time by POST.
 */
const isEcho = ({ method }: IncomingMessage, { algorithm, key, md5 }: KeyFields) =>
  method === 'POST' && algorithm === 'AES256' && key === undefined && md5 === undefined

export function takeKeys({ req }: Context, faults: CofferError[]): SentKeys {
  const take = (names: readonly Spelling[]) => {
    const keys: SwiftKey[] = []
    for (const one of names) {
      const fields = takeFields(req, one, faults)
      if (fields !== null && !isEcho(req, fields)) keys.push(new SwiftKey(fields, one))
    }
    return keys.length === 0 ? null : new SwiftKeys(keys)
  }
  return { own: take(spellings.own), source: take(spellings.source) }
}

/**
 * A copy with one key alone, own or source, opens its source with it where the source is under a
 * customer key, and seals what it writes. What would be stored without the key that came is refused. Throws
 * KeyInvalid.
 */
export function bindKeys({ state, method }: Context, rule: KeyRule): void {
  const { own, source } = state.keys
  if (rule === 'none') {
    if (method !== 'PUT' || state.object === undefined) return
    throw new CofferError('KeyInvalid', {
      message: `A customer key came with the request, and ${state.operation} does not use one`,
    })
  }
  if (rule !== 'copy') {
    if (own !== null) state.cipher = cipherOf(own, strict).cipher
    return
  }
  const rootCipher = state.sourceCipher
  state.cipher = cipherOf(own ?? source!, strict).cipher
  state.sourceCipher =
    own !== null && source !== null
      ? cipherOf(source, strict).cipher
      : eitherCipher(rootCipher, state.cipher)
}
