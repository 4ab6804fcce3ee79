// An engine that shows what is written to the files of records, and lets a test refuse, per call.
import { basename } from 'node:path'
import { RECORDS_NAME } from '../../lib/blobs/file/layout.ts'
import type { DataFile } from '../../lib/files.ts'
import { classicEngine, type Engine } from '../../lib/leveldb/engine.ts'

export interface SeenWrite {
  readonly path: string
  readonly at: number
  readonly bytes: number
}

export interface Refusals {
  open?: (flags: number) => void
  write?: (flags: number) => void
  datasync?: () => void
  /** A read of the bytes from `at` up to `end`. */
  read?: (at: number, end: number) => void
}

/** LevelDB and files on the local disk. Each function of `refusals`, which a test may change at any time, throws to make
 * the call fail. */
export function seeWrites(refusals: Refusals = {}): { engine: Engine; writes: SeenWrite[] } {
  const writes: SeenWrite[] = []
  const engine: Engine = {
    ...classicEngine,
    async openData(path, flags) {
      if (basename(path) !== RECORDS_NAME) return await classicEngine.openData(path, flags)
      refusals.open?.(flags)
      return seen(await classicEngine.openData(path, flags), path, flags)
    },
  }
  const seen = (file: DataFile, path: string, flags: number): DataFile => {
    const own = {
      async write(buffer: Buffer, offset: number, bytes: number, at: number) {
        refusals.write?.(flags)
        writes.push({ path, at, bytes })
        return await file.write(buffer, offset, bytes, at)
      },
      async datasync() {
        refusals.datasync?.()
        await file.datasync()
      },
      async readv(buffers: Buffer[], at: number) {
        refusals.read?.(at, at + buffers.reduce((sum, { length }) => sum + length, 0))
        return await file.readv(buffers, at)
      },
      stat: () => file.stat(),
      close: () => file.close(),
      read: (buffer: Buffer, offset: number, length: number, at: number) =>
        file.read(buffer, offset, length, at),
    }
    return own as unknown as DataFile
  }
  return { engine, writes }
}
