// Keeps volumes closed that would kill the node: those that it was reading when it last ended are read with plain
// reads before they are opened, and one that cannot be read so is marked and left alone at this start and every
// later one, until an operator takes the mark away. Its blobs are unavailable; all others are served.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Damage } from '../../leveldb/coding.ts'
import { DatabaseFiles } from '../../leveldb/database-files.ts'
import type { Engine } from '../../leveldb/engine.ts'
import { Rate } from '../../leveldb/plain-file.ts'
import { describeReadError, isOfDisk, systemErrorOf } from '../../system-error.ts'
import { FilesUnreadable, throwUnreadable, unreadableFiles } from '../../unreadable.ts'
import { type FoundVolume, locationOf } from '../directory.ts'
import type { StoreLog } from '../options.ts'
import { NOTE_SUFFIX } from './read-note.ts'

const MARK_SUFFIX = '.quarantined'

/** A start waits this long for plain reads; a volume that takes longer is opened when they are done. */
const PROBE_WAIT_MS = 10_000

/** One that could not be checked is tried again after this long. */
const PROBE_AGAIN_MS = 5000

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
  readonly #ending = new AbortController()
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
    await Promise.race([this.#probing, pause(PROBE_WAIT_MS, this.#ending.signal)])
    waited = true
    return ready
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#rate.stop()
    this.#ending.abort()
    await this.#probing
  }

  async #keepMarked(volume: FoundVolume): Promise<void> {
    const path = this.#pathOf(volume, MARK_SUFFIX)
    // The mark alone keeps it closed: what it says is for people.
    const reason = await this.#engine.readNote(path).catch((error) => {
      const found = systemErrorOf(error)
      if (found === undefined) throw error
      return `its mark ${describeReadError({ ...found, path })}`
    })
    this.#keep(volume, (reason ?? '').trim())
  }

  #keep(volume: FoundVolume, reason: string): void {
    this.#held.set(volume.id, { ...volume, reason })
    const about = { device: this.#directory, volume: volume.id, reason }
    this.#log.error(
      about,
      'a volume is quarantined: it is not opened, its objects are unavailable until coffer salvage',
    )
  }

  /** Checks until each is checked: one for which there were too few descriptors or too little memory is next time. */
  async #probe(
    suspects: readonly FoundVolume[],
    sound: (volume: FoundVolume) => Promise<void>,
  ): Promise<void> {
    let left = suspects
    while (left.length > 0 && !this.#ending.signal.aborted) {
      const unchecked: FoundVolume[] = []
      for (const volume of left) if (!(await this.#check(volume, sound))) unchecked.push(volume)
      left = unchecked
      if (left.length > 0) await pause(PROBE_AGAIN_MS, this.#ending.signal)
    }
  }

  /** False where it cannot be told yet. */
  async #check(
    volume: FoundVolume,
    sound: (volume: FoundVolume) => Promise<void>,
  ): Promise<boolean> {
    const { id, generation } = volume
    try {
      const reason = await deadlyFault(locationOf(this.#directory, id, generation), this.#rate)
      if (this.#rate.stopped) return true
      if (reason === null) {
        this.#held.delete(id)
        await sound(volume)
      } else await this.#mark(volume, reason)
      return true
    } catch (error) {
      if (this.#rate.stopped) return true
      const isLater = error instanceof FilesUnreadable
      const reason = isLater ? `it cannot be checked: ${error.sentence}` : CHECKING
      if (this.#held.get(id)?.reason !== reason || !isLater) {
        const about = { device: this.#directory, volume: id, err: error }
        this.#log.error(about, 'a volume cannot be checked, and is not opened')
      }
      this.#held.set(id, { ...volume, reason })
      return !isLater
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

const pause = (ms: number, signal: AbortSignal) =>
  sleep(ms, undefined, { signal, ref: false }).catch(() => undefined)

/** True where neither the file nor the disk is the reason: the same read may succeed a moment later. */
const isForLater = (code: string) =>
  !['', 'ENOENT', 'EACCES', 'EPERM'].includes(code) && !isOfDisk(code)

/**
 * Reads all files of a volume plainly. Returns what may kill a process that opens it: a piece that cannot be read, a
 * file that is shorter than it was, a damaged index, which LevelDB would follow anywhere, damaged keys, of which it
 * asserts; null where there is none. A rotten record is not among them: whoever reads it finds out. Nor is a file that
 * this process may not open: LevelDB may not either. Rejects with FilesUnreadable where one cannot be read for want of
 * descriptors or memory, because it can be a moment later.
 */
export async function deadlyFault(location: string, rate: Rate): Promise<string | null> {
  const whose = `the volume in ${location}`
  const files = await DatabaseFiles.open(location, rate).catch((error) => {
    const code = systemErrorOf(error)?.code ?? ''
    // LevelDB needs the same files: the attempt to open it says why it cannot be, and is repeated.
    if (isForLater(code)) throwUnreadable(whose, location, error)
    if (code === '') throw error
  })
  if (files === undefined) return null
  try {
    const damages = [...files.damages]
    await files.verify((damage) => damages.push(damage))
    const faults = damages.filter(({ deadly }) => deadly)
    const unread = unreadableFiles(damages).filter(({ code }) => isForLater(code))
    if (faults.length === 0 && unread.length > 0) throw new FilesUnreadable(whose, unread)
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
