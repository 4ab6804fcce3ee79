// Counts requests on the path of every request: in plain numbers, with one look-up for each request. prom-client's
// children hash their labels at each call (D-TALLIES), so that prom-client is given the sums at each scrape only.
import { Counter, Histogram, type Registry } from 'prom-client'

const DURATIONS = 'coffer_request_duration_seconds'

/** Upper bounds of the latency histogram, in seconds. */
const BOUNDS_SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
]

interface Tally {
  readonly dialect: string
  readonly operation: string
  readonly byStatus: Map<number, number>
  /** Requests by the least bound that their time is under. The last element counts those beyond all bounds. */
  readonly byBound: number[]
  requests: number
  seconds: number
  receivedBytes: number
  sentBytes: number
}

/** What is counted of a request at its end. Operations are words of a closed list. */
export interface Counted {
  readonly dialect: string
  readonly operation: string
  readonly status: number
  readonly seconds: number
  readonly receivedBytes: number
  readonly sentBytes: number
}

export class RequestTallies {
  readonly #tallies = new Map<string, Map<string, Tally>>()

  constructor(registry: Registry) {
    const registers = [registry]
    const labelNames = ['dialect', 'operation']
    const all = () => this.#all()
    new Counter({
      name: 'coffer_requests_total',
      help: 'Requests that are over, by status; one that failed behind a 200 by its failure’s',
      labelNames: [...labelNames, 'status'],
      registers,
      collect() {
        this.reset()
        for (const { dialect, operation, byStatus } of all()) {
          for (const [status, requests] of byStatus) {
            this.inc({ dialect, operation, status }, requests)
          }
        }
      },
    })
    const bytes = (name: string, help: string, of: (tally: Tally) => number) =>
      new Counter({
        name,
        help,
        labelNames,
        registers,
        collect() {
          this.reset()
          for (const tally of all()) {
            this.inc({ dialect: tally.dialect, operation: tally.operation }, of(tally))
          }
        },
      })
    const framing = 'with HTTP, without TLS framing'
    bytes('coffer_received_bytes_total', `Bytes from clients, ${framing}`, (t) => t.receivedBytes)
    bytes('coffer_sent_bytes_total', `Bytes to clients, ${framing}`, (t) => t.sentBytes)
    const name = DURATIONS
    const help = 'Time from the headers of a request to the end of its answer'
    const durations = new Histogram({ name, help, labelNames, buckets: BOUNDS_SECONDS, registers })
    // The registry calls this when it writes the page, and `get` calls it too.
    const getForPromString = async () => ({
      name,
      help,
      type: 'histogram',
      values: all().flatMap(valuesOf),
      aggregator: 'sum',
    })
    Object.assign(durations, { getForPromString })
  }

  count(counted: Counted): void {
    const tally = this.#of(counted.dialect, counted.operation)
    const { status, seconds } = counted
    tally.byStatus.set(status, (tally.byStatus.get(status) ?? 0) + 1)
    let bound = 0
    while (bound < BOUNDS_SECONDS.length && seconds > BOUNDS_SECONDS[bound]!) bound++
    tally.byBound[bound]!++
    tally.requests++
    tally.seconds += seconds
    tally.receivedBytes += counted.receivedBytes
    tally.sentBytes += counted.sentBytes
  }

  #of(dialect: string, operation: string): Tally {
    let operations = this.#tallies.get(dialect)
    if (operations === undefined) {
      operations = new Map()
      this.#tallies.set(dialect, operations)
    }
    let tally = operations.get(operation)
    if (tally === undefined) {
      const byBound = BOUNDS_SECONDS.map(() => 0).concat(0)
      const sums = { requests: 0, seconds: 0, receivedBytes: 0, sentBytes: 0 }
      tally = { dialect, operation, byStatus: new Map(), byBound, ...sums }
      operations.set(operation, tally)
    }
    return tally
  }

  #all(): Tally[] {
    return [...this.#tallies.values()].flatMap((operations) => [...operations.values()])
  }
}

/** The lines of one histogram. A bucket counts all requests under its bound, those of lower buckets among them. */
function valuesOf({ dialect, operation, byBound, requests, seconds }: Tally) {
  const labels = { dialect, operation }
  let under = 0
  const buckets = byBound.map((count, i) => {
    under += count
    const le = BOUNDS_SECONDS[i] ?? '+Inf'
    return { metricName: `${DURATIONS}_bucket`, labels: { le, ...labels }, value: under }
  })
  return [
    ...buckets,
    { metricName: `${DURATIONS}_sum`, labels, value: seconds },
    { metricName: `${DURATIONS}_count`, labels, value: requests },
  ]
}
