// The formats of volumes, for the store. lib/blobs/volume-files.ts is the same for commands.
import type { Engine } from '../leveldb/engine.ts'
import type { Format } from './format.ts'
import { LevelFormat } from './level/format.ts'

export interface FormatOptions {
  readonly engine: Engine
  readonly writeBufferBytes: number
}

export interface Formats {
  /** That of new volumes, and of what reclaim writes. */
  readonly configured: Format
  /** That of the volume which lies there. Rejects with the system's error. */
  at(location: string): Promise<Format>
}

export function makeFormats({ engine, writeBufferBytes }: FormatOptions): Formats {
  const level = new LevelFormat(engine, writeBufferBytes)
  return { configured: level, at: async () => level }
}
