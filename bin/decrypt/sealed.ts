// Opens envelopes and records, written from docs/format.md §2-§4 alone. It shares no code with the server,
// because two independent programs that agree prove the document.
import { createDecipheriv, createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { Failure } from './failure.ts'

export const RECORD_BYTES = 65536
export const TAG_BYTES = 16
const NONCE_BYTES = 12
const SIZE_UNKNOWN = 2n ** 64n - 1n

/** The names that the wrap is bound to, as text. */
export interface Name {
  readonly versionId: string
  readonly account: string
  readonly container: string
  readonly object: string
}

export interface StoredEnvelope {
  readonly kind: number
  readonly rootKeyId: string
  readonly shape: number
  readonly salt: Buffer
  readonly commitment: Buffer
  readonly wrapped: Buffer
}

export interface Opened {
  readonly bodyKey: Buffer
  /** Null where the wrap preceded the body. */
  readonly size: number | null
  readonly md5: Buffer | null
}

export function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Each field behind its length in 4 bytes. */
const framed = (fields: readonly Buffer[]) =>
  Buffer.concat(fields.flatMap((field) => [uint32(field.length), field]))

/** AES-256-GCM. Undefined where the tag is wrong. `sealed` is ciphertext ‖ tag. */
function openGcm(
  key: Buffer,
  nonce: Buffer,
  sealed: Buffer,
  associated: Buffer = Buffer.alloc(0),
): Buffer | undefined {
  const end = sealed.length - TAG_BYTES
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(associated)
  decipher.setAuthTag(sealed.subarray(end))
  const plain = decipher.update(sealed.subarray(0, end))
  try {
    decipher.final()
    return plain
  } catch {
    plain.fill(0)
    return undefined
  }
}

/**
 * §4: checks the form, then the commitment, then opens the wrap. Throws Failure damaged, and wrongKey for another
 * commitment under a customer key. Under a root key that is damage too: nobody chose that key.
 */
export function openEnvelope(key: Buffer, name: Name, envelope: StoredEnvelope): Opened {
  const { kind, rootKeyId, shape, salt, commitment, wrapped } = envelope
  const sound =
    (kind === 1 || kind === 2) &&
    (kind === 2) === (rootKeyId === '') &&
    (shape === 0 || shape === 1) &&
    salt.length === 32 &&
    commitment.length === 32 &&
    (wrapped.length === 56 || wrapped.length === 72)
  if (!sound) throw new Failure('damaged', 'the envelope has not the form of the format')

  const names = [rootKeyId, name.versionId, name.account, name.container, name.object]
  const texts = names.map((text) => Buffer.from(text, 'utf8'))
  const fields = framed([Buffer.of(kind), ...texts, Buffer.of(shape)])
  const context = createHash('sha256').update('coffer/v2 context').update(fields).digest()
  const info = Buffer.concat([Buffer.from('coffer/v2 wrap'), context])
  const expanded = Buffer.from(hkdfSync('sha256', key, salt, info, 64))
  if (!timingSafeEqual(expanded.subarray(32), commitment)) {
    if (kind === 2) throw new Failure('wrongKey', 'the key is not the one of this object')
    const id = JSON.stringify(rootKeyId)
    const what = `the envelope is not one under the root key ${id}: its row, or the keyring, is another one`
    throw new Failure('damaged', what)
  }
  const plain = openGcm(expanded.subarray(0, 32), Buffer.alloc(12), wrapped)
  expanded.fill(0)
  if (plain === undefined) throw new Failure('damaged', 'the wrapped body key does not open')
  const size = plain.readBigUInt64BE(32)
  if (size !== SIZE_UNKNOWN && size > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new Failure('damaged', 'the sealed size is beyond what a body can have')
  }
  if (size === SIZE_UNKNOWN && shape === 0) {
    throw new Failure('damaged', 'the size of a body of one piece is not sealed')
  }
  return {
    bodyKey: plain.subarray(0, 32),
    size: size === SIZE_UNKNOWN ? null : Number(size),
    md5: plain.length === 56 ? plain.subarray(40) : null,
  }
}

/** §3: the key of one blob. */
export function blobKeyOf(bodyKey: Buffer, blobId: string, part: number): Buffer {
  return createHmac('sha256', bodyKey)
    .update('coffer/v2 blob')
    .update(Buffer.from(blobId, 'hex'))
    .update(uint32(part))
    .digest()
}

/** §2: the number of records of a blob of `size` plaintext bytes. */
export function recordsOf(size: number): number {
  return size === 0 ? 1 : Math.ceil(size / RECORD_BYTES)
}

/**
 * §2: opens record `index` of a blob whose plaintext has `size` bytes. Throws Failure damaged where the record
 * has another length than its position requires, or its tag is wrong for its position and final flag.
 */
export function openSealedRecord(key: Buffer, size: number, index: number, sealed: Buffer): Buffer {
  const final = index === recordsOf(size) - 1
  const expected = (final ? size - index * RECORD_BYTES : RECORD_BYTES) + TAG_BYTES
  if (sealed.length !== expected) {
    throw new Failure('damaged', `record ${index} has ${sealed.length} bytes, not ${expected}`)
  }
  const nonce = Buffer.alloc(12)
  nonce[0] = final ? 1 : 0
  nonce.writeBigUInt64BE(BigInt(index), 4)
  const plain = openGcm(key, nonce, sealed)
  if (plain === undefined) throw new Failure('damaged', `record ${index} does not open`)
  return plain
}

/** §4: the key that seals the list of a body's parts, and the one that seals checksums of its content. */
export function completionKeyOf(bodyKey: Buffer, body: string): Buffer {
  return keyOf(bodyKey, 'coffer/v2 completion', body)
}

export function checksumKeyOf(bodyKey: Buffer, body: string): Buffer {
  return keyOf(bodyKey, 'coffer/v2 checksum', body)
}

function keyOf(bodyKey: Buffer, label: string, body: string): Buffer {
  return createHmac('sha256', bodyKey).update(label).update(Buffer.from(body, 'hex')).digest()
}

/** What a sealed checksum is bound to. */
export interface ChecksumContext {
  /** 0 for the whole body. */
  readonly part: number
  /** The part's blob, or the body. */
  readonly id: string
  readonly algorithm: string
  /** Empty for a part. */
  readonly type: string
}

/** §4: the text of a sealed checksum. Throws Failure damaged where it is not that body's or part's. */
export function openChecksum(key: Buffer, context: ChecksumContext, value: Buffer): string {
  const { part, id, algorithm, type } = context
  const associated = framed([
    uint32(part),
    Buffer.from(id, 'hex'),
    Buffer.from(algorithm),
    Buffer.from(type),
  ])
  const sealed = value.subarray(NONCE_BYTES)
  const text =
    sealed.length < TAG_BYTES
      ? undefined
      : openGcm(key, value.subarray(0, NONCE_BYTES), sealed, associated)
  if (text === undefined) throw new Failure('damaged', `the sealed ${algorithm} does not open`)
  return text.toString('latin1')
}
