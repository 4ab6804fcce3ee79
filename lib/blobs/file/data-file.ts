// The file of records, opened for writing: past the page cache (O_DIRECT) where the filesystem takes that, because the
// kernel's copy and its pages cost as much CPU as all the rest of a PUT (D-FILE-DIRECT), else through it.
import { constants } from 'node:fs'
import type { DataFile, Files } from '../../files.ts'
import { PAGE_BYTES } from './layout.ts'

const { O_CREAT, O_EXCL, O_WRONLY } = constants
/** 0 where the system has no such flag. */
const O_DIRECT = constants.O_DIRECT ?? 0

export class WrittenFile {
  readonly #files: Files
  readonly #path: string
  readonly #found: (isDirect: boolean) => void
  #file: Promise<DataFile> | undefined
  #isDirect = O_DIRECT !== 0
  #isFound = false

  /** Opens nothing yet. `found` is called once, with how the file is written. */
  constructor(files: Files, path: string, found: (isDirect: boolean) => void) {
    this.#files = files
    this.#path = path
    this.#found = found
  }

  /** Makes the file, which must not exist. Rejects with the system's error. */
  async make(): Promise<void> {
    await this.#open(O_CREAT | O_EXCL)
  }

  /** Writes the first `bytes` of a slab, whole pages, at a page of the file. Rejects with the system's error, of which
   * a part may be written then. */
  async write(slab: Buffer, bytes: number, at: number): Promise<void> {
    const file = await this.#open(0)
    const isDirect = this.#isDirect
    try {
      await writeAll(file, slab, bytes, at)
    } catch (error) {
      if (!isDirect || !isRefusal(error)) throw error
      await this.#goBuffered()
      await writeAll(await this.#open(0), slab, bytes, at)
    }
    if (!this.#isFound) this.#found(this.#isDirect)
    this.#isFound = true
  }

  /** fdatasync. Rejects with the system's error. */
  async datasync(): Promise<void> {
    await (await this.#file)?.datasync()
  }

  async close(): Promise<void> {
    const file = await this.#file?.catch(() => undefined)
    this.#file = undefined
    await file?.close()
  }

  #open(flags: number): Promise<DataFile> {
    this.#file ??= this.#openNow(flags)
    return this.#file
  }

  async #openNow(flags: number): Promise<DataFile> {
    if (this.#isDirect) {
      try {
        return await this.#files.openData(this.#path, O_WRONLY | O_DIRECT | flags)
      } catch (error) {
        if (!isRefusal(error)) throw error
        this.#isDirect = false
      }
    }
    // A filesystem without O_DIRECT may have made the file before it refused (tmpfs of older kernels).
    return await this.#files.openData(this.#path, O_WRONLY | (flags & ~O_EXCL))
  }

  async #goBuffered(): Promise<void> {
    if (!this.#isDirect) return
    this.#isDirect = false
    await this.close()
  }
}

/** O_DIRECT is refused with EINVAL, at the opening or at a write. */
const isRefusal = (error: unknown) => (error as NodeJS.ErrnoException).code === 'EINVAL'

/** A short write is followed by another from the last whole page, which gives the error of a full disk. */
async function writeAll(file: DataFile, slab: Buffer, bytes: number, at: number): Promise<void> {
  for (let done = 0; done < bytes; ) {
    const { bytesWritten } = await file.write(slab, done, bytes - done, at + done)
    const whole = bytesWritten - (bytesWritten % PAGE_BYTES)
    if (whole === 0) {
      throw Object.assign(new Error('ENOSPC: a write was cut short'), { code: 'ENOSPC' })
    }
    done += whole
  }
}
