// Who reclaims, and when: the background policy takes sealed volumes whose dead share has passed a threshold,
// the command also those that are still open, after rolling them. One volume at a time, the most dead bytes first.
import { setTimeout as sleep } from 'node:timers/promises'
import type { StoreLog } from '../blobs/options.ts'
import { type Reclaimed, ReclaimRefused, type ReclaimStep } from '../blobs/reclaim.ts'
import type { Volumes } from '../blobs/volumes.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { rowKeys } from '../catalog/keys.ts'
import { CofferError } from '../errors.ts'
import { commitWithRetry } from '../service/stores.ts'
import { liveCollector } from './reclaim.ts'
import { makePace } from './reclaim-pace.ts'
import { type VolumeStatus, volumeStatuses } from './reclaim-status.ts'
import { startWorker } from './worker.ts'

export interface ReclaimSettings {
  /** Whether the background policy runs. */
  readonly enabled: boolean
  /** Share of a volume's bytes on disk that must be dead. */
  readonly deadShare: number
  /** 0: as fast as it goes. */
  readonly bytesPerSecond: number
}

export interface ReclaimRequest {
  /** Only this one, whatever its dead share. */
  readonly volume?: string
  /** Instead of the setting. */
  readonly deadShare?: number
  readonly bytesPerSecond?: number
  /** Says what it would do, and does nothing. */
  readonly dryRun?: boolean
  /** Open volumes are rolled first. */
  readonly roll?: boolean
}

/** What became of one volume. */
export interface ReclaimOutcome {
  readonly device: string
  readonly volume: string
  readonly deadBytes: number
  /** Absent of a dry run, and where it failed. */
  readonly done?: Reclaimed
  /** Why it stayed as it was, a sentence. */
  readonly failure?: string
}

export interface ReclaimUnderWay {
  readonly volume: string
  readonly step: ReclaimStep
  /** Of the step so far, in `copy` and `verify`. */
  readonly bytes: number
  readonly sinceMs: number
}

export interface Reclaimer {
  /** Null while nothing is reclaimed. */
  readonly underWay: ReclaimUnderWay | null
  /** Why nothing can be reclaimed at all; null where it can. */
  readonly off: string | null
  /** Waits for what is under way, then works the request off. Throws ReclaimRefused where there is no such
   * volume, none can be reclaimed, or the node is closed meanwhile; what befalls a single volume is in the outcomes. */
  run(request: ReclaimRequest): Promise<ReclaimOutcome[]>
  /** Ends what is under way at the next slice; the volume stays as it is. */
  close(): Promise<void>
}

const POLICY_EVERY_MS = 60_000
/** Below this a volume is left alone: LevelDB's own small files would be called dead for ever. */
const DEAD_BYTES_MIN = 1 << 20
/** A volume that could not be reclaimed is tried again by the policy after this long. */
const FAILED_PAUSE_MS = 3_600_000
/** A rolled volume waits for the blobs that were begun in it. */
const SEAL_TIMEOUT_MS = 30_000
const SEAL_POLL_MS = 50

export function startReclaimer(
  stores: { readonly catalog: Catalog; readonly blobs: Volumes },
  settings: ReclaimSettings,
  log: StoreLog,
): Reclaimer {
  return new VolumeReclaimer(stores.catalog, stores.blobs, settings, log)
}

class VolumeReclaimer implements Reclaimer {
  readonly #catalog: Catalog
  readonly #blobs: Volumes
  readonly #settings: ReclaimSettings
  readonly #log: StoreLog
  readonly #closing = new AbortController()
  readonly #policy: { close(): Promise<void> }
  /** When a volume that failed may be tried by the policy again. */
  readonly #pausedUntilMs = new Map<string, number>()
  #queue: Promise<unknown> = Promise.resolve()
  #underWay: ReclaimUnderWay | null = null

  constructor(catalog: Catalog, blobs: Volumes, settings: ReclaimSettings, log: StoreLog) {
    this.#catalog = catalog
    this.#blobs = blobs
    this.#settings = settings
    this.#log = log
    this.#policy = startWorker(
      async () => {
        if (!settings.enabled || this.off !== null || catalog.impaired !== null) return
        await this.#enqueue(() => this.#workOff({}, true))
      },
      (error) => {
        if (!this.#closing.signal.aborted) log.error({ err: error }, 'reclaim failed')
      },
      POLICY_EVERY_MS,
    )
  }

  get underWay(): ReclaimUnderWay | null {
    return this.#underWay
  }

  get off(): string | null {
    return this.#blobs.reclaimOff
  }

  run(request: ReclaimRequest): Promise<ReclaimOutcome[]> {
    if (this.off !== null) return Promise.reject(new ReclaimRefused(this.off))
    return this.#enqueue(() => this.#workOff(request, false))
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#policy.close()
    await this.#queue
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work)
    this.#queue = done.catch(() => undefined)
    return done
  }

  async #workOff(request: ReclaimRequest, isPolicy: boolean): Promise<ReclaimOutcome[]> {
    const outcomes: ReclaimOutcome[] = []
    for (const chosen of await this.#choose(request, isPolicy)) {
      this.#refuseClosing()
      const { device, volume, deadBytes } = chosen
      const about = { device, volume, deadBytes }
      if (request.dryRun === true) {
        outcomes.push(about)
        continue
      }
      try {
        if (request.roll === true) await this.#rollAndSeal(volume)
        outcomes.push({ ...about, done: await this.#reclaim(volume, request) })
      } catch (error) {
        this.#refuseClosing()
        this.#pausedUntilMs.set(volume, performance.now() + FAILED_PAUSE_MS)
        this.#log.error({ device, volume, err: error }, 'a volume was not reclaimed')
        outcomes.push({ ...about, failure: sentenceOf(error) })
      }
    }
    return outcomes
  }

  #refuseClosing(): void {
    if (this.#closing.signal.aborted) throw new ReclaimRefused('ended before all was done')
  }

  async #choose(request: ReclaimRequest, isPolicy: boolean): Promise<VolumeStatus[]> {
    const statuses = await volumeStatuses(this.#catalog, this.#blobs)
    const named = statuses.filter(({ volume }) => volume === request.volume)
    if (request.volume !== undefined) {
      if (named.length === 0) throw new ReclaimRefused(`there is no volume ${request.volume}`)
      return named
    }
    const deadShare = request.deadShare ?? this.#settings.deadShare
    const isPaused = (id: string) => (this.#pausedUntilMs.get(id) ?? 0) > performance.now()
    const states = request.roll === true ? ['sealed', 'draining', 'open'] : ['sealed']
    return statuses
      .filter(({ state }) => states.includes(state))
      .filter(({ deadBytes }) => deadBytes >= DEAD_BYTES_MIN)
      .filter(({ deadBytes, diskBytes }) => deadBytes >= deadShare * diskBytes)
      .filter(({ volume }) => !isPolicy || !isPaused(volume))
      .sort((a, b) => b.deadBytes - a.deadBytes)
  }

  /** Throws ReclaimRefused where begun uploads hold the volume for too long. */
  async #rollAndSeal(volume: string): Promise<void> {
    await this.#blobs.roll(volume)
    const stateOf = async () =>
      (await this.#blobs.usage()).find((usage) => usage.volume === volume)?.state
    const untilMs = performance.now() + SEAL_TIMEOUT_MS
    while ((await stateOf()) === 'draining') {
      if (performance.now() > untilMs || this.#closing.signal.aborted) {
        throw new ReclaimRefused(
          'uploads that began in the volume are under way: it is not sealed yet',
        )
      }
      await sleep(SEAL_POLL_MS)
    }
  }

  async #reclaim(volume: string, request: ReclaimRequest): Promise<Reclaimed> {
    const { signal } = this.#closing
    const sinceMs = Date.now()
    const bytesPerSecond = request.bytesPerSecond ?? this.#settings.bytesPerSecond
    try {
      const collect = liveCollector(this.#catalog, volume, signal)
      const done = await this.#blobs.reclaim(volume, collect, {
        signal,
        pace: makePace(bytesPerSecond, signal),
        progress: (step, bytes) => {
          this.#underWay = { volume, step, bytes, sinceMs }
        },
      })
      this.#pausedUntilMs.delete(volume)
      if (done.generation === null) await this.#forget(volume)
      const { bad, ...figures } = done
      this.#log.info({ ...figures, bad: bad.length }, 'a volume was reclaimed')
      for (const record of bad) {
        this.#log.error({ volume, ...record }, 'a rotten record was copied as it is')
      }
      return done
    } finally {
      this.#underWay = null
    }
  }

  /** The counters of a volume that is gone; where this fails zeros stay, which say the same. */
  async #forget(volume: string): Promise<void> {
    const key = rowKeys.volumeUsage(volume)
    await commitWithRetry(this.#catalog, async (draft) => {
      const counters = await this.#catalog.getCounters(key)
      if (counters?.values.every((value) => value === 0)) draft.expect(key, counters).del(key)
    }).catch((error) => this.#log.error({ volume, err: error }, 'its counters stay'))
  }
}

/** A failure as a sentence for people. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof CofferError)) return (error as Error).message
  if (error.code === 'StoreFull') return 'there is no room for the copy of what is live'
  const { what, ...place } = error.details
  const where = Object.entries(place).map(([name, value]) => `${name} ${value}`)
  const advice = error.code === 'StoreCorrupt' ? ': run coffer fsck and coffer scrub' : ''
  return `${[what ?? error.code, ...where].join(', ')}${advice}`
}
