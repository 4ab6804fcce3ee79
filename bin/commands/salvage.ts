// `coffer salvage`: makes a volume that can be opened from what a damaged one still has, and names the objects
// that lost bytes. Runs in the place of the node.
import { makeFormats } from '../../lib/blobs/formats.ts'
import { Space } from '../../lib/blobs/space.ts'
import { type Config, loadConfig } from '../../lib/config/config.ts'
import { CofferError } from '../../lib/errors.ts'
import { FileInvalid } from '../../lib/file-invalid.ts'
import { classicEngine } from '../../lib/leveldb/engine.ts'
import { makeLog } from '../../lib/log.ts'
import { openCatalog, requireCatalog } from '../../lib/open-catalog.ts'
import type { Rate } from '../../lib/plain-file.ts'
import { type SalvageReport, salvage } from '../../lib/upkeep/salvage.ts'
import { fileOf, type SourceOptions } from '../program.ts'
import { exitCodes } from './found.ts'
import { rateOf } from './rate.ts'
import { sentence } from './scrub.ts'
import { lockFor } from './stores.ts'

export interface SalvageCommandOptions extends SourceOptions {
  readonly dryRun?: boolean
  readonly rate?: number
  readonly json?: boolean
}

/**
 * Salvages, and sets the exit code: 0 no record is lost, 5 some are, 1 it failed. Rejects with FileInvalid,
 * SalvageRefused, and the errors of a store.
 */
export async function runSalvage(volume: string, options: SalvageCommandOptions): Promise<void> {
  const config = loadConfig({ file: fileOf(options), data: options.data })
  await requireCatalog(config)
  const rate = rateOf(options)
  const lock = await lockFor(config, 'salvage')
  try {
    const report = await salvageAlone(config, volume, { rate, dryRun: options.dryRun === true })
    if (options.json === true) process.stdout.write(`${JSON.stringify(report)}\n`)
    else process.stdout.write(`${linesOf(report).join('\n')}\n`)
    if (report.lost.length > 0) process.exitCode = exitCodes.damaged
  } finally {
    await lock.close()
  }
}

async function salvageAlone(
  config: Config,
  volume: string,
  options: { readonly rate: Rate; readonly dryRun: boolean },
): Promise<SalvageReport> {
  const log = makeLog('error', process.stderr)
  const ending = new AbortController()
  const end = () => {
    ending.abort()
    options.rate.stop()
  }
  process.once('SIGINT', end).once('SIGTERM', end)
  const { devices, storage } = config
  const { catalog, close } = await openCatalog(config, log)
  try {
    const siteOf = (directory: string) => ({
      files: classicEngine,
      format: makeFormats({ ...storage, engine: classicEngine, log }, directory).configured,
      directory,
      space: new Space(classicEngine, directory, storage.reserveBytes),
      log,
    })
    const all = { ...options, catalog, devices, engine: classicEngine, siteOf }
    return await salvage({ ...all, signal: ending.signal }, volume)
  } catch (error) {
    if (ending.signal.aborted) throw new FileInvalid(['ended before it was done: run it again'])
    if (!(error instanceof CofferError) || error.code !== 'StoreFull') throw error
    throw new FileInvalid([`there is no room beside volume ${volume} for what it still has`])
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end)
    await close()
  }
}

const FAULTS_SHOWN = 10

function linesOf(report: SalvageReport): string[] {
  const { volume, quarantined, faults, taken, damaged, missing, lost, outcome, kept } = report
  const lines = faults.slice(0, FAULTS_SHOWN).map((fault) => `damaged: ${fault}`)
  if (faults.length > FAULTS_SHOWN) lines.push(`and ${faults.length - FAULTS_SHOWN} more`)
  lines.push(...lost.map((finding) => `lost: ${sentence(finding)}`))
  const records = `${taken} records taken, ${damaged} damaged, ${missing} missing`
  if (outcome === 'planned') lines.push(`volume ${volume} would be rewritten: ${records}`)
  else if (outcome === 'salvaged') {
    lines.push(`volume ${volume} was rewritten: ${records}`)
    lines.push(`what it was is kept in ${kept} until you remove it`)
  } else {
    const mark = quarantined ? ', its quarantine is lifted' : ''
    lines.push(`volume ${volume} can be opened as it is${mark}: ${records}`)
  }
  return lines
}
