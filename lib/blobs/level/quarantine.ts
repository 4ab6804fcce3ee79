// Keeps volumes closed that would kill the node. A volume that was being read when the last process ended is
// first read with plain file reads. If these find a fault of which a process could die, the volume is marked,
// and no start opens it until an operator removes the mark or salvages the volume. Its blobs are unavailable, and
// all other volumes are served.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Damage } from '../../damage.ts'
import type { Files } from '../../files.ts'
import { DatabaseFiles } from '../../leveldb/database-files.ts'
import { Rate } from '../../plain-file.ts'
import { describeReadError, isOfDisk, systemErrorOf } from '../../system-error.ts'
import { FilesUnreadable, throwUnreadable, unreadableFiles } from '../../unreadable.ts'
import { type FoundVolume, locationOf } from '../directory.ts'
import type { StoreLog } from '../options.ts'
import { NOTE_SUFFIX } from './read-note.ts'

const MARK_SUFFIX = '.quarantined'

/** How long a start waits for the plain reads. A volume that takes longer is opened when they are done. */
const PROBE_WAIT_MS = 10_000

/** The time after which a volume that could not be checked is checked again. */
const PROBE_AGAIN_MS = 5000

export interface Quarantined extends FoundVolume {
  /** Why the volume is not opened, for the operator. */
  readonly reason: string
}

export class Quarantine {
  readonly #files: Files
  readonly #directory: string
  readonly #log: StoreLog
  readonly #held = new Map<string, Quarantined>()
  readonly #rate = new Rate(Number.POSITIVE_INFINITY)
  readonly #ending = new AbortController()
  #probing: Promise<void> = Promise.resolve()

  constructor(files: Files, directory: string, log: StoreLog) {
    this.#files = files
    this.#directory = directory
    this.#log = log
  }

  /** Volumes that are not opened. */
  get held(): ReadonlyMap<string, Quarantined> {
    return this.#held
  }

  /**
   * Returns the volumes that may be opened now. `later` is called with each volume that is found without a fault after
   * the return. Rejects where the directory cannot be read.
   */
  async screen(
    found: readonly FoundVolume[],
    later: (volume: FoundVolume) => Promise<void>,
  ): Promise<FoundVolume[]> {
    const names = await this.#files.list(this.#directory)
    const ready: FoundVolume[] = []
    const suspects: FoundVolume[] = []
    for (const volume of found) {
      if (names.includes(volume.id + MARK_SUFFIX)) await this.#keepMarked(volume)
      else if (names.includes(volume.id + NOTE_SUFFIX)) suspects.push(volume)
      else ready.push(volume)
    }
    const known = new Set(found.map(({ id }) => id + NOTE_SUFFIX))
    const stale = names.filter((name) => name.endsWith(NOTE_SUFFIX) && !known.has(name))
    for (const name of stale) await this.#files.destroy(join(this.#directory, name))
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

  /** Ends the checks under way. */
  async close(): Promise<void> {
    this.#rate.stop()
    this.#ending.abort()
    await this.#probing
  }

  async #keepMarked(volume: FoundVolume): Promise<void> {
    const path = this.#pathOf(volume, MARK_SUFFIX)
    // The mark alone keeps the volume closed. Its text is for the operator.
    const reason = await this.#files.readNote(path).catch((error) => {
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

  /** Repeats the checks until each volume is checked: with too few descriptors or too little memory a check
   * fails. */
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

  /** False where the check must be repeated. */
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
        // A volume that has become a file meanwhile would keep the note for ever.
        await this.#files.destroy(this.#pathOf(volume, NOTE_SUFFIX)).catch(() => undefined)
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
    await this.#files
      .note(this.#pathOf(volume, MARK_SUFFIX), `${reason}\n`)
      .catch((error) => this.#log.error({ err: error }, 'a quarantine cannot be written down'))
    await this.#files.destroy(this.#pathOf(volume, NOTE_SUFFIX)).catch(() => undefined)
    this.#keep(volume, reason)
  }

  #pathOf(volume: FoundVolume, suffix: string): string {
    return join(this.#directory, volume.id + suffix)
  }
}

const CHECKING = 'it was being read when the node ended, and is being checked'

const pause = (ms: number, signal: AbortSignal) =>
  sleep(ms, undefined, { signal, ref: false }).catch(() => undefined)

/** True where neither the file nor the disk is the reason, so that the same read may succeed a moment later. */
const isForLater = (code: string) =>
  !['', 'ENOENT', 'EACCES', 'EPERM'].includes(code) && !isOfDisk(code)

/**
 * Reads all files of a volume with plain file reads. Returns the faults that may kill a process which opens the
 * volume, as a sentence; null where there is none. Such a fault is a piece that cannot be read, a file that is
 * shorter than it was, a damaged index (LevelDB would follow its offsets anywhere), or damaged keys (LevelDB
 * asserts their order). A rotten record is none: its read fails with a checksum error. A file that this process
 * may not open is none: LevelDB may not open it either. Rejects with FilesUnreadable where a file cannot be
 * read for want of descriptors or memory, because the same read may succeed a moment later.
 */
export async function deadlyFault(location: string, rate: Rate): Promise<string | null> {
  const whose = `the volume in ${location}`
  const files = await DatabaseFiles.open(location, rate).catch((error) => {
    const code = systemErrorOf(error)?.code ?? ''
    // LevelDB needs the same files: opening the volume fails with the reason, and is repeated.
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

/** The text of a fault for the operator. */
export const describeFault = ({ file, offset, what }: Damage) =>
  `${file} at byte ${offset}: ${what}`

/** True where a start leaves the volume closed. */
export async function isQuarantined(files: Files, directory: string, id: string) {
  return (await files.list(directory)).includes(id + MARK_SUFFIX)
}

/** Lets the next start open the volume. Durable once the caller has synced the directory. */
export async function liftQuarantine(files: Files, directory: string, id: string): Promise<void> {
  for (const suffix of [MARK_SUFFIX, NOTE_SUFFIX]) await files.destroy(join(directory, id + suffix))
}
