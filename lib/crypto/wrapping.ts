// A secret under a key: HKDF with a fresh salt gives a key-encryption key (KEK), which seals this one message and may
// therefore use the zero nonce, and a commitment, by which a wrong key is known before anything is decrypted. Envelopes
// and the keys that an upload's completion needs are wrapped so. See docs/format.md §4.
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hash,
  hkdfSync,
  timingSafeEqual,
} from 'node:crypto'
import { CofferError } from '../errors.ts'
import { KEY_BYTES } from './keys.ts'
import { TAG_BYTES } from './records.ts'

export const SALT_BYTES = 32
export const COMMITMENT_BYTES = 32
const ZERO_NONCE = Buffer.alloc(12)

/** A wrapped secret, without its salt. */
interface Wrapped {
  commitment: Buffer
  /** Ciphertext ‖ tag. */
  wrapped: Buffer
}

/** SHA-256(label ‖ fields). Each field stands behind its length, 4 bytes big-endian, so that no two lists of fields give
 * the same bytes. A number is one byte. A text is its UTF-8 bytes, never normalised. */
export function hashFields(label: Buffer, fields: readonly (string | number)[]): Buffer {
  // UTF-8 takes at most three bytes for each unit of a JavaScript string.
  const roomOf = (field: string | number) => (typeof field === 'number' ? 5 : 4 + 3 * field.length)
  const room = fields.reduce<number>((sum, field) => sum + roomOf(field), label.length)
  const bytes = Buffer.allocUnsafe(room)
  let at = label.copy(bytes)
  for (const field of fields) {
    let length = 1
    if (typeof field === 'number') bytes.writeUInt8(field, at + 4)
    else length = bytes.write(field, at + 4)
    bytes.writeUInt32BE(length, at)
    at += 4 + length
  }
  return hash('sha256', bytes.subarray(0, at), 'buffer')
}

/** KEK ‖ commitment = HKDF-SHA256(key, salt, label ‖ context, 64 bytes) (RFC 5869). The context is a hash because
 * node:crypto takes at most 1,024 bytes of info. */
function expand(key: Buffer, salt: Buffer, label: Buffer, context: Buffer) {
  // A released Buffer is empty, and would be taken for a key of no bytes.
  if (key.length !== KEY_BYTES) throw new RangeError('a wrapping key has 32 bytes')
  const info = Buffer.concat([label, context])
  const okm = Buffer.from(hkdfSync('sha256', createSecretKey(key), salt, info, 64))
  return { kek: okm.subarray(0, KEY_BYTES), commitment: okm.subarray(KEY_BYTES) }
}

/** Wraps `plain`, which stays the caller's. `salt` is 32 bytes that were never used with this key before: two secrets
 * under one key, context and salt could both be read. Throws RangeError for a key or salt of another length. */
export function wrapSecret(
  key: Buffer,
  salt: Buffer,
  label: Buffer,
  context: Buffer,
  plain: Buffer,
): Wrapped {
  if (salt.length !== SALT_BYTES) throw new RangeError('a salt has 32 bytes')
  const { kek, commitment } = expand(key, salt, label, context)
  try {
    const cipher = createCipheriv('aes-256-gcm', createSecretKey(kek), ZERO_NONCE)
    const sealed = cipher.update(plain)
    cipher.final()
    const wrapped = Buffer.concat([sealed, cipher.getAuthTag()])
    return { commitment: Buffer.from(commitment), wrapped }
  } finally {
    kek.fill(0)
  }
}

/**
 * Opens a wrapped secret whose form was checked: a salt and a commitment of 32 bytes, and a tag. `what` names it in an
 * error. Throws KeyWrong where the commitment shows another key or another context, StoreCorrupt where the key is right
 * and the rest does not open. The commitment is compared in constant time, before anything is decrypted.
 */
export function unwrapSecret(
  key: Buffer,
  salt: Buffer,
  label: Buffer,
  context: Buffer,
  stored: Wrapped,
  what: string,
): Buffer {
  const { kek, commitment } = expand(key, salt, label, context)
  try {
    // Both lengths are 32 here. timingSafeEqual of two empty (released) Buffers would be true.
    if (commitment.length !== COMMITMENT_BYTES) throw new RangeError('HKDF gave too few bytes')
    if (!timingSafeEqual(commitment, stored.commitment)) throw new CofferError('KeyWrong')
    const end = stored.wrapped.length - TAG_BYTES
    const decipher = createDecipheriv('aes-256-gcm', createSecretKey(kek), ZERO_NONCE, {
      authTagLength: TAG_BYTES,
    })
    decipher.setAuthTag(stored.wrapped.subarray(end))
    const plain = decipher.update(stored.wrapped.subarray(0, end))
    try {
      decipher.final()
    } catch (error) {
      plain.fill(0)
      throw new CofferError('StoreCorrupt', { what, field: 'wrapped' }, error)
    }
    return plain
  } finally {
    kek.fill(0)
  }
}
