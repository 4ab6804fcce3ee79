// What a device needs to know, and what the store logs with.
import type { Engine } from '../leveldb/engine.ts'

/** What the store logs with: the part of a pino Logger that it needs. */
export interface StoreLog {
  info(details: object, message: string): void
  error(details: object, message: string): void
}

export interface DeviceOptions {
  readonly engine: Engine
  readonly catalogId: string
  /** The catalog's commit number of this moment. */
  readonly commitNumber: () => number
  /** A volume with so many bytes takes no new blobs. */
  readonly volumeSizeBytes: number
  /** LevelDB's memtable, of each volume that is written to. */
  readonly writeBufferBytes: number
  /** Sealed volumes of each device that are open at once. */
  readonly openVolumes: number
  /** Bytes to keep free on the device; 0 turns that off. */
  readonly reserveBytes: number
  readonly log: StoreLog
}
