// Body keys are random, and blob keys are derived from them. See docs/format.md §3.
import { hash, randomFillSync } from 'node:crypto'

/** Bytes of every key: customer, root, body and blob keys. */
export const KEY_BYTES = 32

/** SHA-256's block size, to which HMAC pads its key. */
const HMAC_BLOCK_BYTES = 64
const BLOB_LABEL = Buffer.from('coffer/v2 blob')
const COMPLETION_LABEL = Buffer.from('coffer/v2 completion')
const CHECKSUM_LABEL = Buffer.from('coffer/v2 checksum')
const LIST_LABEL = Buffer.from('coffer/v2 list')

/** A new random body key, in memory of its own so that it can be zeroed. */
export function randomBodyKey(): Buffer {
  return randomFillSync(Buffer.alloc(KEY_BYTES))
}

/**
 * HMAC-SHA256 (RFC 2104) under a key of 32 bytes, from two one-shot hashes. To set up a native HMAC costs more than
 * both, and these Buffers are zeroed. `message` stays the caller's. Throws RangeError for a key of another length.
 */
export function hmac(key: Buffer, message: Buffer): Buffer {
  if (key.length !== KEY_BYTES) throw new RangeError('a key has 32 bytes')
  const inner = Buffer.alloc(HMAC_BLOCK_BYTES + message.length, 0x36)
  const outer = Buffer.alloc(HMAC_BLOCK_BYTES + KEY_BYTES, 0x5c)
  for (let i = 0; i < KEY_BYTES; i++) {
    inner[i]! ^= key[i]!
    outer[i]! ^= key[i]!
  }
  message.copy(inner, HMAC_BLOCK_BYTES)
  const digest = hash('sha256', inner, 'buffer')
  digest.copy(outer, HMAC_BLOCK_BYTES)
  const code = hash('sha256', outer, 'buffer')
  for (const spent of [inner, outer, digest]) spent.fill(0)
  return code
}

/** Throws RangeError unless `id` has the form of an id. */
function requireId(id: string, what: string): void {
  if (!/^[0-9a-f]{32}$/.test(id)) throw new RangeError(`a ${what} id has 32 hex digits`)
}

/**
 * The key that seals the records of one blob: HMAC-SHA256(body key, "coffer/v2 blob" ‖ blob id, 16 bytes ‖ part
 * number, 4 bytes big-endian). The part number binds the order of parts. The random blob id gives a part that
 * is sent again a new key. Throws RangeError for an argument of another form.
 */
export function deriveBlobKey(bodyKey: Buffer, blobId: string, part: number): Buffer {
  requireId(blobId, 'blob')
  if (!Number.isInteger(part) || part < 0 || part > 0xffffffff) {
    throw new RangeError(`${part} is no part number`)
  }
  const message = Buffer.allocUnsafe(BLOB_LABEL.length + 20)
  BLOB_LABEL.copy(message)
  message.write(blobId, BLOB_LABEL.length, 'hex')
  message.writeUInt32BE(part, BLOB_LABEL.length + 16)
  return hmac(bodyKey, message)
}

/** What the completion of an upload needs of its body's key, and whoever reads the body derives again. */
export interface CompletionKeys {
  /** Seals the list of parts, and each part before (lib/crypto/part-list.ts). */
  readonly completionKey: Buffer
  /** Seals the body's checksums. */
  readonly checksumKey: Buffer
}

/** HMAC-SHA256(body key, "coffer/v2 completion" or "coffer/v2 checksum" ‖ body id, 16 bytes). Throws RangeError for an
 * argument of another form. */
export function deriveCompletionKeys(bodyKey: Buffer, body: string): CompletionKeys {
  requireId(body, 'body')
  const id = Buffer.from(body, 'hex')
  return {
    completionKey: hmac(bodyKey, Buffer.concat([COMPLETION_LABEL, id])),
    checksumKey: hmac(bodyKey, Buffer.concat([CHECKSUM_LABEL, id])),
  }
}

/** The key that seals the list of a manifest: HMAC-SHA256(body key, "coffer/v2 list" ‖ body id, 16 bytes). Throws
 * RangeError for an argument of another form. */
export function deriveListKey(bodyKey: Buffer, body: string): Buffer {
  requireId(body, 'body')
  return hmac(bodyKey, Buffer.concat([LIST_LABEL, Buffer.from(body, 'hex')]))
}

export function zeroCompletionKeys({ completionKey, checksumKey }: CompletionKeys): void {
  completionKey.fill(0)
  checksumKey.fill(0)
}
