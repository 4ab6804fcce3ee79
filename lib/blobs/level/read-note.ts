// A note beside a volume while it is being read. LevelDB maps its tables, and a sector that cannot be read kills
// the process (SIGBUS, D-MAPPED). The dying process cannot log which volume it read. A note that is there at a
// start names a volume that the last process was reading when it ended, for whatever reason. Notes are not synced:
// they survive the end of a process, and need not survive a power cut, which no read has caused.
import { dirname, join } from 'node:path'
import type { Files } from '../../files.ts'
import { generationsOf } from '../directory.ts'

/** The note is removed when the volume was not read for this long. Reads in quick succession thus write none. */
const IDLE_MS = 2000

/** Ends the name of a note, behind the volume's id. */
export const NOTE_SUFFIX = '.reading'

export class ReadNote {
  readonly #files: Files
  readonly #directory: string
  readonly #volume: string
  #isThere = false
  #writing: Promise<void> | undefined
  #removing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #users = 1
  #reads = 0
  #used = false
  #ended = false

  /** `location` is that of a generation of the volume. */
  constructor(files: Files, location: string) {
    this.#files = files
    this.#directory = dirname(location)
    this.#volume = /([0-9a-f]{16})\.[^.]+$/.exec(location)?.[1] ?? 'volume'
  }

  /** The same note for another reader, which ends it too. */
  share(): this {
    this.#users++
    return this
  }

  /** Runs `read`. The note is there before the read begins and until after it has ended. */
  async during<T>(read: () => Promise<T>): Promise<T> {
    this.#reads++
    this.#used = true
    try {
      if (!this.#isThere && !this.#ended) await this.#write()
      return await read()
    } finally {
      this.#reads--
    }
  }

  /** Removes the note, where nobody shares it. Later reads write none. */
  async end(): Promise<void> {
    this.#users--
    if (this.#users > 0) return
    this.#ended = true
    clearTimeout(this.#timer)
    await this.#writing
    await this.#removing
    if (this.#isThere) await this.#remove()
  }

  #write(): Promise<void> {
    this.#writing ??= this.#writeNow().finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  async #writeNow(): Promise<void> {
    await this.#removing
    // Where the note cannot be written, on a full or read-only disk, the volume is read all the same.
    await this.#put().catch(() => undefined)
    this.#isThere = true
    if (!this.#ended) this.#watch()
  }

  async #put(): Promise<void> {
    // An open volume stays readable after its disk was unmounted. A note would then lie below the mount point.
    const generations = await generationsOf(this.#files, this.#directory, this.#volume)
    if (generations.length > 0) await this.#files.note(this.#path, '')
  }

  get #path(): string {
    return join(this.#directory, this.#volume + NOTE_SUFFIX)
  }

  #watch(): void {
    this.#timer = setTimeout(() => {
      const idle = this.#reads === 0 && !this.#used
      this.#used = false
      if (!idle) this.#watch()
      else this.#removing = this.#remove()
    }, IDLE_MS).unref()
  }

  #remove(): Promise<void> {
    this.#isThere = false
    return this.#files.destroy(this.#path).catch(() => undefined)
  }
}
