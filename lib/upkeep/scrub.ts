// Verifies everything that a node stores, without keys: every block of every file, every row of the catalog,
// and every record of every volume, each by its checksum. A scrub goes on where an earlier run ended, reads at
// a limited rate, and runs beside a node or without one.
import { scrubVolume } from '../blobs/scrub.ts'
import { describeDamage } from '../catalog/check.ts'
import type { RowSource } from '../catalog/check-rows.ts'
import { endOf, rowKeys } from '../catalog/keys.ts'
import type { Damage } from '../damage.ts'
import { isCode } from '../errors.ts'
import type { Rate } from '../plain-file.ts'
import { type Finding, volumeFinding } from './finding.ts'
import { bodyOfKey, holdersOf, versionOfKey } from './scrub-objects.ts'
import {
  describeFinding,
  filesOf,
  findVolumes,
  type Locate,
  openVolume,
  readNamed,
} from './scrub-volumes.ts'

/** How far a scrub is. Kept across restarts. */
export interface Progress {
  readonly begunMs: number
  /** Null while the scrub is not finished. */
  endedMs: number | null
  catalogRows: number
  catalogDone: boolean
  records: number
  bytes: number
  /** For each volume the number of the next record, or 'done'. */
  readonly volumes: Record<string, number | 'done'>
  readonly findings: Finding[]
}

export const newProgress = (begunMs: number): Progress => ({
  begunMs,
  endedMs: null,
  catalogRows: 0,
  catalogDone: false,
  records: 0,
  bytes: 0,
  volumes: {},
  findings: [],
})

export interface ScrubOptions {
  /** Opens the rows as they are now. */
  readonly openRows: () => Promise<RowSource>
  readonly devices: readonly string[]
  readonly rate: Rate
  readonly progress: Progress
  /** False: only the catalog is scrubbed. */
  readonly records?: boolean
  /** Called between pieces of work. May save the progress. The scrub stops where it resolves with false. */
  readonly proceed: () => Promise<boolean>
}

/** Goes on from where the progress stands. True where the scrub came to its end. */
export async function scrub(options: ScrubOptions): Promise<boolean> {
  const { progress } = options
  const rows = await options.openRows()
  try {
    if (!progress.catalogDone && !(await scrubCatalog(options, rows))) return false
    const catalogId = await idOf(rows)
    const none = new Map<string, Locate>()
    const report = (finding: Finding) => addNew(progress, [finding])
    const volumes =
      options.records === false ? none : await findVolumes(options.devices, rows, report)
    for (const [volume, locate] of volumes) {
      if (progress.volumes[volume] === 'done') continue
      if (!(await scrubOne(options, { rows, catalogId }, volume, locate))) return false
    }
    await nameObjects(rows, progress)
    progress.endedMs = Date.now()
    await options.proceed()
    return true
  } finally {
    await rows.close()
  }
}

async function scrubCatalog(options: ScrubOptions, rows: RowSource): Promise<boolean> {
  const { progress } = options
  const findings: Finding[] = []
  let read = 0
  const faults = {
    row: (key: string) =>
      findings.push({ where: 'catalog', key, what: `row ${JSON.stringify(key)} does not hold` }),
    file: (damage: Damage) => {
      const { unreadable } = damage
      const found = { where: 'catalog', what: describeDamage(damage) } as const
      findings.push(unreadable === undefined ? found : { ...found, unreadable })
    },
  }
  for await (const _ of rows.scan('', undefined, faults)) {
    if (++read % PROCEED_ROWS === 0 && !(await options.proceed())) return false
  }
  progress.catalogRows = read
  progress.findings.push(...findings)
  progress.catalogDone = true
  return await options.proceed()
}

const PROCEED_ROWS = 10_000
const PROCEED_RECORDS = 256

/** The catalog's id; null where the meta row is rotten, which was reported before. */
async function idOf(rows: RowSource): Promise<string | null> {
  try {
    return (await rows.meta()).catalogId
  } catch (error) {
    if (isCode(error, 'StoreCorrupt')) return null
    throw error
  }
}

/** Scrubs a volume. False where `proceed` stopped the scrub. */
async function scrubOne(
  options: ScrubOptions,
  { rows, catalogId }: { rows: RowSource; catalogId: string | null },
  volume: string,
  locate: Locate,
): Promise<boolean> {
  const { progress, rate } = options
  const { named, bodies, findings } = await readNamed(rows, volume)
  let stopped = false
  try {
    const files = await openVolume(locate, rate)
    if (files === undefined) {
      const isMissed = named.records > 0 && (await isNamed(options, volume))
      if (isMissed) findings.push(volumeFinding(volume, 'is on none of the devices'))
    } else {
      try {
        const from = progress.volumes[volume]
        const fromNumber = typeof from === 'number' ? from : 0
        const watch = { next: fromNumber }
        progress.records += await scrubVolume({
          files,
          volume,
          catalogId,
          named,
          fromNumber,
          report: (finding) => findings.push(describeFinding(volume, finding, bodies)),
          passed: async (number) => {
            watch.next = number
            if (number % PROCEED_RECORDS !== 0) return true
            stopped = !(await options.proceed())
            return !stopped
          },
        })
        if (stopped) progress.volumes[volume] = watch.next
      } finally {
        await files.close()
      }
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      // A volume that is being made has no files yet, and no row.
      if (named.records > 0) findings.push(volumeFinding(volume, 'has no database'))
    } else {
      for (const { file, what, code } of filesOf(error)) {
        findings.push(volumeFinding(volume, `has ${file}, which ${what}`, code))
      }
    }
  }
  const kept = await stillNamed(options, volume, findings)
  addNew(progress, kept)
  if (!stopped) progress.volumes[volume] = 'done'
  return (await options.proceed()) && !stopped
}

/** Adds findings that are not known yet. A scrub that was interrupted finds faults of whole files again. */
function addNew({ findings }: Progress, found: readonly Finding[]): void {
  const known = new Set(findings.map(({ what }) => what))
  findings.push(...found.filter(({ what }) => !known.has(what)))
}

/** Whether a row names the volume now. Reclaim removes a volume without live blobs. */
async function isNamed({ openRows }: ScrubOptions, volume: string): Promise<boolean> {
  const rows = await openRows()
  try {
    const prefix = rowKeys.volume(volume, '')
    for await (const _ of rows.scan(prefix, endOf(prefix))) return true
    return false
  } finally {
    await rows.close()
  }
}

/** Leaves out findings about blobs that were released while their volume was read, because reclaim may have
 * dropped them. */
async function stillNamed(
  { openRows }: ScrubOptions,
  volume: string,
  findings: readonly Finding[],
): Promise<Finding[]> {
  if (findings.length === 0) return []
  const rows = await openRows()
  try {
    const kept: Finding[] = []
    for (const finding of findings) {
      const { blob } = finding
      const named =
        blob === undefined || (await rows.get(rowKeys.volume(volume, blob))) !== undefined
      if (named || rows.isUnread) kept.push(finding)
    }
    return kept
  } finally {
    await rows.close()
  }
}

/** Adds to each finding the objects that it affects. */
async function nameObjects(rows: RowSource, progress: Progress): Promise<void> {
  const bodyOf = ({ body, key }: Finding) =>
    body ?? (key === undefined ? undefined : bodyOfKey(key))
  const bodies = new Set(progress.findings.map(bodyOf).filter((body) => body !== undefined))
  const holders = await holdersOf(rows, bodies)
  for (const [i, finding] of progress.findings.entries()) {
    const body = bodyOf(finding)
    const own = finding.key === undefined ? undefined : versionOfKey(finding.key)
    const objects = own === undefined ? holders.get(body ?? '') : [own]
    if (objects !== undefined) progress.findings[i] = { ...finding, objects }
  }
}
