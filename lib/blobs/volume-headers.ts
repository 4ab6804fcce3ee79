// Reads the headers of the volumes on some devices from their files, for commands that need to check whose the
// volumes are before any is opened.
import { readdir } from 'node:fs/promises'
import { systemErrorOf } from '../system-error.ts'
import { FilesUnreadable, throwUnreadable } from '../unreadable.ts'
import { type FoundVolume, generationsOf, locationOf, volumeIdsIn } from './directory.ts'
import type { VolumeHeader } from './header.ts'
import { readHeaders } from './volume-files.ts'

/** Nothing is changed here, so that no other verb is needed. */
const directories = { list: (directory: string) => readdir(directory) }

/** The names in a device's directory; none where the directory is missing. Rejects with FilesUnreadable where
 * it cannot be read. */
export async function namesOn(device: string): Promise<string[]> {
  return await readdir(device).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
    throwUnreadable(`the device ${device}`, device, error)
  })
}

/** Where a volume lies, on each device that has it. Rejects with FilesUnreadable where no readable device has
 * it and another cannot be read. */
export async function placesOf(devices: readonly string[], id: string): Promise<Place[]> {
  const places: Place[] = []
  let unread: FilesUnreadable | undefined
  for (const device of devices) {
    try {
      if (!volumeIdsIn(await namesOn(device)).includes(id)) continue
      const generation = (await generationsOf(directories, device, id)).at(-1)
      if (generation !== undefined) places.push({ id, device, generation })
    } catch (error) {
      if (!(error instanceof FilesUnreadable)) throw error
      unread ??= error
    }
  }
  if (places.length === 0 && unread !== undefined) throw unread
  return places
}

/** The highest generation of a volume on a device. */
export interface Place extends FoundVolume {
  readonly device: string
}

/** Where the highest generation of each volume lies; none for a device whose directory is missing. Rejects
 * with FilesUnreadable. */
async function volumeLocations(devices: readonly string[]): Promise<string[]> {
  const locations: string[] = []
  for (const device of devices) {
    for (const id of new Set(volumeIdsIn(await namesOn(device)))) {
      const generation = (await generationsOf(directories, device, id)).at(-1)
      if (generation !== undefined) locations.push(locationOf(device, id, generation))
    }
  }
  return locations
}

/** The headers of the volumes on the devices: record 0 of each and, where it is sealed, the last record. A
 * damaged header is left out. Rejects with FilesUnreadable where a file cannot be read, with the system's
 * error where one is missing. */
export async function allHeaders(devices: readonly string[]): Promise<PlacedHeader[]> {
  const headers: PlacedHeader[] = []
  for (const location of await volumeLocations(devices)) {
    headers.push(...(await headersIn(location)))
  }
  return headers
}

/**
 * The headers of all volumes that can be read. A volume that is damaged, or lies on a broken disk, is left out.
 * Rejects with FilesUnreadable where something else than the disk is the reason, because an operator can mend
 * that.
 */
export async function knownHeaders(devices: readonly string[]): Promise<PlacedHeader[]> {
  const headers: PlacedHeader[] = []
  for (const device of devices) {
    for (const location of await volumeLocations([device]).catch(ignoreBroken)) {
      headers.push(...(await headersIn(location).catch(ignoreBroken)))
    }
  }
  return headers
}

function ignoreBroken(error: unknown): [] {
  const isBroken =
    error instanceof FilesUnreadable ? error.isOfDisk : systemErrorOf(error) !== undefined
  if (!isBroken) throw error
  return []
}

export interface PlacedHeader extends VolumeHeader {
  /** Where the volume lies in which the header was found. */
  readonly location: string
}

async function headersIn(location: string): Promise<PlacedHeader[]> {
  return (await readHeaders(location)).map((header) => ({ ...header, location }))
}
