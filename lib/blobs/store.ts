// Seam 1: where sealed bytes live. A blob is a stream of records under a random id; writing returns a
// locator that only the store can read. The seam knows no LevelDB, no key and no name.

/** 32 lower-case hex digits (16 random bytes), drawn by the caller, used for one blob only. */
export type BlobId = string

/** Records that one piece of a locator covers, so that a catalog row stays small. */
export const RECORDS_PER_PIECE = 4096

/** Where a finished blob lies. Opaque outside the store: the catalog keeps `pieces[k]` (records
 * k × RECORDS_PER_PIECE and following) in a row of its own. */
export interface Locator {
  readonly volume: string
  readonly pieces: readonly Buffer[]
  readonly records: number
  /** Bytes the blob takes in the volume, for live and dead accounting. */
  readonly storedBytes: number
}

export interface BlobWriter {
  readonly id: BlobId
  /** Id of the volume that takes the blob, chosen when the writer was made. */
  readonly volume: string
  /**
   * Appends one sealed record: `slab[0 … length)`, with TRAILER_BYTES of room behind. The bytes are
   * copied (or written) before `write` returns, so the slab may be used again at once. The returned
   * promise, where there is one, must be awaited before the next write (back pressure); a failed
   * earlier write rejects it or `finish`. Throws StoreUnavailable, StoreFull.
   */
  write(slab: Buffer, length: number): Promise<void> | undefined
  /** Resolves when every record is in the store, not yet durable: call `barrier` before naming it. */
  finish(): Promise<Locator>
  /** Gives the blob up, finished or not; its bytes count as dead, and no `settle` is needed. Never throws. */
  abort(): void
}

/** A record as it was read, owned by the caller. A store keeps a trailer behind the record, so that the
 * record alone is a view, which cannot be released. */
export interface StoredRecord {
  /** Ciphertext ‖ tag: a view into `whole`. */
  readonly sealed: Buffer
  /** What to `release` once `sealed` is no longer read. */
  readonly whole: Buffer
}

export interface BlobReader {
  /** The next record; undefined after the last asked for, and after `close`. Not to be called again
   * before it has answered. */
  read(): Promise<StoredRecord | undefined>
  /** Stops read-ahead. Safe at any time, more than once. */
  close(): void
}

/** Gives the store one piece of a locator, from the catalog. */
export type PieceSource = (piece: number) => Promise<Buffer> | Buffer

export interface VolumeUsage {
  readonly device: string
  readonly volume: string
  /** 1 when it was made, one more with every reclaim. */
  readonly generation: number
  /** `quarantined`: it would kill whoever opens it, and is not opened. */
  readonly state: 'open' | 'draining' | 'sealed' | 'failed' | 'quarantined'
  readonly records: number
  readonly writtenBytes: number
  /** What its files take; 0 where they cannot be looked at. */
  readonly diskBytes: number
  /** Since when there are dead bytes, milliseconds since 1970; null where that is not known, or there are none. */
  readonly deadSinceMs: number | null
  readonly files: number
}

export interface BlobStore {
  /** Begins a blob; `expectedBytes` (plaintext, if known) lets the store refuse early what does not fit now, together
   * with what the same `sender` has announced and not yet sent. It is no promise: what others write meanwhile may leave
   * no room. Throws StoreFull below the reserve, StoreUnavailable when no device takes writes. */
  create(id: BlobId, expectedBytes?: number, sender?: string): BlobWriter
  /**
   * Reads records first … last (inclusive) of a blob, checking each one's checksum against number,
   * blob id and index. `read` throws StoreCorrupt naming volume and record, StoreUnavailable where the
   * volume is not there.
   */
  read(volume: string, id: BlobId, pieces: PieceSource, first: number, last: number): BlobReader
  /** Everything finished before this call, in these volumes, is durable when it resolves. */
  barrier(volumes: readonly string[]): Promise<void>
  /** The commit that names (or gives up) the blob has its final outcome; until then its volume is not sealed. */
  settle(id: BlobId): void
  /** No row names the blob any more. A volume counts it dead; another store may delete it. */
  release(volume: string, id: BlobId): void
  usage(): Promise<readonly VolumeUsage[]>
  /** Null when writes are accepted by at least one device, else why not. */
  readonly impaired: string | null
  close(): Promise<void>
}
