// The files of a volume, open while they are needed: they are opened for the first read or write, closed while other
// volumes need the memory, and closed and opened again after a failed write. Reads wait while they are being opened,
// so that no read meets closed files.
import { CofferError } from '../errors.ts'
import type { OpenVolumes, Restable } from './open-volumes.ts'
import { Reads } from './reads.ts'

/** The least time between two attempts to open the files after one failed, because each may take long. */
const RETRY_MS = 1000

export class OnDemand<T extends { close(): Promise<void> }> implements Restable {
  readonly #openFiles: () => Promise<T>
  readonly #others: OpenVolumes
  readonly #reads = new Reads()
  /** Those of the reads that were given the files, and may not have begun to read them. */
  readonly #holds = new Reads()
  #files: T | undefined
  #opening: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #ended = false
  #isOnlyRead = false
  #readAt = 0
  #failure: { readonly error: unknown; readonly atMs: number } | undefined

  /** `others` bounds how many volumes are open that are only read. */
  constructor(openFiles: () => Promise<T>, others: OpenVolumes) {
    this.#openFiles = openFiles
    this.#others = others
  }

  get readAt(): number {
    return this.#readAt
  }

  get isBeingRead(): boolean {
    return this.#reads.areUnderWay
  }

  /** Undefined while they are closed. */
  get files(): T | undefined {
    return this.#files
  }

  /** The files. Throws StoreUnavailable while they are closed. */
  requireOpen(): T {
    if (this.#files === undefined) throw unavailable()
    return this.#files
  }

  /** Nothing is written from now on. While the files are open they count towards the bound on open volumes. */
  onlyRead(): void {
    this.#isOnlyRead = true
    if (this.#files !== undefined) this.#others.add(this)
  }

  /** Opens the files, by `openFiles` in the place of the usual function, unless they are open. Rejects with its error,
   * and with StoreUnavailable after `end`. */
  open(openFiles: () => Promise<T> = this.#openFiles): Promise<void> {
    if (this.#files !== undefined) return Promise.resolve()
    this.#opening ??= this.#open(openFiles).finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  /** Waits for an `open` under way, and for the reads that have the files, and closes the files. The next read opens
   * them again. */
  async close(): Promise<void> {
    await this.#opening?.catch(() => undefined)
    const files = this.#files
    if (files !== undefined) {
      this.#files = undefined
      this.#others.leave(this)
      this.#closing = this.#holds.idle().then(() => files.close())
    }
    await this.#closing
  }

  /** Closes the files; no read opens them again. */
  async end(): Promise<void> {
    this.#ended = true
    await this.close()
  }

  /** Resolves when no read is under way, or waits for the files to be opened. */
  idle(): Promise<void> {
    return this.#reads.idle()
  }

  /** Opens the files before the read, where they are closed. Rejects as `open` and `read` do. */
  read<R>(read: (files: T) => Promise<R>): Promise<R> {
    this.#readAt = this.#others.turn()
    return this.#reads.during(() =>
      this.#files === undefined ? this.#later(read) : this.#hold(this.#files, read),
    )
  }

  async #open(openFiles: () => Promise<T>): Promise<void> {
    if (this.#isOnlyRead) await this.#others.admit(this)
    try {
      await this.#closing
      if (this.#ended) throw unavailable()
      this.#files = await openFiles()
      this.#failure = undefined
    } catch (error) {
      this.#others.leave(this)
      this.#failure = { error, atMs: performance.now() }
      throw error
    }
  }

  /** Repeats the opening where another volume took the place meanwhile. */
  async #later<R>(read: (files: T) => Promise<R>): Promise<R> {
    while (this.#files === undefined) {
      const failure = this.#failure
      if (failure !== undefined && performance.now() < failure.atMs + RETRY_MS) throw failure.error
      await this.open()
    }
    return await this.#hold(this.#files, read)
  }

  /** A read may wait before it reads, for the note beside its volume. */
  #hold<R>(files: T, read: (files: T) => Promise<R>): Promise<R> {
    return this.#holds.during(() => read(files))
  }
}

function unavailable(): CofferError {
  return new CofferError('StoreUnavailable', { what: 'the volume is closed' })
}
