// A blob store on volumes for tests, with all options that a test may set.
import { join } from 'node:path'
import { openVolumes, type Volumes, type VolumesOptions } from '../../lib/blobs/volumes.ts'
import { Budget } from '../../lib/budget.ts'
import type { Engine } from '../../lib/leveldb/engine.ts'
import { chosenFormat } from './format-choice.ts'

export const CATALOG_ID = 'ca'.repeat(16)
export const WRITE_BUFFER_BYTES = 1 << 20

/** The messages that a store logged, by level. */
export interface Logged {
  readonly infos: string[]
  readonly errors: string[]
}

export function openStore(
  engine: Engine,
  directory: string,
  options: Partial<VolumesOptions> = {},
): Promise<Volumes> & { readonly logged: Logged } {
  const logged: Logged = { infos: [], errors: [] }
  const opening = openVolumes({
    engine,
    devices: [join(directory, 'device')],
    catalogId: CATALOG_ID,
    commitNumber: () => 7,
    // Databases in memory have no files.
    volumeFormat: 'freeBytesNow' in engine ? 'level' : chosenFormat(),
    volumeSizeBytes: 1 << 30,
    writeBufferBytes: WRITE_BUFFER_BYTES,
    openVolumes: 32,
    readAhead: new Budget(64 << 20),
    reserveBytes: 0,
    log: {
      info: (_, message) => logged.infos.push(message),
      error: (_, message) => logged.errors.push(message),
    },
    ...options,
  })
  return Object.assign(opening, { logged })
}
