// When volumes are reclaimed. The background policy takes sealed volumes whose dead share exceeds a threshold.
// The command may also take open volumes, after rolling them. One volume at a time, the one with the most dead
// bytes first.
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
  /** 0: no limit. */
  readonly bytesPerSecond: number
}

export interface ReclaimRequest {
  /** Reclaims this volume only, whatever its dead share. */
  readonly volume?: string
  /** Used in the place of the setting. */
  readonly deadShare?: number
  readonly bytesPerSecond?: number
  /** Also volumes of another format than the configured one, whatever their dead share. */
  readonly all?: boolean
  /** Returns what would be done, and does nothing. */
  readonly dryRun?: boolean
  /** Open volumes are rolled first. */
  readonly roll?: boolean
}

/** The outcome for one volume. */
export interface ReclaimOutcome {
  readonly device: string
  readonly volume: string
  readonly deadBytes: number
  /** Absent for a dry run, and where reclaim failed. */
  readonly done?: Reclaimed
  /** Why the volume is unchanged, as a sentence. */
  readonly failure?: string
}

export interface ReclaimUnderWay {
  readonly volume: string
  readonly step: ReclaimStep
  /** Bytes of the step so far, in `copy` and `verify`. */
  readonly bytes: number
  readonly sinceMs: number
  /** The place of the volume among those of the request, from 1, and their number. */
  readonly turn: number
  readonly turns: number
}

export interface Reclaimer {
  /** Null while nothing is reclaimed. */
  readonly underWay: ReclaimUnderWay | null
  /** Why nothing can be reclaimed at all; null where it can. */
  readonly off: string | null
  /**
   * Waits for the reclaim under way, then does the request. Rejects with ReclaimRefused where there is no such
   * volume, none can be reclaimed, or the node is closed meanwhile. The failure of a single volume is an
   * outcome.
   */
  run(request: ReclaimRequest): Promise<ReclaimOutcome[]>
  /** Ends the reclaim under way at its next slice. The volume stays as it is. */
  close(): Promise<void>
}

const POLICY_EVERY_MS = 60_000
/** Least dead bytes of a volume that is reclaimed. LevelDB's own small files would otherwise count as dead for
 * ever. */
const DEAD_BYTES_MIN = 1 << 20
/** The policy tries a volume that could not be reclaimed again after this time. */
const FAILED_PAUSE_MS = 3_600_000
/** How long reclaim waits for the blobs that were begun in a rolled volume. */
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
  /** When the policy may try a volume that failed again. */
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
    const all = await this.#choose(request, isPolicy)
    for (const [i, chosen] of all.entries()) {
      this.#refuseClosing()
      const { device, volume, deadBytes } = chosen
      const about = { device, volume, deadBytes }
      if (request.dryRun === true) {
        outcomes.push(about)
        continue
      }
      try {
        if (request.roll === true) await this.#rollAndSeal(volume)
        outcomes.push({
          ...about,
          done: await this.#reclaim(volume, request, { turn: i + 1, turns: all.length }),
        })
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
      .filter((status) => this.#isToMove(status, request) || isWorth(status, deadShare))
      .filter(({ volume }) => !isPolicy || !isPaused(volume))
      .sort((a, b) => b.deadBytes - a.deadBytes)
  }

  #isToMove({ format }: VolumeStatus, { all }: ReclaimRequest): boolean {
    return all === true && format !== this.#blobs.volumeFormat
  }

  /** Rolls an open volume and waits until it is sealed. Rejects with ReclaimRefused where begun uploads keep
   * it open for too long. */
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

  async #reclaim(
    volume: string,
    request: ReclaimRequest,
    place: Pick<ReclaimUnderWay, 'turn' | 'turns'>,
  ): Promise<Reclaimed> {
    const { signal } = this.#closing
    const sinceMs = Date.now()
    const bytesPerSecond = request.bytesPerSecond ?? this.#settings.bytesPerSecond
    try {
      const collect = liveCollector(this.#catalog, volume, signal)
      const done = await this.#blobs.reclaim(volume, collect, {
        signal,
        pace: makePace(bytesPerSecond, signal),
        progress: (step, bytes) => {
          this.#underWay = { volume, step, bytes, sinceMs, ...place }
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

  /** Deletes the counters of a volume that is gone. Where that fails, counters of zero stay, which mean the
   * same. */
  async #forget(volume: string): Promise<void> {
    const key = rowKeys.volumeUsage(volume)
    await commitWithRetry(this.#catalog, async (draft) => {
      const counters = await this.#catalog.getCounters(key)
      if (counters?.values.every((value) => value === 0)) draft.expect(key, counters).del(key)
    }).catch((error) => this.#log.error({ volume, err: error }, 'its counters stay'))
  }
}

const isWorth = ({ deadBytes, diskBytes }: VolumeStatus, deadShare: number) =>
  deadBytes >= DEAD_BYTES_MIN && deadBytes >= deadShare * diskBytes

/** A failure as a sentence for an operator. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof CofferError)) return (error as Error).message
  if (error.code === 'StoreFull') return 'there is no room for the copy of what is live'
  const { what, ...place } = error.details
  const where = Object.entries(place).map(([name, value]) => `${name} ${value}`)
  const advice = error.code === 'StoreCorrupt' ? ': run coffer fsck and coffer scrub' : ''
  return `${[what ?? error.code, ...where].join(', ')}${advice}`
}
