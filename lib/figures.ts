// Figures of the stores for metrics and health: the bytes of each volume and how many of them are live, the
// length of the sweep's queue, and the free space of the disks. No figure names an account, container or
// object.
import { statfs } from 'node:fs/promises'
import type { DeviceState, Volumes } from './blobs/volumes.ts'
import type { Catalog } from './catalog/catalog.ts'
import { countRows } from './catalog/count-rows.ts'
import { endOf, expiryPrefix, queuePrefix, rowKeys } from './catalog/keys.ts'
import { isCode } from './errors.ts'
import { type DeviceStatus, deviceStatuses } from './upkeep/reclaim-status.ts'
import type { Reclaimer } from './upkeep/reclaim-worker.ts'

/** A disk, by a directory on it. Sizes are null where the directory, or its disk, is missing. */
export interface DiskFigures {
  readonly directory: string
  readonly sizeBytes: number | null
  /** Bytes that an unprivileged process may still write. */
  readonly freeBytes: number | null
}

export interface Figures {
  /** Devices that are in use. */
  readonly devices: readonly DeviceState[]
  /** The disks of all devices in the configuration. */
  readonly disks: readonly DiskFigures[]
  /** The disk of the data directory, which holds a catalog on LevelDB. */
  readonly data: DiskFigures
  /** Durable batches of commits since the catalog was made. */
  readonly catalogCommits: number
  /** Reads of rows whose MAC did not hold, since the node started. */
  readonly unprovenReads: number
  /** Why no writes are accepted; null while they are. */
  readonly impaired: { readonly catalog: string | null; readonly blobs: string | null }
  readonly reclaim: { readonly isRunning: boolean; readonly off: string | null }
  /** Null while the catalog cannot be read. The other figures are needed most then. */
  readonly rows: RowFigures | null
}

export interface RowFigures {
  /** The devices as `coffer status` shows them. */
  readonly devices: readonly DeviceStatus[]
  /** Rows of work for the sweep, counted up to QUEUE_ROWS_MAX. */
  readonly queueRows: number
  /** Objects that have expired and that expiry has not removed, counted up to QUEUE_ROWS_MAX. */
  readonly dueRows: number
}

/** The count of a longer queue ends here, because a scrape must not read a large catalog. */
export const QUEUE_ROWS_MAX = 10_000

export interface FiguresOptions {
  readonly catalog: Catalog
  readonly blobs: Volumes
  readonly reclaimer: Reclaimer
  readonly unprovenReads: () => number
  readonly devices: readonly string[]
  readonly data: string
}

/** Reads all figures. Rejects with StoreCorrupt of the catalog. */
export async function gatherFigures(options: FiguresOptions): Promise<Figures> {
  const { catalog, blobs, reclaimer, unprovenReads, devices, data } = options
  return {
    devices: blobs.devices(),
    disks: await Promise.all(devices.map(diskFigures)),
    data: await diskFigures(data),
    catalogCommits: catalog.commitNumber,
    unprovenReads: unprovenReads(),
    impaired: { catalog: catalog.impaired, blobs: blobs.impaired },
    reclaim: { isRunning: reclaimer.underWay !== null, off: reclaimer.off },
    rows: await gatherRows(catalog, blobs),
  }
}

async function gatherRows(catalog: Catalog, blobs: Volumes): Promise<RowFigures | null> {
  const nowSeconds = Math.floor(Date.now() / 1000)
  const due = rowKeys.expiry(nowSeconds + 1, '')
  try {
    return {
      devices: await deviceStatuses(catalog, blobs),
      queueRows: await countRows(catalog, queuePrefix, endOf(queuePrefix), QUEUE_ROWS_MAX),
      dueRows: await countRows(catalog, expiryPrefix, due, QUEUE_ROWS_MAX),
    }
  } catch (error) {
    if (isCode(error, 'StoreUnavailable')) return null
    throw error
  }
}

/** Size and free space of the disk under a directory. Never rejects: a missing disk has null figures. */
export async function diskFigures(directory: string): Promise<DiskFigures> {
  try {
    const { bsize, blocks, bavail } = await statfs(directory)
    return { directory, sizeBytes: bsize * blocks, freeBytes: bsize * bavail }
  } catch {
    return { directory, sizeBytes: null, freeBytes: null }
  }
}
