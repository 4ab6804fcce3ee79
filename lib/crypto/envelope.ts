// How a version wraps its body key: pure functions of key, context and salt. Every wrap takes a new salt, so
// that every key-encryption key (KEK) seals one message and may use the zero nonce. See docs/format.md §4.
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

/** The names that the wrap of a body key is bound to (docs/format.md §4). */
export interface WrapContext {
  readonly versionId: string
  readonly account: string
  readonly container: string
  readonly object: string
}

/** What a wrap seals or binds. `size` is null where the wrap precedes the body, which only a body of parts may have. */
export interface BodySecret {
  readonly bodyKey: Buffer
  readonly size: number | null
  readonly md5: Buffer | null
  /** What the body is: SHAPE_ONE_PIECE or SHAPE_PARTS. It belongs to the body, and no copy changes it (D-SHAPE). */
  readonly shape: Shape
}

/** How a version wraps its body key (docs/format.md §4). */
export interface Envelope {
  /** 1: wrapped under a root key; 2: under a customer key. */
  kind: 1 | 2
  /** Empty for kind 2. */
  rootKeyId: string
  shape: Shape
  salt: Buffer
  commitment: Buffer
  wrapped: Buffer
}

/** What a body is, bound in the wrap (docs/format.md §4). */
export type Shape = 0 | 1
/** A body that was written in one piece: segment 1. */
export const SHAPE_ONE_PIECE = 0
/** A body of the parts of an upload, also of one. */
export const SHAPE_PARTS = 1

/** Kind of an envelope under a root key. */
export const KIND_ROOT = 1
/** Kind of an envelope under a customer key. */
export const KIND_CUSTOMER = 2

export const SALT_BYTES = 32
const COMMITMENT_BYTES = 32
const MD5_BYTES = 16
const SIZE_UNKNOWN = 0xffffffffffffffffn
const ZERO_NONCE = Buffer.alloc(12)
const CONTEXT_LABEL = Buffer.from('coffer/v2 context')
const WRAP_LABEL = Buffer.from('coffer/v2 wrap')

/** SHA-256("coffer/v2 context" ‖ fields). Each field stands behind its length, 4 bytes big-endian, so that no
 * two contexts give the same bytes. Names are their UTF-8 bytes, never normalised. */
function contextHash(kind: number, rootKeyId: string, context: WrapContext, shape: Shape): Buffer {
  const { versionId, account, container, object } = context
  const names = [rootKeyId, versionId, account, container, object]
  // UTF-8 takes at most three bytes for each unit of a JavaScript string.
  const room = names.reduce((sum, name) => sum + 4 + 3 * name.length, CONTEXT_LABEL.length + 10)
  const bytes = Buffer.allocUnsafe(room)
  let at = CONTEXT_LABEL.copy(bytes)
  at = bytes.writeUInt32BE(1, at)
  at = bytes.writeUInt8(kind, at)
  for (const name of names) {
    const length = bytes.write(name, at + 4)
    bytes.writeUInt32BE(length, at)
    at += 4 + length
  }
  at = bytes.writeUInt32BE(1, at)
  at = bytes.writeUInt8(shape, at)
  return hash('sha256', bytes.subarray(0, at), 'buffer')
}

/** KEK ‖ commitment = HKDF-SHA256(key, salt, "coffer/v2 wrap" ‖ context hash, 64 bytes) (RFC 5869). The info
 * is a hash because node:crypto takes at most 1,024 bytes of info. */
function expand(key: Buffer, salt: Buffer, context: Buffer): { kek: Buffer; commitment: Buffer } {
  const info = Buffer.concat([WRAP_LABEL, context])
  const okm = Buffer.from(hkdfSync('sha256', createSecretKey(key), salt, info, 64))
  return { kek: okm.subarray(0, KEY_BYTES), commitment: okm.subarray(KEY_BYTES) }
}

function checkKey(key: Buffer): void {
  // A released Buffer is empty, and would be taken for a key of no bytes.
  if (key.length !== KEY_BYTES) throw new RangeError('a wrapping key has 32 bytes')
}

/** Body key ‖ size, 8 bytes big-endian (2⁶⁴−1: not known yet) ‖ MD5 or nothing. */
function encodeSecret(secret: BodySecret): Buffer {
  const { bodyKey, size, md5 } = secret
  if (bodyKey.length !== KEY_BYTES) throw new RangeError('a body key has 32 bytes')
  if (md5 !== null && md5.length !== MD5_BYTES) throw new RangeError('an MD5 has 16 bytes')
  if (size !== null && (!Number.isSafeInteger(size) || size < 0)) {
    throw new RangeError(`${size} is no size in bytes`)
  }
  if (size === null && secret.shape === SHAPE_ONE_PIECE) {
    throw new RangeError('the size of one piece is sealed')
  }
  const bytes = Buffer.alloc(KEY_BYTES + 8 + (md5 === null ? 0 : MD5_BYTES))
  bodyKey.copy(bytes)
  bytes.writeBigUInt64BE(size === null ? SIZE_UNKNOWN : BigInt(size), KEY_BYTES)
  md5?.copy(bytes, KEY_BYTES + 8)
  return bytes
}

function decodeSecret(bytes: Buffer, shape: Shape): BodySecret {
  const size = bytes.readBigUInt64BE(KEY_BYTES)
  if (size === SIZE_UNKNOWN && shape === SHAPE_ONE_PIECE) throw corrupt('size')
  if (size !== SIZE_UNKNOWN && size > BigInt(Number.MAX_SAFE_INTEGER)) throw corrupt('size')
  const bodyKey = Buffer.alloc(KEY_BYTES)
  bytes.copy(bodyKey)
  const md5 = bytes.length > KEY_BYTES + 8 ? Buffer.from(bytes.subarray(KEY_BYTES + 8)) : null
  return { bodyKey, size: size === SIZE_UNKNOWN ? null : Number(size), md5, shape }
}

function corrupt(field: string): CofferError {
  return new CofferError('StoreCorrupt', { what: 'envelope', field })
}

/** Checks the form of an envelope, without a key. Throws StoreCorrupt, also for an unknown kind or shape. */
function checkForm(envelope: Envelope): void {
  const { kind, rootKeyId, shape, salt, commitment, wrapped } = envelope
  if (kind !== KIND_ROOT && kind !== KIND_CUSTOMER) throw corrupt('kind')
  if ((kind === KIND_CUSTOMER) !== (rootKeyId === '')) throw corrupt('rootKeyId')
  if (shape !== SHAPE_ONE_PIECE && shape !== SHAPE_PARTS) throw corrupt('shape')
  if (salt.length !== SALT_BYTES) throw corrupt('salt')
  // A shorter commitment must not shorten the comparison.
  if (commitment.length !== COMMITMENT_BYTES) throw corrupt('commitment')
  const secretBytes = wrapped.length - TAG_BYTES - KEY_BYTES - 8
  if (secretBytes !== 0 && secretBytes !== MD5_BYTES) throw corrupt('wrapped')
}

/**
 * Wraps a body key. `salt` is 32 bytes that were never used with this key before: two secrets under one key,
 * context and salt could both be read. `rootKeyId` is empty for customer keys, and only for them. Throws
 * RangeError for an argument of another form.
 */
export function wrap(
  key: Buffer,
  kind: 1 | 2,
  rootKeyId: string,
  context: WrapContext,
  secret: BodySecret,
  salt: Buffer,
): Envelope {
  checkKey(key)
  if (salt.length !== SALT_BYTES) throw new RangeError('a salt has 32 bytes')
  if ((kind === KIND_CUSTOMER) !== (rootKeyId === '')) {
    throw new RangeError('an envelope names a root key where it is under one, and only there')
  }
  const { shape } = secret
  const plain = encodeSecret(secret)
  const { kek, commitment } = expand(key, salt, contextHash(kind, rootKeyId, context, shape))
  try {
    const cipher = createCipheriv('aes-256-gcm', createSecretKey(kek), ZERO_NONCE)
    const sealed = cipher.update(plain)
    cipher.final()
    const wrapped = Buffer.concat([sealed, cipher.getAuthTag()])
    return {
      kind,
      rootKeyId,
      shape,
      salt: Buffer.from(salt),
      commitment: Buffer.from(commitment),
      wrapped,
    }
  } finally {
    kek.fill(0)
    plain.fill(0)
  }
}

/**
 * Opens an envelope. Throws KeyWrong where the commitment shows another key or another context. Throws
 * StoreCorrupt where the form is wrong, or where the key is right and the rest does not open. The commitment is
 * compared in constant time, before anything is decrypted.
 */
export function unwrap(key: Buffer, context: WrapContext, envelope: Envelope): BodySecret {
  checkKey(key)
  checkForm(envelope)
  const { kind, rootKeyId, shape, salt, wrapped } = envelope
  const hash = contextHash(kind, rootKeyId, context, shape)
  const { kek, commitment } = expand(key, salt, hash)
  try {
    // Both lengths are 32 here. timingSafeEqual of two empty (released) Buffers would be true.
    if (commitment.length !== COMMITMENT_BYTES) throw new RangeError('HKDF gave too few bytes')
    if (!timingSafeEqual(commitment, envelope.commitment)) throw new CofferError('KeyWrong')
    const end = wrapped.length - TAG_BYTES
    const decipher = createDecipheriv('aes-256-gcm', createSecretKey(kek), ZERO_NONCE, {
      authTagLength: TAG_BYTES,
    })
    decipher.setAuthTag(wrapped.subarray(end))
    const plain = decipher.update(wrapped.subarray(0, end))
    try {
      decipher.final()
    } catch (error) {
      plain.fill(0)
      throw new CofferError('StoreCorrupt', { what: 'envelope', field: 'wrapped' }, error)
    }
    try {
      return decodeSecret(plain, shape)
    } finally {
      plain.fill(0)
    }
  } finally {
    kek.fill(0)
  }
}
