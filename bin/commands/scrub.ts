// `coffer scrub`: reads all that the node stores, and names what is rotten. The process opens no database, maps
// no file and takes no lock. So it works beside a running node, and survives a sector that cannot be read.
import { fileRows, type RowSource, seamRows } from '../../lib/catalog/check-rows.ts'
import { type Config, loadConfig } from '../../lib/config/config.ts'
import { makeLog } from '../../lib/log.ts'
import { catalogLocation, openCatalogBeside } from '../../lib/open-catalog.ts'
import type { Rate } from '../../lib/plain-file.ts'
import type { Finding } from '../../lib/upkeep/finding.ts'
import { newProgress, type Progress, scrub } from '../../lib/upkeep/scrub.ts'
import { forgetProgress, loadProgress, saveProgress } from '../../lib/upkeep/scrub-file.ts'
import type { NamedVersion } from '../../lib/upkeep/scrub-objects.ts'
import { fileOf, type SourceOptions } from '../program.ts'
import { exitCodeFor, exitCodes, labelOf } from './found.ts'
import { rateOf } from './rate.ts'

export interface ScrubCommandOptions extends SourceOptions {
  /** Bytes a second; 0, or absent: no limit. */
  readonly rate?: number
  readonly restart?: boolean
  readonly json?: boolean
}

/** Time between two saves of the progress. */
const SAVE_EVERY_MS = 2000

/** Scrubs, and sets the exit code: 0 all is sound, 5 something is rotten, or the disk does not return it, 1
 * the scrub was interrupted, failed, or could not read something. */
export async function runScrub(options: ScrubCommandOptions): Promise<void> {
  const config = loadConfig({ file: fileOf(options), data: options.data })
  const rate = rateOf(options)
  if (options.restart === true) forgetProgress(config.data)
  const earlier = loadProgress(config.data)
  const progress = earlier === null || earlier.endedMs !== null ? newProgress(Date.now()) : earlier
  const resumed = progress === earlier
  const bytesBefore = progress.bytes
  let ended = false
  const end = () => {
    ended = true
  }
  process.once('SIGINT', end).once('SIGTERM', end)
  let savedAtMs = performance.now()
  const finished = await scrub({
    openRows: () => openRows(config, rate),
    devices: config.devices,
    rate,
    progress,
    proceed: async () => {
      progress.bytes = bytesBefore + rate.bytes
      if (ended || progress.endedMs !== null || performance.now() - savedAtMs > SAVE_EVERY_MS) {
        saveProgress(config.data, progress)
        savedAtMs = performance.now()
      }
      return !ended
    },
  })
  if (options.json === true) printJson(progress, finished)
  else printText(progress, finished, resumed)
  if (!finished) process.exitCode = exitCodes.failed
  else process.exitCode = exitCodeFor(progress.findings)
}

/** The rows of a LevelDB catalog from its files; of any other from its interface, which verifies each row
 * too. */
async function openRows(config: Config, rate: Rate): Promise<RowSource> {
  if (config.catalog === 'level') return await fileRows(catalogLocation(config), rate)
  const log = makeLog('error', process.stderr)
  const catalog = await openCatalogBeside(config, config.catalog.redis, log)
  return { ...seamRows(catalog), close: () => catalog.close() }
}

function printJson(progress: Progress, finished: boolean): void {
  const { begunMs, endedMs, catalogRows, records, bytes, findings } = progress
  const volumes = Object.keys(progress.volumes).length
  const report = { finished, begunMs, endedMs, catalogRows, volumes, records, bytes, findings }
  process.stdout.write(`${JSON.stringify(report)}\n`)
}

function printText(progress: Progress, finished: boolean, resumed: boolean): void {
  const { catalogRows, records, bytes, findings, volumes } = progress
  const lines = findings.map((finding) => `${labelOf(finding)}: ${sentence(finding)}`)
  const state = finished ? 'read' : 'read so far (the next scrub goes on from here)'
  const since = resumed ? ', with what an earlier run had read' : ''
  lines.push(
    `${state}${since}: ${catalogRows} rows, ${Object.keys(volumes).length} volumes, ${records} records, ${bytes} bytes; ${findings.length} findings`,
  )
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** A finding with the objects that it affects. */
export function sentence({ what, objects = [] }: Finding): string {
  if (objects.length === 0) return what
  return `${what}: ${objects.map(describe).join(', ')}`
}

function describe({ account, container, object, version, upload }: NamedVersion): string {
  const name = JSON.stringify(`${account}/${container}/${object}`)
  if (version !== undefined) return `${name} version ${version}`
  return upload === undefined ? name : `${name} upload ${upload}`
}
