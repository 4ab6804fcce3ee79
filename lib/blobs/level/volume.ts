// One volume: an append-only LevelDB database of records whose numbers only ever grow, and its states,
// open → draining (takes no new blobs) → sealed (takes nothing), and failed. Growing numbers are what
// makes every compaction a trivial move, so a number is taken in the synchronous step that puts it and
// never reserved (D-NUMBERS). After one failed write nothing is written until the database was closed
// and opened again, because LevelDB would acknowledge it and lose it (D-FAILED-WRITE).
import { randomBytes } from 'node:crypto'
import { CofferError } from '../../errors.ts'
import { BegunBlobs } from '../begun.ts'
import { DeadSince } from '../dead-since.ts'
import { locationOf } from '../directory.ts'
import { DiskSize } from '../disk-size.ts'
import { encodeHeader, readHeader, type VolumeHeader } from '../header.ts'
import type { VolumeSettings } from '../options.ts'
import { KEY_BYTES, type RecordSum } from '../record.ts'
import type { VolumeUsage } from '../store.ts'
import { Barrier, Logs } from './barrier.ts'
import { Handle } from './handle.ts'
import { Puts } from './puts.ts'

/** What opening a database found. `damaged`: its header cannot be read; records can. */
export type Found = 'writable' | 'sealed' | 'empty' | 'foreign' | 'damaged'

export class Volume {
  readonly id: string
  /** The blobs that hold the volume. */
  readonly begun = new BegunBlobs(() => this.#sealIfQuiet())
  readonly dead: DeadSince
  readonly size = new DiskSize()
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

  /** A volume that takes no writes before `open` and `accept`. */
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

  /** Makes a new, empty, open volume in a device's directory, durable with its name. Rejects with the
   * error of the file or database, and leaves nothing then. */
  static async create(settings: VolumeSettings, directory: string): Promise<Volume> {
    const id = randomBytes(8).toString('hex')
    const volume = new Volume(settings, directory, id, 1)
    try {
      await volume.#handle.open(true)
      await volume.#putHeader(false)
      // Also fsyncs the volume's directory, because its log is new.
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

  /** 1 when it was made, one more with every reclaim. */
  get generation(): number {
    return this.#generation
  }

  get location(): string {
    return locationOf(this.#directory, this.id, this.#generation)
  }

  /** Numbers used so far, headers included: the next record's number. */
  get records(): number {
    return this.#nextNumber
  }

  get writtenBytes(): number {
    return this.#writtenBytes
  }

  /** The commit number in the newest header that was read; 0 where there is none. */
  get commitNumber(): number {
    return this.#header?.commitNumber ?? 0
  }

  /**
   * Opens the database, closing it first where it is open, and reads what it is. Nothing is remembered:
   * the next number is the last key + 1. Only for a volume that failed (or was never opened) and has
   * no begun blob. Rejects with the database's error, FormatNewer where a later release wrote it.
   */
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

  /** Takes writes from now on. Only after `open` found it writable. */
  accept(): void {
    this.#state = 'open'
  }

  /** Takes no new blobs from now on, and is sealed once the begun ones let go. */
  drain(): void {
    if (this.#state !== 'open') return
    this.#state = 'draining'
    this.#sealIfQuiet()
  }

  /** Writes the sealed header and makes everything durable. Fails the volume instead of rejecting.
   * Only where no blob is begun, and after `open` found it writable, or it drains. */
  seal(): Promise<void> {
    this.#state = 'draining'
    this.#sealing = this.#seal()
    return this.#sealing
  }

  /** Some of its records are dead from now on. */
  markDead(): void {
    this.dead.mark(this.location)
  }

  /** Closes the database until the next read, which gives its memory back, where it could be opened again.
   * Only where it is sealed. Rejects with the database's error. */
  rest(): Promise<void> {
    return this.#settings.readable.rest(this.#handle)
  }

  /** The sealed header as reclaim writes it into a copy: with the catalog's commit number of this moment. */
  makeSealedHeader(): VolumeHeader {
    return this.#makeHeader(true)
  }

  /**
   * Goes over to the next generation, which lies beside this one with the same live records: reads that have
   * begun end on the old one. Returns what closes that. Rejects with the database's error; then nothing has
   * changed. Only where the volume is sealed.
   */
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

  /**
   * Puts a record under the next number, which `took` is told in the same step. Resolves when LevelDB
   * has it, not yet durable. The slab is free when this returns. Throws (or rejects with)
   * StoreUnavailable.
   */
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

  /** The values of several records; undefined where there is none. Rejects with the database's error. */
  getMany(numbers: readonly number[]): Promise<(Buffer | undefined)[]> {
    return this.#handle.getMany(numbers)
  }

  /** Resolves when every blob finished before the call is durable. Rejects with StoreUnavailable. */
  barrier(): Promise<void> {
    return this.#state === 'sealed' ? Promise.resolve() : this.#barrier.wait()
  }

  /** Ends the puts in flight, makes them durable where it can, and closes. */
  async close(): Promise<void> {
    this.#puts.stop(this.#unavailable('the store is closing'))
    await this.#sealing
    await this.#puts.idle()
    if (this.#state === 'open' || this.#state === 'draining') {
      // Who needed the bytes to be durable has waited for a barrier of its own.
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
    // A put that fails damages the log for those that begin after it, and may be heard of later than
    // they are: only when all have ended is it known that none did.
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

  /** What belongs to one opening of the database, and not to the next. */
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
