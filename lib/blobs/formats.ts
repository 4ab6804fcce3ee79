// The formats of volumes, for the store. lib/blobs/volume-files.ts is the same for commands.
import type { Engine } from '../leveldb/engine.ts'
import { FileFormat } from './file/format.ts'
import { RECORDS_NAME } from './file/layout.ts'
import type { Format, VolumeFormat } from './format.ts'
import { LevelFormat } from './level/format.ts'
import type { StoreLog } from './options.ts'

export interface FormatOptions {
  readonly engine: Engine
  /** The format of new volumes, and of what reclaim writes. */
  readonly volumeFormat: VolumeFormat
  readonly writeBufferBytes: number
  readonly log: StoreLog
}

export interface Formats {
  readonly configured: Format
  /** That of the volume which lies there. Rejects with the system's error. */
  at(location: string): Promise<Format>
}

/** The formats of the volumes on a device. */
export function makeFormats(
  { engine, volumeFormat, writeBufferBytes, log }: FormatOptions,
  device: string,
): Formats {
  const level = new LevelFormat(engine, writeBufferBytes)
  const file = new FileFormat(engine, log, device)
  return {
    configured: { level, file }[volumeFormat],
    at: async (location) => ((await engine.list(location)).includes(RECORDS_NAME) ? file : level),
  }
}
