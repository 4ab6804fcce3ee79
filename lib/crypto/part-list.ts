// Seals the parts of a body. Whoever sends a part seals it, and Complete seals the list: without the body's key no part
// can be left out, replaced, resized or moved. See docs/format.md §4.
import { createHash, type Hash, timingSafeEqual } from 'node:crypto'
import { writeUint64 } from '../bytes/uint64.ts'
import { hmac } from './keys.ts'

/** Parts of one page. 10,000 parts are 40 pages, and a range reads the rows of at most one page more than it has parts
 * (D-PAGE-PARTS). */
export const PARTS_PER_PAGE = 250
/** Bytes of a page's digest, and of a seal. */
export const PAGE_BYTES = 32
const BLOB_ID_BYTES = 16
const LIST_LABEL = Buffer.from('coffer/v2 parts')
const PART_LABEL = Buffer.from('coffer/v2 part')

/** `count` parts of `size` bytes each, numbered from `first` on. */
interface Run {
  readonly first: number
  readonly count: number
  readonly size: number
}

/** What the seal of a list covers. */
export interface PartList {
  readonly parts: number
  /** Plaintext bytes of all parts. */
  readonly size: number
  readonly layout: readonly Run[]
  /** SHA-256 of the blob ids of each page, joined. */
  readonly pages: Buffer
}

/** SHA-256 of blob ids, which are the parts at consecutive places. */
export function digestPage(blobIds: readonly string[]): Buffer {
  return createHash('sha256')
    .update(Buffer.from(blobIds.join(''), 'hex'))
    .digest()
}

/** Makes the pages of a list from its parts' blob ids, one after the other. */
export class PageDigests {
  readonly #done: Buffer[] = []
  #hash: Hash | undefined
  #parts = 0

  add(blobId: string): void {
    this.#hash ??= createHash('sha256')
    this.#hash.update(Buffer.from(blobId, 'hex'))
    if (++this.#parts % PARTS_PER_PAGE === 0) this.#end()
  }

  /** The pages, joined. To be called once. */
  finish(): Buffer {
    this.#end()
    return Buffer.concat(this.#done)
  }

  #end(): void {
    if (this.#hash !== undefined) this.#done.push(this.#hash.digest())
    this.#hash = undefined
  }
}

/** The seal of a list: HMAC-SHA256(completion key, "coffer/v2 parts" ‖ parts ‖ size ‖ runs ‖ each run ‖ pages). */
export function sealList(completionKey: Buffer, { parts, size, layout, pages }: PartList): Buffer {
  const head = LIST_LABEL.length
  const runs = head + 16
  const message = Buffer.allocUnsafe(runs + 16 * layout.length + pages.length)
  LIST_LABEL.copy(message)
  message.writeUInt32BE(parts, head)
  writeUint64(message, size, head + 4)
  message.writeUInt32BE(layout.length, head + 12)
  let at = runs
  for (const run of layout) {
    message.writeUInt32BE(run.first, at)
    message.writeUInt32BE(run.count, at + 4)
    writeUint64(message, run.size, at + 8)
    at += 16
  }
  pages.copy(message, at)
  return hmac(completionKey, message)
}

/** A part as the row of its segment has it. */
export interface SealedPart {
  readonly part: number
  readonly size: number
  readonly blob: string
  readonly etag: string
}

/** The seal of one part: HMAC-SHA256(completion key, "coffer/v2 part" ‖ number ‖ size ‖ blob id ‖ ETag). */
export function sealPart(completionKey: Buffer, { part, size, blob, etag }: SealedPart): Buffer {
  const head = PART_LABEL.length
  const message = Buffer.alloc(head + 12 + BLOB_ID_BYTES + Buffer.byteLength(etag))
  PART_LABEL.copy(message)
  message.writeUInt32BE(part, head)
  writeUint64(message, size, head + 4)
  message.write(blob, head + 12, 'hex')
  message.write(etag, head + 12 + BLOB_ID_BYTES)
  return hmac(completionKey, message)
}

/** Compares a stored seal with the right one in constant time. Anything but 32 bytes is another seal. */
export function isSeal(stored: unknown, right: Buffer): boolean {
  if (!(stored instanceof Uint8Array) || right.length !== PAGE_BYTES) return false
  return stored.length === PAGE_BYTES && timingSafeEqual(stored, right)
}
