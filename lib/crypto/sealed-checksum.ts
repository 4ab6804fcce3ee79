// Checksums of content are sealed: a CRC-32 of four bytes is these four bytes, and any checksum confirms a guess. The key
// is the body's, so that copies share the value and a change of keys leaves it alone. See docs/format.md §4.
import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto'
import { CofferError } from '../errors.ts'
import { KEY_BYTES } from './keys.ts'
import { TAG_BYTES } from './records.ts'

const NONCE_BYTES = 12

/** What a value is bound to. */
export interface ChecksumContext {
  /** Number of the part; 0 for the whole body. */
  readonly part: number
  /** The part's blob, or the body. */
  readonly id: string
  readonly algorithm: string
  /** Empty for a part. */
  readonly type: string
}

function associatedOf({ part, id, algorithm, type }: ChecksumContext): Buffer {
  const number = Buffer.alloc(4)
  number.writeUInt32BE(part)
  const fields = [number, Buffer.from(id, 'hex'), Buffer.from(algorithm), Buffer.from(type)]
  const framed = fields.flatMap((field) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(field.length)
    return [length, field]
  })
  return Buffer.concat(framed)
}

function requireKey(key: Buffer): void {
  // A released Buffer is empty.
  if (key.length !== KEY_BYTES) throw new RangeError('a checksum key has 32 bytes')
}

/** Nonce ‖ ciphertext ‖ tag of a checksum, as clients write it. `nonce` is 12 random bytes that were not used before. */
export function sealChecksum(
  key: Buffer,
  context: ChecksumContext,
  text: string,
  nonce: Buffer,
): Buffer {
  requireKey(key)
  if (nonce.length !== NONCE_BYTES) throw new RangeError('a nonce has 12 bytes')
  const cipher = createCipheriv('aes-256-gcm', createSecretKey(key), nonce)
  cipher.setAAD(associatedOf(context))
  const sealed = cipher.update(text, 'latin1')
  cipher.final()
  return Buffer.concat([nonce, sealed, cipher.getAuthTag()])
}

/** The checksum. Throws StoreCorrupt where it is not that body's or part's, of that algorithm and type. */
export function openChecksum(key: Buffer, context: ChecksumContext, value: unknown): string {
  requireKey(key)
  const end = value instanceof Uint8Array ? value.length - TAG_BYTES : 0
  if (end < NONCE_BYTES) throw corrupt(context)
  const bytes = value as Uint8Array
  const nonce = bytes.subarray(0, NONCE_BYTES)
  const decipher = createDecipheriv('aes-256-gcm', createSecretKey(key), nonce, {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(associatedOf(context))
  decipher.setAuthTag(bytes.subarray(end))
  const text = decipher.update(bytes.subarray(NONCE_BYTES, end), undefined, 'latin1')
  try {
    decipher.final()
  } catch (error) {
    throw corrupt(context, error)
  }
  return text
}

const corrupt = ({ part, id }: ChecksumContext, cause?: unknown) =>
  new CofferError('StoreCorrupt', { what: 'checksum', part, id }, cause)
