// Makes a volume that can be opened from what a damaged one still holds. Reclaim's copy writes the live records
// into the next generation. A lost record has an empty value there, so that reads of it fail with a checksum
// error and the volume can be reclaimed as any other. The damaged generation stays beside it, and no program
// opens it.
import { basename } from 'node:path'
import type { Files } from '../../files.ts'
import { DatabaseFiles } from '../../leveldb/database-files.ts'
import type { Rate } from '../../plain-file.ts'
import { describeReadError, isOfDisk, systemErrorOf } from '../../system-error.ts'
import { FilesUnreadable, throwUnreadable, unreadableFiles } from '../../unreadable.ts'
import { copyLocationOf, damagedLocationOf, type FoundVolume, locationOf } from '../directory.ts'
import type { VolumeHeader } from '../header.ts'
import { describeFault, liftQuarantine } from '../level/quarantine.ts'
import { copyBeside, type ReclaimOptions, type ReclaimSite } from '../reclaim.ts'
import type { LiveRecords } from '../reclaim-live.ts'
import { isRecordFile } from '../volume-files.ts'
import type { FoundRecords } from './find.ts'

/** The value of a lost record in the next generation. */
const LOST = Buffer.alloc(0)

/** The volume cannot be salvaged as things are, and nothing has changed. The message is a sentence for an
 * operator. */
export class SalvageRefused extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'SalvageRefused'
  }
}

/**
 * Why LevelDB cannot, or must not, open the volume, as sentences; none where it can. A rotten record is no
 * reason, because its read fails with a checksum error. Rejects with FilesUnreadable where a file cannot be
 * read for another reason than the disk, because its records would count as lost. Rejects once the rate is
 * stopped.
 */
export async function faultsOf(location: string, rate: Rate): Promise<string[]> {
  const whose = `the volume in ${location}`
  // A volume as a file is opened whatever is in it.
  if (await isRecordFile(location)) return []
  let files: DatabaseFiles
  try {
    files = await DatabaseFiles.open(location, rate)
  } catch (error) {
    const found = systemErrorOf(error)
    if (found === undefined) throw error
    if (found.code !== 'ENOENT' && !isOfDisk(found.code)) throwUnreadable(whose, location, error)
    return [`its files ${describeReadError(found)}`]
  }
  try {
    const faults = files.damages.filter(({ torn }) => torn !== true)
    await files.verify((damage) => {
      if (damage.deadly === true || damage.unreadable !== undefined) faults.push(damage)
    })
    const unread = unreadableFiles(faults).filter(({ code }) => !isOfDisk(code))
    if (unread.length > 0) throw new FilesUnreadable(whose, unread)
    return faults.map(describeFault)
  } finally {
    await files.close()
  }
}

/** The generation that is salvaged. No process has it open. */
export interface DamagedVolume {
  readonly id: string
  readonly generation: number
  readonly live: LiveRecords
  readonly found: FoundRecords
  /** The sealed header of the next generation. */
  readonly header: VolumeHeader
}

/**
 * Puts the next generation in the place of the damaged one, and returns where the damaged one lies now. Rejects
 * with SalvageRefused where the filesystem has no hard links, or a record that was found cannot be read again;
 * with StoreFull where the copy would touch the reserve; with the error of the file or database. The volume is
 * unchanged then.
 */
export async function salvageVolume(
  site: ReclaimSite,
  { id, generation, live, found, header }: DamagedVolume,
  options: ReclaimOptions,
): Promise<string> {
  const { files, directory } = site
  const damaged = damagedLocationOf(directory, id, generation)
  const old = locationOf(directory, id, generation)
  await files.destroy(damaged)
  const original = {
    live,
    liveBytes: found.storedBytes,
    header,
    // The sealed header is the last record of every volume.
    lastNumber: live.lastNumber + 1,
    getMany: (numbers: readonly number[]) =>
      Promise.all(numbers.map(async (number) => (await found.value(number)) ?? LOST)),
  }
  await copyBeside(site, original, options, async (bad) => {
    for (const number of bad.keys()) {
      if (found.has(number))
        throw new SalvageRefused(`record ${number} was read, and then not again`)
    }
    await keepBeside(files, old, damaged)
    try {
      await files.syncDirectory(directory)
      await switchOver(files, directory, { id, generation })
    } catch (error) {
      await files.destroy(damaged)
      throw error
    }
  })
  await liftQuarantine(files, directory, id)
  await files.destroy(old)
  await files.syncDirectory(directory)
  return damaged
}

/** Hard links the damaged files under another name. The next start removes a generation below the highest. */
async function keepBeside(files: Files, old: string, damaged: string): Promise<void> {
  try {
    await files.link(old, damaged)
  } catch (error) {
    await files.destroy(damaged)
    const { code = '' } = error as NodeJS.ErrnoException
    if (!['EPERM', 'ENOTSUP', 'EMLINK'].includes(code)) throw error
    const name = basename(old)
    throw new SalvageRefused(
      `this filesystem gives files no second names, and so ${name} cannot be kept: copy it elsewhere, salvage on a disk that can`,
    )
  }
}

async function switchOver(
  files: Files,
  directory: string,
  { id, generation }: FoundVolume,
): Promise<void> {
  const [copy, next] = [copyLocationOf(directory, id), locationOf(directory, id, generation + 1)]
  await files.rename(copy, next)
  try {
    await files.syncDirectory(directory)
  } catch (error) {
    await files.rename(next, copy)
    throw error
  }
}
