// One volume: an append-only list of records whose numbers only grow, in the files of one generation (format.ts).
// Its states are open → draining (takes no new blobs) → sealed (takes no writes), and failed. A number is taken in
// the synchronous step that puts its record (D-NUMBERS). After a failed write nothing is written until the files were
// closed and opened again, or ever (D-FAILED-WRITE).
import { randomBytes } from 'node:crypto'
import { CofferError } from '../errors.ts'
import { FormatUnread } from '../format-version.ts'
import { Barrier } from './barrier.ts'
import { BegunBlobs } from './begun.ts'
import { DeadSince } from './dead-since.ts'
import { type FoundVolume, locationOf } from './directory.ts'
import { DiskSize } from './disk-size.ts'
import type { Format, Handle, SealedRecord, VolumeFormat } from './format.ts'
import { encodeHeader, readHeader, type VolumeHeader } from './header.ts'
import type { VolumeUsage } from './store.ts'
import type { Found, VolumeSettings } from './volume-settings.ts'

export class Volume {
  readonly id: string
  /** Blobs that keep the volume from being sealed. */
  readonly begun = new BegunBlobs(() => this.#sealIfQuiet())
  readonly dead: DeadSince
  readonly size = new DiskSize()
  readonly #settings: VolumeSettings
  readonly #directory: string
  #format: Format
  #handle: Handle
  #state: VolumeUsage['state'] = 'failed'
  #header: VolumeHeader | undefined
  #generation: number
  #nextNumber = 0
  #writtenBytes = 0
  #barrier = new Barrier(() => this.#syncAll())
  #sealing: Promise<void> | undefined
  #closed = false

  /** A volume that exists. It takes no writes before `open` and `accept`. */
  constructor(settings: VolumeSettings, directory: string, { id, generation }: FoundVolume) {
    this.#settings = settings
    this.#directory = directory
    this.id = id
    this.#generation = generation
    this.dead = new DeadSince(settings.files)
    this.#format = settings.formats.configured
    this.#handle = this.#format.handle(this.location, this.#handleOptions())
  }

  /** Makes a new volume in a device's directory, durable together with its name, in state open. Rejects with the error
   * of file or database, and leaves nothing then. */
  static async create(settings: VolumeSettings, directory: string): Promise<Volume> {
    const id = randomBytes(8).toString('hex')
    const volume = new Volume(settings, directory, { id, generation: 1 })
    try {
      await volume.#handle.make()
      await volume.#putHeader(false)
      await volume.#handle.written()
      // The first `sync` also fsyncs the volume's directory.
      await volume.#handle.sync()
      await settings.files.syncDirectory(directory)
    } catch (error) {
      await volume.#handle.end()
      await settings.files.destroy(volume.location)
      throw error
    }
    volume.#state = 'open'
    return volume
  }

  get state(): VolumeUsage['state'] {
    return this.#state
  }

  /** 1 for a new volume, one more with every reclaim. */
  get generation(): number {
    return this.#generation
  }

  get format(): VolumeFormat {
    return this.#format.name
  }

  get location(): string {
    return locationOf(this.#directory, this.id, this.#generation)
  }

  /** How many numbers are used, those of headers included: the next record's number. */
  get records(): number {
    return this.#nextNumber
  }

  get writtenBytes(): number {
    return this.#writtenBytes
  }

  /** That of the newest header that was read; 0 where there is none. */
  get commitNumber(): number {
    return this.#header?.commitNumber ?? 0
  }

  get appendsMax(): number {
    return this.#handle.appendsMax
  }

  /** Opens the volume's files anew and reads the header. The next number is read as the last one + 1. Call it only for
   * a volume that failed, or was never opened, and has no begun blob. Rejects with the error of file or database, and
   * with FormatUnread. */
  async open(): Promise<Found> {
    await this.#handle.written()
    await (this.#header === undefined ? this.#useFormatThere() : this.#handle.close())
    try {
      await this.#handle.open()
    } catch (error) {
      const isKnown = this.#header !== undefined || error instanceof FormatUnread
      if (isKnown || !(await this.#handle.isHalfMade().catch(() => false))) throw error
      return 'empty'
    }
    this.#barrier = new Barrier(() => this.#syncAll())
    this.size.forget()
    const last = await this.#handle.lastNumber()
    if (last === undefined) return 'empty'
    this.#nextNumber = last + 1
    this.#writtenBytes = (await this.#settings.files.measure(this.location)).bytes
    await this.dead.load(this.location)
    const end = await this.#readHeader(last)
    const header = end?.sealed ? end : await this.#readHeader(0)
    if (header === undefined || header.volume !== this.id) {
      this.#handle.onlyRead()
      return 'damaged'
    }
    if (header.catalog !== this.#settings.catalogId) return 'foreign'
    this.#header = header
    if (!header.sealed && !this.#handle.isSpent) return 'writable'
    // Where no sealed header could be written its number stays free, so that a copy has one.
    if (!header.sealed) this.#nextNumber++
    this.#state = 'sealed'
    this.#handle.onlyRead()
    return 'sealed'
  }

  /** Takes writes from now on. Call it only after `open` returned `writable`. */
  accept(): void {
    this.#state = 'open'
  }

  /** Takes no new blobs from now on, and is sealed once the begun ones have left it. */
  drain(): void {
    if (this.#state !== 'open') return
    this.#state = 'draining'
    this.#sealIfQuiet()
  }

  /** Writes the sealed header, durably. An error fails the volume, and does not reject. Call it only where no blob is
   * begun, and after `open` returned `writable` or `drain` was called. */
  seal(): Promise<void> {
    this.#state = 'draining'
    this.#sealing = this.#seal()
    return this.#sealing
  }

  /** Closes the files until the next read, unless they could not be opened again. Rejects with their error. */
  rest(): Promise<void> {
    return this.#settings.readable.rest(this.#handle)
  }

  /** Switches a sealed volume to the next generation, which lies beside this one with the same live records, and may
   * have another format. Reads that have begun end on the old one, which the returned function closes. Rejects with
   * the error of file or database; nothing has changed then. */
  async moveOn(): Promise<() => Promise<void>> {
    const generation = this.#generation + 1
    const location = locationOf(this.#directory, this.id, generation)
    const format = await this.#settings.formats.at(location)
    const old = this.#handle
    const next = format.handle(location, this.#handleOptions(old))
    try {
      await next.open()
      next.onlyRead()
      if (this.#closed) throw this.#unavailable('the volume is closed')
    } catch (error) {
      await next.end()
      throw error
    }
    this.#format = format
    this.#handle = next
    this.#generation = generation
    this.size.forget()
    this.dead.copied(this.location)
    return async () => {
      await old.idle()
      await old.end()
      this.#writtenBytes = (await this.#settings.files.measure(this.location)).bytes
    }
  }

  /** Puts a record under the next number, and calls `took` with the number in the same step. Otherwise as `append` of
   * the files. */
  append(record: SealedRecord, took: (number: number, bytes: number) => void): Promise<void> {
    return this.#handle.append(record, (bytes) => {
      const number = this.#nextNumber++
      this.#writtenBytes += bytes
      took(number, bytes)
      return number
    })
  }

  /** As `getMany` of the files. */
  getMany(numbers: readonly number[]): Promise<(Buffer | undefined)[]> {
    return this.#handle.getMany(numbers)
  }

  /** Resolves when every blob finished before the call is durable. Rejects with StoreUnavailable. */
  barrier(): Promise<void> {
    return this.#state === 'sealed' ? Promise.resolve() : this.#barrier.wait()
  }

  /** Ends the appends under way, makes them durable where possible, and closes the volume. */
  async close(): Promise<void> {
    this.#closed = true
    this.#handle.stop(this.#unavailable('the store is closing'))
    await this.#sealing
    await this.#handle.written()
    if (this.#state === 'open' || this.#state === 'draining') {
      // Callers that need durable records wait for a barrier of their own.
      await this.barrier().catch(() => undefined)
    }
    await this.#handle.end()
  }

  #sealIfQuiet(): void {
    if (this.#state === 'draining' && this.begun.size === 0) void this.seal()
  }

  async #seal(): Promise<void> {
    // What is left waiting is of aborted blobs. No number may follow the header's.
    this.#handle.stop(this.#unavailable('the volume is sealed'))
    try {
      await this.#handle.written()
      await this.#putHeader(true)
      await this.#barrier.wait()
      await this.#handle.finish()
    } catch (error) {
      this.#fail(error)
      return
    }
    this.#state = 'sealed'
    this.#handle.onlyRead()
    this.#settings.sealed(this.id)
  }

  async #syncAll(): Promise<void> {
    await this.#handle.written()
    if (this.#state === 'failed') throw this.#unavailable('the volume has failed')
    try {
      await this.#handle.sync()
    } catch (error) {
      this.#fail(error)
      throw this.#unavailable('a barrier failed', error)
    }
  }

  #fail(error: unknown): void {
    if (this.#state === 'failed') return
    this.#state = 'failed'
    this.#handle.stop(this.#unavailable('the volume has failed', error))
    this.#settings.failed(this.id, error)
  }

  async #useFormatThere(): Promise<void> {
    const format = await this.#settings.formats.at(this.location)
    await this.#handle.end()
    this.#format = format
    this.#handle = format.handle(this.location, this.#handleOptions())
  }

  #handleOptions(before?: Handle) {
    const failed = (error: unknown) => this.#fail(error)
    return { readable: this.#settings.readable, before, failed }
  }

  async #putHeader(sealed: boolean): Promise<void> {
    const number = this.#nextNumber++
    const header = this.makeHeader(sealed)
    await this.#handle.putHeader(number, encodeHeader(header, number))
    this.#header = header
  }

  /** A header with the catalog's last commit number. */
  makeHeader(sealed: boolean): VolumeHeader {
    const commitNumber = this.#settings.commitNumber()
    return { sealed, volume: this.id, catalog: this.#settings.catalogId, commitNumber }
  }

  async #readHeader(number: number): Promise<VolumeHeader | undefined> {
    const [value] = await this.#handle.getMany([number])
    return value && readHeader(value, number, this.location)
  }

  #unavailable(what: string, cause?: unknown): CofferError {
    return new CofferError('StoreUnavailable', { what, volume: this.id }, cause)
  }
}
