// Guards against sealing twice under one blob key, which would repeat every nonce and reveal both plaintexts.
// Blob ids are random, so that only a bug (a retry with the same blob id) can do that.
import { hash } from 'node:crypto'
import { CofferError } from '../errors.ts'

/** At least this many keys, the last ones used, are remembered; at most twice as many. */
const REMEMBERED_KEYS_MIN = 8192

let recent = new Set<string>()
let older = new Set<string>()

/**
 * Marks a blob key as used for sealing. Throws Internal where it was used before. The list holds the key's
 * SHA-256, which reveals nothing about 32 random bytes.
 */
export function spendKey(blobKey: Buffer): void {
  const print = hash('sha256', blobKey, 'base64')
  if (recent.has(print) || older.has(print)) {
    throw new CofferError('Internal', { what: 'a blob must not be sealed twice' })
  }
  if (recent.size >= REMEMBERED_KEYS_MIN) {
    older = recent
    recent = new Set()
  }
  recent.add(print)
}
