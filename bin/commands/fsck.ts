// `coffer fsck`: checks the catalog against itself and against the volumes, in the place of the node.

import { allHeaders } from '../../lib/blobs/volume-headers.ts'
import { CatalogDamaged, describeDamage } from '../../lib/catalog/check.ts'
import { seamRows } from '../../lib/catalog/check-rows.ts'
import { type Salvaged, salvageCatalog } from '../../lib/catalog/check-salvage.ts'
import { readWitness } from '../../lib/catalog/witness.ts'
import { type Config, loadConfig } from '../../lib/config/config.ts'
import { openKeyring } from '../../lib/crypto/keyring.ts'
import { type RowMacs, rowMacs } from '../../lib/crypto/row-mac.ts'
import { isThere } from '../../lib/file-invalid.ts'
import { classicEngine } from '../../lib/leveldb/engine.ts'
import { makeLog } from '../../lib/log.ts'
import { nowMicros } from '../../lib/names.ts'
import {
  catalogLocation,
  type OpenCatalog,
  openCatalog,
  requireCatalog,
} from '../../lib/open-catalog.ts'
import { type FsckReport, fsck, refusalToRepair, repairAll } from '../../lib/upkeep/fsck.ts'
import { acceptCatalog } from '../../lib/upkeep/fsck-accept.ts'
import type { Problem } from '../../lib/upkeep/fsck-report.ts'
import { fileOf, type SourceOptions } from '../program.ts'
import { exitCodeFor, exitCodes, labelOf } from './found.ts'
import { rateOf } from './rate.ts'
import { sentence } from './scrub.ts'
import { lockFor } from './stores.ts'

export interface FsckCommandOptions extends SourceOptions {
  readonly repair?: boolean
  readonly acceptCatalog?: boolean
  /** False with `--no-records`. */
  readonly records: boolean
  readonly rate?: number
  readonly json?: boolean
  /** The keyring to check MACs with, where the node reads a copy of it. */
  readonly keyring?: string
}

/** Checks, and sets the exit code: 0 nothing is wrong or all was repaired, 5 something is wrong, 1 the check
 * failed, or could not read something. */
export async function runFsck(options: FsckCommandOptions): Promise<void> {
  const config = loadConfig({ file: fileOf(options), data: options.data })
  await requireCatalog(config)
  const rate = rateOf(options)
  const lock = await lockFor(config, 'fsck')
  const say = options.json === true ? () => {} : (line: string) => process.stdout.write(`${line}\n`)
  try {
    const accepted = options.acceptCatalog === true ? await accept(config, say) : undefined
    const opened = await openCatalog(config, makeLog('error'))
    const { catalog } = opened
    try {
      const rows = seamRows(catalog)
      const { records } = options
      const macs = readMacs(options.keyring ?? config.keyring, catalog.id, say)
      const report = await fsck({ rows, macs, devices: config.devices, rate, records })
      const refusal = options.repair === true ? refusalToRepair(report) : null
      const repaired = options.repair === true && refusal === null
      const left = repaired ? await repairAll(catalog, report.problems) : report.problems
      if (options.json === true) printJson(report, left, repaired, accepted)
      else printText(report, say, repaired)
      if (refusal !== null) say(`not repaired: ${refusal}`)
      process.exitCode = left.length > 0 ? exitCodes.damaged : exitCodeFor(report.rotten)
    } finally {
      await opened.close()
    }
  } finally {
    await lock.close()
  }
}

/** Null, and says so, where there is no keyring: a node's may be there only while its service runs. */
function readMacs(keyring: string, catalogId: string, say: (line: string) => void): RowMacs | null {
  if (isThere(keyring)) return rowMacs(openKeyring(keyring, { create: false }), catalogId)
  say(`MACs of rows were not checked: ${keyring} is not there (name the keyring with --keyring)`)
  return null
}

/** The outcome of --accept-catalog. */
interface AcceptReport {
  readonly before: number
  readonly commitNumber: number
  /** For a damaged catalog: the rows that are left, those that are lost, and where the damaged catalog is
   * kept. */
  readonly salvaged: (Salvaged & { readonly damages: readonly string[] }) | null
}

/** Accepts the present catalog; for a damaged one, the rows that are left. Rejects with FilesUnreadable, and
 * drops nothing, where a file of the catalog or of a volume cannot be read. */
async function accept(config: Config, say: (line: string) => void): Promise<AcceptReport> {
  const { devices, data } = config
  const { salvaged, opened } = await openAccepted(config, say)
  const { catalog } = opened
  try {
    const seen = readWitness(data)?.commitNumber ?? 0
    const keepMark = salvaged !== null
    const { before, after, restored } = await acceptCatalog(catalog, devices, { seen, keepMark })
    const raised = after > before && !restored ? ` (raised from ${before})` : ''
    const bytes = keepMark ? ACCEPT_AGAIN : 'what it does not name is dead'
    say(`accepted: the catalog stands at commit ${after}${raised}; ${bytes}`)
    return { before, commitNumber: after, salvaged }
  } finally {
    await opened.close()
  }
}

const ACCEPT_AGAIN =
  'reclaim stays off, so that the bytes of what was dropped are kept, until a second --accept-catalog'

async function openAccepted(
  config: Config,
  say: (line: string) => void,
): Promise<{ opened: OpenCatalog; salvaged: AcceptReport['salvaged'] }> {
  const log = makeLog('error')
  try {
    return { opened: await openCatalog(config, log), salvaged: null }
  } catch (error) {
    if (!(error instanceof CatalogDamaged)) throw error
    // Checked before any row is dropped: volumes that cannot be read would refuse the catalog afterwards.
    await allHeaders(config.devices)
    const location = catalogLocation(config)
    const salvaged = await salvageCatalog(classicEngine, location, nowMicros())
    const { rows, rotten, aside } = salvaged
    say(error.message.split('\n').slice(0, -1).join('\n'))
    say(`${rows} rows are left, the damaged catalog is kept in ${aside}`)
    for (const key of rotten) say(`lost: row ${JSON.stringify(key)}`)
    const damages = error.damages.map(describeDamage)
    return { opened: await openCatalog(config, log), salvaged: { ...salvaged, damages } }
  }
}

function printJson(
  report: FsckReport,
  left: readonly Problem[],
  repaired: boolean,
  accepted: AcceptReport | undefined,
): void {
  const { problems, rotten, catalogRows, records, live } = report
  const shown = problems.map(({ rule, what, repair }) => ({
    rule,
    what,
    repair: repair?.what ?? null,
    repaired: repaired && repair !== undefined,
  }))
  const volumes = Array.from(live, ([volume, [bytes, blobs]]) => ({ volume, bytes, blobs }))
  const found = { problems: shown, left: left.length, rotten, catalogRows, records, volumes }
  const all = accepted === undefined ? found : { ...found, accepted }
  process.stdout.write(`${JSON.stringify(all)}\n`)
}

function printText(report: FsckReport, say: (line: string) => void, repaired: boolean): void {
  const { problems, rotten, catalogRows, records } = report
  for (const finding of rotten) say(`${labelOf(finding)}: ${sentence(finding)}`)
  for (const { what, repair } of problems) {
    const does = repaired ? 'repaired' : 'would repair'
    say(`wrong: ${what}${repair === undefined ? '' : ` (${does}: ${repair.what})`}`)
  }
  const unread = rotten.filter(({ unreadable }) => unreadable !== undefined).length
  const found = `${rotten.length - unread} rotten, ${problems.length} wrong`
  const left = unread === 0 ? '' : `, ${unread} unreadable`
  say(`${catalogRows} rows, ${records} records; ${found}${left}`)
}
