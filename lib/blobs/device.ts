// One device: a directory of volumes on a disk, of which one takes the new blobs. When that one is full,
// or has failed, the next is made (or a failed one opened again) in the background, so that `create`
// need not wait; while there is none, the device refuses.
import { FormatNewer } from '../format-version.ts'
import { isSpaceError } from '../leveldb/engine.ts'
import { type FoundVolume, findVolumes } from './directory.ts'
import { requireSameDisk } from './disk.ts'
import { Failures, strange } from './failures.ts'
import { OpenVolumes } from './level/open-volumes.ts'
import { Quarantine } from './level/quarantine.ts'
import { LevelVolume, type VolumeSettings } from './level/volume.ts'
import type { DeviceOptions } from './options.ts'
import { forEach } from './parallel.ts'
import type { ReclaimSite } from './reclaim.ts'
import { Claim, Space } from './space.ts'
import type { BlobId, VolumeUsage } from './store.ts'
import { usagesOf } from './usage.ts'
import type { Found, Volume } from './volume.ts'
import { VolumeWriter } from './writer.ts'

/** Why a device takes no blob: it is full, or something failed (or is under way). */
export type Refusal = 'space' | 'failure'

/** Databases that are opened at the same time at start. */
const OPENING_MAX = 4

/** A repair that failed is followed by another one after this long at the earliest. */
const RETRY_MS = 1000

export class Device {
  readonly directory: string
  readonly volumes = new Map<string, Volume>()
  /** Volumes of another catalog, which are left alone. */
  readonly foreign = new Set<string>()
  /** Volumes that know a later commit than the catalog does. */
  readonly catalogBehind = new Set<string>()
  /** Volumes that are not opened, because they would kill the node. */
  readonly quarantine: Quarantine
  readonly #options: DeviceOptions
  readonly #space: Space
  readonly #failures: Failures
  readonly #settings: VolumeSettings
  /** Volumes that take no writes until they were opened again. */
  readonly #failed = new Set<Volume>()
  #current: Volume | undefined
  #repairing: Promise<void> | undefined
  #retryAtMs = 0
  #closing = false

  constructor(directory: string, options: DeviceOptions) {
    this.directory = directory
    this.#options = options
    this.quarantine = new Quarantine(options.engine, directory, options.log)
    this.#space = new Space(options.engine, directory, options.reserveBytes)
    this.#failures = new Failures(options.log, directory)
    this.#settings = {
      ...options,
      readable: new OpenVolumes(options.openVolumes, () => this.#couldReopen()),
      failed: (volume, error) => this.#volumeFailed(volume, error),
      sealed: (volume) => this.#volumeSealed(volume),
    }
  }

  /**
   * Opens every volume once to learn what it is, goes on with the newest that has room, and seals the
   * others: after a restart no blob is begun. Rejects where the directory cannot be used; a volume that
   * cannot be opened is logged and tried again later; one of a later format rejects with FormatNewer.
   */
  async open(): Promise<void> {
    await this.#options.engine.makeDirectory(this.directory)
    const volumeOf = ({ id, generation }: FoundVolume) =>
      new LevelVolume(this.#settings, this.directory, id, generation)
    const found = await this.quarantine.screen(
      await findVolumes(this.#options.engine, this.directory),
      async (late) => {
        const volume = volumeOf(late)
        if (await this.#enroll(volume)) await this.#useOrSeal(volume)
      },
    )
    const writable: Volume[] = []
    await forEach(found, OPENING_MAX, async (next) => {
      const volume = volumeOf(next)
      if (await this.#enroll(volume)) writable.push(volume)
    })
    writable.sort((a, b) => b.commitNumber - a.commitNumber || a.writtenBytes - b.writtenBytes)
    for (const volume of writable) await this.#useOrSeal(volume)
    if (this.#failed.size > 0) this.#retryAtMs = performance.now() + RETRY_MS
    if (this.#current !== undefined || !this.#hasRepairRoom()) return
    await this.#makeNext().catch((error) => this.#keepFailure(error, {}, 'a volume cannot be made'))
  }

  /** Null where a blob of that many bytes, of `sender`, can begin here now. Where something is wrong, the device
   * begins to put it right. */
  refusal(bytes: number, sender?: string): Refusal | null {
    if (this.#closing) return 'failure'
    this.#repair()
    try {
      if (this.#current !== undefined) return this.#space.takes(bytes, sender) ? null : 'space'
    } catch (error) {
      this.#keepFailure(error, {}, 'a device cannot be asked for its free space')
      return 'failure'
    }
    if (this.#repairing !== undefined) return 'failure'
    return isSpaceError(this.#failures.last) || !this.#hasRepairRoom() ? 'space' : 'failure'
  }

  /** What `refusal(0)` means, for people. Asking repairs too: a node that health checks keep requests away
   * from gets no `create`. */
  get impaired(): string | null {
    const refusal = this.refusal(0)
    if (refusal === null) return null
    if (refusal === 'space') return `${this.directory}: not enough space`
    return `${this.directory}: ${this.#failures.sentence ?? 'no volume takes writes'}`
  }

  /** Begins a blob. Only after `refusal` was null. `gaveUp` is called when it is aborted. */
  create(id: BlobId, expectedBytes: number, sender: string, gaveUp: () => void): VolumeWriter {
    const claim = new Claim(this.#space, expectedBytes, sender)
    return new VolumeWriter(id, this.#current!, {
      admit: (bytes) => claim.require(bytes),
      wrote: (bytes) => {
        claim.wrote(bytes)
        this.#repair()
      },
      ended: () => claim.end(),
      gaveUp,
    })
  }

  /** What lies on the device, volume by volume. */
  usage(): Promise<VolumeUsage[]> {
    const [opened, held] = [this.volumes.values(), this.quarantine.held.values()]
    return usagesOf(this.#options.engine, this.directory, opened, held)
  }

  /** How much may still be written. */
  get room(): Pick<Space, 'freeBytes' | 'claimedBytes' | 'announced'> {
    return this.#space
  }

  /** Lets an open volume take no new blobs, so that it is sealed once the begun ones let go. Rejects with the
   * error of making the next one. */
  async roll(volume: Volume): Promise<void> {
    while (this.#repairing !== undefined) await this.#repairing
    if (this.#current !== volume) return
    const { engine } = this.#options
    const made = requireSameDisk(engine, this.directory, [volume]).then(() => this.#makeNext())
    const over = () => {
      this.#repairing = undefined
    }
    this.#repairing = made.then(over, over)
    await made
  }

  /** What reclaim needs of the device. */
  get site(): ReclaimSite {
    return { ...this.#options, directory: this.directory, space: this.#space }
  }

  /** Closes every volume. No blob can begin any more. */
  async close(): Promise<void> {
    this.#closing = true
    await this.quarantine.close()
    await this.#repairing
    await Promise.all(Array.from(this.volumes.values(), (volume) => volume.close()))
  }

  /** Opens a volume and learns what it is. True where it can take writes. */
  async #enroll(volume: Volume): Promise<boolean> {
    const { log, engine, commitNumber } = this.#options
    const about = { device: this.directory, volume: volume.id }
    const isNew = !this.volumes.has(volume.id)
    this.#failed.delete(volume)
    let found: Found
    try {
      found = await volume.open()
    } catch (error) {
      if (error instanceof FormatNewer) throw error
      if (isNew && (await volume.isHalfMade().catch(() => false))) found = 'empty'
      else {
        // It may be only for now that it cannot be opened: its records are not given up.
        this.volumes.set(volume.id, volume)
        this.#failed.add(volume)
        this.#keepFailure(error, about, 'a volume cannot be opened')
        return false
      }
    }
    if (isNew && (found === 'empty' || found === 'foreign')) {
      await volume.close()
      // A header is durable before its volume is used: one without any record never was.
      if (found === 'empty') await engine.destroy(volume.location)
      else this.foreign.add(volume.id)
      log.error(about, `a volume is ${strange[found]}`)
      return false
    }
    this.volumes.set(volume.id, volume)
    if (found in strange) log.error(about, `a volume is ${strange[found as keyof typeof strange]}`)
    if (volume.commitNumber > commitNumber()) {
      // One says it for all: with an old copy of the catalog there may be hundreds.
      if (this.catalogBehind.size === 0) log.error(about, 'the catalog is older than a volume')
      this.catalogBehind.add(volume.id)
    }
    if (found === 'sealed') await volume.rest()
    return found === 'writable'
  }

  async #useOrSeal(volume: Volume): Promise<void> {
    if (this.#current !== undefined || this.#isFull(volume)) return volume.seal()
    volume.accept()
    this.#current = volume
  }

  #isFull(volume: Volume): boolean {
    return volume.writtenBytes >= this.#options.volumeSizeBytes
  }

  /** Opening a database again writes a table of up to one write buffer, and a log beside it. */
  #hasRepairRoom(): boolean {
    try {
      return this.#space.has(3 * this.#options.writeBufferBytes)
    } catch (error) {
      this.#failures.keepQuietly(error)
      return false
    }
  }

  /** Begins, unless it is under way or cannot succeed, what gives the device a volume with room and its
   * failed ones back. */
  #repair(): void {
    if (this.#repairing !== undefined || this.#closing) return
    const wanting = this.#current === undefined || this.#isFull(this.#current)
    if (!wanting && this.#failed.size === 0) return
    if (performance.now() < this.#retryAtMs || !this.#hasRepairRoom()) return
    this.#repairing = this.#repairNow()
      .catch((error) => this.#keepFailure(error, {}, 'a device gets no volume to write to'))
      .finally(() => {
        this.#repairing = undefined
      })
  }

  async #repairNow(): Promise<void> {
    // Whether anything fails or a blob still holds a volume: not at once again.
    this.#retryAtMs = performance.now() + RETRY_MS
    // A volume that is closed here could not be read on.
    await requireSameDisk(this.#options.engine, this.directory, this.volumes.values())
    for (const volume of [...this.#failed]) {
      if (volume.begun.size === 0 && (await this.#enroll(volume))) await this.#useOrSeal(volume)
    }
    if (this.#current === undefined || this.#isFull(this.#current)) await this.#makeNext()
    if (this.#failed.size > 0) return
    this.#failures.clear()
    this.#retryAtMs = 0
  }

  /** Makes a new volume, which takes the new blobs from now on. */
  async #makeNext(): Promise<void> {
    const next = await LevelVolume.create(this.#settings, this.directory)
    this.volumes.set(next.id, next)
    const full = this.#current
    this.#current = next
    full?.drain()
  }

  #volumeFailed(volume: Volume, error: unknown): void {
    this.#failed.add(volume)
    if (this.#current === volume) this.#current = undefined
    const about = { volume: volume.id }
    this.#keepFailure(error, about, 'a volume failed: no more writes before it is opened again')
  }

  #volumeSealed(volume: Volume): void {
    const about = { device: this.directory, volume: volume.id }
    this.#options.log.info(about, 'a volume is sealed')
    // Its log may still be to be written to a table, where there was no room for one just now.
    this.#space.forget()
    this.#settings.readable.forget()
    this.rest(volume)
  }

  /** Gives a sealed volume's memory back. */
  rest(volume: Volume): void {
    volume.rest().catch((error) => {
      const about = { device: this.directory, volume: volume.id, err: error }
      this.#options.log.error(about, 'a volume cannot be closed')
    })
  }

  /** Whether a volume that is closed now could be opened again: on a disk that is full, takes no writes or is
   * not there it is better read on. */
  async #couldReopen(): Promise<boolean> {
    if (!this.#hasRepairRoom()) return false
    const same = requireSameDisk(this.#options.engine, this.directory, this.volumes.values())
    return same.then(() => true).catch(() => false)
  }

  #keepFailure(error: unknown, about: object, message: string): void {
    this.#space.forget()
    this.#failures.keep(error, about, message)
  }
}
