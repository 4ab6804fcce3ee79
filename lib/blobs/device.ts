// One device: a directory of volumes on a disk, of which one takes the new blobs. When that volume is full the
// device makes another one, and when it has failed the device opens it again. Both happen in the background, so
// that `create` does not wait. While no volume takes blobs, the device refuses them.
import { FormatUnread } from '../format-version.ts'
import { isSpaceError } from '../system-error.ts'
import { findVolumes } from './directory.ts'
import { requireSameDisk } from './disk.ts'
import { Failures, strange } from './failures.ts'
import { type Formats, makeFormats } from './formats.ts'
import { Quarantine } from './level/quarantine.ts'
import { OpenVolumes } from './open-volumes.ts'
import type { DeviceOptions } from './options.ts'
import { forEach } from './parallel.ts'
import type { ReclaimSite } from './reclaim.ts'
import { Claim, Space } from './space.ts'
import type { BlobId } from './store.ts'
import { Volume } from './volume.ts'
import type { Found, VolumeSettings } from './volume-settings.ts'
import { VolumeWriter } from './writer.ts'

/** Why a device takes no blob. `failure`: something failed, or the device is being repaired or closed. */
export type Refusal = 'space' | 'failure'

/** Databases that a start opens at the same time. */
const OPENING_MAX = 4

/** The least time between a repair that failed and the next one. */
const RETRY_MS = 1000

export class Device {
  readonly directory: string
  readonly volumes = new Map<string, Volume>()
  /** Volumes of another catalog. The device leaves them closed and unchanged. */
  readonly foreign = new Set<string>()
  /** Volumes whose header names a later commit than the catalog's last one. */
  readonly catalogBehind = new Set<string>()
  /** Volumes that are not opened, because to read them would kill the process. */
  readonly quarantine: Quarantine
  readonly #options: DeviceOptions
  readonly #space: Space
  readonly #failures: Failures
  readonly #formats: Formats
  readonly #settings: VolumeSettings
  /** Volumes that take no writes until they are opened again. */
  readonly #failed = new Set<Volume>()
  #current: Volume | undefined
  #repairing: Promise<void> | undefined
  /** Looks at the disk that are under way, which write a file and remove it. */
  #looks: Promise<unknown> = Promise.resolve()
  #retryAtMs = 0
  #closing = false

  constructor(directory: string, options: DeviceOptions) {
    this.directory = directory
    this.#options = options
    this.quarantine = new Quarantine(options.engine, directory, options.log)
    this.#space = new Space(options.engine, directory, options.reserveBytes)
    this.#failures = new Failures(options.log, directory)
    this.#formats = makeFormats(options, directory)
    this.#settings = {
      ...options,
      files: options.engine,
      formats: this.#formats,
      readable: new OpenVolumes(options.openVolumes, () => this.#couldReopen()),
      failed: (volume, error) => this.#volumeFailed(volume, error),
      sealed: (volume) => this.#volumeSealed(volume),
    }
  }

  /**
   * Opens every volume once to read its header. The newest volume with room takes the new blobs; the others are
   * sealed, because after a restart no blob is begun. Rejects with the system's error where the directory
   * cannot be used, and with FormatUnread for a volume of another format. A volume that cannot be opened is
   * logged, and opened again by a repair.
   */
  async open(): Promise<void> {
    await this.#options.engine.makeDirectory(this.directory)
    const found = await this.quarantine.screen(
      await findVolumes(this.#options.engine, this.directory),
      async (late) => {
        const volume = new Volume(this.#settings, this.directory, late)
        if (await this.#enroll(volume)) await this.#useOrSeal(volume)
      },
    )
    const writable: Volume[] = []
    await forEach(found, OPENING_MAX, async (next) => {
      const volume = new Volume(this.#settings, this.directory, next)
      if (await this.#enroll(volume)) writable.push(volume)
    })
    writable.sort((a, b) => b.commitNumber - a.commitNumber || a.writtenBytes - b.writtenBytes)
    for (const volume of writable) await this.#useOrSeal(volume)
    if (this.#failed.size > 0) this.#retryAtMs = performance.now() + RETRY_MS
    if (this.#current !== undefined || !this.#hasRepairRoom()) return
    await this.#makeNext().catch((error) => this.#keepFailure(error, {}, 'a volume cannot be made'))
  }

  /** Null where a blob of `bytes` from `sender` can begin now. A full or failed volume starts a repair. */
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

  /** What `refusal(0)` means, as a sentence; null where blobs can begin. Starts a repair as `refusal` does, because a
   * node that health checks keep requests away from gets no `create`. */
  get impaired(): string | null {
    const refusal = this.refusal(0)
    if (refusal === null) return null
    if (refusal === 'space') return `${this.directory}: not enough space`
    return `${this.directory}: ${this.#failures.sentence ?? 'no volume takes writes'}`
  }

  /** Begins a blob. Call it only after `refusal` returned null. `aborted` is called when the blob is aborted. */
  create(id: BlobId, expectedBytes: number, sender: string, aborted: () => void): VolumeWriter {
    const claim = new Claim(this.#space, expectedBytes, sender)
    return new VolumeWriter(id, this.#current!, {
      admit: (bytes) => claim.require(bytes),
      wrote: (bytes) => {
        claim.wrote(bytes)
        this.#repair()
      },
      ended: () => claim.end(),
      aborted,
    })
  }

  get room(): Pick<Space, 'freeBytes' | 'claimedBytes' | 'announced'> {
    return this.#space
  }

  /** As `roll` of the store. */
  async roll(volume: Volume): Promise<void> {
    while (this.#repairing !== undefined) await this.#repairing
    if (this.#current !== volume) return
    const { engine } = this.#options
    const made = requireSameDisk(engine, this.directory, [volume]).then(() => this.#makeNext())
    this.#repairing = made
      .catch(() => undefined)
      .finally(() => {
        this.#repairing = undefined
      })
    await made
  }

  get site(): ReclaimSite {
    const { engine: files, log } = this.#options
    const format = this.#formats.configured
    return { files, log, format, directory: this.directory, space: this.#space }
  }

  /** Closes every volume. No blob can begin afterwards. */
  async close(): Promise<void> {
    this.#closing = true
    await this.quarantine.close()
    await this.#repairing
    await this.#looks
    await Promise.all(Array.from(this.volumes.values(), (volume) => volume.close()))
  }

  /** Opens a volume and reads its header. True where the volume can take writes. */
  async #enroll(volume: Volume): Promise<boolean> {
    const { log, engine, commitNumber } = this.#options
    const about = { device: this.directory, volume: volume.id }
    const isNew = !this.volumes.has(volume.id)
    this.#failed.delete(volume)
    let found: Found
    try {
      found = await volume.open()
    } catch (error) {
      if (error instanceof FormatUnread) throw error
      // The volume may be readable later: its records stay known and are unavailable.
      this.volumes.set(volume.id, volume)
      this.#failed.add(volume)
      this.#keepFailure(error, about, 'a volume cannot be opened')
      return false
    }
    if (isNew && (found === 'empty' || found === 'foreign')) {
      await volume.close()
      // A header is durable before a blob begins in its volume: one without records was never used.
      if (found === 'empty') await engine.destroy(volume.location)
      else this.foreign.add(volume.id)
      log.error(about, `a volume is ${strange[found]}`)
      return false
    }
    this.volumes.set(volume.id, volume)
    if (found in strange) log.error(about, `a volume is ${strange[found as keyof typeof strange]}`)
    if (volume.commitNumber > commitNumber()) {
      // One line for all volumes: with an old copy of the catalog there may be hundreds.
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

  /** LevelDB writes a table of up to one write buffer, and a log, when it opens a database again. */
  #hasRepairRoom(): boolean {
    try {
      return this.#space.has(3 * this.#options.writeBufferBytes)
    } catch (error) {
      this.#failures.keepQuietly(error)
      return false
    }
  }

  /** Begins to replace a full volume and to open the failed ones again, unless that is under way already or
   * cannot succeed. */
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
    // The next repair waits, also where this one succeeds but a blob still holds a failed volume.
    this.#retryAtMs = performance.now() + RETRY_MS
    // The repair closes volumes. On a disk that was unmounted a closed volume could not be read any more.
    await requireSameDisk(this.#options.engine, this.directory, this.volumes.values())
    for (const volume of [...this.#failed]) {
      if (volume.begun.size === 0 && (await this.#enroll(volume))) await this.#useOrSeal(volume)
    }
    if (this.#current === undefined || this.#isFull(this.#current)) await this.#makeNext()
    if (this.#failed.size > 0) return
    this.#failures.clear()
    this.#retryAtMs = 0
  }

  /** Makes a volume, which takes the new blobs from now on. */
  async #makeNext(): Promise<void> {
    const next = await Volume.create(this.#settings, this.directory)
    this.volumes.set(next.id, next)
    const full = this.#current
    this.#current = next
    full?.drain()
  }

  #volumeFailed(id: string, error: unknown): void {
    const volume = this.volumes.get(id)
    if (volume === undefined) return
    this.#failed.add(volume)
    if (this.#current === volume) this.#current = undefined
    const about = { volume: id }
    this.#keepFailure(error, about, 'a volume failed: no more writes before it is opened again')
  }

  #volumeSealed(id: string): void {
    const about = { device: this.directory, volume: id }
    this.#options.log.info(about, 'a volume is sealed')
    // Sealing wrote a LevelDB log to a table, so that the room is measured anew.
    this.#space.forget()
    this.#settings.readable.forget()
    const volume = this.volumes.get(id)
    if (volume !== undefined) this.rest(volume)
  }

  /** Closes a sealed volume, which gives its memory back. The next read opens it. */
  rest(volume: Volume): void {
    volume.rest().catch((error) => {
      const about = { device: this.directory, volume: volume.id, err: error }
      this.#options.log.error(about, 'a volume cannot be closed')
    })
  }

  /** False on a disk that is full, read-only or missing, where a closed volume could not be opened again. */
  async #couldReopen(): Promise<boolean> {
    if (this.#closing || !this.#hasRepairRoom()) return false
    const same = requireSameDisk(this.#options.engine, this.directory, this.volumes.values())
    const look = same.then(() => true).catch(() => false)
    this.#looks = this.#looks.then(() => look)
    return look
  }

  #keepFailure(error: unknown, about: object, message: string): void {
    this.#space.forget()
    this.#failures.keep(error, about, message)
  }
}
