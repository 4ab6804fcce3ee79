// The options with which a blob store on volumes is opened, and those that a device passes to its volumes.
import type { Engine } from '../leveldb/engine.ts'
import type { OpenVolumes } from './level/open-volumes.ts'
import type { Volume } from './level/volume.ts'

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

export interface VolumeSettings {
  readonly engine: Engine
  readonly catalogId: string
  /** Returns the catalog's last commit number. */
  readonly commitNumber: () => number
  readonly writeBufferBytes: number
  /** The device's bound on open sealed volumes. */
  readonly readable: OpenVolumes
  /** Called once each time the volume fails. Reads go on. */
  readonly failed: (volume: Volume, error: unknown) => void
  /** Called when a volume that drained is sealed. */
  readonly sealed: (volume: Volume) => void
}
