// The seam for commands that read the files of a volume without opening it as a store does: nothing is locked or
// changed, and a node may have the volume open.
import type { Damage } from '../damage.ts'

export interface ScannedRecord {
  readonly number: number
  /** Valid until the next record is read. */
  readonly value: Buffer
}

/** The files of one generation, as they were when they were opened. */
export interface VolumeFiles {
  readonly location: string
  /** What is wrong with the files as a whole. */
  readonly damages: readonly Damage[]
  /** All records from a number on, in rising order. `damaged` is called for each piece that is damaged, whose records
   * do not come. */
  scan(fromNumber: number, damaged: (damage: Damage) => void): AsyncGenerator<ScannedRecord>
  close(): Promise<void>
}
