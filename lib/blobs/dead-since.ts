// Since when a volume has dead bytes, which operators see in its usage. The time is kept in a note among the
// files of the generation, so that the note goes with the generation. The note is not synced: after a power cut
// the time of a later death counts.
import { join } from 'node:path'
import type { Files } from '../files.ts'

const NOTE = 'dead-since'

export class DeadSince {
  readonly #files: Files
  #sinceMs: number | null = null
  #sinceCopyMs: number | null = null

  constructor(files: Files) {
    this.#files = files
  }

  /** Milliseconds since 1970; null where no record is known to have died. */
  get ms(): number | null {
    return this.#sinceMs
  }

  /** Reads the note that an earlier process left in the generation. */
  async load(location: string): Promise<void> {
    const text = await this.#files.readNote(join(location, NOTE)).catch(() => undefined)
    const noted = text === undefined ? Number.NaN : Date.parse(text)
    if (!Number.isNaN(noted)) this.#sinceMs = noted
  }

  /** Records that a blob has died now. Only the first call for a generation writes a file. */
  mark(location: string): void {
    const nowMs = Date.now()
    this.#sinceCopyMs ??= nowMs
    if (this.#sinceMs === null) this.#keep(location, nowMs)
  }

  /** Reclaim begins a copy of the volume, which leaves out all blobs that are dead by now. */
  copying(): void {
    this.#sinceCopyMs = null
  }

  /** The copy stands in the volume's place. Only blobs that died since `copying` are dead in it. */
  copied(location: string): void {
    this.#sinceMs = null
    if (this.#sinceCopyMs !== null) this.#keep(location, this.#sinceCopyMs)
  }

  #keep(location: string, ms: number): void {
    this.#sinceMs = ms
    // Where the note cannot be written, the time lasts until the process ends.
    void this.#files.note(join(location, NOTE), new Date(ms).toISOString()).catch(() => undefined)
  }
}
