// The parts that every row uses: settings, a scope, and functions that start servers and load them.
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
  /** Smaller objects, shorter loads, fewer rounds. */
  readonly quick: boolean
  readonly rounds: number
  /** Prints in which functions the node spent its CPU time. */
  readonly profile: boolean
}

/** A row of the bench: a name for `--row`, and its measurement. */
export interface BenchRow {
  readonly name: string
  readonly measure: (bench: Bench) => Promise<Finding[]>
}

export type Scheme = 'http' | 'https'

/** A load without the fields that the bench adds. */
export type Work = Omit<LoadJob, 'ca' | 'origin'> & { readonly origin: string }

/** The figures of one server in one round. */
export interface Sample {
  readonly mbPerSecond: number
  readonly cpuSecondsPerGb: number
  readonly requestsPerSecond: number
  readonly cpuSecondsPerThousand: number
}

/** No round begins later than this after the first one. */
const ROUNDS_MS = 12_000
const ROUNDS_MS_QUICK = 4_000

/** Threads of libuv's pool, as many as bin/thread-pool.ts sets for a node with one device. */
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

  /** The schemes of rows with customer keys. A quick run uses TLS only, as requests with such keys should. */
  get schemes(): readonly Scheme[] {
    return this.settings.quick ? ['https'] : ['http', 'https']
  }

  /** A started node with an empty bucket. `beside`: the row has another node. */
  async startNode(beside?: Beside): Promise<CofferNode> {
    const node = new CofferNode(this.scope, this.#certificate, this.settings.profile, beside)
    await node.start()
    await node.createBucket()
    return node
  }

  /** A bare server of node:http or node:https, with its origin. */
  async startBare(scheme: Scheme): Promise<{ child: Child; origin: string }> {
    const child = Program.start(this.scope, new URL('./bare.ts', import.meta.url))
    const job: BareJob = this.#tlsOf(scheme)
    return { child, origin: await child.ask<string>(job) }
  }

  #tlsOf(scheme: Scheme): BareJob {
    const { cert, key } = this.#certificate
    return scheme === 'https' ? { tls: { cert, key } } : {}
  }

  /** LevelDB alone, opened. `run` sends it work. */
  async startLevel(): Promise<{ child: Child; run: (job: LevelJob) => Promise<LevelResult> }> {
    const child = Program.start(this.scope, new URL('./leveldb.ts', import.meta.url), poolOfNode)
    const run = (job: LevelJob) => child.ask<LevelResult>(job)
    await run({ kind: 'open', dir: `${this.scope.dir}/leveldb` })
    return { child, run }
  }

  /** The bare prototype of a small GET, with its objects. */
  async startPrototype(
    scheme: Scheme,
    objects: Omit<PrototypeJob, 'dir' | 'tls'>,
  ): Promise<{ child: Child } & PrototypeReady> {
    const child = Program.start(this.scope, new URL('./prototype.ts', import.meta.url), poolOfNode)
    const dir = `${this.scope.dir}/prototype-${scheme}`
    const job: PrototypeJob = { ...objects, ...this.#tlsOf(scheme), dir }
    return { child, ...(await child.ask<PrototypeReady>(job)) }
  }

  /** Signs the path of each object of a row once. */
  paths(origin: string, job: Pick<LoadJob, 'method' | 'headers'>, names: readonly string[]) {
    return names.map((path) => presign({ ...job, origin, path }))
  }

  /** Runs a load to its end. Rejects where a request failed, because figures of errors mean nothing. */
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

  /** Runs a load, and returns what it cost `child`, including the compactions that follow it. */
  async measure(child: Child, work: Work): Promise<Sample> {
    return await this.account(child, async () => {
      const { requests, seconds, bodyBytes } = await this.load(work)
      return { count: requests, seconds, bytes: bodyBytes }
    })
  }

  /** The cost of some work for `child`. */
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
   * Calls `measure` once for each round. `measure` must measure all sides of a comparison, one right after the
   * other. On a busy machine there are fewer rounds, so that the run ends.
   */
  async rounds<T>(measure: () => Promise<T>): Promise<T[]> {
    const endMs = performance.now() + (this.settings.quick ? ROUNDS_MS_QUICK : ROUNDS_MS)
    const found: T[] = []
    do found.push(await measure())
    while (found.length < this.settings.rounds && performance.now() < endMs)
    return found
  }
}
