// Runs the blob store's contract on volumes as LevelDB databases, on memory-level, and on volumes as files.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import type { VolumeFormat } from '../../lib/blobs/format.ts'
import { openVolumes } from '../../lib/blobs/volumes.ts'
import { Budget } from '../../lib/budget.ts'
import { classicEngine, type Engine } from '../../lib/leveldb/engine.ts'
import { memoryEngine } from '../helpers/memory-engine.ts'
import { type BlobSite, blobContract } from './blobs.ts'
import { volumesContract } from './blobs-volumes.ts'

function siteOn(engine: Engine, volumeFormat: VolumeFormat, directory: string): BlobSite {
  return {
    open: ({ devices = 1, volumeSizeBytes = 1 << 30 } = {}) =>
      openVolumes({
        engine,
        volumeFormat,
        devices: Array.from({ length: devices }, (_, n) => join(directory, `device${n}`)),
        catalogId: 'ca'.repeat(16),
        commitNumber: () => 7,
        volumeSizeBytes,
        writeBufferBytes: 1 << 20,
        openVolumes: 32,
        reserveBytes: 1 << 20,
        readAhead: new Budget(64 << 20),
        log: pino({ level: 'silent' }),
      }),
  }
}

for (const [name, makeEngine, format] of [
  ['classic-level', () => classicEngine, 'level'],
  ['memory-level', memoryEngine, 'level'],
  ['files', () => classicEngine, 'file'],
] as const) {
  t.test(name, async (t) => {
    const makeSite = async (t: Test) =>
      siteOn(makeEngine(), format, join(t.testdir(), randomBytes(4).toString('hex')))
    blobContract(t, makeSite)
    volumesContract(t, makeSite)
  })
}
