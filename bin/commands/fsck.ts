// `coffer fsck`: proves the catalog against itself and against the volumes. Takes the place of the node.

import { CatalogDamaged } from '../../lib/catalog/check.ts'
import { seamRows } from '../../lib/catalog/check-rows.ts'
import { salvageCatalog } from '../../lib/catalog/check-salvage.ts'
import { readWitness } from '../../lib/catalog/witness.ts'
import { type Config, loadConfig } from '../../lib/config.ts'
import { classicEngine } from '../../lib/level.ts'
import { makeLog } from '../../lib/log.ts'
import { nowMicros } from '../../lib/names.ts'
import {
  catalogLocation,
  type OpenCatalog,
  openCatalog,
  requireCatalog,
} from '../../lib/open-catalog.ts'
import { type FsckReport, fsck, refusalToRepair, repairAll } from '../../lib/service/fsck.ts'
import { acceptCatalog } from '../../lib/service/fsck-accept.ts'
import type { Problem } from '../../lib/service/fsck-report.ts'
import { fileOf, type SourceOptions } from '../program.ts'
import { exitCodes } from './found.ts'
import { rateOf } from './rate.ts'
import { sentence } from './scrub.ts'
import { lockFor } from './stores.ts'

export interface FsckCommandOptions extends SourceOptions {
  readonly repair?: boolean
  readonly acceptCatalog?: boolean
  /** False: `--no-records`. */
  readonly records: boolean
  readonly rate?: number
  readonly json?: boolean
}

/** Checks, and sets the exit code: 0 nothing is wrong or all was repaired, 5 something is, 1 failed. */
export async function runFsck(options: FsckCommandOptions): Promise<void> {
  const config = loadConfig({ file: fileOf(options), data: options.data })
  await requireCatalog(config)
  const rate = rateOf(options)
  const lock = await lockFor(config, 'fsck')
  const say = options.json === true ? () => {} : (line: string) => process.stdout.write(`${line}\n`)
  try {
    if (options.acceptCatalog === true) await accept(config, say)
    const opened = await openCatalog(config, makeLog('error'))
    const { catalog } = opened
    try {
      const rows = seamRows(catalog)
      const { records } = options
      const report = await fsck({ rows, devices: config.devices, rate, records })
      const refusal = options.repair === true ? refusalToRepair(report) : null
      const repaired = options.repair === true && refusal === null
      const left = repaired ? await repairAll(catalog, report.problems) : report.problems
      if (options.json === true) printJson(report, left, repaired)
      else printText(report, say, repaired)
      if (refusal !== null) say(`not repaired: ${refusal}`)
      if (left.length + report.rotten.length > 0) process.exitCode = exitCodes.damaged
    } finally {
      await opened.close()
    }
  } finally {
    await lock.close()
  }
}

/** Goes on with the catalog that there is; of a damaged one, with the rows that are left. */
async function accept(config: Config, say: (line: string) => void): Promise<void> {
  const log = makeLog('error')
  const location = catalogLocation(config)
  let opened: OpenCatalog
  try {
    opened = await openCatalog(config, log)
  } catch (error) {
    if (!(error instanceof CatalogDamaged)) throw error
    const { rows, rotten, aside } = await salvageCatalog(classicEngine, location, nowMicros())
    say(error.message.split('\n').slice(0, -1).join('\n'))
    say(`${rows} rows are left, the damaged catalog is kept in ${aside}`)
    for (const key of rotten) say(`lost: row ${JSON.stringify(key)}`)
    opened = await openCatalog(config, log)
  }
  const { catalog } = opened
  try {
    const { before, after, restored } = await acceptCatalog(
      catalog,
      config.devices,
      readWitness(config.data)?.commitNumber ?? 0,
    )
    const raised = after > before && !restored ? ` (raised from ${before})` : ''
    say(`accepted: the catalog stands at commit ${after}${raised}; what it does not name is dead`)
  } finally {
    await opened.close()
  }
}

function printJson(report: FsckReport, left: readonly Problem[], repaired: boolean): void {
  const { problems, rotten, catalogRows, records, live } = report
  const told = problems.map(({ rule, what, repair }) => ({
    rule,
    what,
    repair: repair?.what ?? null,
    repaired: repaired && repair !== undefined,
  }))
  const volumes = Array.from(live, ([volume, [bytes, blobs]]) => ({ volume, bytes, blobs }))
  const all = { problems: told, left: left.length, rotten, catalogRows, records, volumes }
  process.stdout.write(`${JSON.stringify(all)}\n`)
}

function printText(report: FsckReport, say: (line: string) => void, repaired: boolean): void {
  const { problems, rotten, catalogRows, records } = report
  for (const finding of rotten) say(`rotten: ${sentence(finding)}`)
  for (const { what, repair } of problems) {
    const does = repaired ? 'repaired' : 'would repair'
    say(`wrong: ${what}${repair === undefined ? '' : ` (${does}: ${repair.what})`}`)
  }
  const wrong = problems.length
  say(`${catalogRows} rows, ${records} records; ${rotten.length} rotten, ${wrong} wrong`)
}
