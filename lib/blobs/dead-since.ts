// Since when there are dead bytes in a volume. Kept as a note among the files of one generation, so that it
// goes with it; it is for people, and not worth a sync: a power cut may lose it, and then a later death counts.
import { join } from 'node:path'
import type { Engine } from '../leveldb/engine.ts'

const NOTE = 'dead-since'

export class DeadSince {
  readonly #engine: Engine
  #sinceMs: number | null = null
  #sinceCopyMs: number | null = null

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Milliseconds since 1970; null where nothing is known to be dead. */
  get ms(): number | null {
    return this.#sinceMs
  }

  /** Takes over what an earlier process has noted of the generation. */
  async load(location: string): Promise<void> {
    const text = await this.#engine.readNote(join(location, NOTE)).catch(() => undefined)
    const noted = text === undefined ? Number.NaN : Date.parse(text)
    if (!Number.isNaN(noted)) this.#sinceMs = noted
  }

  /** Something has died just now. Cheap where that is not the first. */
  mark(location: string): void {
    const nowMs = Date.now()
    this.#sinceCopyMs ??= nowMs
    if (this.#sinceMs === null) this.#keep(location, nowMs)
  }

  /** A copy without what is dead by now begins. */
  copying(): void {
    this.#sinceCopyMs = null
  }

  /** That copy stands in the volume's place: only what died since `copying` is dead in it. */
  copied(location: string): void {
    this.#sinceMs = null
    if (this.#sinceCopyMs !== null) this.#keep(location, this.#sinceCopyMs)
  }

  #keep(location: string, ms: number): void {
    this.#sinceMs = ms
    // Where it cannot be written the time lasts until the process ends.
    void this.#engine.note(join(location, NOTE), new Date(ms).toISOString()).catch(() => undefined)
  }
}
