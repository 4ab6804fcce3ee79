// Reads the files of a volume of either format, for commands.
import type { Rate } from '../plain-file.ts'
import type { VolumeHeader } from './header.ts'
import { levelHeaders, openLevelFiles } from './level/scan.ts'
import type { VolumeFiles } from './scan.ts'

/** Opens a volume's files. Rejects with the system's error, ENOENT where there are none (yet). */
export function openVolumeFiles(location: string, rate: Rate): Promise<VolumeFiles> {
  return openLevelFiles(location, rate)
}

/** The headers in a volume: record 0 and, where it is sealed, the last record. A damaged one is left out. Rejects with
 * FilesUnreadable where a file cannot be read, with the system's error where one is missing. */
export function readHeaders(location: string): Promise<VolumeHeader[]> {
  return levelHeaders(location)
}
