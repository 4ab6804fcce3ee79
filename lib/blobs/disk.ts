// Whether the disk of a device is there. Where it is not mounted, its directory is missing or lies empty on the
// disk below: a volume made there would fill that disk and vanish under the next mount.
import { basename } from 'node:path'
import type { Engine } from '../leveldb/engine.ts'
import { systemErrorOf } from '../system-error.ts'
import { volumeIdsIn } from './directory.ts'

/** An empty file of this name says that a device without volumes is meant to be: its disk is a new one. */
export const NEW_DISK_NOTE = 'new-disk'

/** The disk of a device is not there, as far as one can tell. */
export class DiskMissing extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DiskMissing'
  }
}

export interface DiskOptions {
  readonly engine: Engine
  /** Every device's directory. */
  readonly devices: readonly string[]
  /** Ids of the volumes in which the catalog knows blobs. */
  readonly knownVolumes?: () => Promise<readonly string[]>
}

/**
 * Rejects with DiskMissing where a device that is to be opened holds no volume while the catalog knows one that
 * is on no device; with StoreUnavailable, StoreCorrupt of the catalog, and the error of a directory that cannot
 * be read.
 */
export async function requireDisk(options: DiskOptions, directory: string): Promise<void> {
  const { engine, devices, knownVolumes } = options
  const here = await namesIn(engine, directory)
  if (volumeIdsIn(here).length > 0 || here.includes(NEW_DISK_NOTE)) return
  const known = (await knownVolumes?.()) ?? []
  if (known.length === 0) return
  // Another device that cannot be read is that device's matter.
  const unread: string[] = []
  const namesOf = (device: string) =>
    namesIn(engine, device).catch((error) => {
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

/** Rejects with DiskMissing where none of an opened device's volumes is in its directory any more and nobody says
 * that its disk is a new one, and with the system's error where nothing can be written there. Nothing may be
 * closed or made before. */
export async function requireSameDisk(
  engine: Engine,
  directory: string,
  volumes: Iterable<{ readonly location: string }>,
): Promise<void> {
  const expected = Array.from(volumes, ({ location }) => basename(location))
  const names = await engine.list(directory)
  const isThere = expected.length === 0 || expected.some((name) => names.includes(name))
  if (!isThere && !names.includes(NEW_DISK_NOTE)) {
    throw new DiskMissing(`its volumes are gone: is the disk mounted? ${ifNew}`)
  }
  await engine.requireWritable(directory)
}

const ifNew = `Where it is a new one, put an empty file named ${NEW_DISK_NOTE} here`

async function namesIn(engine: Engine, directory: string): Promise<string[]> {
  return await engine.list(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
    return []
  })
}
