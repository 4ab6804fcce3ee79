// An engine that shows which volumes are open: databases, and the files of volumes in the file format.
import { constants } from 'node:fs'
import { basename, dirname } from 'node:path'
import { RECORDS_NAME } from '../../lib/blobs/file/layout.ts'
import type { Engine, Keys, OpenOptions } from '../../lib/leveldb/engine.ts'

export interface Watcher {
  /** A volume is being opened. */
  readonly opening?: (location: string) => void
  /** It was closed, or could not be opened. */
  readonly closed: (location: string) => void
}

/** `engine`, with a call for each volume that is opened or closed. */
export function watchedEngine(engine: Engine, { opening, closed }: Watcher): Engine {
  /** Opens, and calls `closed` once when what was opened is closed. */
  const watch = async <T extends { close(): Promise<void> }>(
    location: string,
    open: () => Promise<T>,
  ): Promise<T> => {
    opening?.(location)
    const opened = await open().catch((error) => {
      closed(location)
      throw error
    })
    // The memory engine opens the same one again.
    const close = (Object.getPrototypeOf(opened).close ?? opened.close).bind(opened)
    opened.close = async () => {
      await close()
      closed(location)
    }
    return opened
  }
  return {
    ...engine,
    open: <E extends keyof Keys>(location: string, options: OpenOptions<E>) =>
      watch(location, () => engine.open(location, options)),
    /** A volume as a file is read through one descriptor while it is open. */
    openData: (path, flags) => {
      const isOpening = basename(path) === RECORDS_NAME && flags === constants.O_RDONLY
      const open = () => engine.openData(path, flags)
      return isOpening ? watch(dirname(path), open) : open()
    },
  }
}
