// A file of a database or volume, read without opening either. LevelDB maps its tables, and a sector that cannot be
// read kills a process that touches the map (SIGBUS, D-MAPPED). A plain read rejects instead. Reads are limited by a
// rate, so that a scrub leaves the disk to others.
import { type FileHandle, open } from 'node:fs/promises'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isOfDisk } from './system-error.ts'

/** Bytes that one read fetches from a file that is read from end to end. */
const WINDOW_BYTES = 1 << 20
/** The unit in which a disk can or cannot be read. */
const SECTOR_BYTES = 4096
/** Shorter waits cost more than they gain. */
const PAUSE_MS_MIN = 5

/** Limits reads to so many bytes a second, on the average since it was made. */
export class Rate {
  readonly #bytesPerSecond: number
  readonly #sinceMs = performance.now()
  #bytes = 0
  #stopped = false

  /** Infinity turns the limit off. */
  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond
  }

  /** Bytes read so far. */
  get bytes(): number {
    return this.#bytes
  }

  /** Makes every later `take` reject. */
  stop(): void {
    this.#stopped = true
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** Resolves when that many bytes more may be read. Rejects once `stop` was called. */
  async take(bytes: number): Promise<void> {
    if (this.#stopped) throw new Error('reading was stopped')
    this.#bytes += bytes
    const dueMs = this.#sinceMs + (this.#bytes / this.#bytesPerSecond) * 1000
    const pauseMs = dueMs - performance.now()
    if (pauseMs > PAUSE_MS_MIN) await sleep(pauseMs)
  }
}

export class PlainFile {
  readonly path: string
  readonly name: string
  readonly size: number
  readonly #file: FileHandle
  readonly #rate: Rate
  #window: Buffer = Buffer.alloc(0)
  #windowAt = 0

  private constructor(path: string, size: number, file: FileHandle, rate: Rate) {
    this.path = path
    this.name = basename(path)
    this.size = size
    this.#file = file
    this.#rate = rate
  }

  /** Opens a file. Rejects with the system's error. */
  static async open(path: string, rate: Rate): Promise<PlainFile> {
    const file = await open(path, 'r')
    try {
      return new PlainFile(path, (await file.stat()).size, file, rate)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /**
   * The bytes from `offset` on; fewer than `length` where the file ends. `ahead`: the bytes behind them will be
   * read next. The bytes are valid until the next read. Rejects with the system's error.
   */
  async read(offset: number, length: number, ahead: boolean): Promise<Buffer> {
    const at = offset - this.#windowAt
    if (at >= 0 && at + length <= this.#window.length) return this.#window.subarray(at, at + length)
    if (!ahead || length >= WINDOW_BYTES) return await this.#fresh(offset, length)
    try {
      this.#window = await this.#fresh(offset, WINDOW_BYTES)
      this.#windowAt = offset
    } catch {
      // A sector of the window cannot be read. It may lie outside the wanted bytes.
      return await this.#fresh(offset, length)
    }
    return this.#window.subarray(0, length)
  }

  /** The bytes from `offset` on, fewer than `length` where the file ends, with zeros for the sectors that the
   * disk cannot read. Rejects with the system's error where the disk is not its reason. */
  async readAround(offset: number, length: number): Promise<Buffer> {
    const whole = await this.#fresh(offset, length).catch(ignoreUnreadable)
    if (whole !== undefined) return whole
    const bytes = Buffer.alloc(Math.max(0, Math.min(length, this.size - offset)))
    for (let at = 0; at < bytes.length; ) {
      const toSectorEnd = SECTOR_BYTES - ((offset + at) % SECTOR_BYTES)
      const part = Math.min(toSectorEnd, bytes.length - at)
      const read = await this.#fresh(offset + at, part).catch(ignoreUnreadable)
      read?.copy(bytes, at)
      at += part
    }
    return bytes
  }

  close(): Promise<void> {
    this.#window = Buffer.alloc(0)
    return this.#file.close()
  }

  async #fresh(offset: number, wanted: number): Promise<Buffer> {
    const length = Math.max(0, Math.min(wanted, this.size - offset))
    await this.#rate.take(length)
    const bytes = Buffer.allocUnsafe(length)
    let filled = 0
    while (filled < length) {
      const { bytesRead } = await this.#file.read(bytes, filled, length - filled, offset + filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return bytes.subarray(0, filled)
  }
}

function ignoreUnreadable(error: NodeJS.ErrnoException): undefined {
  if (error.code === undefined || !isOfDisk(error.code)) throw error
}
