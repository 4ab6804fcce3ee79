// The blob store on LevelDB volumes: spreads new blobs over the devices, and finds the volume for
// everything else.
import { CofferError } from '../errors.ts'
import { FormatNewer } from '../format-version.ts'
import { Device, type DeviceOptions } from './device.ts'
import { VolumeReader } from './reader.ts'
import type {
  BlobId,
  BlobReader,
  BlobStore,
  BlobWriter,
  PieceSource,
  VolumeUsage,
} from './store.ts'
import type { Volume } from './volume.ts'

export interface VolumesOptions extends DeviceOptions {
  /** One directory a disk. */
  readonly devices: readonly string[]
}

export interface Volumes extends BlobStore {
  /** Ids of volumes of another catalog: they were left alone. */
  readonly foreign: readonly string[]
  /** Ids of volumes that know a later commit than the catalog does: it is an old copy. */
  readonly catalogBehind: readonly string[]
}

/**
 * Opens the volumes of all devices. A device that cannot be used is logged, its blobs are unavailable;
 * rejects with the error of the first where none can, and with FormatNewer where a later release has written one.
 */
export async function openVolumes(options: VolumesOptions): Promise<Volumes> {
  const devices = options.devices.map((directory) => new Device(directory, options))
  const opened = await Promise.allSettled(devices.map((device) => device.open()))
  const newer = opened.find(
    (result) => result.status === 'rejected' && result.reason instanceof FormatNewer,
  )
  if (newer?.status === 'rejected') {
    await Promise.all(devices.map((device) => device.close()))
    throw newer.reason
  }
  const usable = devices.filter((_, i) => opened[i]!.status === 'fulfilled')
  for (const [i, result] of opened.entries()) {
    if (result.status === 'fulfilled') continue
    if (usable.length === 0) throw result.reason
    const about = { device: options.devices[i], err: result.reason }
    options.log.error(about, 'a device cannot be used')
  }
  return new DeviceStore(usable)
}

/** What a blob of unknown length is taken for when it begins: a device that has no room for one record
 * should not be chosen for it. */
const UNANNOUNCED_BYTES = 65_536

class DeviceStore implements Volumes {
  readonly #devices: readonly Device[]
  /** Blobs that were begun and neither settled nor given up. */
  readonly #unsettled = new Map<BlobId, Volume>()
  #turn = 0

  constructor(devices: readonly Device[]) {
    this.#devices = devices
  }

  get foreign(): readonly string[] {
    return this.#devices.flatMap((device) => [...device.foreign])
  }

  get catalogBehind(): readonly string[] {
    return this.#devices.flatMap((device) => [...device.catalogBehind])
  }

  get impaired(): string | null {
    const reasons = this.#devices.map((device) => device.impaired)
    return reasons.includes(null) ? null : reasons.join('; ')
  }

  create(id: BlobId, expectedBytes = UNANNOUNCED_BYTES): BlobWriter {
    if (!/^[0-9a-f]{32}$/.test(id)) throw new CofferError('Internal', { what: 'malformed blob id' })
    if (this.#unsettled.has(id)) {
      throw new CofferError('Internal', { what: 'blob begun twice', blob: id })
    }
    // Every device is asked, also behind the first that agrees: being asked, a device repairs itself.
    const refusals = this.#devices.map((device) => device.refusal(expectedBytes))
    let full = true
    for (let i = 0; i < this.#devices.length; i++) {
      const at = this.#turn++ % this.#devices.length
      if (refusals[at] === null) return this.#begin(this.#devices[at]!, id, expectedBytes)
      if (refusals[at] === 'failure') full = false
    }
    throw new CofferError(full ? 'StoreFull' : 'StoreUnavailable')
  }

  read(volume: string, id: BlobId, pieces: PieceSource, first: number, last: number): BlobReader {
    const found = this.#find(volume)
    if (found !== undefined) return new VolumeReader(found, id, pieces, first, last)
    return { read: () => Promise.reject(missing(volume)), close: () => undefined }
  }

  async barrier(volumes: readonly string[]): Promise<void> {
    await Promise.all(
      volumes.map((volume) => {
        const found = this.#find(volume)
        if (found === undefined) throw missing(volume)
        return found.barrier()
      }),
    )
  }

  settle(id: BlobId): void {
    this.#unsettled.get(id)?.begun.settle(id)
    this.#unsettled.delete(id)
  }

  /** Nothing is ever deleted from a volume: the catalog's counters say how much is dead in it, and the
   * volume since when. */
  release(volume: string): void {
    this.#find(volume)?.markDead()
  }

  async usage(): Promise<readonly VolumeUsage[]> {
    const usages = this.#devices.map((device) => device.usage())
    return (await Promise.all(usages)).flat()
  }

  async close(): Promise<void> {
    await Promise.all(this.#devices.map((device) => device.close()))
  }

  #begin(device: Device, id: BlobId, expectedBytes: number): BlobWriter {
    const writer = device.create(id, expectedBytes, () => this.#unsettled.delete(id))
    this.#unsettled.set(id, this.#find(writer.volume)!)
    return writer
  }

  #find(volume: string): Volume | undefined {
    for (const device of this.#devices) {
      const found = device.volumes.get(volume)
      if (found !== undefined) return found
    }
    return undefined
  }
}

function missing(volume: string): CofferError {
  return new CofferError('StoreUnavailable', { what: 'the volume is not there', volume })
}
