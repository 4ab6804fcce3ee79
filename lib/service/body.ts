// The only reader of bodies: it gives the plaintext of an extent, across segments, under either kind of key. Segments
// of other objects are opened by whoever resolved the body, and read here.

import type { KeyObject } from 'node:crypto'
import { type BlobReader, type PieceSource, RECORDS_PER_PIECE } from '../blobs/store.ts'
import { release } from '../bytes/release.ts'
import { rowKeys } from '../catalog/keys.ts'
import type { SegmentRow } from '../catalog/rows.ts'
import { deriveBlobKey } from '../crypto/keys.ts'
import { recordCount, recordSpan } from '../crypto/records.ts'
import { blobKeyObject, openRecord } from '../crypto/seal.ts'
import { CofferError } from '../errors.ts'
import { SegmentRows } from './part-list.ts'
import type { Linked, PieceReader, ResolvedBody, SegmentRun, Span } from './resolve.ts'
import type { Stores } from './stores.ts'
import type { Extent } from './types.ts'

/** Segment number `part` of the body, and which of its bytes are wanted. */
interface Slice extends Span {
  readonly part: number
  readonly size: number
  readonly linked: Linked | undefined
}

/** Segments that an extent touches, in order. */
export function sliceSegments(
  segments: readonly SegmentRun[],
  offset: number,
  length: number,
): Slice[] {
  const slices: Slice[] = []
  let start = 0
  for (const run of segments) {
    const { linked } = run
    const runBytes = run.count * run.size
    // Only the last part can be empty. A read to the end opens it too, so that its record is verified.
    if (run.size === 0 && start === offset + length) {
      slices.push({ part: run.first, size: 0, offset: 0, length: 0, linked })
    }
    // A run that ends before the extent is skipped as a whole.
    if (run.size > 0 && start + runBytes > offset && start < offset + length) {
      const begin = Math.max(0, Math.floor((offset - start) / run.size))
      for (let i = begin; i < run.count && start + i * run.size < offset + length; i++) {
        const partStart = start + i * run.size
        const from = Math.max(0, offset - partStart)
        const to = Math.min(run.size, offset + length - partStart)
        const part = run.first + i
        slices.push({ part, size: run.size, offset: from, length: to - from, linked })
      }
    }
    start += runBytes
  }
  return slices
}

/** Extent, within the whole, of one part; undefined where the body has none of that number. */
export function extentOfPart(segments: readonly SegmentRun[], position: number) {
  let start = 0
  let seen = 0
  for (const run of segments) {
    if (position <= seen + run.count) {
      const index = position - seen - 1
      return { part: run.first + index, offset: start + index * run.size, length: run.size }
    }
    seen += run.count
    start += run.count * run.size
  }
  return undefined
}

/** Reads one extent of a body, once. No byte of the body is freed until `close`, which must be called (D-LEASES). */
export class BodyReader {
  readonly #stores: Stores
  readonly #body: string
  readonly #bodyKey: Buffer
  readonly #rows: SegmentRows
  readonly #slices: Slice[]
  readonly #length: number
  readonly #endLease: () => void
  #segment: PieceReader | undefined
  #closed = false

  constructor(
    stores: Stores,
    body: string,
    bodyKey: Buffer,
    { segments, parts }: ResolvedBody,
    extent: Span,
  ) {
    this.#stores = stores
    this.#body = body
    this.#bodyKey = bodyKey
    this.#slices = sliceSegments(segments, extent.offset, extent.length)
    const own = this.#slices.filter(({ linked }) => linked === undefined)
    const wanted = own.map(({ part }) => part)
    this.#rows = new SegmentRows(stores.catalog, body, parts, wanted)
    this.#length = extent.length
    this.#endLease = stores.leases.take(body)
  }

  /** The next piece of plaintext; undefined at the end. Throws StoreCorrupt, StoreUnavailable, and what keeps a linked
   * segment from being opened. */
  async read(): Promise<Buffer | undefined> {
    while (!this.#closed) {
      if (this.#segment === undefined) {
        const slice = this.#slices.shift()
        if (slice === undefined) break
        if (!this.#begin(await this.#open(slice))) break
      }
      const segment = this.#segment!
      const piece = await segment.read()
      if (piece === undefined) {
        segment.close()
        this.#segment = undefined
      } else if (piece.length > 0) return piece
    }
    return undefined
  }

  /** False where the reader was closed while the segment was opened: then nobody else would give it back. */
  #begin(segment: PieceReader): boolean {
    if (this.#closed) segment.close()
    else this.#segment = segment
    return !this.#closed
  }

  /**
   * Makes sure that the whole extent can be read later: a write that replaces the object from now on frees none of its
   * bytes. Throws what `read` throws.
   */
  async prepare(): Promise<void> {
    const [first, ...later] = this.#slices
    if (this.#slices.reduce((sum, { length }) => sum + length, 0) !== this.#length) {
      throw new CofferError('StoreCorrupt', { what: 'a body is shorter than its version' })
    }
    if (first === undefined || !this.#begin(await this.#open(first))) return
    this.#slices.shift()
    if (later.some(({ linked }) => linked === undefined)) await this.#requireKept()
    for (const slice of later) if (slice.linked !== undefined) await slice.linked.check(slice)
  }

  /** Stops read-ahead, zeroes the key, and ends the lease. A second call does nothing. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#segment?.close()
    this.#bodyKey.fill(0)
    this.#endLease()
  }

  /**
   * Throws StoreCorrupt where the body has no reference any more. The sweep frees a body of several segments after the
   * commit that takes its last reference, and looks at the leases then. A body that has a reference now therefore keeps
   * all its segments until this reader's lease ends.
   */
  async #requireKept(): Promise<void> {
    const key = rowKeys.body(this.#body)
    if ((await this.#stores.catalog.getCounters(key)) !== undefined) return
    throw new CofferError('StoreCorrupt', { row: key })
  }

  /**
   * The places of records `first` to `last`. Their rows are read at once, so that a row that is removed later is not
   * missed. A row that is gone already rejects with StoreCorrupt, while the object can still be looked up anew
   * (readAnew).
   */
  async #pieces(blob: string, first: number, last: number): Promise<PieceSource> {
    const begin = Math.floor(first / RECORDS_PER_PIECE)
    const count = Math.floor(last / RECORDS_PER_PIECE) - begin + 1
    const keys = Array.from({ length: count }, (_, i) => rowKeys.blob(blob, begin + i))
    const found = await this.#stores.catalog.getMany(keys)
    const rows = found.map((row, i) => {
      if (row === undefined) throw new CofferError('StoreCorrupt', { blob, piece: begin + i })
      return row
    })
    return (piece) => rows[piece - begin]!.value
  }

  #open(slice: Slice): Promise<PieceReader> {
    return slice.linked === undefined ? this.#openOwn(slice) : slice.linked.open(slice)
  }

  async #openOwn(slice: Slice): Promise<PieceReader> {
    const row = await this.#rows.get(slice.part, slice.size)
    const blobKeyBytes = deriveBlobKey(this.#bodyKey, row.blob, slice.part)
    const key = blobKeyObject(blobKeyBytes)
    blobKeyBytes.fill(0)
    if (row.inline !== null) return new OpenSegment(key, row, slice, undefined)
    const { first, last } = recordSpan(slice.size, slice.offset, slice.length)
    const pieces = await this.#pieces(row.blob, first, last)
    const records = this.#stores.blobs.read(row.volume!, row.blob, pieces, first, last)
    return new OpenSegment(key, row, slice, records)
  }
}

/** Reads several extents of a body, one after the other. No piece spans two. The reader owns the key from now on. */
export function readExtents(
  stores: Stores,
  body: string,
  bodyKey: Buffer,
  resolved: ResolvedBody,
  extents: readonly Extent[],
): Pick<BodyReader, 'prepare' | 'read' | 'close'> {
  const [first] = extents
  if (extents.length === 1) return new BodyReader(stores, body, bodyKey, resolved, first!)
  // Each reader has a copy of the key, which it zeroes, and a lease on the body from now on.
  const readers = extents.map(
    (extent) => new BodyReader(stores, body, Buffer.from(bodyKey), resolved, extent),
  )
  bodyKey.fill(0)
  return {
    // All extents are prepared, because a read cannot begin anew once the headers are sent.
    prepare: async () => void (await Promise.all(readers.map((reader) => reader.prepare()))),
    read: async () => {
      for (let reader = readers[0]; reader !== undefined; reader = readers[0]) {
        const piece = await reader.read()
        if (piece !== undefined) return piece
        readers.shift()!.close()
      }
      return undefined
    },
    close: () => {
      for (const reader of readers.splice(0)) reader.close()
    },
  }
}

/** Reads the records of one segment that a slice covers, and opens them one by one. */
class OpenSegment {
  readonly #key: KeyObject
  readonly #row: SegmentRow
  readonly #records: BlobReader | undefined
  /** Index of the record that must carry the final flag, by the size in the row. */
  readonly #finalIndex: number
  #index: number
  #lastIndex: number
  #skip: number
  #left: number

  constructor(key: KeyObject, row: SegmentRow, slice: Slice, records: BlobReader | undefined) {
    const { first, last, skipBytes } = recordSpan(slice.size, slice.offset, slice.length)
    this.#key = key
    this.#row = row
    this.#records = records
    this.#finalIndex = recordCount(slice.size) - 1
    this.#index = first
    this.#lastIndex = last
    this.#skip = skipBytes
    this.#left = slice.length
  }

  /** The next bytes of the slice, undefined at its end. An empty slice gives one empty piece. */
  async read(): Promise<Buffer | undefined> {
    if (this.#index > this.#lastIndex) return undefined
    const index = this.#index++
    const plain = await this.#open(index, index === this.#finalIndex)
    const length = Math.min(plain.length - this.#skip, this.#left)
    this.#left -= length
    if (length < 0 || (index === this.#lastIndex && this.#left !== 0)) {
      throw new CofferError('StoreCorrupt', { blob: this.#row.blob, record: index })
    }
    if (length === plain.length) return plain
    const piece = plain.subarray(this.#skip, this.#skip + length)
    this.#skip = 0
    return piece
  }

  async #open(index: number, final: boolean): Promise<Buffer> {
    if (this.#records === undefined) return openRecord(this.#key, index, final, this.#row.inline!)
    const stored = await this.#records.read()
    if (stored === undefined) {
      throw new CofferError('StoreCorrupt', { blob: this.#row.blob, record: index })
    }
    const plain = openRecord(this.#key, index, final, stored.sealed)
    release(stored.whole)
    return plain
  }

  close(): void {
    this.#records?.close()
  }
}
