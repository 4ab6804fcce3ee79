// `npm run bench`: measures the rows of the performance budget, and prints them as ratios to references of the
// same run. It fails no build: the exit code is 0 for any figures, and 1 only where a row could not be
// measured. docs/bench.md explains the table.
import { cpus, release, totalmem } from 'node:os'
import { Command, InvalidArgumentError } from 'commander'
import { developmentCertificate } from '../lib/certificate.ts'
import { Bench, type BenchRow, type Settings } from './bench.ts'
import { measureCatalogs } from './rows/catalogs.ts'
import { measureCopy } from './rows/copy.ts'
import { measureDialects } from './rows/dialects.ts'
import { measureGetLarge } from './rows/get-large.ts'
import { measureGetSmall } from './rows/get-small.ts'
import { measureHolds } from './rows/holds.ts'
import { measureListing } from './rows/listing.ts'
import { measureMemory } from './rows/memory.ts'
import { measurePutLarge } from './rows/put-large.ts'
import { measurePutSmall } from './rows/put-small.ts'
import { measureRedisMemory } from './rows/redis-memory.ts'
import { measureSealing } from './rows/sealing.ts'
import { measureStrangers } from './rows/strangers.ts'
import { measureVolumes } from './rows/volumes.ts'
import { Scope } from './scope.ts'
import { renderTable } from './table.ts'
import { hasWrk } from './wrk.ts'

const rows: readonly BenchRow[] = [
  { name: 'put-large', measure: measurePutLarge },
  { name: 'get-large', measure: measureGetLarge },
  { name: 'volumes', measure: measureVolumes },
  { name: 'get-small', measure: measureGetSmall },
  { name: 'put-small', measure: measurePutSmall },
  { name: 'sealing', measure: measureSealing },
  { name: 'dialects', measure: measureDialects },
  { name: 'memory', measure: measureMemory },
  { name: 'listing', measure: measureListing },
  { name: 'copy', measure: measureCopy },
  { name: 'holds', measure: measureHolds },
  { name: 'strangers', measure: measureStrangers },
  { name: 'catalogs', measure: measureCatalogs },
  { name: 'redis-memory', measure: measureRedisMemory },
]

const ROUNDS = 3
const ROUNDS_QUICK = 1

interface Options {
  readonly quick?: boolean
  readonly row?: readonly string[]
  readonly profile?: boolean
}

function rowName(name: string, names: readonly string[] = []): string[] {
  if (rows.some((row) => row.name === name)) return [...names, name]
  throw new InvalidArgumentError(`the rows are ${rows.map((row) => row.name).join(', ')}`)
}

function parse(): Options {
  return new Command('bench')
    .description('measure the performance budget')
    .option('--quick', 'smaller and shorter: two minutes, and less exact')
    .option('--row <name>', 'only this row; may be given more than once', rowName)
    .option('--profile', 'print where the CPU of the node went')
    .parse()
    .opts<Options>()
}

function describeMachine(): string {
  const cores = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  const model = cores[0]?.model.trim() ?? 'unknown'
  const load = hasWrk() ? 'wrk for small requests' : 'no wrk: small requests by our own load'
  return `${cores.length} cores (${model}), ${memory} GiB, Linux ${release()}, Node ${process.version}; ${load}\n`
}

async function run(row: BenchRow, settings: Settings): Promise<boolean> {
  const scope = new Scope()
  const interrupt = () => void scope.close().then(() => process.exit(130))
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  const startMs = performance.now()
  try {
    const certificate = await developmentCertificate(scope.dir)
    const findings = await row.measure(new Bench(settings, scope, certificate))
    const seconds = Math.round((performance.now() - startMs) / 1000)
    process.stdout.write(`\n${row.name} (${seconds} s)\n\n${renderTable(findings)}`)
    return true
  } catch (error) {
    process.stdout.write(`\n${row.name}: not measured: ${(error as Error).message}\n`)
    return false
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
    await scope.close()
  }
}

const { quick = false, profile = false, row: names } = parse()
const settings = { quick, profile, rounds: quick ? ROUNDS_QUICK : ROUNDS }
process.stdout.write(describeMachine())
for (const row of rows) {
  if (names !== undefined && !names.includes(row.name)) continue
  if (!(await run(row, settings))) process.exitCode = 1
}
