// What every row is given: settings, a scope of its own, and the ways to start servers and to load them.
import type { Certificate } from '../lib/certificate.ts'
import type { BareJob } from './bare.ts'
import { type Child, Program } from './child.ts'
import type { LevelJob, LevelResult } from './leveldb.ts'
import type { LoadJob, LoadResult } from './load.ts'
import { type Beside, CofferNode } from './node.ts'
import type { PrototypeJob, PrototypeReady } from './prototype.ts'
import type { Scope } from './scope.ts'
import { presign } from './signing.ts'
import type { Finding } from './table.ts'
import { hasWrk, runWrk } from './wrk.ts'

export interface Settings {
  /** Smaller, shorter, fewer rounds. */
  readonly quick: boolean
  readonly rounds: number
  /** Print where the node's CPU went. */
  readonly profile: boolean
}

/** One row of the bench: a name for `--row`, and what it measures. */
export interface BenchRow {
  readonly name: string
  readonly measure: (bench: Bench) => Promise<Finding[]>
}

export type Scheme = 'http' | 'https'

/** A load without what the bench knows itself. */
export type Work = Omit<LoadJob, 'ca' | 'origin'> & { readonly origin: string }

/** One round's figures of one server. */
export interface Sample {
  readonly mbPerSecond: number
  readonly cpuSecondsPerGb: number
  readonly requestsPerSecond: number
  readonly cpuSecondsPerThousand: number
}

/** No round begins later than this after the first one has. */
const ROUNDS_MS = 12_000
const ROUNDS_MS_QUICK = 4_000

/** Threads of libuv's pool: as many as bin/thread-pool.ts gives a node with one device. */
const poolOfNode = { UV_THREADPOOL_SIZE: '24' }

export class Bench {
  readonly settings: Settings
  readonly scope: Scope
  readonly #certificate: Certificate
  #loader: Program | undefined

  constructor(settings: Settings, scope: Scope, certificate: Certificate) {
    this.settings = settings
    this.scope = scope
    this.#certificate = certificate
  }

  /** What rows with customer keys go over; a quick run goes over TLS alone, as such requests should. */
  get schemes(): readonly Scheme[] {
    return this.settings.quick ? ['https'] : ['http', 'https']
  }

  /** A started node with an empty bucket; `beside`: not the row's only one. */
  async startNode(beside?: Beside): Promise<CofferNode> {
    const node = new CofferNode(this.scope, this.#certificate, this.settings.profile, beside)
    await node.start()
    await node.createBucket()
    return node
  }

  /** A bare server of node:http or node:https, and its origin. */
  async startBare(scheme: Scheme): Promise<{ child: Child; origin: string }> {
    const child = Program.start(this.scope, new URL('./bare.ts', import.meta.url))
    const job: BareJob = this.#tlsOf(scheme)
    return { child, origin: await child.ask<string>(job) }
  }

  #tlsOf(scheme: Scheme): BareJob {
    const { cert, key } = this.#certificate
    return scheme === 'https' ? { tls: { cert, key } } : {}
  }

  /** LevelDB alone, opened; `run` gives it work. */
  async startLevel(): Promise<{ child: Child; run: (job: LevelJob) => Promise<LevelResult> }> {
    const child = Program.start(this.scope, new URL('./leveldb.ts', import.meta.url), poolOfNode)
    const run = (job: LevelJob) => child.ask<LevelResult>(job)
    await run({ kind: 'open', dir: `${this.scope.dir}/leveldb` })
    return { child, run }
  }

  /** The bare prototype of a small GET, and the objects that it holds. */
  async startPrototype(
    scheme: Scheme,
    objects: Omit<PrototypeJob, 'dir' | 'tls'>,
  ): Promise<{ child: Child } & PrototypeReady> {
    const child = Program.start(this.scope, new URL('./prototype.ts', import.meta.url), poolOfNode)
    const dir = `${this.scope.dir}/prototype-${scheme}`
    const job: PrototypeJob = { ...objects, ...this.#tlsOf(scheme), dir }
    return { child, ...(await child.ask<PrototypeReady>(job)) }
  }

  /** Signs a path once for every object of a row. */
  paths(origin: string, job: Pick<LoadJob, 'method' | 'headers'>, names: readonly string[]) {
    return names.map((path) => presign({ ...job, origin, path }))
  }

  /** Runs a load to its end. Throws where any request failed: figures of errors mean nothing. */
  async load(work: Work): Promise<LoadResult> {
    this.#loader ??= Program.start(this.scope, new URL('./load.ts', import.meta.url))
    const job: LoadJob = { ...work, ca: this.#certificate.cert }
    const result =
      'seconds' in work.until && hasWrk()
        ? await runWrk(this.scope, job, work.until.seconds)
        : await this.#loader.ask<LoadResult>(job)
    if (result.failed > 0) {
      throw new Error(`${result.failed} requests failed: ${result.failure}`)
    }
    return result
  }

  /** Runs a load and tells what it cost `child`, compactions that follow it among it. */
  async measure(child: Child, work: Work): Promise<Sample> {
    return await this.account(child, async () => {
      const { requests, seconds, bodyBytes } = await this.load(work)
      return { count: requests, seconds, bytes: bodyBytes }
    })
  }

  /** What some work cost `child`. */
  async account(
    child: Child,
    work: () => Promise<{ count: number; seconds: number; bytes: number }>,
  ): Promise<Sample> {
    const before = await child.settledCpuSeconds()
    const { count, seconds, bytes } = await work()
    const cpuSeconds = (await child.settledCpuSeconds()) - before
    return {
      mbPerSecond: bytes / 1e6 / seconds,
      cpuSecondsPerGb: cpuSeconds / (bytes / 1e9),
      requestsPerSecond: count / seconds,
      cpuSecondsPerThousand: cpuSeconds / (count / 1000),
    }
  }

  /**
   * Calls `measure` once a round, which must measure all sides that will be compared, one right after
   * the other. On a busy machine there are fewer rounds, so that the run has an end.
   */
  async rounds<T>(measure: () => Promise<T>): Promise<T[]> {
    const endMs = performance.now() + (this.settings.quick ? ROUNDS_MS_QUICK : ROUNDS_MS)
    const found: T[] = []
    do found.push(await measure())
    while (found.length < this.settings.rounds && performance.now() < endMs)
    return found
  }
}
