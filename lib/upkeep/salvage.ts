// Salvages a volume of a node that does not run: records that are live by the catalog are read from the
// volume's files, and the objects whose bytes are lost are reported. As with reclaim, nothing is done where the
// catalog may be incomplete.
import { locationOf } from '../blobs/directory.ts'
import type { VolumeHeader } from '../blobs/header.ts'
import { isQuarantined, liftQuarantine } from '../blobs/level/quarantine.ts'
import type { ReclaimSite } from '../blobs/reclaim.ts'
import { LiveRecords } from '../blobs/reclaim-live.ts'
import { FoundRecords } from '../blobs/salvage/find.ts'
import { faultsOf, SalvageRefused, salvageVolume } from '../blobs/salvage/salvage.ts'
import { knownHeaders, type Place, placesOf } from '../blobs/volume-headers.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { seamRows } from '../catalog/check-rows.ts'
import { rowKeys } from '../catalog/keys.ts'
import { readRestored } from '../catalog/restore-mark.ts'
import { volumeBlobRow } from '../catalog/rows.ts'
import { CofferError } from '../errors.ts'
import type { Engine } from '../leveldb/engine.ts'
import type { Rate } from '../plain-file.ts'
import { type Finding, volumeFinding } from './finding.ts'
import { liveCollector } from './reclaim.ts'
import { sentenceOf } from './reclaim-worker.ts'
import { holdersOf } from './scrub-objects.ts'

export interface SalvageReport {
  readonly device: string
  readonly volume: string
  /** The volume was marked as quarantined, and so not opened. */
  readonly quarantined: boolean
  /** Why the volume cannot be opened as it is, as sentences. */
  readonly faults: readonly string[]
  /** Live records with a right checksum. */
  readonly taken: number
  /** Live records with a wrong checksum, and live records that were not found. */
  readonly damaged: number
  readonly missing: number
  /** Blobs that lost records, with the objects that hold those blobs. */
  readonly lost: readonly Finding[]
  /** `sound`: the volume can be opened as it is. `planned`: it would be salvaged without `dryRun`. */
  readonly outcome: 'sound' | 'planned' | 'salvaged'
  /** Where the damaged generation is kept; null unless the volume was salvaged. */
  readonly kept: string | null
}

export interface SalvageOptions {
  readonly catalog: Catalog
  readonly devices: readonly string[]
  readonly engine: Engine
  readonly rate: Rate
  /** Returns what would be done, and does nothing. */
  readonly dryRun: boolean
  /** Ends the work while nothing has changed. */
  readonly signal: AbortSignal
  /** The parts of a device that a copy needs. */
  readonly siteOf: (device: string) => ReclaimSite
}

/**
 * Salvages a volume, or lifts its quarantine where nothing is wrong with it. No other process may use catalog
 * and volumes. Rejects with SalvageRefused, FilesUnreadable, FormatUnread, StoreFull, StoreUnavailable, and the
 * error of a file. The volume is unchanged then; or, where a last step failed, it is replaced already, and must
 * be salvaged again.
 */
export async function salvage(options: SalvageOptions, volume: string): Promise<SalvageReport> {
  const { catalog, devices, engine, rate, dryRun, signal } = options
  const { device, generation } = await locate(devices, volume)
  const live = await readLive(catalog, volume, signal)
  const location = locationOf(device, volume, generation)
  const quarantined = await isQuarantined(engine, device, volume)
  const faults = await faultsOf(location, rate)
  const found = await FoundRecords.read(location, live, rate)
  try {
    refuseForeign(found, catalog, volume)
    await refuseOldCatalog(catalog, devices, found.headers)
    const { blobs, damaged, missing } = lostOf(live, found)
    const about = { device, volume, quarantined, faults, taken: found.records, damaged, missing }
    const report = { ...about, lost: await nameLost(catalog, volume, blobs) }
    if (faults.length === 0 && missing === 0) {
      if (!dryRun) await liftQuarantine(engine, device, volume)
      return { ...report, outcome: 'sound', kept: null }
    }
    if (dryRun) return { ...report, outcome: 'planned', kept: null }
    const { id: catalogId, commitNumber } = catalog
    const header = { sealed: true, volume, catalog: catalogId, commitNumber }
    const kept = await salvageVolume(
      options.siteOf(device),
      { id: volume, generation, live, found, header },
      { signal, pace: () => Promise.resolve(), progress: () => {} },
    )
    return { ...report, outcome: 'salvaged', kept }
  } finally {
    await found.close()
  }
}

async function locate(devices: readonly string[], id: string): Promise<Place> {
  const places = await placesOf(devices, id)
  const [place] = places
  if (place === undefined) throw new SalvageRefused(`volume ${id} is on none of the devices`)
  if (places.length === 1) return place
  const names = places.map(({ device }) => device).join(', ')
  throw new SalvageRefused(`volume ${id} is on more than one device: ${names}`)
}

/** A record that an old catalog does not name need not be dead. */
async function refuseOldCatalog(
  catalog: Catalog,
  devices: readonly string[],
  headers: readonly VolumeHeader[],
): Promise<void> {
  const commits = [...headers, ...(await knownHeaders(devices))].map((header) =>
    header.catalog === catalog.id ? header.commitNumber : 0,
  )
  const isRestored = (await readRestored(catalog)) !== null
  if (!isRestored && commits.every((commit) => commit <= catalog.commitNumber)) return
  const what = isRestored ? 'was restored from a backup' : 'is older than a volume'
  throw new SalvageRefused(`the catalog ${what}: run coffer fsck --accept-catalog first`)
}

async function readLive(
  catalog: Catalog,
  volume: string,
  signal: AbortSignal,
): Promise<LiveRecords> {
  // The volume is closed, so that the end of its numbers is unknown.
  const live = new LiveRecords(volume, Number.MAX_SAFE_INTEGER)
  try {
    await liveCollector(catalog, volume, signal)(live)
  } catch (error) {
    if (!(error instanceof CofferError) || error.code !== 'StoreCorrupt') throw error
    throw new SalvageRefused(sentenceOf(error))
  }
  return live
}

function refuseForeign({ headers }: FoundRecords, catalog: Catalog, id: string): void {
  const isOther = headers.some((header) => header.catalog !== catalog.id || header.volume !== id)
  if (isOther) throw new SalvageRefused(`volume ${id} is of another catalog, or another volume`)
}

interface LostBlob {
  readonly blob: string
  /** Index of the blob's first lost record, and how many are lost. */
  readonly first: number
  readonly records: number
}

function lostOf(live: LiveRecords, found: FoundRecords) {
  const blobs = new Map<string, LostBlob>()
  let damaged = 0
  let missing = 0
  for (const slice of live.slices(SLICE_RECORDS)) {
    for (const { number, blob, index } of slice) {
      if (found.has(number)) continue
      if (found.damaged.has(number)) damaged++
      else missing++
      const known = blobs.get(blob)
      blobs.set(blob, { blob, first: known?.first ?? index, records: (known?.records ?? 0) + 1 })
    }
  }
  return { blobs: [...blobs.values()], damaged, missing }
}

const SLICE_RECORDS = 4096

async function nameLost(
  catalog: Catalog,
  volume: string,
  lost: readonly LostBlob[],
): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { blob, first, records } of lost) {
    const row = await catalog.get(rowKeys.volume(volume, blob))
    const body = row && volumeBlobRow.decode(row.value).body
    const many =
      records === 1
        ? `record ${first} is lost`
        : `${records} records are lost, the first is record ${first}`
    findings.push({ ...volumeFinding(volume, `blob ${blob}: ${many}`), blob, body })
  }
  const bodies = new Set(findings.flatMap(({ body }) => body ?? []))
  const holders = await holdersOf(seamRows(catalog), bodies)
  return findings.map((finding) => ({ ...finding, objects: holders.get(finding.body ?? '') ?? [] }))
}
