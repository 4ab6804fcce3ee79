// Rewrites a sealed volume without its dead records (D-SWITCH). The steps: copy; barrier; close; read back; rename to
// the next generation and fsync of the device's directory, which is the switch; reads go over; close and destroy the
// old generation. At every moment the directory holds one whole generation, which a start will choose. A volume
// without any live record is removed by one rename.
import { CofferError } from '../errors.ts'
import type { Files } from '../files.ts'
import { type BadRecords, type CopySource, verifyCopy, writeCopy } from './copy.ts'
import { copyLocationOf, generationsOf, locationOf } from './directory.ts'
import type { Format } from './format.ts'
import type { StoreLog } from './options.ts'
import { type LiveRecord, LiveRecords } from './reclaim-live.ts'
import { Claim, type Space } from './space.ts'
import type { Volume } from './volume.ts'

/** The volume cannot be reclaimed as things are, and nothing has changed. The message is a sentence for an
 * operator. */
export class ReclaimRefused extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ReclaimRefused'
  }
}

export type ReclaimStep = 'collect' | 'copy' | 'verify' | 'switch' | 'destroy'

export interface ReclaimOptions {
  /** Ends the work before the switch. The volume then stays as it is. */
  readonly signal: AbortSignal
  /** Called after each `bytes` of work. Resolves when the configured rate allows more. */
  readonly pace: (bytes: number) => Promise<void>
  /** Called with each step as it begins, and with the bytes that `copy` and `verify` have done so far. */
  readonly progress: (step: ReclaimStep, bytes: number) => void
}

/** Adds all live blobs of the volume, from rows read after the call. Returns the bytes of those blobs. */
export type CollectLive = (live: LiveRecords) => Promise<number>

export interface Reclaimed {
  readonly volume: string
  /** Null where no record was live and the volume is gone. */
  readonly generation: number | null
  readonly records: number
  readonly liveBytes: number
  readonly bytesBefore: number
  readonly bytesAfter: number
  /** Records whose checksum is wrong. They are copied as they are. */
  readonly bad: readonly LiveRecord[]
}

/** The parts of a device that reclaim uses. */
export interface ReclaimSite {
  readonly files: Files
  /** The format that a copy gets. */
  readonly format: Format
  readonly directory: string
  readonly space: Space
  readonly log: StoreLog
}

/**
 * Reclaims one sealed volume of a device. Rejects with ReclaimRefused; with StoreFull where the copy would
 * touch the reserve; with StoreCorrupt where a live record is missing or rows contradict one another; with the
 * error of the file or database. The volume is unchanged then.
 */
export async function reclaimVolume(
  site: ReclaimSite,
  volume: Volume,
  collect: CollectLive,
  options: ReclaimOptions,
): Promise<Reclaimed> {
  await clearLeftovers(site, volume)
  options.progress('collect', 0)
  volume.dead.copying()
  // The last record is the sealed header.
  const live = new LiveRecords(volume.id, volume.records - 1)
  const liveBytes = await collect(live)
  const bytesBefore = (await site.files.measure(volume.location)).bytes
  refuseAborted(options.signal)
  const about = { volume: volume.id, records: live.records, liveBytes, bytesBefore }
  if (live.records === 0) {
    await removeDead(site, volume, options)
    return { ...about, generation: null, bytesAfter: 0, bad: [] }
  }
  const bad = await rewrite(site, volume, live, liveBytes, options)
  const bytesAfter = (await site.files.measure(volume.location)).bytes
  const found = Array.from(bad.values(), ({ number, blob, index }) => ({ number, blob, index }))
  return { ...about, generation: volume.generation, bytesAfter, bad: found }
}

/** Removes what an earlier attempt of this process could not remove. */
async function clearLeftovers({ files, directory }: ReclaimSite, volume: Volume): Promise<void> {
  const generations = await generationsOf(files, directory, volume.id)
  if (generations.some((generation) => generation > volume.generation)) {
    throw new ReclaimRefused('a later generation lies beside the volume: restart the node')
  }
  for (const generation of generations) {
    if (generation === volume.generation) continue
    await files.destroy(locationOf(directory, volume.id, generation))
  }
  await files.destroy(copyLocationOf(directory, volume.id))
}

async function rewrite(
  site: ReclaimSite,
  volume: Volume,
  live: LiveRecords,
  liveBytes: number,
  options: ReclaimOptions,
): Promise<BadRecords> {
  const original: Original = {
    live,
    liveBytes,
    header: volume.makeHeader(true),
    lastNumber: volume.records - 1,
    getMany: (numbers) => volume.getMany(numbers),
  }
  return await copyBeside(site, original, options, () => switchOver(site, volume, options))
}

/** What a copy is made of. */
export type Original = Pick<CopySource, 'live' | 'header' | 'lastNumber' | 'getMany'> & {
  readonly liveBytes: number
}

/**
 * Copies a volume's live records to `<volume id>.new`, which a start removes, and reads the copy back.
 * `putInPlace` then gives the copy its name. Rejects as `reclaimVolume` does, and leaves no copy then.
 */
export async function copyBeside(
  site: ReclaimSite,
  original: Original,
  options: ReclaimOptions,
  putInPlace: (bad: BadRecords) => Promise<void>,
): Promise<BadRecords> {
  const { files, format, space } = site
  const { volume } = original.header
  const neededBytes = original.liveBytes + format.copyRoomBytes(original.live.records)
  space.forget()
  if (!space.takes(neededBytes) || !space.has(neededBytes)) {
    throw new CofferError('StoreFull', { what: 'no room for the copy', volume })
  }
  const claim = new Claim(space, neededBytes, '', Number.POSITIVE_INFINITY)
  const location = copyLocationOf(site.directory, volume)
  const source: CopySource = { ...original, format, location }
  const between = (step: ReclaimStep, wrote: (bytes: number) => void) => {
    let done = 0
    return async (bytes: number) => {
      refuseAborted(options.signal)
      wrote(bytes)
      done += bytes
      options.progress(step, done)
      await options.pace(bytes)
    }
  }
  try {
    const written = between('copy', (bytes) => {
      // Uploads may fill the disk meanwhile. The copy yields to them.
      if (!space.takes(0)) throw new CofferError('StoreFull', { volume })
      claim.wrote(bytes)
    })
    options.progress('copy', 0)
    const bad = await writeCopy(source, written)
    options.progress('verify', 0)
    await verifyCopy(
      source,
      bad,
      between('verify', () => {}),
    )
    await putInPlace(bad)
    return bad
  } catch (error) {
    space.forget()
    await files.destroy(location).catch((failure) => complain(site, volume, failure))
    throw error
  } finally {
    claim.end()
  }
}

async function switchOver(
  site: ReclaimSite,
  volume: Volume,
  options: ReclaimOptions,
): Promise<void> {
  const { files, directory } = site
  options.progress('switch', 0)
  const old = volume.location
  const copy = copyLocationOf(directory, volume.id)
  const next = locationOf(directory, volume.id, volume.generation + 1)
  let closeOld: () => Promise<void>
  await files.rename(copy, next)
  try {
    await files.syncDirectory(directory)
    closeOld = await volume.moveOn()
  } catch (error) {
    // Both generations are whole, so that after a crash either one serves. This process goes on with the old
    // generation, and the next start must not choose a copy that could not be opened.
    await files.rename(next, copy)
    throw error
  }
  options.progress('destroy', 0)
  try {
    await closeOld()
    await files.destroy(old)
    await files.syncDirectory(directory)
  } catch (error) {
    complain(site, volume.id, error)
  }
}

/** Removes a volume without live records: to rename it to a name that a start removes is the whole switch. */
async function removeDead(
  site: ReclaimSite,
  volume: Volume,
  options: ReclaimOptions,
): Promise<void> {
  const { files, directory } = site
  const copy = copyLocationOf(directory, volume.id)
  options.progress('switch', 0)
  await files.rename(volume.location, copy)
  try {
    await files.syncDirectory(directory)
  } catch (error) {
    await files.rename(copy, volume.location)
    throw error
  }
  options.progress('destroy', 0)
  try {
    await volume.close()
    await files.destroy(copy)
    await files.syncDirectory(directory)
  } catch (error) {
    complain(site, volume.id, error)
  }
}

function refuseAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new ReclaimRefused('the node is being closed')
}

function complain({ log, directory }: ReclaimSite, volume: string, error: unknown): void {
  const about = { device: directory, volume, err: error }
  log.error(about, 'what reclaim leaves cannot be removed: the next start does it')
}
