// `coffer reclaim`: frees the space of deleted objects in volumes. A running node does it itself, at its rate
// and one volume at a time. Where none runs, this process does it in its place.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Config, loadConfig } from '../../lib/config/config.ts'
import { callControl } from '../../lib/control.ts'
import { makeLog } from '../../lib/log.ts'
import {
  type Reclaimer,
  type ReclaimOutcome,
  type ReclaimRequest,
  type ReclaimUnderWay,
  startReclaimer,
} from '../../lib/upkeep/reclaim-worker.ts'
import { BYTES_RATE_MAX } from '../option-values.ts'
import { fileOf, type SourceOptions } from '../program.ts'
import { shownBytes } from './bytes.ts'
import { exitCodes } from './found.ts'
import { showStep } from './status.ts'
import { withStores } from './stores.ts'

export interface ReclaimCommandOptions extends SourceOptions {
  readonly volume?: string
  readonly deadShare?: number
  /** Bytes a second; 0: no limit. */
  readonly rate?: number
  /** Also volumes of another format than the configured one. */
  readonly all?: boolean
  readonly dryRun?: boolean
  readonly json?: boolean
}

/** How often the progress is looked at. */
const PROGRESS_MS = 2000

/** Least dead share of a volume that the command rewrites. Afterwards the bytes on disk are within 10 % of the
 * live ones. */
const DEAD_SHARE = 0.05

/**
 * Reclaims, and prints the outcome for each volume. Sets the exit code: 0 all was done, 1 a volume is
 * unchanged, 5 a rotten record was found. Rejects with FileInvalid, ControlRefused, ReclaimRefused, and the
 * errors of a store.
 */
export async function reclaim(options: ReclaimCommandOptions): Promise<void> {
  const config = loadConfig({ file: fileOf(options), data: options.data })
  const request = requestOf(options)
  const asked = callControl(config.data, 'reclaim', request)
  const answer = await watched(asked, async () => {
    const found = await callControl(config.data, 'reclaiming', {})
    return found?.underWay as ReclaimUnderWay | null | undefined
  })
  const outcomes =
    answer === null
      ? await reclaimAlone(config, request)
      : (answer.outcomes as readonly ReclaimOutcome[])
  if (options.json === true) process.stdout.write(`${JSON.stringify({ outcomes })}\n`)
  else process.stdout.write(describe(outcomes, request.dryRun === true))
  if (outcomes.some(({ failure }) => failure !== undefined)) process.exitCode = exitCodes.failed
  else if (outcomes.some(({ done }) => (done?.bad.length ?? 0) > 0)) {
    process.exitCode = exitCodes.damaged
  }
}

/** The running node's side of the command. Rejects with Error where the arguments are wrong, ReclaimRefused. */
export async function answerReclaim(
  { reclaimer }: { readonly reclaimer: Reclaimer },
  args: unknown,
): Promise<object> {
  const { volume, deadShare, bytesPerSecond, all, dryRun, roll } = (args ?? {}) as ReclaimRequest
  const isNumber = (value: unknown, most: number) =>
    typeof value === 'number' && value >= 0 && value <= most
  if (volume !== undefined && typeof volume !== 'string') throw new Error('volume must be text')
  if (deadShare !== undefined && !isNumber(deadShare, 1)) throw new Error('deadShare is 0 to 1')
  if (bytesPerSecond !== undefined && !isNumber(bytesPerSecond, BYTES_RATE_MAX)) {
    throw new Error('bytesPerSecond is a number of bytes')
  }
  const request = {
    volume,
    deadShare,
    bytesPerSecond,
    all: all === true,
    dryRun: dryRun === true,
    roll: roll === true,
  }
  return { outcomes: await reclaimer.run(request) }
}

function requestOf(options: ReclaimCommandOptions): ReclaimRequest {
  const { volume, deadShare, rate, all, dryRun } = options
  return {
    ...(volume === undefined ? {} : { volume }),
    deadShare: deadShare ?? DEAD_SHARE,
    ...(rate === undefined ? {} : { bytesPerSecond: rate }),
    all: all === true,
    dryRun: dryRun === true,
    roll: true,
  }
}

/** Writes a line to standard error each time that the reclaim under way has come on, until `work` has ended. */
async function watched<T>(
  work: Promise<T>,
  look: () => Promise<ReclaimUnderWay | null | undefined>,
): Promise<T> {
  const ended = new AbortController()
  const watching = (async () => {
    for (let shown = ''; !ended.signal.aborted; ) {
      await sleep(PROGRESS_MS, undefined, { signal: ended.signal }).catch(() => undefined)
      const underWay = ended.signal.aborted ? null : await look().catch(() => null)
      const line = underWay ? showStep(underWay) : shown
      if (line !== shown) process.stderr.write(`${line}\n`)
      shown = line
    }
  })()
  try {
    return await work
  } finally {
    ended.abort()
    await watching
  }
}

/** Reclaims in the place of the node. There are no requests to yield to, so that no rate applies unless one is
 * named. */
function reclaimAlone(config: Config, request: ReclaimRequest): Promise<ReclaimOutcome[]> {
  return withStores(config, async (stores) => {
    const settings = { ...config.storage.reclaim, enabled: false, bytesPerSecond: 0 }
    const reclaimer = startReclaimer(stores, settings, makeLog('fatal', process.stderr))
    const stop = () => void reclaimer.close()
    process.once('SIGINT', stop).once('SIGTERM', stop)
    try {
      return await watched(reclaimer.run(request), async () => reclaimer.underWay)
    } finally {
      process.off('SIGINT', stop).off('SIGTERM', stop)
      await reclaimer.close()
    }
  })
}

function describe(outcomes: readonly ReclaimOutcome[], dryRun: boolean): string {
  if (outcomes.length === 0) return 'No volume has enough dead bytes.\n'
  const lines = outcomes.flatMap((outcome) => linesOf(outcome))
  const freed = outcomes.reduce((sum, { done, deadBytes }) => {
    if (dryRun) return sum + deadBytes
    return sum + (done === undefined ? 0 : done.bytesBefore - done.bytesAfter)
  }, 0)
  return `${lines.join('\n')}\n${dryRun ? 'Would free about' : 'Freed'} ${shownBytes(freed)}.\n`
}

function linesOf({ volume, deadBytes, done, failure }: ReclaimOutcome): string[] {
  if (failure !== undefined) return [`${volume}  stayed as it was: ${failure}`]
  if (done === undefined) return [`${volume}  ${shownBytes(deadBytes)} dead`]
  const { bytesBefore, bytesAfter, generation, records, bad } = done
  const sizes = `${shownBytes(bytesBefore)} -> ${shownBytes(bytesAfter)}`
  const what = generation === null ? 'nothing was live: gone' : `generation ${generation}`
  return [
    `${volume}  ${sizes}, ${records} records, ${what}`,
    ...bad.map(
      ({ number, blob }) => `  record ${number} of blob ${blob} is rotten: copied as it is`,
    ),
  ]
}
