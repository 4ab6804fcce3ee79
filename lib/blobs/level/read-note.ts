// A note beside a volume while it is being read. LevelDB maps its tables, and a sector that cannot be read kills
// the process (SIGBUS, D-MAPPED), which has no chance to say of what it died: a note that is there at a
// start names a volume that the process before was reading when it ended, of whatever cause. It outlives a
// process, not a power cut, which no read is to blame for.
import { dirname, join } from 'node:path'
import type { Engine } from '../../leveldb/engine.ts'
import { generationsOf } from '../directory.ts'

/** A volume that is not read for this long gets its note taken away: so the hot path writes none. */
const IDLE_MS = 2000

/** Where the note of a volume lies, and what ends its name. */
export const NOTE_SUFFIX = '.reading'

export class ReadNote {
  readonly #engine: Engine
  readonly #directory: string
  readonly #volume: string
  #isThere = false
  #writing: Promise<void> | undefined
  #removing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #reads = 0
  #used = false
  #ended = false

  /** `location`: of a generation of the volume. */
  constructor(engine: Engine, location: string) {
    this.#engine = engine
    this.#directory = dirname(location)
    this.#volume = /([0-9a-f]{16})\.[^.]+$/.exec(location)?.[1] ?? 'volume'
  }

  /** Somebody reads, or waits for what he is to read to be opened. */
  get isReading(): boolean {
    return this.#reads > 0
  }

  /** Reads, with the note there from before it begins until after it has ended. */
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

  /** Takes the note away for good. */
  async end(): Promise<void> {
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
    // Where it cannot be written, on a full or read-only disk, the volume is read all the same.
    await this.#put().catch(() => undefined)
    this.#isThere = true
    if (!this.#ended) this.#watch()
  }

  async #put(): Promise<void> {
    // What is open is read on after its disk was unmounted: a note would lie below the mount point.
    const generations = await generationsOf(this.#engine, this.#directory, this.#volume)
    if (generations.length > 0) await this.#engine.note(this.#path, '')
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
    return this.#engine.destroy(this.#path).catch(() => undefined)
  }
}
