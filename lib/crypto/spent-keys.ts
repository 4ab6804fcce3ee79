// The guard against sealing twice under one blob key, which would repeat every nonce and give away
// both plaintexts. Blob ids are random, so only a bug (a retry that keeps the blob id) gets here.
import { hash } from 'node:crypto'
import { CofferError } from '../errors.ts'

/** At least this many keys, the last ones used, are remembered; at most twice as many. */
const REMEMBERED_KEYS_MIN = 8192

let recent = new Set<string>()
let older = new Set<string>()

/**
 * Marks a blob key as used for sealing; throws Internal where it was. Remembered is not the key but its
 * SHA-256, which tells nothing of 32 random bytes.
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
