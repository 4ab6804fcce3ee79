// Reads a LevelDB volume from its files, without LevelDB.
import { readUint64 } from '../../bytes/uint64.ts'
import type { Damage } from '../../damage.ts'
import { DatabaseFiles } from '../../leveldb/database-files.ts'
import { Rate } from '../../plain-file.ts'
import { FilesUnreadable, throwUnreadable, unreadableFiles } from '../../unreadable.ts'
import { decodeHeader, type VolumeHeader } from '../header.ts'
import { KEY_BYTES, recordKey } from '../record.ts'
import type { ScannedRecord, VolumeFiles } from '../scan.ts'

/** Opens the files. Rejects with the system's error, ENOENT where there is no database (yet). */
export async function openLevelFiles(location: string, rate: Rate): Promise<VolumeFiles> {
  return new LevelFiles(await DatabaseFiles.open(location, rate))
}

class LevelFiles implements VolumeFiles {
  readonly #files: DatabaseFiles

  constructor(files: DatabaseFiles) {
    this.#files = files
  }

  get location(): string {
    return this.#files.location
  }

  get damages(): readonly Damage[] {
    return this.#files.damages
  }

  async *scan(
    fromNumber: number,
    damaged: (damage: Damage) => void,
  ): AsyncGenerator<ScannedRecord> {
    for await (const { key, value } of this.#files.scan({ from: recordKey(fromNumber) }, damaged)) {
      if (key.length === KEY_BYTES) yield { number: readUint64(key, 0), value }
    }
  }

  close(): Promise<void> {
    return this.#files.close()
  }
}

/** The headers in a volume: record 0 and, where it is sealed, the last record. A damaged one is left out. Rejects with
 * FilesUnreadable where a file cannot be read, with the system's error where one is missing. */
export async function levelHeaders(location: string): Promise<VolumeHeader[]> {
  const whose = `the volume in ${location}`
  const rate = new Rate(Number.POSITIVE_INFINITY)
  const files = await DatabaseFiles.open(location, rate).catch((error) =>
    throwUnreadable(whose, location, error),
  )
  const damages = [...files.damages]
  try {
    const headers: VolumeHeader[] = []
    for (const from of [recordKey(0), files.lastKey ?? recordKey(0)]) {
      for await (const { key, value } of files.scan({ from, ahead: false }, (damage) =>
        damages.push(damage),
      )) {
        const header = decodeHeader(value, readUint64(key, 0))
        if (header !== undefined) headers.push(header)
        break
      }
    }
    const unread = unreadableFiles(damages)
    if (unread.length > 0) throw new FilesUnreadable(whose, unread)
    return headers
  } finally {
    await files.close()
  }
}
