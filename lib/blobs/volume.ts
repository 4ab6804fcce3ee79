// What the store needs of a volume, whatever its format: a run of records under numbers that only grow, and its states,
// open → draining (takes no new blobs) → sealed (takes nothing), and failed. Device, writer, reader and reclaim
// know volumes by this alone; lib/blobs/level/ has them on LevelDB.
import type { BegunBlobs } from './begun.ts'
import type { DeadSince } from './dead-since.ts'
import type { DiskSize } from './disk-size.ts'
import type { VolumeHeader } from './header.ts'
import type { RecordSum } from './record.ts'
import type { VolumeUsage } from './store.ts'

/** What opening a volume found. `damaged`: its header cannot be read; records can. */
export type Found = 'writable' | 'sealed' | 'empty' | 'foreign' | 'damaged'

export interface Volume {
  readonly id: string
  /** The blobs that hold the volume. */
  readonly begun: BegunBlobs
  readonly dead: DeadSince
  readonly size: DiskSize
  readonly state: VolumeUsage['state']
  /** 1 when it was made, one more with every reclaim. */
  readonly generation: number
  readonly location: string
  /** Numbers used so far, headers included: the next record's number. */
  readonly records: number
  readonly writtenBytes: number
  /** The commit number in the newest header that was read; 0 where there is none. */
  readonly commitNumber: number
  /** So many puts in flight keep the volume busy; more than that only wait. */
  readonly putsMax: number

  /**
   * Opens its files, closing them first where they are open, and reads what it is. Nothing is remembered:
   * the next number is the last key + 1. Only for a volume that failed (or was never opened) and has
   * no begun blob. Rejects with the error of file or database, FormatNewer where a later release wrote it.
   */
  open(): Promise<Found>
  /** True for what a crash leaves that came while the volume was being made, after `open` has tried it: nothing in it can
   * hold data. Rejects with the system's error. */
  isHalfMade(): Promise<boolean>
  /** Takes writes from now on. Only after `open` found it writable. */
  accept(): void
  /** Takes no new blobs from now on, and is sealed once the begun ones let go. */
  drain(): void
  /** Writes the sealed header and makes everything durable. Fails the volume instead of rejecting.
   * Only where no blob is begun, and after `open` found it writable, or it drains. */
  seal(): Promise<void>
  /** Some of its records are dead from now on. */
  markDead(): void
  /** Closes its files until the next read, which gives their memory back, where they could be opened again.
   * Only where it is sealed. Rejects with the error of file or database. */
  rest(): Promise<void>
  /** The sealed header as reclaim writes it into a copy: with the catalog's commit number of this moment. */
  makeSealedHeader(): VolumeHeader
  /**
   * Goes over to the next generation, which lies beside this one with the same live records: reads that have
   * begun end on the old one. Returns what closes that. Rejects with the error of file or database; then nothing
   * has changed. Only where the volume is sealed.
   */
  moveOn(): Promise<() => Promise<void>>
  /**
   * Puts a record under the next number, which `took` gets in the same step. Resolves when the volume
   * has it, not yet durable. The slab is free when this returns. Throws (or rejects with)
   * StoreUnavailable.
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
  /** Ends the puts in flight, makes them durable where it can, and closes. */
  close(): Promise<void>
}
