// Seam 1, the interface of what stores sealed bytes. A blob is a list of records under a random id. Writing a
// blob returns a locator, which only the store can read. Neither LevelDB, keys nor names of objects occur in
// the interface.

/** 32 lower-case hex digits (16 random bytes), drawn by the caller and used for one blob only. */
export type BlobId = string

/** Records that one piece of a locator covers. A blob of any size thus has small catalog rows. */
export const RECORDS_PER_PIECE = 4096

/** Where a finished blob lies. Opaque outside the store: the catalog keeps `pieces[k]`, which covers the
 * RECORDS_PER_PIECE records from k × RECORDS_PER_PIECE, in a row of its own. */
export interface Locator {
  readonly volume: string
  readonly pieces: readonly Buffer[]
  readonly records: number
  /** Bytes that the blob takes in the volume, for the counters of live and dead bytes. */
  readonly storedBytes: number
}

export interface BlobWriter {
  readonly id: BlobId
  /** Id of the volume that takes the blob, chosen when the writer was made. */
  readonly volume: string
  /**
   * Appends one sealed record: `slab[0 … length)`, with TRAILER_BYTES of room behind. The bytes are copied (or
   * written) before `write` returns, so that the slab may be used again at once. Await the returned promise,
   * where there is one, before the next `write` (back pressure). It rejects, or `finish` does, with the error
   * of an earlier write. Throws StoreUnavailable, StoreFull.
   */
  write(slab: Buffer, length: number): Promise<void> | undefined
  /** Resolves when every record is in the store. The records are durable only after `barrier`. */
  finish(): Promise<Locator>
  /** Aborts the blob, finished or not: its bytes count as dead, and no `settle` is needed. Never throws. */
  abort(): void
}

/** A record as it was read, owned by the caller. The store keeps a trailer behind each record, so that the
 * record alone is a view, which cannot be released. */
export interface StoredRecord {
  /** Ciphertext ‖ tag: a view into `whole`. */
  readonly sealed: Buffer
  /** What to `release` once `sealed` is no longer read. */
  readonly whole: Buffer
}

export interface BlobReader {
  /** The next record; undefined after the last one and after `close`. Call it again only after it resolved. */
  read(): Promise<StoredRecord | undefined>
  /** Ends the reader and drops what was read ahead. May be called at any time, more than once. */
  close(): void
}

/** Returns one piece of a locator, from the catalog. */
export type PieceSource = (piece: number) => Promise<Buffer> | Buffer

export interface VolumeUsage {
  readonly device: string
  readonly volume: string
  /** 1 for a new volume, one more with every reclaim. */
  readonly generation: number
  /** `level`: a LevelDB database; `file`: one append-only file. */
  readonly format: 'level' | 'file'
  /** `quarantined`: to read the volume would kill the process, so that it is not opened. */
  readonly state: 'open' | 'draining' | 'sealed' | 'failed' | 'quarantined'
  readonly records: number
  readonly writtenBytes: number
  /** Bytes that the volume's files take; 0 where they cannot be measured. */
  readonly diskBytes: number
  /** Since when the volume has dead bytes, in milliseconds since 1970; null where that is unknown or it has
   * none. */
  readonly deadSinceMs: number | null
  readonly files: number
}

export interface BlobStore {
  /**
   * Begins a blob. `expectedBytes` (plaintext, where known) lets the store refuse early what does not fit now
   * together with what the same `sender` has announced and not yet sent. The room is not reserved: other
   * writers may take it meanwhile. Throws StoreFull below the reserve, StoreUnavailable when no device takes
   * writes.
   */
  create(id: BlobId, expectedBytes?: number, sender?: string): BlobWriter
  /**
   * Reads records first … last (inclusive) of a blob and verifies the checksum of each. `read` of the reader
   * throws StoreCorrupt, which names volume and record, and StoreUnavailable where the volume is not there.
   */
  read(volume: string, id: BlobId, pieces: PieceSource, first: number, last: number): BlobReader
  /** Resolves when all blobs finished before the call, in these volumes, are durable. */
  barrier(volumes: readonly string[]): Promise<void>
  /** The outcome of the commit that names, or drops, the blob is final. Until then its volume is not sealed. */
  settle(id: BlobId): void
  /** No row names the blob any more. A volume counts the blob as dead; another store may delete it. */
  release(volume: string, id: BlobId): void
  usage(): Promise<readonly VolumeUsage[]>
  /** Null while at least one device takes writes, else why none does. */
  readonly impaired: string | null
  close(): Promise<void>
}
