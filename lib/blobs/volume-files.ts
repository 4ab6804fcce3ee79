// Reads the files of a volume of either format, for commands.
import { readdir } from 'node:fs/promises'
import type { Rate } from '../plain-file.ts'
import { RECORDS_NAME } from './file/layout.ts'
import { openRecordFile, recordFileHeaders } from './file/scan.ts'
import type { VolumeHeader } from './header.ts'
import { levelHeaders, openLevelFiles } from './level/scan.ts'
import type { VolumeFiles } from './scan.ts'

/** Opens a volume's files. Rejects with the system's error, ENOENT where there are none (yet). */
export async function openVolumeFiles(location: string, rate: Rate): Promise<VolumeFiles> {
  const isFile = await isRecordFile(location)
  return isFile ? await openRecordFile(location, rate) : await openLevelFiles(location, rate)
}

/** The headers in a volume: record 0 and, where it is sealed, the last record. A damaged one is left out. Rejects with
 * FilesUnreadable where a file cannot be read, with the system's error where one is missing. */
export async function readHeaders(location: string): Promise<VolumeHeader[]> {
  const isFile = await isRecordFile(location)
  return isFile ? await recordFileHeaders(location) : await levelHeaders(location)
}

/** True for a volume that is one file. A directory that cannot be listed counts as one of LevelDB, whose files then
 * cannot be read either. */
export async function isRecordFile(location: string): Promise<boolean> {
  const names: string[] = await readdir(location).catch(() => [])
  return names.includes(RECORDS_NAME)
}
