// What lies on a device, volume by volume, measured from its files.
import type { Files } from '../files.ts'
import { type FoundVolume, locationOf } from './directory.ts'
import { DiskSize, type DiskUse } from './disk-size.ts'
import { forEach } from './parallel.ts'
import type { VolumeUsage } from './store.ts'
import type { Volume } from './volume.ts'

/** Sizes of volumes that are not opened. Nothing is written to those. */
const heldSizes = new WeakMap<FoundVolume, DiskSize>()

/** Volumes of a device that are measured at the same time, because each has very many files. */
const LOOKS_MAX = 2

/** Usage of each volume of a device, quarantined ones included. */
export async function usagesOf(
  disk: Files,
  device: string,
  volumes: Iterable<Volume>,
  held: Iterable<FoundVolume>,
): Promise<VolumeUsage[]> {
  const looks = [
    ...Array.from(volumes, (volume) => () => usageOf(disk, device, volume)),
    ...Array.from(held, (volume) => () => usageOfHeld(disk, device, volume)),
  ]
  const usages = new Array<VolumeUsage>(looks.length)
  await forEach([...looks.entries()], LOOKS_MAX, async ([i, look]) => {
    usages[i] = await look()
  })
  return usages
}

async function usageOf(disk: Files, device: string, volume: Volume): Promise<VolumeUsage> {
  const { id, generation, format, state, records, writtenBytes, dead } = volume
  const look = volume.size.look(disk, volume.location, state === 'sealed')
  const { files, diskBytes } = await orNothing(look)
  const about = { device, volume: id, generation, format, state }
  return { ...about, records, writtenBytes, files, diskBytes, deadSinceMs: dead.ms }
}

async function usageOfHeld(disk: Files, device: string, volume: FoundVolume): Promise<VolumeUsage> {
  const { id, generation } = volume
  const size = heldSizes.get(volume) ?? new DiskSize()
  heldSizes.set(volume, size)
  const look = size.look(disk, locationOf(device, id, generation), true)
  const { files, diskBytes } = await orNothing(look)
  // A volume as a file is never quarantined.
  const about = { device, volume: id, generation, format: 'level', state: 'quarantined' } as const
  return { ...about, records: 0, writtenBytes: diskBytes, files, diskBytes, deadSinceMs: null }
}

/** A volume that cannot be measured must not hide the others. */
async function orNothing(look: Promise<DiskUse>) {
  const { files, bytes } = await look.catch(() => ({ files: 0, bytes: 0 }))
  return { files, diskBytes: bytes }
}
