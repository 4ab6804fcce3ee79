// What lies on a device, volume by volume, as its files say.
import type { Engine } from '../level.ts'
import { locationOf } from './directory.ts'
import type { Quarantined } from './quarantine.ts'
import type { VolumeUsage } from './store.ts'
import type { Volume } from './volume.ts'

/** What the volumes of a device take, those that are not opened among them. */
export function usagesOf(
  engine: Engine,
  device: string,
  volumes: Iterable<Volume>,
  held: Iterable<Quarantined>,
): Promise<VolumeUsage[]> {
  return Promise.all([
    ...Array.from(volumes, (volume) => usageOf(engine, device, volume)),
    ...Array.from(held, (volume) => usageOfHeld(engine, device, volume)),
  ])
}

async function usageOf(engine: Engine, device: string, volume: Volume): Promise<VolumeUsage> {
  const { id, generation, state, records, writtenBytes, dead } = volume
  const { files, diskBytes } = await measure(engine, volume.location)
  const about = { device, volume: id, generation, state }
  return { ...about, records, writtenBytes, files, diskBytes, deadSinceMs: dead.ms }
}

async function usageOfHeld(
  engine: Engine,
  device: string,
  { id, generation }: Quarantined,
): Promise<VolumeUsage> {
  const { files, diskBytes } = await measure(engine, locationOf(device, id, generation))
  const about = { device, volume: id, generation, state: 'quarantined' } as const
  return { ...about, records: 0, writtenBytes: diskBytes, files, diskBytes, deadSinceMs: null }
}

/** One volume that cannot be looked at must not hide the others. */
async function measure(engine: Engine, location: string) {
  const nothing = { files: 0, bytes: 0 }
  const { files, bytes } = await engine.measure(location).catch(() => nothing)
  return { files, diskBytes: bytes }
}
