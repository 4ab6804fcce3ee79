// Keeps volumes closed that would kill the node: those that it was reading when it last ended are read with plain
// reads before they are opened, and one that cannot be read so is marked and left alone at this start and every
// later one, until an operator takes the mark away. Its blobs are unavailable; all others are served.
import { join } from 'node:path'
import type { Engine } from '../level.ts'
import type { Damage } from '../leveldb/coding.ts'
import { DatabaseFiles } from '../leveldb/database-files.ts'
import { Rate } from '../leveldb/plain-file.ts'
import { type FoundVolume, locationOf } from './directory.ts'
import type { StoreLog } from './options.ts'
import { NOTE_SUFFIX } from './read-note.ts'

const MARK_SUFFIX = '.quarantined'

/** A start waits this long for plain reads; a volume that takes longer is opened when they are done. */
const PROBE_WAIT_MS = 10_000

export interface Quarantined extends FoundVolume {
  /** For people: why it is not opened. */
  readonly reason: string
}

export class Quarantine {
  readonly #engine: Engine
  readonly #directory: string
  readonly #log: StoreLog
  readonly #held = new Map<string, Quarantined>()
  readonly #rate = new Rate(Number.POSITIVE_INFINITY)
  #probing: Promise<void> = Promise.resolve()

  constructor(engine: Engine, directory: string, log: StoreLog) {
    this.#engine = engine
    this.#directory = directory
    this.#log = log
  }

  /** Volumes that are not opened. */
  get held(): ReadonlyMap<string, Quarantined> {
    return this.#held
  }

  /**
   * Returns the volumes that may be opened now. `later` is given those of which that turns out after a while.
   * Rejects where the directory cannot be read.
   */
  async screen(
    found: readonly FoundVolume[],
    later: (volume: FoundVolume) => Promise<void>,
  ): Promise<FoundVolume[]> {
    const names = await this.#engine.list(this.#directory)
    const ready: FoundVolume[] = []
    const suspects: FoundVolume[] = []
    for (const volume of found) {
      if (names.includes(volume.id + MARK_SUFFIX)) await this.#keepMarked(volume)
      else if (names.includes(volume.id + NOTE_SUFFIX)) suspects.push(volume)
      else ready.push(volume)
    }
    const known = new Set(found.map(({ id }) => id + NOTE_SUFFIX))
    const stale = names.filter((name) => name.endsWith(NOTE_SUFFIX) && !known.has(name))
    for (const name of stale) await this.#engine.destroy(join(this.#directory, name))
    for (const volume of suspects) this.#held.set(volume.id, { ...volume, reason: CHECKING })
    let waited = false
    this.#probing = this.#probe(suspects, async (volume) => {
      if (waited) await later(volume)
      else ready.push(volume)
    })
    await Promise.race([this.#probing, pause(PROBE_WAIT_MS)])
    waited = true
    return ready
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#rate.stop()
    await this.#probing
  }

  async #keepMarked(volume: FoundVolume): Promise<void> {
    const reason = (await this.#engine.readNote(this.#pathOf(volume, MARK_SUFFIX))) ?? ''
    this.#keep(volume, reason.trim())
  }

  #keep(volume: FoundVolume, reason: string): void {
    this.#held.set(volume.id, { ...volume, reason })
    const about = { device: this.#directory, volume: volume.id, reason }
    this.#log.error(
      about,
      'a volume is quarantined: it is not opened, its objects are unavailable until coffer salvage',
    )
  }

  async #probe(
    suspects: readonly FoundVolume[],
    sound: (volume: FoundVolume) => Promise<void>,
  ): Promise<void> {
    for (const volume of suspects) {
      try {
        const reason = await deadlyFault(
          locationOf(this.#directory, volume.id, volume.generation),
          this.#rate,
        )
        if (this.#rate.stopped) return
        if (reason === null) {
          this.#held.delete(volume.id)
          await sound(volume)
        } else await this.#mark(volume, reason)
      } catch (error) {
        if (this.#rate.stopped) return
        const about = { device: this.#directory, volume: volume.id, err: error }
        this.#log.error(about, 'a volume cannot be checked, and is not opened')
      }
    }
  }

  async #mark(volume: FoundVolume, reason: string): Promise<void> {
    await this.#engine
      .note(this.#pathOf(volume, MARK_SUFFIX), `${reason}\n`)
      .catch((error) => this.#log.error({ err: error }, 'a quarantine cannot be written down'))
    await this.#engine.destroy(this.#pathOf(volume, NOTE_SUFFIX)).catch(() => undefined)
    this.#keep(volume, reason)
  }

  #pathOf(volume: FoundVolume, suffix: string): string {
    return join(this.#directory, volume.id + suffix)
  }
}

const CHECKING = 'it was being read when the node ended, and is being checked'

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref())

/**
 * Reads all files of a volume plainly. Returns what may kill a process that opens it: a piece that cannot be read, a
 * file that is shorter than it was, a damaged index, which LevelDB would follow anywhere, damaged keys, of which it
 * asserts; null where there is none. A rotten record is not among them: whoever reads it finds out.
 */
export async function deadlyFault(location: string, rate: Rate): Promise<string | null> {
  const files = await DatabaseFiles.open(location, rate)
  try {
    const faults = files.damages.filter(({ deadly }) => deadly)
    await files.verify((damage) => {
      if (damage.deadly) faults.push(damage)
    })
    return faults.length === 0 ? null : faults.slice(0, 3).map(describeFault).join('; ')
  } finally {
    await files.close()
  }
}

/** A fault as people read it. */
export const describeFault = ({ file, offset, what }: Damage) =>
  `${file} at byte ${offset}: ${what}`

/** True where a start leaves the volume closed. */
export async function isQuarantined(engine: Engine, directory: string, id: string) {
  return (await engine.list(directory)).includes(id + MARK_SUFFIX)
}

/** Lets the next start open the volume. Durable once the directory is synced. */
export async function liftQuarantine(engine: Engine, directory: string, id: string): Promise<void> {
  for (const suffix of [MARK_SUFFIX, NOTE_SUFFIX])
    await engine.destroy(join(directory, id + suffix))
}
