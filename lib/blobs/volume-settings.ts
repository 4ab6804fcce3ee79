// What a device gives to its volumes, and finds out about them.
import type { Files } from '../files.ts'
import type { Formats } from './formats.ts'
import type { OpenVolumes } from './open-volumes.ts'

export interface VolumeSettings {
  readonly files: Files
  readonly catalogId: string
  /** Returns the catalog's last commit number. */
  readonly commitNumber: () => number
  /** Those of the device. */
  readonly formats: Formats
  /** The device's bound on open sealed volumes. */
  readonly readable: OpenVolumes
  /** Called once each time a volume fails; reads go on. */
  readonly failed: (volume: string, error: unknown) => void
  /** Called when a volume that drained is sealed. */
  readonly sealed: (volume: string) => void
}

/** What `open` of a volume found. `empty`: never used, or not yet made when the process ended. `damaged`: no header can be read,
 * but records can. */
export type Found = 'writable' | 'sealed' | 'empty' | 'foreign' | 'damaged'
