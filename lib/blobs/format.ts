// The seam below a volume: the files of one generation, which hold records under their numbers. There are two
// formats, LevelDB (lib/blobs/level/) and one append-only file (lib/blobs/file/). Both may lie on one device. States,
// headers, accounting, devices and reclaim are above the seam, and the same code for both.
import type { OpenVolumes } from './open-volumes.ts'
import type { RecordSum } from './record.ts'
import type { BlobId } from './store.ts'

export const volumeFormats = ['level', 'file'] as const

/** `level`: a LevelDB database. `file`: one append-only file. */
export type VolumeFormat = (typeof volumeFormats)[number]

/** The blob id of a volume's headers, which belong to no blob. */
export const HEADER_BLOB: BlobId = '0'.repeat(32)

/** A record with its number, and the value that the volume keeps for it. */
export interface NumberedValue {
  readonly number: number
  readonly blob: BlobId
  /** The record's index in its blob. */
  readonly index: number
  /** The sealed record and its checksum; a header; empty for a record that was lost. */
  readonly value: Buffer
}

/** A sealed record on its way to a volume: `slab[0 … length)`, with TRAILER_BYTES of room behind. */
export interface SealedRecord {
  readonly sum: RecordSum
  readonly blob: BlobId
  readonly index: number
  readonly slab: Buffer
  readonly length: number
}

/** Takes the next number for a record of so many bytes. Called in the step that puts the record. */
export type TakeNumber = (storedBytes: number) => number

/** The files of one generation of a volume. They are opened for the first read or write. */
export interface Handle {
  /** Appends under way that keep the volume busy. Further ones would only wait. */
  readonly appendsMax: number
  /** True once a write or sync has failed, where the format lets nothing be written to such files ever again, not even
   * after they were closed and opened. */
  readonly isSpent: boolean
  /** Makes the files, with their directory, and opens them. Rejects with the error of file or database. */
  make(): Promise<void>
  /** Opens the files unless they are open. Rejects with the error of file or database, with FormatUnread where another
   * release wrote them, and with StoreUnavailable after `end`. */
  open(): Promise<void>
  /** True for files that a crash interrupted while they were being made, and that `open` has tried since: none of them
   * can hold records. Rejects with the system's error. */
  isHalfMade(): Promise<boolean>
  /** Nothing is written from now on. While the files are open they count towards the bound on open volumes. */
  onlyRead(): void
  /** Number of the last record; undefined where there is none. Rejects where it cannot be read: an earlier number
   * would be used a second time. The files must be open. */
  lastNumber(): Promise<number | undefined>
  /** The values of several records, each owned by the caller; undefined where there is none. Opens the files where they
   * are closed. Rejects with the error of file or database. */
  getMany(numbers: readonly number[]): Promise<(Buffer | undefined)[]>
  /**
   * Appends a record. Resolves when more may be appended; the record can be read from then on, and is durable after
   * `sync`. The slab may be used again when `append` returns. Throws, or rejects with, StoreUnavailable.
   */
  append(record: SealedRecord, take: TakeNumber): Promise<void>
  /** Puts a header under its number. Rejects with the error of file or database. */
  putHeader(number: number, value: Buffer): Promise<void>
  /** Resolves when every record appended before the call is durable. Rejects with StoreUnavailable after `stop`, and
   * with the error of a file; the volume must then take no more writes. */
  sync(): Promise<void>
  /** Nothing is appended from now on: those that wait reject with `error`, those under way go on. */
  stop(error: Error): void
  /** Resolves when no append is under way. */
  written(): Promise<void>
  /** What is written is complete and synced: leaves the files so that they can be opened on a disk with little room.
   * Rejects with the error of file or database. */
  finish(): Promise<void>
  /** Resolves when no read is under way, or waits for the files to be opened. */
  idle(): Promise<void>
  /** Waits for the reads under way, and closes the files. The next read opens them again. An error of a read does not
   * reject it. */
  close(): Promise<void>
  /** Closes the files; no read opens them again. */
  end(): Promise<void>
}

/** The files of a copy that reclaim makes. Only one of `finish` and `abandon` is called, once. */
export interface Copy {
  /** Puts values under rising numbers. They are copied, or written, before the promise resolves. */
  put(records: readonly NumberedValue[]): Promise<void>
  getMany(numbers: readonly number[]): Promise<(Buffer | undefined)[]>
  /** Makes everything durable, and closes the files. */
  finish(): Promise<void>
  /** Closes the files. */
  abandon(): Promise<void>
}

export interface HandleOptions {
  /** The device's bound on open sealed volumes. */
  readonly readable: OpenVolumes
  /** Called when a write has failed. */
  readonly failed: (error: unknown) => void
  /** The handle of the generation before, which is used until the new one has been opened. */
  readonly before?: Handle
}

/** How the files of a volume are made. */
export interface Format {
  readonly name: VolumeFormat
  /** Bytes that a copy may need for a while besides the records' own, for so many records. */
  copyRoomBytes(records: number): number
  handle(location: string, options: HandleOptions): Handle
  /** Makes an empty copy. Rejects with the error of file or database. */
  makeCopy(location: string): Promise<Copy>
  /** Opens a finished copy as a start would. Rejects with the error of file or database. */
  openCopy(location: string): Promise<Copy>
}
