// Whether the disk of a device is there. While a disk is not mounted, the device's directory is missing, or
// empty on the disk below. A volume made there would fill that disk, and vanish under the next mount.
import { basename } from 'node:path'
import type { Files } from '../files.ts'
import { systemErrorOf } from '../system-error.ts'
import { volumeIdsIn } from './directory.ts'

/** The name of an empty file by which an operator says that the disk is new and has no volumes yet. */
export const NEW_DISK_NOTE = 'new-disk'

/** The disk of a device seems not to be mounted. The message is a sentence for an operator. */
export class DiskMissing extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DiskMissing'
  }
}

export interface DiskOptions {
  readonly engine: Files
  /** Every device's directory. */
  readonly devices: readonly string[]
  /** Ids of the volumes in which the catalog has blobs. */
  readonly knownVolumes?: () => Promise<readonly string[]>
}

/**
 * Rejects with DiskMissing where the device in `directory` holds no volume, while the catalog has blobs in a
 * volume that is on no device. Rejects with StoreUnavailable or StoreCorrupt of the catalog, and with the
 * system's error where the directory cannot be read.
 */
export async function requireDisk(options: DiskOptions, directory: string): Promise<void> {
  const { engine: files, devices, knownVolumes } = options
  const here = await namesIn(files, directory)
  if (volumeIdsIn(here).length > 0 || here.includes(NEW_DISK_NOTE)) return
  const known = (await knownVolumes?.()) ?? []
  if (known.length === 0) return
  // A directory of another device that cannot be read is reported when that device is opened.
  const unread: string[] = []
  const namesOf = (device: string) =>
    namesIn(files, device).catch((error) => {
      const code = systemErrorOf(error)?.code
      if (code === undefined) throw error
      unread.push(device)
      return []
    })
  const found = new Set((await Promise.all(devices.map(namesOf))).flatMap(volumeIdsIn))
  const missing = known.filter((id) => !found.has(id))
  if (missing.length === 0) return
  const nowhere = `${directory}: no volume is here, and ${missing.length} that the catalog knows are nowhere`
  if (unread.length > 0) {
    const whose = unread.join(', ')
    throw new DiskMissing(`${nowhere} that can be read; ${whose} cannot be: they may be there`)
  }
  throw new DiskMissing(`${nowhere}: is the disk mounted? ${ifNew}`)
}

/** Call it before anything on an open device is closed or made. Rejects with DiskMissing where none of the
 * device's volumes is in its directory any more and NEW_DISK_NOTE is not there. Rejects with the system's
 * error where nothing can be written there. */
export async function requireSameDisk(
  files: Files,
  directory: string,
  volumes: Iterable<{ readonly location: string }>,
): Promise<void> {
  const expected = Array.from(volumes, ({ location }) => basename(location))
  const names = await files.list(directory)
  const isThere = expected.length === 0 || expected.some((name) => names.includes(name))
  if (!isThere && !names.includes(NEW_DISK_NOTE)) {
    throw new DiskMissing(`its volumes are gone: is the disk mounted? ${ifNew}`)
  }
  await files.requireWritable(directory)
}

const ifNew = `Where it is a new one, put an empty file named ${NEW_DISK_NOTE} here`

async function namesIn(files: Files, directory: string): Promise<string[]> {
  return await files.list(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
    return []
  })
}
