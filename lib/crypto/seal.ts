// Seals a stream of plaintext into records, and opens records. This is the hot path: one reused record buffer
// and one reused slab for each stream, cipher outputs released at once, and no promise where the sink returns
// none. The last record is known only at the end, so that the sealer holds one full record back. See
// docs/format.md §2.
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import { release } from '../bytes/release.ts'
import { TRAILER_BYTES } from '../bytes/slab.ts'
import { CofferError } from '../errors.ts'
import { KEY_BYTES } from './keys.ts'
import { nonceOf, RECORD_BYTES, TAG_BYTES } from './records.ts'
import { spendKey } from './spent-keys.ts'

const ALGORITHM = 'aes-256-gcm'
const SEALED_BYTES_MAX = RECORD_BYTES + TAG_BYTES

/** Takes sealed records, in order. A BlobWriter is a Sink. */
export interface Sink {
  /** Takes a sealed record: `slab[0 … length)`, with TRAILER_BYTES of room behind. The record is copied (or
   * written) before `write` returns. A returned promise must be awaited before the next call. */
  write(slab: Buffer, length: number): Promise<void> | undefined
}

/** Buffers of one stream, each in memory of its own (not pooled). */
interface Buffers {
  readonly record: Buffer
  readonly slab: Buffer
}

/** Buffers kept for later streams: at most 64 pairs, which is 8 MiB. */
const FREE_MAX = 64
const free: Buffers[] = []

function takeBuffers(): Buffers {
  return (
    free.pop() ?? {
      record: Buffer.allocUnsafeSlow(RECORD_BYTES),
      slab: Buffer.allocUnsafeSlow(SEALED_BYTES_MAX + TRAILER_BYTES),
    }
  )
}

/** A blob key as a KeyObject: a cipher made from a Buffer takes 33 µs, from a KeyObject 9. The Buffer may be
 * zeroed at once. Throws RangeError unless there are 32 bytes. */
export function blobKeyObject(blobKey: Buffer): KeyObject {
  // A released Buffer is empty.
  if (blobKey.length !== KEY_BYTES) throw new RangeError('a blob key has 32 bytes')
  return createSecretKey(blobKey)
}

/** Seals `plain` into `target[0 …)` and returns the sealed length. */
function sealInto(key: KeyObject, index: number, final: boolean, plain: Buffer, target: Buffer) {
  const cipher = createCipheriv(ALGORITHM, key, nonceOf(index, final))
  const sealed = cipher.update(plain)
  cipher.final()
  const length = plain.length + TAG_BYTES
  if (sealed.length !== plain.length || target.length < length) {
    throw new RangeError('a record was sealed to another length')
  }
  sealed.copy(target)
  cipher.getAuthTag().copy(target, plain.length)
  release(sealed)
  return length
}

/**
 * Seals one blob. Call `write` any number of times, then `finish` once, or `abort`. Calls must not overlap:
 * await the promise of a `write` before the next call. After any throw or rejection the sealer takes no more. A
 * blob key is for one sealer only: a second one under the same key throws Internal.
 */
export class Sealer {
  readonly #key: KeyObject
  readonly #sink: Sink
  #buffers: Buffers | undefined
  #state: 'open' | 'writing' | 'done' = 'open'
  #heldBytes = 0
  #dirtyBytes = 0
  #records = 0

  /** `blobKey` is not kept, and may be zeroed at once. Throws Internal where it has sealed before. */
  constructor(blobKey: Buffer, sink: Sink) {
    this.#key = blobKeyObject(blobKey)
    spendKey(blobKey)
    this.#sink = sink
    this.#buffers = takeBuffers()
  }

  /**
   * Takes the next plaintext. The caller may release it when `write` has returned, or its promise has resolved.
   * Returns a promise only where the sink returns one. Throws, or rejects with, the sink's error. Throws
   * Internal on an empty piece, because a Buffer that was released too early is empty.
   */
  write(plain: Buffer): Promise<void> | undefined {
    this.#begin()
    try {
      if (plain.length === 0) throw new CofferError('Internal', { what: 'an empty piece to seal' })
      const pending = this.#take(plain, 0)
      if (pending !== undefined) return this.#settle(pending)
      this.#state = 'open'
      return undefined
    } catch (error) {
      this.abort()
      throw error
    }
  }

  /**
   * Seals the held record with the final flag, also where it is empty (a blob of no bytes has one record).
   * Resolves with the plaintext size when the sink has taken it.
   */
  async finish(): Promise<{ size: number; records: number }> {
    this.#begin()
    try {
      const size = this.#records * RECORD_BYTES + this.#heldBytes
      await this.#seal(this.#buffers!.record.subarray(0, this.#heldBytes), true)
      return { size, records: this.#records }
    } finally {
      this.abort()
    }
  }

  /** Ends the stream and returns its buffers. May be called at any time, more than once, and after `finish`. */
  abort(): void {
    this.#state = 'done'
    const buffers = this.#buffers
    if (buffers === undefined) return
    this.#buffers = undefined
    // No plaintext may lie in the list of free buffers.
    buffers.record.fill(0, 0, this.#dirtyBytes)
    if (free.length < FREE_MAX) free.push(buffers)
  }

  #begin(): void {
    if (this.#state !== 'open') {
      throw new CofferError('Internal', { what: `a sealer that is ${this.#state} was used` })
    }
    this.#state = 'writing'
  }

  async #settle(pending: Promise<void>): Promise<void> {
    try {
      await pending
      if (this.#state === 'writing') this.#state = 'open'
    } catch (error) {
      this.abort()
      throw error
    }
  }

  /** Takes `plain` from `offset` on. A record is sealed when it is full and more plaintext has come. */
  #take(plain: Buffer, offset: number): Promise<void> | undefined {
    const { record } = this.#buffers!
    let at = offset
    while (at < plain.length) {
      let pending: Promise<void> | undefined
      if (this.#heldBytes === RECORD_BYTES) {
        this.#heldBytes = 0
        pending = this.#seal(record, false)
      } else if (this.#heldBytes === 0 && plain.length - at > RECORD_BYTES) {
        // A whole record with more behind it is not held back, and not copied.
        pending = this.#seal(plain.subarray(at, at + RECORD_BYTES), false)
        at += RECORD_BYTES
      } else {
        const bytes = Math.min(RECORD_BYTES - this.#heldBytes, plain.length - at)
        plain.copy(record, this.#heldBytes, at, at + bytes)
        this.#heldBytes += bytes
        this.#dirtyBytes = Math.max(this.#dirtyBytes, this.#heldBytes)
        at += bytes
      }
      if (pending !== undefined) return this.#takeRest(pending, plain, at)
    }
    return undefined
  }

  async #takeRest(pending: Promise<void>, plain: Buffer, offset: number): Promise<void> {
    await pending
    // After an `abort` the buffers may belong to another stream.
    if (this.#state !== 'writing')
      throw new CofferError('Internal', { what: 'the seal was aborted' })
    await this.#take(plain, offset)
  }

  #seal(plain: Buffer, final: boolean): Promise<void> | undefined {
    const { slab } = this.#buffers!
    const length = sealInto(this.#key, this.#records++, final, plain, slab)
    return this.#sink.write(slab, length)
  }
}

/** Seals a whole blob of at most one record (65,536 bytes): ciphertext ‖ tag, for segments that lie beside
 * their row. Throws Internal where the blob key has sealed before, RangeError for more bytes. */
export function sealSmall(blobKey: Buffer, plain: Buffer): Buffer {
  if (plain.length > RECORD_BYTES) throw new RangeError(`${plain.length} bytes are no small blob`)
  const key = blobKeyObject(blobKey)
  spendKey(blobKey)
  const sealed = Buffer.allocUnsafeSlow(plain.length + TAG_BYTES)
  sealInto(key, 0, true, plain, sealed)
  return sealed
}

/**
 * Opens record `index` of a blob. Returns the plaintext, in memory of its own that the caller may release.
 * `final` is true for the blob's last record. `sealed` stays the caller's. Throws StoreCorrupt where the record
 * is not that one, whole and unchanged; none of its plaintext is returned then.
 */
export function openRecord(key: KeyObject, index: number, final: boolean, sealed: Buffer): Buffer {
  const plainBytes = sealed.length - TAG_BYTES
  // Every record but the last is full. Only the one record of an empty blob is empty.
  const sound = final
    ? plainBytes <= RECORD_BYTES && plainBytes >= (index === 0 ? 0 : 1)
    : plainBytes === RECORD_BYTES
  if (!sound) throw new CofferError('StoreCorrupt', { what: 'record length', index })
  const decipher = createDecipheriv(ALGORITHM, key, nonceOf(index, final), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAuthTag(sealed.subarray(plainBytes))
  const plain = decipher.update(sealed.subarray(0, plainBytes))
  try {
    decipher.final()
  } catch (error) {
    release(plain.fill(0))
    throw new CofferError('StoreCorrupt', { what: 'record', index }, error)
  }
  return plain
}
