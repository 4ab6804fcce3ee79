// The interface of a volume, whatever its format: records under numbers that only grow. Its states are open → draining
// (takes no new blobs) → sealed (takes no writes), and failed. Device, writer, reader and reclaim use volumes through
// this interface only. lib/blobs/level/ implements it on LevelDB.
import type { BegunBlobs } from './begun.ts'
import type { DeadSince } from './dead-since.ts'
import type { DiskSize } from './disk-size.ts'
import type { VolumeHeader } from './header.ts'
import type { RecordSum } from './record.ts'
import type { VolumeUsage } from './store.ts'

/** What `open` found. `damaged`: no header can be read, but records can. */
export type Found = 'writable' | 'sealed' | 'empty' | 'foreign' | 'damaged'

export interface Volume {
  readonly id: string
  /** Blobs that keep the volume from being sealed. */
  readonly begun: BegunBlobs
  readonly dead: DeadSince
  readonly size: DiskSize
  readonly state: VolumeUsage['state']
  /** 1 for a new volume, one more with every reclaim. */
  readonly generation: number
  readonly location: string
  /** How many numbers are used, those of headers included. It is the next record's number. */
  readonly records: number
  readonly writtenBytes: number
  /** The commit number in the newest header that was read; 0 where there is none. */
  readonly commitNumber: number
  /** Puts in flight that keep the volume busy. Further ones would only wait. */
  readonly putsMax: number

  /**
   * Closes the volume's files where they are open, opens them and reads the header. The next number is read as
   * the last key + 1, and not kept from before. Call it only for a volume that failed, or was never opened, and has
   * no begun blob. Rejects with the error of file or database, and with FormatUnread where it has another format.
   */
  open(): Promise<Found>
  /** True for a volume that a crash interrupted while it was being made, and that `open` has tried since: no file in it
   * can hold records. Rejects with the system's error. */
  isHalfMade(): Promise<boolean>
  /** Takes writes from now on. Call it only after `open` returned `writable`. */
  accept(): void
  /** Takes no new blobs from now on, and is sealed once the begun ones have left the volume. */
  drain(): void
  /** Writes the sealed header and makes everything durable. An error fails the volume, and does not reject.
   * Call it only where no blob is begun, and after `open` returned `writable` or `drain` was called. */
  seal(): Promise<void>
  /** Records that some of the volume's records have died. */
  markDead(): void
  /** Closes a sealed volume's files until the next read, which gives their memory back, unless the files could not be
   * opened again. Rejects with the error of file or database. */
  rest(): Promise<void>
  /** The sealed header for reclaim's copy, with the catalog's last commit number. */
  makeSealedHeader(): VolumeHeader
  /**
   * Switches a sealed volume to the next generation, which lies beside this one with the same live records. Reads
   * that have begun end on the old generation. Returns a function that closes it. Rejects with the error of file or
   * database; nothing has changed then.
   */
  moveOn(): Promise<() => Promise<void>>
  /**
   * Puts a record under the next number, and calls `took` with the number in the same step. Resolves when the volume
   * has the record, which is not yet durable. The slab may be used again when `append` returns. Throws, or rejects
   * with, StoreUnavailable.
   */
  append(
    sum: RecordSum,
    index: number,
    slab: Buffer,
    length: number,
    took: (number: number, bytes: number) => void,
  ): Promise<void>
  /** The values of several records; undefined where there is none. Rejects with the error of file or database. */
  getMany(numbers: readonly number[]): Promise<(Buffer | undefined)[]>
  /** Resolves when every blob finished before the call is durable. Rejects with StoreUnavailable. */
  barrier(): Promise<void>
  /** Ends the puts in flight, makes them durable where possible, and closes the volume. */
  close(): Promise<void>
}
