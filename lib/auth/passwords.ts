// Passwords of users.yaml: in the clear, or as scrypt hashes `$scrypt$N$r$p$salt$hash` (RFC 7914; salt and hash
// in base64). Both are compared in constant time.
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { sha256 } from './hmac.ts'

const form =
  /^\$scrypt\$(\d{1,8})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9+/]{11,88}={0,2})\$([A-Za-z0-9+/]{22,88}={0,2})$/
/** Most memory for one check. Parameters that need more are refused when the file is read. */
export const MEMORY_BYTES_MAX = 256 << 20

interface Hashed {
  readonly options: ScryptOptions
  readonly salt: Buffer
  readonly hash: Buffer
}

function parse(stored: string): Hashed | undefined {
  const match = form.exec(stored)
  if (match === null) return undefined
  const [N, r, p] = [Number(match[1]), Number(match[2]), Number(match[3])]
  // RFC 7914 §6: N is a power of two above 1. A check takes 128·N·r bytes, and 128·r·p beside them.
  if (N < 2 || (N & (N - 1)) !== 0 || r < 1 || p < 1) return undefined
  if (128 * r * (N + p) > MEMORY_BYTES_MAX) return undefined
  return {
    options: { N, r, p, maxmem: 2 * MEMORY_BYTES_MAX },
    salt: Buffer.from(match[4]!, 'base64'),
    hash: Buffer.from(match[5]!, 'base64'),
  }
}

function derive(password: string, salt: Buffer, lengthBytes: number, options: ScryptOptions) {
  return new Promise<Buffer>((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, lengthBytes, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    )
  })
}

/** True where `stored` has the prefix of a hash, whether or not the rest is sound. */
export function looksHashed(stored: string): boolean {
  return stored.startsWith('$scrypt$')
}

/** True for a hash that `verifyPassword` can check: right form, and parameters within 256 MiB of memory. */
export function isPasswordHash(stored: string): boolean {
  return parse(stored) !== undefined
}

/** A hash for users.yaml, with a random salt of 16 bytes, and parameters that take about 50 ms. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const hash = await derive(password, salt, 32, { N: 16384, r: 8, p: 1 })
  return `$scrypt$16384$8$1$${salt.toString('base64')}$${hash.toString('base64')}`
}

/** True when `password` is right for `stored` (clear text or hash). */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  if (!looksHashed(stored)) {
    return timingSafeEqual(Buffer.from(sha256(password)), Buffer.from(sha256(stored)))
  }
  const hashed = parse(stored)
  if (hashed === undefined) return false
  const computed = await derive(password, hashed.salt, hashed.hash.length, hashed.options)
  return timingSafeEqual(computed, hashed.hash)
}
