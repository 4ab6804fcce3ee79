// Which names are legal, and how ids are drawn.
import { randomBytes } from 'node:crypto'
import { CofferError } from './errors.ts'

/**
 * Longest object name, in bytes of UTF-8; S3 and Swift have the same limit.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
 * https://docs.openstack.org/api-ref/object-store/
 */
export const OBJECT_NAME_BYTES_MAX = 1024
/** Longest container name, in bytes of UTF-8, by Swift's documents. S3's own names are shorter. */
export const CONTAINER_NAME_BYTES_MAX = 256
/** Longer than the key of any row, in bytes: escaped names of account, container and object, and ids. */
export const ROW_KEY_BYTES_MAX = 8192

/** Throws ObjectNameTooLong. */
export function requireObjectNameLength(object: string): void {
  const size = Buffer.byteLength(object)
  if (size <= OBJECT_NAME_BYTES_MAX) return
  throw new CofferError('ObjectNameTooLong', { size, limit: OBJECT_NAME_BYTES_MAX })
}

// To draw 8 bytes takes as long as to draw 4,096. The pool is for ids: keys and salts are drawn one by one.
let pool = Buffer.alloc(0)
let drawn = 0

/** Random lower-case hex digits, for ids that are no secrets. `bytes` is at most 4,096. */
export function randomHex(bytes: number): string {
  if (drawn + bytes > pool.length) {
    pool = randomBytes(4096)
    drawn = 0
  }
  drawn += bytes
  return pool.toString('hex', drawn - bytes, drawn)
}

/** 16 random bytes as 32 lower-case hex digits, for ids of bodies, blobs and commits, and for opaque ETags. */
export function randomId(): string {
  return randomHex(16)
}

let lastMicros = 0

/**
 * Microseconds since 1970 by the wall clock, which is read in whole milliseconds. Within this process no value
 * comes twice, and none is lower than an earlier one: where the clock is set back, each call returns one
 * microsecond more until the clock has caught up. The value is always later than `after`, the time of what the
 * caller replaces.
 */
export function nowMicros(after = 0): number {
  // performance.timeOrigin would not follow a clock that was set since the start.
  lastMicros = Math.max(Date.now() * 1000, lastMicros + 1)
  return Math.max(lastMicros, after + 1)
}

/** A version id, which sorts newest first: 2⁶⁴ − 1 − microseconds in 16 hex digits, then 16 random hex
 * digits. */
export function versionIdAt(micros: number): string {
  const inverted = (0xffffffffffffffffn - BigInt(micros)).toString(16).padStart(16, '0')
  return inverted + randomHex(8)
}

/** Microseconds since 1970 at which a version id was drawn. */
export function microsOfVersion(versionId: string): number {
  return Number(0xffffffffffffffffn - BigInt(`0x${versionId.slice(0, 16)}`))
}

/** True for the form of a version id. */
export function isVersionId(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text)
}

/**
 * True for a bucket name that S3 accepts for a new bucket: 3 to 63 of a-z 0-9 . -, beginning and ending with a
 * letter or digit, without `..`, `-.`, `.-`, and not an IPv4 address.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
 */
export function isBucketName(name: string): boolean {
  return (
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
    !/\.\.|-\.|\.-/.test(name) &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name)
  )
}
