// Customer keys on S3 requests: where they are taken from, and which ciphers they make.
import { CofferError } from '../../lib/errors.ts'
import { cipherOf, lenient, type Options, strict } from '../keys/cipher-of.ts'
import { invalidKey, type SentKeys } from '../keys/sent-key.ts'
import { amz, type Spelling, takeFields } from '../keys/take-fields.ts'
import type { KeyHeaders, KeyRule } from '../state.ts'
import type { Context, S3State } from './context.ts'
import { S3Key } from './customer-key.ts'

/** AWS reads a part's source like a GET, but for the length of its key. */
const lenientPart: Options = { md5Required: false, lengthChecked: true }

/** The headers of a key in any spelling, an underscore standing for a dash. */
const keyParameter =
  /^x[-_](?:amz[-_](?:copy[-_]source[-_])?server[-_]side[-_]encryption[-_]customer[-_]|(?:copy[-_]source[-_])?object[-_](?:meta[-_])?encryption[-_])/i
/** The key headers that auth copies from a presigned URL's query into the headers. */
const liftedParameter = /^x-amz-(?:copy-source-)?server-side-encryption-customer-/i

/**
 * A presigned URL may carry S3's trio in its query, from where auth has lifted it into the headers. Gives
 * KeyInvalid for a key in any other query, and for other spellings: ignored there, it would leave an object that it
 * was to seal without it.
 */
function addMisplaced({ signedBy, s3 }: S3State, faults: CofferError[]): void {
  for (const name of s3.query.keys()) {
    if (!keyParameter.test(name)) continue
    if (signedBy === 'query' && liftedParameter.test(name)) continue
    faults.push(
      invalidKey('A customer key is sent in headers, or in the query of a presigned URL.'),
    )
    return
  }
}

export function takeKeys({ req, state }: Context, faults: CofferError[]): SentKeys {
  const take = (names: Spelling) => {
    const fields = takeFields(req, names, faults)
    return fields && new S3Key(fields)
  }
  const keys = { own: take(amz.own), source: take(amz.source) }
  addMisplaced(state, faults)
  return keys
}

/** Binds the ciphers of the request's keys. Throws KeyInvalid, KeyAlgorithmInvalid. */
export function bindKeys({ state, headers }: Context, rule: KeyRule): void {
  const { own, source } = state.keys
  if (rule === 'none') return
  if (own !== null && (rule !== 'optional' || own.isComplete)) bindOwn(state, own, rule, headers)
  if (source === null || rule !== 'copy') return
  const options = state.operation === 'UploadPartCopy' ? lenientPart : lenient
  state.sourceCipher = cipherOf(source, options).cipher
}

function bindOwn(
  state: S3State,
  own: KeyHeaders,
  rule: KeyRule,
  headers: Context['headers'],
): void {
  const other = headers['x-amz-server-side-encryption']
  if (other !== undefined && rule !== 'read') {
    throw new CofferError('KeyInvalid', {
      message:
        'Server Side Encryption with Customer provided key is incompatible with the encryption method specified',
      value: String(other),
    })
  }
  const { cipher, md5 } = cipherOf(own, rule === 'read' ? lenient : strict)
  state.cipher = cipher
  state.keyMd5 = md5
}
