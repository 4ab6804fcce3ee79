// A process for io-faults.test.ts, on the disk shim. For each n it starts a node on an empty directory, makes
// the n-th change of the disk fail while the node starts and serves random requests, repairs the disk, and goes
// on. It checks the stored objects against every answer, before a restart and after it, and prints each finding
// as a line of JSON.
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../helpers/blobs.ts'
import { inconsistencies } from '../helpers/consistency.ts'
import { type Fault, ShimControl } from '../helpers/disk-shim.ts'
import { startNode } from '../helpers/node.ts'
import { randomFrom } from '../helpers/random.ts'
import { OutcomeModel } from './outcome-model.ts'

export interface FaultRun {
  readonly n: number
  readonly fault: Fault
  readonly lasting: boolean
  /** Number of changes that failed; 0 where there were fewer than n. */
  readonly failed: number
  /** The start during which the change failed was refused. */
  readonly startRefused: boolean
  readonly acknowledged: number
  readonly refused: number
  readonly problems: readonly string[]
}

const keyring = (() => {
  const rootKey = randomBytes(32)
  return { active: 'k1', key: (id: string) => (id === 'k1' ? rootKey : undefined) }
})()

/** Small, so that logs, tables and volumes change often in a short run. */
const storage = { reserveBytes: 0, writeBufferBytes: 64 << 10, volumeSizeBytes: 1 << 20 }
/** Concurrent clients, requests of each while the disk fails, and requests after it is repaired. */
const CLIENTS = 2
const STEPS = 12
const STEPS_MENDED = 4

async function runOne(
  data: string,
  control: ShimControl,
  n: number,
  fault: Fault,
  lasting: boolean,
  seed: number,
) {
  const closing: (() => void | Promise<void>)[] = []
  const teardown = { teardown: (fn: () => void | Promise<void>) => closing.push(fn) }
  const start = () =>
    startNode(teardown, { data, devices: [join(data, 'volumes')], storage }, keyring)
  control.fail(n, fault, lasting)
  let startRefused = false
  const node = await start().catch(() => {
    startRefused = true
    control.heal()
    return start()
  })
  const run = new OutcomeModel(node)
  const random = Array.from({ length: CLIENTS }, (_, client) => randomFrom(seed + client))
  const change = (count: number) =>
    Promise.all(random.map((each, client) => run.run(client, each, count)))
  let failed = 0
  try {
    await node.request('PUT', '/bkt')
    await change(STEPS)
    failed = control.failed
    control.heal()
    const takes = async () =>
      (await node.request('PUT', '/bkt')).status < 500 &&
      (await node.request('PUT', '/bkt/mended', { body: Buffer.alloc(20_000) })).status === 200 &&
      (await node.request('DELETE', '/bkt/mended')).status === 204
    if (!(await until(takes))) run.problems.push('takes no writes once the disk is mended')
    await change(STEPS_MENDED)
    await run.verify('before the restart')
    await node.restart()
    await run.verify('after the restart')
    run.problems.push(...(await inconsistencies(node.coffer.stores.catalog)))
  } catch (error) {
    // A connection that ended without an answer is a fault: the node owes one whatever the disk does.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error
    failed ||= control.failed
    control.heal()
    run.problems.push(`${(error as Error).message}; the node says: ${node.logged().slice(-2000)}`)
  }
  for (const close of closing.reverse()) await close()
  const { acknowledged, refused, problems } = run
  const found: FaultRun = {
    n,
    fault,
    lasting,
    failed,
    startRefused,
    acknowledged,
    refused,
    problems,
  }
  return found
}

/** Runs every `step`-th n from `first`, until there are fewer changes. */
async function runAll(
  root: string,
  controlFile: string,
  seed: number,
  first: number,
  step: number,
) {
  const control = new ShimControl(controlFile)
  const random = randomFrom(seed)
  for (let n = first; ; n += step) {
    const data = join(root, `run-${n}`)
    mkdirSync(data)
    const fault = random.pick(['ENOSPC', 'EIO'] as const)
    const found = await runOne(data, control, n, fault, random.integer(2) === 0, seed)
    rmSync(data, { recursive: true })
    writeSync(1, `${JSON.stringify(found)}\n`)
    if (found.failed === 0) break
  }
}

if (import.meta.main) {
  const [root, controlFile, ...numbers] = process.argv.slice(2) as [string, string, ...string[]]
  const [seed, first, step] = numbers.map(Number) as [number, number, number]
  await runAll(root, controlFile, seed, first, step)
}
