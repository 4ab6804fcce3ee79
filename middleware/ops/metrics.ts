// Everything that the node counts, in one registry. Labels are words of closed lists (dialects, operations, statuses,
// codes), never names, keys, accounts or addresses.
import type { Server } from 'node:net'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Budget } from '../../lib/budget.ts'
import type { Figures } from '../../lib/figures.ts'
import type { Proof } from '../speaker.ts'
import type { KeyRule, State } from '../state.ts'
import { makeGauges } from './gauges.ts'
import { type Counted, RequestTallies } from './tallies.ts'

/** Codes of lib/errors.ts that are refusals of customer keys. */
const keyRefusals: ReadonlySet<string> = new Set([
  'KeyRequired',
  'KeyWrong',
  'KeyNotApplicable',
  'UploadKeyRequired',
  'UploadKeyWrong',
  'KeyInvalid',
  'KeyAlgorithmInvalid',
  'KeyInsecure',
])

const limitRefusals: ReadonlySet<string> = new Set([
  'LoginDelayed',
  'UploadsExceeded',
  'AnswersExceeded',
  'UploadsBegunExceeded',
])

/**
 * The reasons for which a connection is cut off, other than limits.connections: its address has too many connections,
 * too many requests wait on it, or its answer is not taken.
 */
export type Cut = 'address' | 'pipelined' | 'slow'

/** What is counted of a request's end and is not in `Counted`. */
export interface Outcome {
  readonly aborted: boolean
  /** What the request's operation does with customer keys. Undefined where the request failed before that was known. */
  readonly keyUse: KeyRule | undefined
  readonly proof: Proof | undefined
}

export interface MetricsOptions {
  readonly version: string
  readonly answerMemory: Budget
  readonly figures: () => Promise<Figures>
  readonly reserveBytes: number
}

export class Metrics {
  readonly #registry = new Registry()
  readonly #tallies = new RequestTallies(this.#registry)
  readonly #setGauges: (figures: Figures) => void
  readonly #figures: () => Promise<Figures>
  readonly #servers = new Map<string, Server>()
  readonly #aborted = this.#counter('coffer_requests_aborted_total', 'Connection lost', 'dialect')
  readonly #keysTaken = this.#counter(
    'coffer_ssec_requests_total',
    'Requests with a customer key that were granted, by what the key was for',
    'dialect',
    'use',
  )
  readonly #keysRefused = this.#counter(
    'coffer_ssec_refusals_total',
    'Requests refused for a customer key that was wrong, missing or malformed',
    'dialect',
    'code',
  )
  readonly #proofs: Readonly<Record<Proof['by'], Counter<'outcome'>>> = {
    login: this.#counter(
      'coffer_logins_total',
      'Logins: of Swift’s v1 auth, and at the identity service',
      'outcome',
    ),
    token: this.#counter('coffer_tokens_total', 'Tokens that requests sent', 'outcome'),
    signature: this.#counter('coffer_signatures_total', 'S3 signatures', 'outcome'),
  }
  readonly #limited = this.#counter('coffer_limited_total', 'Requests beyond a limit', 'code')
  readonly #dropped = this.#counter(
    'coffer_connections_dropped_total',
    'Connections beyond limits.connections, by the listener’s place in the configuration',
    'listener',
  )
  readonly #cut = this.#counter(
    'coffer_connections_cut_total',
    'Connections cut off: too many of one address, too many requests waiting on one, an answer not taken',
    'why',
  )
  /** Requests under way. */
  readonly underWay: Gauge = new Gauge({
    name: 'coffer_requests_under_way',
    help: 'Requests that were begun and are not over',
    registers: [this.#registry],
  })
  readonly #connections = new Gauge({
    name: 'coffer_connections',
    help: 'Open connections, by the listener’s place in the configuration',
    labelNames: ['listener'],
    registers: [this.#registry],
  })

  constructor({ version, figures, answerMemory, reserveBytes }: MetricsOptions) {
    this.#figures = figures
    new Gauge({
      name: 'coffer_answer_memory_bytes',
      help: 'Memory of what is on its way to clients, read ahead of them included',
      registers: [this.#registry],
      collect() {
        this.set(answerMemory.takenBytes)
      },
    })
    this.#setGauges = makeGauges(this.#registry, reserveBytes)
    new Gauge({
      name: 'coffer_info',
      help: 'Always 1; the version is in its label',
      labelNames: ['version'],
      registers: [this.#registry],
    }).set({ version }, 1)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** Measures the process too, until it ends: CPU, memory, event-loop delay, collections. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.#registry })
  }

  /** Counts a listener's connections; `listener` is its place in the configuration. */
  watchServer(listener: number, server: Server): void {
    const label = String(listener)
    this.#servers.set(label, server)
    this.#dropped.inc({ listener: label }, 0)
    server.on('drop', () => this.#dropped.inc({ listener: label }))
  }

  /** Counts a connection that is cut off. */
  cutOff(why: Cut): void {
    this.#cut.inc({ why })
  }

  /** Counts a request whose answer was sent, or whose connection ended before that. */
  ended(state: State, counted: Counted, { aborted, keyUse, proof }: Outcome): void {
    this.#tallies.count(counted)
    const { dialect } = counted
    if (aborted) this.#aborted.inc({ dialect })
    const code = state.failure
    if (code === undefined) {
      const { keys } = state
      const isKeyed = keys !== undefined && (keys.own !== null || keys.source !== null)
      if (isKeyed && keyUse !== 'none') this.#keysTaken.inc({ dialect, use: keyUse })
    } else if (keyRefusals.has(code)) this.#keysRefused.inc({ dialect, code })
    else if (limitRefusals.has(code)) this.#limited.inc({ code })
    if (proof !== undefined) this.#proofs[proof.by].inc({ outcome: proof.outcome })
  }

  /** The page of /metrics. Throws StoreCorrupt of the catalog. */
  async page(): Promise<string> {
    this.#setGauges(await this.#figures())
    for (const [listener, server] of this.#servers) {
      this.#connections.set({ listener }, await connectionsOf(server))
    }
    return await this.#registry.metrics()
  }

  #counter<T extends string>(name: string, help: string, ...labelNames: T[]): Counter<T> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] })
  }
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.getConnections((error, count) => resolve(error === null ? count : 0))
  })
}
