// How a version wraps its body key: pure functions of key, context and salt. Every wrap takes a new salt, so
// that every key-encryption key (KEK) seals one message and may use the zero nonce. See docs/format.md §4.
import { CofferError } from '../errors.ts'
import { KEY_BYTES } from './keys.ts'
import { TAG_BYTES } from './records.ts'
import { COMMITMENT_BYTES, hashFields, SALT_BYTES, unwrapSecret, wrapSecret } from './wrapping.ts'

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

const MD5_BYTES = 16
const SIZE_UNKNOWN = 0xffffffffffffffffn
const CONTEXT_LABEL = Buffer.from('coffer/v2 context')
const WRAP_LABEL = Buffer.from('coffer/v2 wrap')

/** SHA-256("coffer/v2 context" ‖ fields). */
function contextHash(
  kind: number,
  rootKeyId: string,
  { versionId, account, container, object }: WrapContext,
  shape: Shape,
): Buffer {
  return hashFields(CONTEXT_LABEL, [kind, rootKeyId, versionId, account, container, object, shape])
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

const isBytes = (value: unknown) => value instanceof Uint8Array

function corrupt(field: string): CofferError {
  return new CofferError('StoreCorrupt', { what: 'envelope', field })
}

/** Checks the form of an envelope, without a key. A row may hold anything in its place. Throws StoreCorrupt, also for an
 * unknown kind or shape. */
function checkForm(envelope: Envelope): void {
  if (typeof envelope !== 'object') throw corrupt('form')
  const { kind, rootKeyId, shape, salt, commitment, wrapped } = envelope
  if (kind !== KIND_ROOT && kind !== KIND_CUSTOMER) throw corrupt('kind')
  if (typeof rootKeyId !== 'string') throw corrupt('rootKeyId')
  if ((kind === KIND_CUSTOMER) !== (rootKeyId === '')) throw corrupt('rootKeyId')
  if (shape !== SHAPE_ONE_PIECE && shape !== SHAPE_PARTS) throw corrupt('shape')
  if (!isBytes(salt) || salt.length !== SALT_BYTES) throw corrupt('salt')
  // A shorter commitment must not shorten the comparison.
  if (!isBytes(commitment) || commitment.length !== COMMITMENT_BYTES) throw corrupt('commitment')
  if (!isBytes(wrapped)) throw corrupt('wrapped')
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
  if ((kind === KIND_CUSTOMER) !== (rootKeyId === '')) {
    throw new RangeError('an envelope names a root key where it is under one, and only there')
  }
  const { shape } = secret
  const plain = encodeSecret(secret)
  try {
    const bound = contextHash(kind, rootKeyId, context, shape)
    const sealed = wrapSecret(key, salt, WRAP_LABEL, bound, plain)
    return { kind, rootKeyId, shape, salt: Buffer.from(salt), ...sealed }
  } finally {
    plain.fill(0)
  }
}

/**
 * Opens an envelope. Throws KeyWrong where the commitment shows another key or another context. Throws
 * StoreCorrupt where the form is wrong, or where the key is right and the rest does not open. The commitment is
 * compared in constant time, before anything is decrypted.
 */
export function unwrap(key: Buffer, context: WrapContext, envelope: Envelope): BodySecret {
  checkForm(envelope)
  const { kind, rootKeyId, shape, salt } = envelope
  const bound = contextHash(kind, rootKeyId, context, shape)
  const plain = unwrapSecret(key, salt, WRAP_LABEL, bound, envelope, 'envelope')
  try {
    return decodeSecret(plain, shape)
  } finally {
    plain.fill(0)
  }
}
