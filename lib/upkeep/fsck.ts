// Checks the catalog against itself and against the volumes, in both directions, on a node that does not run. A
// problem is repaired only where other rows prove what is right. Where any row is rotten nothing is repaired,
// because the rotten row may name what seems unneeded.

import { type Catalog, COMMIT_ROWS_MAX } from '../catalog/catalog.ts'
import type { RowSource } from '../catalog/check-rows.ts'
import { rowKeys } from '../catalog/keys.ts'
import type { RowMacs } from '../crypto/row-mac.ts'
import { randomId } from '../names.ts'
import type { Rate } from '../plain-file.ts'
import type { Finding } from './finding.ts'
import { BodyCheck } from './fsck-bodies.ts'
import { checkContainers, checkQueue, checkSettings, checkUploads } from './fsck-containers.ts'
import { checkCounters } from './fsck-counters.ts'
import { checkCredentials, checkKept } from './fsck-identity.ts'
import { checkMacs } from './fsck-macs.ts'
import { checkObjects } from './fsck-objects.ts'
import { Findings, type Problem, type Repair, Sums } from './fsck-report.ts'
import { newProgress, type Progress, scrub } from './scrub.ts'

export interface FsckReport {
  /** Contradictions between rows. */
  readonly problems: readonly Problem[]
  /** What is rotten, missing or unreadable: the findings of a scrub. */
  readonly rotten: readonly Finding[]
  readonly catalogRows: number
  readonly records: number
  /** For each volume: the bytes and the number of its blobs. */
  readonly live: ReadonlyMap<string, readonly number[]>
}

/**
 * Checks everything. `records`: also reads every record, which takes as long as to read all stored bytes.
 * Nothing may be written meanwhile. Rejects with StoreUnavailable.
 */
export async function fsck(options: {
  readonly rows: RowSource
  /** Null: there is no keyring, and MACs are taken for right. */
  readonly macs: RowMacs | null
  readonly devices: readonly string[]
  readonly rate: Rate
  readonly records: boolean
}): Promise<FsckReport> {
  const { rows } = options
  const macs = options.macs ?? unchecked
  const progress = await readAll(options)
  const findings = new Findings()
  const sums = new Sums()
  const check = { rows, findings, sums, macs }
  await checkMacs(check)
  const bodies = new BodyCheck(rows, findings, sums)
  await checkContainers(check)
  await checkSettings(check)
  await checkCredentials(check)
  await checkKept(check)
  await checkUploads(check, bodies)
  await checkQueue(check, bodies)
  const body = bodies.refer.bind(bodies)
  await checkObjects({ ...check, body })
  await bodies.finish()
  await checkCounters(rows, findings, sums)
  const live = new Map<string, readonly number[]>()
  for (const key of sums.keys()) {
    if (key.startsWith(VOLUME_USAGE)) live.set(key.slice(VOLUME_USAGE.length), sums.get(key)!)
  }
  const { catalogRows, records, findings: rotten } = progress
  return { problems: findings.problems, rotten, catalogRows, records, live }
}

/** Takes every MAC for right, and makes none. */
const unchecked: RowMacs = {
  active: '',
  has: () => true,
  sign: () => {
    throw new RangeError('there is no keyring')
  },
  holds: () => true,
}

const VOLUME_USAGE = 'volume-usage/'

/** Verifies the checksum of every row, and of every record where `records` is set. */
async function readAll(options: Parameters<typeof fsck>[0]): Promise<Progress> {
  const { rows, devices, rate, records } = options
  const progress = newProgress(Date.now())
  const shared = { ...rows, close: () => Promise.resolve() }
  const openRows = () => Promise.resolve(shared)
  const proceed = () => Promise.resolve(true)
  await scrub({ openRows, devices, rate, progress, proceed, records })
  return progress
}

/** Why no problem of a report may be repaired, as a sentence; null where repairs are allowed. */
export function refusalToRepair({ rotten }: FsckReport): string | null {
  if (!rotten.some(({ where }) => where === 'catalog')) return null
  return 'rows of the catalog are rotten, or cannot be read: what looks unneeded may be what they named, so nothing is repaired'
}

/** Applies all repairs. Returns the problems without one. Rejects with StoreUnavailable, Conflict. */
export async function repairAll(
  catalog: Catalog,
  problems: readonly Problem[],
): Promise<Problem[]> {
  for (const { repair } of problems) if (repair !== undefined) await apply(catalog, repair)
  return problems.filter(({ repair }) => repair === undefined)
}

async function apply(
  catalog: Catalog,
  { expect, put = [], del, add, queue }: Repair,
): Promise<void> {
  const id = randomId()
  const work = queue === undefined ? [] : [{ key: rowKeys.queue(id), value: queue }]
  const rows = expect.length + put.length + (del?.length ?? 0) + (add?.length ?? 0) + work.length
  if (rows > COMMIT_ROWS_MAX) throw new RangeError('a repair has too many rows')
  await catalog.commit({ id, expect, put: [...put, ...work], del, add })
}
