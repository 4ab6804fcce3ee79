// Body keys are random, and blob keys are derived from them. See docs/format.md §3.
import { hash, randomFillSync } from 'node:crypto'

/** Bytes of every key: customer, root, body and blob keys. */
export const KEY_BYTES = 32

/** SHA-256's block size, to which HMAC pads its key. */
const HMAC_BLOCK_BYTES = 64
const BLOB_LABEL = Buffer.from('coffer/v2 blob')

/** A new random body key, in memory of its own so that it can be zeroed. */
export function randomBodyKey(): Buffer {
  return randomFillSync(Buffer.alloc(KEY_BYTES))
}

/**
 * The key that seals the records of one blob: HMAC-SHA256(body key, "coffer/v2 blob" ‖ blob id, 16 bytes ‖ part
 * number, 4 bytes big-endian). The part number binds the order of parts. The random blob id gives a part that
 * is sent again a new key. Throws RangeError for an argument of another form.
 */
export function deriveBlobKey(bodyKey: Buffer, blobId: string, part: number): Buffer {
  if (bodyKey.length !== KEY_BYTES) throw new RangeError('a body key has 32 bytes')
  if (!/^[0-9a-f]{32}$/.test(blobId)) throw new RangeError('a blob id has 32 hex digits')
  if (!Number.isInteger(part) || part < 0 || part > 0xffffffff) {
    throw new RangeError(`${part} is no part number`)
  }
  // HMAC (RFC 2104) from two one-shot hashes. To set up a native HMAC costs more than both, and these Buffers
  // can be zeroed.
  const inner = Buffer.alloc(HMAC_BLOCK_BYTES + BLOB_LABEL.length + 20, 0x36)
  const outer = Buffer.alloc(HMAC_BLOCK_BYTES + KEY_BYTES, 0x5c)
  for (let i = 0; i < KEY_BYTES; i++) {
    inner[i]! ^= bodyKey[i]!
    outer[i]! ^= bodyKey[i]!
  }
  BLOB_LABEL.copy(inner, HMAC_BLOCK_BYTES)
  inner.write(blobId, HMAC_BLOCK_BYTES + BLOB_LABEL.length, 'hex')
  inner.writeUInt32BE(part, HMAC_BLOCK_BYTES + BLOB_LABEL.length + 16)
  const digest = hash('sha256', inner, 'buffer')
  digest.copy(outer, HMAC_BLOCK_BYTES)
  const key = hash('sha256', outer, 'buffer')
  for (const spent of [inner, outer, digest]) spent.fill(0)
  return key
}
