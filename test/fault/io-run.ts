// A process for io-faults.test.ts, on the disk shim: for each n it starts a node on an empty directory, lets the
// n-th change of the disk fail while it starts and serves, mends the disk, and holds what is there against what
// was acknowledged, before a restart and after it. Prints what it found, a line of JSON each.
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { until } from '../helpers/blobs.ts'
import { inconsistencies } from '../helpers/consistency.ts'
import { type Fault, ShimControl } from '../helpers/disk-shim.ts'
import { startNode, type TestNode } from '../helpers/node.ts'
import { randomFrom } from '../helpers/random.ts'
import { hashOf, type Possible, type State, sealing, verifyNames } from './load-check.ts'

export interface FaultRun {
  readonly n: number
  readonly fault: Fault
  readonly lasting: boolean
  /** Changes that were made to fail; 0: there were not so many changes. */
  readonly failed: number
  /** The start that met the fault said so. */
  readonly startRefused: boolean
  readonly acknowledged: number
  readonly refused: number
  readonly problems: readonly string[]
}

const keyring = (() => {
  const rootKey = randomBytes(32)
  return { active: 'k1', key: (id: string) => (id === 'k1' ? rootKey : undefined) }
})()

/** Small, so that logs, tables and volumes are switched in a short run. */
const storage = { reserveBytes: 0, writeBufferBytes: 64 << 10, volumeSizeBytes: 1 << 20 }
const sizes = [100, 9000, 70_000, 400_000]

class Run {
  readonly expected = new Map<string, Possible>()
  readonly problems: string[] = []
  acknowledged = 0
  refused = 0
  readonly #node: TestNode

  constructor(node: TestNode) {
    this.#node = node
  }

  /** Writes, overwrites, copies and deletes a few names through S3, sealed and not. */
  async change(): Promise<void> {
    await this.#node.request('PUT', '/bkt')
    for (const [i, size] of sizes.entries()) {
      for (const place of [2 * i, 2 * i + 1]) {
        const name = `c1-${place}`
        const body = Buffer.alloc(size, `${name}/${size}`)
        const options = { ...sealing(name, false), body }
        await this.#attempt(name, hashOf(body), () =>
          this.#node.request('PUT', `/bkt/${name}`, options),
        )
      }
    }
    const source = Buffer.alloc(9000, 'c1-3/9000')
    if (this.expected.get('c1-3')?.length === 1) {
      const headers = { 'x-amz-copy-source': '/bkt/c1-3' }
      await this.#attempt('c1-9', hashOf(source), () =>
        this.#node.request('PUT', '/bkt/c1-9', { headers }),
      )
    }
    await this.#attempt('c1-5', null, () => this.#node.request('DELETE', '/bkt/c1-5'))
    const again = { ...sealing('c1-4', false), body: 'again' }
    await this.#attempt('c1-4', hashOf(Buffer.from('again')), () =>
      this.#node.request('PUT', '/bkt/c1-4', again),
    )
  }

  /** Holds every name against what it may hold; true where all is well. */
  async verify(note: string): Promise<void> {
    const fail = (message: string) => void this.problems.push(message)
    const same = (found: unknown, wanted: unknown, message: string) => {
      if (!isDeepStrictEqual(found, wanted)) fail(`${message}: ${JSON.stringify(found)}`)
    }
    const check = { fail, same } as unknown as Parameters<typeof verifyNames>[2]
    const states = await verifyNames(this.#node, this.expected, check, note)
    for (const [name, state] of states) this.expected.set(name, [state])
  }

  async #attempt(
    name: string,
    after: State,
    send: () => Promise<{ status: number }>,
  ): Promise<void> {
    const before = this.expected.get(name) ?? [null]
    const { status } = await send()
    if (status < 300) this.acknowledged++
    else this.refused++
    this.expected.set(name, status < 300 ? [after] : [...before, after])
    if (status >= 500 && status !== 503 && status !== 507 && status !== 500) {
      this.problems.push(`${name}: answered ${status}`)
    }
  }
}

async function runOne(
  data: string,
  control: ShimControl,
  n: number,
  fault: Fault,
  lasting: boolean,
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
  const run = new Run(node)
  await run.change()
  const { failed } = control
  control.heal()
  const takes = async () =>
    (await node.request('PUT', '/bkt')).status < 500 &&
    (await node.request('PUT', '/bkt/mended', { body: Buffer.alloc(20_000) })).status === 200 &&
    (await node.request('DELETE', '/bkt/mended')).status === 204
  if (!(await until(takes))) run.problems.push('takes no writes once the disk is mended')
  await run.verify('before the restart')
  await node.restart()
  await run.verify('after the restart')
  run.problems.push(...(await inconsistencies(node.coffer.stores.catalog)))
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

/** Every `step`-th n from `first`, until there are no more changes. */
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
    const found = await runOne(data, control, n, fault, random.integer(2) === 0)
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
