// Whose the volumes on some devices are, read from their files alone: for tools that must know before anything
// is opened.
import { classicEngine } from '../level.ts'
import { DatabaseFiles } from '../leveldb/database-files.ts'
import { Rate } from '../leveldb/plain-file.ts'
import { generationsOf, locationOf } from './directory.ts'
import { decodeHeader, type VolumeHeader } from './header.ts'
import { readUint64, recordKey } from './record.ts'

/** Where the highest generation of each volume lies; nothing of a device that is not there. */
export async function volumeLocations(devices: readonly string[]): Promise<string[]> {
  const locations: string[] = []
  for (const device of devices) {
    const names = await classicEngine.list(device).catch(() => [] as string[])
    const ids = new Set(names.map((name) => /^([0-9a-f]{16})\.g\d+$/.exec(name)?.[1]))
    for (const id of ids) {
      if (id === undefined) continue
      const generation = (await generationsOf(classicEngine, device, id)).at(-1)
      if (generation !== undefined) locations.push(locationOf(device, id, generation))
    }
  }
  return locations
}

/** The volume's headers: its first record and, where it is sealed, its last; none that is damaged. Rejects with
 * the system's error where it cannot be read. */
export async function volumeHeaders(location: string): Promise<VolumeHeader[]> {
  const files = await DatabaseFiles.open(location, new Rate(Number.POSITIVE_INFINITY))
  try {
    const headers: VolumeHeader[] = []
    for (const from of [recordKey(0), files.lastKey ?? recordKey(0)]) {
      for await (const { key, value } of files.scan({ from, ahead: false }, () => {})) {
        const header = decodeHeader(value, readUint64(key, 0))
        if (header !== undefined) headers.push(header)
        break
      }
    }
    return headers
  } finally {
    await files.close()
  }
}
