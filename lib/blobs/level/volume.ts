// One volume: an append-only LevelDB database of records whose numbers only grow. Its states are open → draining
// (takes no new blobs) → sealed (takes no writes), and failed. Growing numbers make every compaction a move of
// files, so that a number is taken in the synchronous step that puts its record, and never reserved (D-NUMBERS).
// After a failed write nothing is written until the database was closed and opened again, because LevelDB would
// acknowledge the write and lose it (D-FAILED-WRITE).
import { randomBytes } from 'node:crypto'
import { CofferError } from '../../errors.ts'
import type { Engine } from '../../leveldb/engine.ts'
import { BegunBlobs } from '../begun.ts'
import { DeadSince } from '../dead-since.ts'
import { locationOf } from '../directory.ts'
import { DiskSize } from '../disk-size.ts'
import { encodeHeader, readHeader, type VolumeHeader } from '../header.ts'
import { KEY_BYTES, type RecordSum } from '../record.ts'
import type { VolumeUsage } from '../store.ts'
import type { Found, Volume } from '../volume.ts'
import { Barrier, Logs } from './barrier.ts'
import { Handle } from './handle.ts'
import type { OpenVolumes } from './open-volumes.ts'
import { PUTS_MAX, Puts } from './puts.ts'

export interface VolumeSettings {
  readonly engine: Engine
  readonly catalogId: string
  /** Returns the catalog's last commit number. */
  readonly commitNumber: () => number
  readonly writeBufferBytes: number
  /** The device's bound on open sealed volumes. */
  readonly readable: OpenVolumes
  /** Called once each time a volume fails; reads go on. */
  readonly failed: (volume: Volume, error: unknown) => void
  /** Called when a volume that drained is sealed. */
  readonly sealed: (volume: Volume) => void
}

export class LevelVolume implements Volume {
  readonly id: string
  readonly begun = new BegunBlobs(() => this.#sealIfQuiet())
  readonly dead: DeadSince
  readonly size = new DiskSize()
  readonly putsMax = PUTS_MAX
  readonly #settings: VolumeSettings
  readonly #directory: string
  readonly #handle: Handle
  #state: VolumeUsage['state'] = 'failed'
  #header: VolumeHeader | undefined
  #generation: number
  #nextNumber = 0
  #writtenBytes = 0
  #puts!: Puts
  #logs!: Logs
  #barrier!: Barrier
  #sealing: Promise<void> | undefined

  /** Makes the object of a volume that exists. It takes no writes before `open` and `accept`. */
  constructor(settings: VolumeSettings, directory: string, id: string, generation: number) {
    this.#settings = settings
    this.#directory = directory
    this.id = id
    this.#generation = generation
    this.dead = new DeadSince(settings.engine)
    const { engine, writeBufferBytes, readable } = settings
    this.#handle = new Handle(engine, this.location, writeBufferBytes, readable)
    this.#renew()
  }

  /** Makes a new, empty volume in a device's directory, durable together with its name, in state open. Rejects
   * with the error of the file or database, and leaves nothing then. */
  static async create(settings: VolumeSettings, directory: string): Promise<LevelVolume> {
    const id = randomBytes(8).toString('hex')
    const volume = new LevelVolume(settings, directory, id, 1)
    try {
      await volume.#handle.open(true)
      await volume.#putHeader(false)
      // `sync` also fsyncs the volume's directory, because the log is new.
      await volume.#logs.sync()
      await settings.engine.syncDirectory(directory)
    } catch (error) {
      await volume.#logs.close()
      await volume.#handle.end()
      await settings.engine.destroy(volume.location)
      throw error
    }
    volume.#state = 'open'
    return volume
  }

  get state(): VolumeUsage['state'] {
    return this.#state
  }

  get generation(): number {
    return this.#generation
  }

  get location(): string {
    return locationOf(this.#directory, this.id, this.#generation)
  }

  get records(): number {
    return this.#nextNumber
  }

  get writtenBytes(): number {
    return this.#writtenBytes
  }

  get commitNumber(): number {
    return this.#header?.commitNumber ?? 0
  }

  async open(): Promise<Found> {
    await this.#puts.idle()
    await this.#logs.close()
    await this.#handle.close()
    await this.#handle.open()
    this.#renew()
    this.size.forget()
    const last = await this.#handle.lastNumber()
    if (last === undefined) return 'empty'
    this.#nextNumber = last + 1
    this.#writtenBytes = (await this.#settings.engine.measure(this.location)).bytes
    await this.dead.load(this.location)
    const end = await this.#readHeader(last)
    const header = end?.sealed ? end : await this.#readHeader(0)
    if (header === undefined || header.volume !== this.id) {
      this.#handle.onlyRead()
      return 'damaged'
    }
    if (header.catalog !== this.#settings.catalogId) return 'foreign'
    this.#header = header
    if (!header.sealed) return 'writable'
    this.#state = 'sealed'
    this.#handle.onlyRead()
    return 'sealed'
  }

  async isHalfMade(): Promise<boolean> {
    const names = await this.#settings.engine.list(this.location)
    const holdsData = names.some((name) => name === 'CURRENT' || /\.(log|ldb|sst)$/.test(name))
    // LevelDB's own small files are there as soon as it has tried to open the directory.
    return names.includes('LOCK') && !holdsData
  }

  accept(): void {
    this.#state = 'open'
  }

  drain(): void {
    if (this.#state !== 'open') return
    this.#state = 'draining'
    this.#sealIfQuiet()
  }

  seal(): Promise<void> {
    this.#state = 'draining'
    this.#sealing = this.#seal()
    return this.#sealing
  }

  markDead(): void {
    this.dead.mark(this.location)
  }

  rest(): Promise<void> {
    return this.#settings.readable.rest(this.#handle)
  }

  makeSealedHeader(): VolumeHeader {
    return this.#makeHeader(true)
  }

  async moveOn(): Promise<() => Promise<void>> {
    const next = this.#generation + 1
    const closeOld = await this.#handle.moveTo(locationOf(this.#directory, this.id, next))
    this.#generation = next
    this.size.forget()
    this.dead.copied(this.location)
    return async () => {
      await closeOld()
      this.#writtenBytes = (await this.#settings.engine.measure(this.location)).bytes
    }
  }

  append(
    sum: RecordSum,
    index: number,
    slab: Buffer,
    length: number,
    took: (number: number, bytes: number) => void,
  ): Promise<void> {
    return this.#puts.run(slab, length, (bytes) => {
      const number = this.#nextNumber++
      const value = sum.append(bytes, length, number, index)
      const stored = KEY_BYTES + value.length
      this.#writtenBytes += stored
      took(number, stored)
      return this.#handle.put(number, value)
    })
  }

  getMany(numbers: readonly number[]): Promise<(Buffer | undefined)[]> {
    return this.#handle.getMany(numbers)
  }

  barrier(): Promise<void> {
    return this.#state === 'sealed' ? Promise.resolve() : this.#barrier.wait()
  }

  async close(): Promise<void> {
    this.#puts.stop(this.#unavailable('the store is closing'))
    await this.#sealing
    await this.#puts.idle()
    if (this.#state === 'open' || this.#state === 'draining') {
      // Callers that need durable records wait for a barrier of their own.
      await this.barrier().catch(() => undefined)
    }
    await this.#logs.close()
    await this.#handle.end()
  }

  async #seal(): Promise<void> {
    try {
      await this.#puts.idle()
      await this.#putHeader(true)
      await this.#barrier.wait()
      await this.#logs.close()
      await this.#handle.flush()
    } catch (error) {
      this.#fail(error)
      return
    }
    this.#state = 'sealed'
    this.#handle.onlyRead()
    this.#settings.sealed(this)
  }

  async #syncAll(): Promise<void> {
    // A put that fails damages the log for puts that begin after it, and may reject later than those resolve.
    // Only after all have ended is it certain that none failed.
    await this.#puts.begun()
    if (this.#state === 'failed') throw this.#unavailable('the volume has failed')
    try {
      await this.#logs.sync()
    } catch (error) {
      this.#fail(error)
      throw this.#unavailable('a barrier failed', error)
    }
  }

  #fail(error: unknown): void {
    if (this.#state === 'failed') return
    this.#state = 'failed'
    this.#puts.stop(this.#unavailable('the volume has failed', error))
    this.#settings.failed(this, error)
  }

  /** Makes the parts that belong to one opening of the database. */
  #renew(): void {
    this.#puts = new Puts((error) => this.#fail(error))
    this.#logs = new Logs(this.#settings.engine, this.location)
    this.#barrier = new Barrier(() => this.#syncAll())
  }

  #sealIfQuiet(): void {
    if (this.#state === 'draining' && this.begun.size === 0) void this.seal()
  }

  async #putHeader(sealed: boolean): Promise<void> {
    const number = this.#nextNumber++
    const header = this.#makeHeader(sealed)
    await this.#handle.put(number, encodeHeader(header, number))
    this.#header = header
  }

  #makeHeader(sealed: boolean): VolumeHeader {
    const commitNumber = this.#settings.commitNumber()
    return { sealed, volume: this.id, catalog: this.#settings.catalogId, commitNumber }
  }

  async #readHeader(number: number): Promise<VolumeHeader | undefined> {
    const value = await this.#handle.get(number)
    return value && readHeader(value, number, this.location)
  }

  #unavailable(what: string, cause?: unknown): CofferError {
    return new CofferError('StoreUnavailable', { what, volume: this.id }, cause)
  }
}
