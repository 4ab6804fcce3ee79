// The guard against sealing twice under one blob key, which would repeat every nonce and give away
// both plaintexts. Blob ids are random, so only a bug (a retry that keeps the blob id) gets here.
import { hash } from 'node:crypto'
import { CofferError } from '../errors.ts'

/** Keys remembered after their seal ended: the last 8,192 to 16,384. Keys in flight never leave. */
const GENERATION_KEYS = 8192

const inFlight = new Set<string>()
let recent = new Set<string>()
let older = new Set<string>()

/**
 * Marks a blob key as used for sealing; throws Internal where it was. Remembered is not the key but its
 * SHA-256, which tells nothing of 32 random bytes. The answer is what `endSeal` takes.
 */
export function beginSeal(blobKey: Buffer): string {
  const print = hash('sha256', blobKey, 'base64')
  if (inFlight.has(print) || recent.has(print) || older.has(print)) {
    throw new CofferError('Internal', { what: 'a blob must not be sealed twice' })
  }
  inFlight.add(print)
  return print
}

/** The seal has ended, well or badly; its key is remembered for a while. */
export function endSeal(print: string): void {
  inFlight.delete(print)
  if (recent.size >= GENERATION_KEYS) {
    older = recent
    recent = new Set()
  }
  recent.add(print)
}
