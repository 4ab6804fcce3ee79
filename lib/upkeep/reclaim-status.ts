// The state of the devices: which bytes of each volume are live and dead, and how many of them reclaim would
// free. Bytes on disk are the sizes of files. LevelDB's overhead for a record (under 1 %) counts as dead.

import type { VolumeUsage } from '../blobs/store.ts'
import type { DeviceState, Volumes } from '../blobs/volumes.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { countRows } from '../catalog/count-rows.ts'
import { endOf, queuePrefix } from '../catalog/keys.ts'
import { liveOf, type VolumeLive } from './reclaim.ts'

export interface VolumeStatus extends VolumeUsage, VolumeLive {
  readonly deadBytes: number
  /** Dead bytes of a sealed volume; 0 for any other. */
  readonly reclaimableBytes: number
}

export interface DeviceStatus extends DeviceState {
  readonly diskBytes: number
  readonly liveBytes: number
  readonly deadBytes: number
  readonly reclaimableBytes: number
  /** The earliest time among the device's volumes; null where none is known. */
  readonly deadSinceMs: number | null
  readonly volumes: readonly VolumeStatus[]
}

/** Every volume with its live and dead bytes. Rejects with StoreCorrupt, StoreUnavailable of the catalog. */
export async function volumeStatuses(catalog: Catalog, blobs: Volumes): Promise<VolumeStatus[]> {
  const statuses: VolumeStatus[] = []
  for (const usage of await blobs.usage()) {
    const live = await liveOf(catalog, usage.volume)
    const deadBytes = Math.max(0, usage.diskBytes - live.liveBytes)
    const reclaimableBytes = usage.state === 'sealed' ? deadBytes : 0
    statuses.push({ ...usage, ...live, deadBytes, reclaimableBytes })
  }
  return statuses
}

/** Every device that is in use, with its volumes. Rejects as `volumeStatuses` does. */
export async function deviceStatuses(catalog: Catalog, blobs: Volumes): Promise<DeviceStatus[]> {
  const all = await volumeStatuses(catalog, blobs)
  return blobs.devices().map((device) => {
    const volumes = all.filter((volume) => volume.device === device.device)
    const sum = (field: 'diskBytes' | 'liveBytes' | 'deadBytes' | 'reclaimableBytes') =>
      volumes.reduce((total, volume) => total + volume[field], 0)
    const times = volumes.flatMap(({ deadSinceMs }) => (deadSinceMs === null ? [] : [deadSinceMs]))
    return {
      ...device,
      diskBytes: sum('diskBytes'),
      liveBytes: sum('liveBytes'),
      deadBytes: sum('deadBytes'),
      reclaimableBytes: sum('reclaimableBytes'),
      deadSinceMs: times.length === 0 ? null : Math.min(...times),
      volumes,
    }
  })
}

/** The number of rows that wait for the sweep. Reads all of them. Rejects with StoreCorrupt,
 * StoreUnavailable. */
export const queueLength = (catalog: Catalog) => countRows(catalog, queuePrefix, endOf(queuePrefix))
