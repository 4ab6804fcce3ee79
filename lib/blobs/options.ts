// What a device needs to know, and what the store logs with.
import type { Engine } from '../leveldb/engine.ts'
import type { VolumeFormat } from './format.ts'

/** The part of a pino Logger that the store uses. */
export interface StoreLog {
  info(details: object, message: string): void
  error(details: object, message: string): void
}

export interface DeviceOptions {
  readonly engine: Engine
  readonly catalogId: string
  /** Returns the catalog's last commit number. */
  readonly commitNumber: () => number
  /** The format of new volumes, and of what reclaim writes. */
  readonly volumeFormat: VolumeFormat
  /** A volume of this size takes no new blobs. */
  readonly volumeSizeBytes: number
  /** The size of LevelDB's memtable, for each volume that is written to. */
  readonly writeBufferBytes: number
  /** How many sealed volumes of each device are open at once. */
  readonly openVolumes: number
  /** Bytes to keep free on the device; 0 turns that off. */
  readonly reserveBytes: number
  readonly log: StoreLog
}
