// The blob store on volumes. Each new blob begins on the next device that has room for it; all other
// calls go to the volume that they name.
import type { Budget } from '../budget.ts'
import { CofferError } from '../errors.ts'
import type { Files } from '../files.ts'
import { FormatUnread } from '../format-version.ts'
import type { Engine } from '../leveldb/engine.ts'
import { throwUnreadable } from '../unreadable.ts'
import { AbsentDevices } from './absent.ts'
import { Device } from './device.ts'
import { type DiskOptions, requireDisk } from './disk.ts'
import type { VolumeFormat } from './format.ts'
import type { DeviceOptions } from './options.ts'
import { VolumeReader } from './reader.ts'
import {
  type CollectLive,
  type Reclaimed,
  type ReclaimOptions,
  ReclaimRefused,
  reclaimVolume,
} from './reclaim.ts'
import type {
  BlobId,
  BlobReader,
  BlobStore,
  BlobWriter,
  PieceSource,
  VolumeUsage,
} from './store.ts'
import { usagesOf } from './usage.ts'
import type { Volume } from './volume.ts'

export interface VolumesOptions extends DeviceOptions, DiskOptions {
  readonly engine: Engine
  /** The directories of the devices, one for each disk. */
  readonly devices: readonly string[]
  /** The budget of memory for records that were read and not yet taken. */
  readonly readAhead: Budget
  /** The catalog was restored from a backup, and no operator has accepted it: nothing is reclaimed. */
  readonly catalogRestored?: boolean
}

export interface Volumes extends BlobStore {
  /** Ids of volumes of another catalog, which are left closed and unchanged. */
  readonly foreign: readonly string[]
  /** Ids of volumes whose header names a later commit than the catalog's last one: the catalog is an old
   * copy. */
  readonly catalogBehind: readonly string[]
  /** Why nothing can be reclaimed, as a sentence; null where reclaim may run. */
  readonly reclaimOff: string | null
  /** The format of new volumes, and of what reclaim writes. */
  readonly volumeFormat: VolumeFormat
  devices(): DeviceState[]
  /**
   * Makes another volume take the new blobs in the place of an open one, which is sealed once its begun blobs
   * have left it. Does nothing where the volume takes no new blobs. Rejects with StoreUnavailable where there
   * is no such volume, and with the error of making another one.
   */
  roll(volume: string): Promise<void>
  /**
   * Rewrites a sealed volume without its dead records, one volume at a time. Rejects as `reclaimVolume` of
   * lib/blobs/reclaim.ts does, and with ReclaimRefused where the volume is not sealed or the catalog is older
   * than a volume: blobs of later commits would be destroyed.
   */
  reclaim(volume: string, collect: CollectLive, options: ReclaimOptions): Promise<Reclaimed>
}

export interface DeviceState {
  readonly device: string
  /** Bytes that may still be written, without the reserve; null where the filesystem cannot be queried. */
  readonly freeBytes: number | null
  /** Bytes of those that uploads under way, and a reclaim, may write. */
  readonly claimedBytes: number
  /** Bytes that uploads have announced beyond those and not yet sent. */
  readonly announcedBytes: number
  /** Null while the device takes writes, else why it does not. */
  readonly impaired: string | null
}

/**
 * Opens the volumes of all devices. A device that cannot be used is logged and opened again later; its blobs
 * are unavailable meanwhile. Where no device can be used, rejects with the error of the first one (DiskMissing
 * where its disk seems not to be mounted). Rejects with FormatUnread where a volume has another format.
 */
export async function openVolumes(options: VolumesOptions): Promise<Volumes> {
  const open = async (directory: string) => {
    await requireDisk(options, directory).catch((error) =>
      throwUnreadable(`the device ${directory}`, directory, error),
    )
    const device = new Device(directory, options)
    try {
      await device.open()
      return device
    } catch (error) {
      await device.close()
      throwUnreadable(`the device ${directory}`, directory, error)
    }
  }
  const results = await Promise.allSettled(options.devices.map(open))
  const usable = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
  const failures = results.flatMap((result) => (result.status === 'rejected' ? result.reason : []))
  const newer = failures.find((error) => error instanceof FormatUnread)
  if (newer !== undefined || usable.length === 0) {
    await Promise.all(usable.map((device) => device.close()))
    throw newer ?? failures[0]
  }
  const absent = new AbsentDevices(open, (device) => usable.push(device), options.log)
  for (const [i, result] of results.entries()) {
    if (result.status === 'rejected') absent.add(options.devices[i]!, result.reason)
  }
  return new DeviceStore(usable, absent, options)
}

/** The bytes for which a blob of unknown length needs room when it begins: one record. */
const UNANNOUNCED_BYTES = 65_536

class DeviceStore implements Volumes {
  /** Absent devices are added when they come. */
  readonly #devices: readonly Device[]
  readonly #absent: AbsentDevices
  readonly volumeFormat: VolumeFormat
  readonly #files: Files
  readonly #catalogRestored: boolean
  readonly #readAhead: Budget
  /** Blobs that were begun and neither settled nor aborted. */
  readonly #unsettled = new Map<BlobId, Volume>()
  readonly #closing = new AbortController()
  #reclaiming: Promise<unknown> | undefined
  #turn = 0

  constructor(devices: readonly Device[], absent: AbsentDevices, options: VolumesOptions) {
    this.#devices = devices
    this.#absent = absent
    this.#files = options.engine
    this.volumeFormat = options.volumeFormat
    this.#catalogRestored = options.catalogRestored ?? false
    this.#readAhead = options.readAhead
  }

  get foreign(): readonly string[] {
    return this.#devices.flatMap((device) => [...device.foreign])
  }

  get catalogBehind(): readonly string[] {
    return this.#devices.flatMap((device) => [...device.catalogBehind])
  }

  get reclaimOff(): string | null {
    if (this.#catalogRestored) {
      return 'the catalog was restored from a backup: reclaim is off until `coffer fsck --accept-catalog`'
    }
    const [volume] = this.catalogBehind
    if (volume === undefined) return null
    return `the catalog is older than volume ${volume}: reclaim is off until \`coffer fsck --accept-catalog\``
  }

  get impaired(): string | null {
    const reasons = this.devices().map((device) => device.impaired)
    return reasons.includes(null) ? null : reasons.join('; ')
  }

  create(id: BlobId, expectedBytes = UNANNOUNCED_BYTES, sender = ''): BlobWriter {
    if (!/^[0-9a-f]{32}$/.test(id)) throw new CofferError('Internal', { what: 'malformed blob id' })
    if (this.#unsettled.has(id)) {
      throw new CofferError('Internal', { what: 'blob begun twice', blob: id })
    }
    this.#absent.retry()
    // `refusal` also starts a device's repair, so that it is called for every device.
    const refusals = this.#devices.map((device) => device.refusal(expectedBytes, sender))
    let full = true
    for (let i = 0; i < this.#devices.length; i++) {
      const at = this.#turn++ % this.#devices.length
      if (refusals[at] === null) return this.#begin(this.#devices[at]!, id, expectedBytes, sender)
      if (refusals[at] === 'failure') full = false
    }
    throw new CofferError(full ? 'StoreFull' : 'StoreUnavailable')
  }

  read(volume: string, id: BlobId, pieces: PieceSource, first: number, last: number): BlobReader {
    const found = this.#find(volume)
    if (found !== undefined) {
      return new VolumeReader(found, id, pieces, first, last, this.#readAhead)
    }
    return { read: () => Promise.reject(this.#missing(volume)), close: () => undefined }
  }

  async barrier(volumes: readonly string[]): Promise<void> {
    await Promise.all(volumes.map((volume) => this.#require(volume).barrier()))
  }

  settle(id: BlobId): void {
    this.#unsettled.get(id)?.begun.settle(id)
    this.#unsettled.delete(id)
  }

  /** No record is deleted: the catalog's counters hold how much of the volume is dead, and the volume keeps
   * since when. */
  release(volume: string): void {
    const found = this.#find(volume)
    found?.dead.mark(found.location)
  }

  async usage(): Promise<readonly VolumeUsage[]> {
    const usages = this.#devices.map(({ directory, volumes, quarantine }) =>
      usagesOf(this.#files, directory, volumes.values(), quarantine.held.values()),
    )
    return (await Promise.all(usages)).flat()
  }

  devices(): DeviceState[] {
    this.#absent.retry()
    const present = this.#devices.map(stateOf)
    const absent = Array.from(this.#absent.reasons, ([device, impaired]) => {
      return { device, freeBytes: null, claimedBytes: 0, announcedBytes: 0, impaired }
    })
    return [...present, ...absent]
  }

  async roll(volume: string): Promise<void> {
    const found = this.#require(volume)
    await this.#deviceOf(volume)!.roll(found)
  }

  async reclaim(id: string, collect: CollectLive, options: ReclaimOptions): Promise<Reclaimed> {
    const volume = this.#require(id)
    if (this.reclaimOff !== null) throw new ReclaimRefused(this.reclaimOff)
    if (volume.state !== 'sealed') throw new ReclaimRefused(`the volume is ${volume.state}`)
    if (this.#reclaiming !== undefined)
      throw new ReclaimRefused('another volume is being reclaimed')
    const signal = AbortSignal.any([options.signal, this.#closing.signal])
    const device = this.#deviceOf(id)!
    const running = reclaimVolume(device.site, volume, collect, { ...options, signal })
    this.#reclaiming = running
    try {
      const reclaimed = await running
      if (reclaimed.generation === null) device.volumes.delete(id)
      return reclaimed
    } finally {
      this.#reclaiming = undefined
      device.rest(volume)
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#absent.close()
    await this.#reclaiming?.catch(() => undefined)
    await Promise.all(this.#devices.map((device) => device.close()))
  }

  #begin(device: Device, id: BlobId, expectedBytes: number, sender: string): BlobWriter {
    const writer = device.create(id, expectedBytes, sender, () => this.#unsettled.delete(id))
    this.#unsettled.set(id, this.#find(writer.volume)!)
    return writer
  }

  #deviceOf(volume: string): Device | undefined {
    return this.#devices.find((device) => device.volumes.has(volume))
  }

  #find(volume: string): Volume | undefined {
    return this.#deviceOf(volume)?.volumes.get(volume)
  }

  #require(volume: string): Volume {
    const found = this.#find(volume)
    if (found === undefined) throw this.#missing(volume)
    return found
  }

  #missing(volume: string): CofferError {
    this.#absent.retry()
    const held = this.#devices.find(({ quarantine }) => quarantine.held.has(volume))
    const what = held === undefined ? 'the volume is not there' : 'the volume is quarantined'
    return new CofferError('StoreUnavailable', { what, volume })
  }
}

function stateOf({ directory, room, impaired }: Device): DeviceState {
  const { claimedBytes, announced } = room
  let freeBytes: number | null = null
  try {
    freeBytes = room.freeBytes
  } catch {
    // The filesystem cannot be queried: the number is not known.
  }
  return { device: directory, freeBytes, claimedBytes, announcedBytes: announced.total, impaired }
}
