// A process for volume-kill.test.ts: writes blobs without end, and prints each one's locator once it is
// durable.
import { writeSync } from 'node:fs'
import { classicEngine } from '../../lib/leveldb/engine.ts'
import { beginBlob, RECORD_BYTES, type SavedBlob } from '../helpers/blobs.ts'
import { openStore } from '../helpers/volumes.ts'

/** Small, so that logs, tables and volumes change often. */
export const KILLED_OPTIONS = { writeBufferBytes: 128 << 10, volumeSizeBytes: 3 << 20 }

/** Reads the writer's line for a blob. */
export function parseSaved(line: string): SavedBlob {
  const [id, volume, pieces, lengths] = JSON.parse(line) as [string, string, string[], number[]]
  const locator = {
    volume,
    pieces: pieces.map((piece) => Buffer.from(piece, 'hex')),
    records: lengths.length,
    storedBytes: 0,
  }
  return { id, locator, lengths }
}

async function writeForEver(directory: string): Promise<void> {
  const store = await openStore(classicEngine, directory, KILLED_OPTIONS)
  const one = async (turn: number): Promise<void> => {
    const lengths = [RECORD_BYTES, 1 + ((turn * 7919) % RECORD_BYTES), 300].slice(turn % 3)
    const blob = beginBlob(store, lengths)
    await blob.write()
    // One in ten is aborted, in the middle of the others.
    if (turn % 10 === 9) blob.writer.abort()
    else {
      const { id, locator } = await blob.finish()
      await store.barrier([locator.volume])
      store.settle(id)
      const pieces = locator.pieces.map((piece) => piece.toString('hex'))
      writeSync(1, `${JSON.stringify([id, locator.volume, pieces, lengths])}\n`)
    }
    return one(turn + 1)
  }
  await Promise.all([one(0), one(1), one(2), one(3), one(4), one(5)])
}

if (import.meta.main) await writeForEver(process.argv[2]!)
