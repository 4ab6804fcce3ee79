// `npm run long:load`: a node under mixed load of both dialects, SSE-C and plain, for LOAD_MINUTES (60): writes,
// copies, deletes and uploads, beside them reads, ranges, HEAD, POST and listings, and an operator who scrubs, reclaims,
// backs up, changes root keys and rewraps. At the end every byte is held against what was acknowledged, fsck proves the
// stopped node, and the memory of the last third is held against that of the one before. What counts is the least
// anonymous memory of each stretch of time: pages of mapped tables are the page cache's, and what is above the least is
// garbage that was not collected yet.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startChildNode } from '../../helpers/child-node.ts'
import { type Random, randomFrom, seedOfRun } from '../../helpers/random.ts'
import { login } from '../../helpers/swift.ts'
import { Load } from '../load.ts'
import { sealing } from '../load-check.ts'
import { Upkeep } from './upkeep.ts'

const CLIENTS = 4
const STRETCHES = 12
/** Memory may grow by this much, or by a tenth, from the second third to the last. */
const GROWTH_BYTES = 24 << 20

/** Anonymous memory in bytes: proc(5), RssAnon. */
function anonymousBytes(pid: number): number {
  const match = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match![1]) * 1024
}

/** The variables under which the systemd unit starts a node. */
function unitEnvironment(): Record<string, string> {
  const unit = readFileSync(new URL('../../../etc/systemd/coffer.service', import.meta.url), 'utf8')
  return Object.fromEntries([...unit.matchAll(/^Environment=(\w+)=(.*)$/gm)].map((m) => m.slice(1)))
}

t.setTimeout(0)
t.test('memory stays flat and nothing is lost under a long mixed load', async (t) => {
  t.setTimeout(0)
  const minutes = Number(process.env.LOAD_MINUTES ?? 60)
  const seed = seedOfRun()
  const random = randomFrom(seed)
  const storage = { reserveBytes: 0, writeBufferBytes: 4 << 20, volumeSizeBytes: 64 << 20 }
  const config = { catalog: 'level', log: { level: 'error' }, storage }
  const node = await startChildNode(t, config, unitEnvironment)
  const swift = await login(node)
  const load = await Load.on(node)
  let ended = false
  let reads = 0
  const failures: string[] = []

  const read = async (random: Random) => {
    const name = `c${random.integer(CLIENTS)}-${random.integer(12)}`
    const throughSwift = random.integer(2) === 0
    const send = throughSwift ? swift.request : node.request
    const kind = random.integer(10)
    const [method, path] =
      kind === 0
        ? ['GET', throughSwift ? '/bkt?format=json&limit=5' : '/bkt?list-type=2&max-keys=5']
        : kind === 1 && throughSwift
          ? ['POST', `/bkt/${name}`]
          : [kind < 4 ? 'HEAD' : 'GET', `/bkt/${name}`]
    const options = kind === 0 ? {} : sealing(name, throughSwift)
    const range = kind > 7 ? { range: `bytes=${random.integer(70_000)}-` } : undefined
    const headers = { ...options.headers, ...range }
    const { status } = await send(method, path, { ...options, headers })
    if (status >= 500) failures.push(`${method} ${path}: ${status}`)
    reads++
  }
  const reader = async (random: Random) => {
    while (!ended) await read(random)
  }
  const clients = Array.from({ length: CLIENTS }, (_, client) =>
    load.run(client, randomFrom(random.integer(2 ** 31)), () => ended),
  )
  const upkeep = new Upkeep(node, randomFrom(random.integer(2 ** 31)))
  const operator = upkeep.run(() => ended)
  const readers = [1, 2].map(() => reader(randomFrom(random.integer(2 ** 31))))

  const least: number[] = []
  const stretchMs = (minutes * 60_000) / STRETCHES
  for (let stretch = 0; stretch < STRETCHES; stretch++) {
    const endMs = performance.now() + stretchMs
    let lowest = Number.POSITIVE_INFINITY
    while (performance.now() < endMs) {
      lowest = Math.min(lowest, anonymousBytes(node.pid))
      await sleep(100)
    }
    least.push(lowest)
  }
  ended = true
  await Promise.all([...clients, ...readers, operator])
  t.same(failures, [], `seed ${seed}`)
  t.same(upkeep.failures, [], `seed ${seed}`)
  if (failures.length > 0) t.comment(node.output().slice(-5000))
  await load.verify(t, `seed ${seed}`)
  await node.kill('SIGTERM')
  const { code, stdout } = await upkeep.prove()
  t.equal(code, 0, `seed ${seed}: fsck ${stdout}`)

  // In the first third memtables and caches fill. V8 keeps pages for minutes that it no longer needs: what counts of
  // a third is its least.
  const third = STRETCHES / 3
  const first = Math.min(...least.slice(third, 2 * third))
  const last = Math.min(...least.slice(-third))
  const shown = least.map((bytes) => Math.round(bytes / 1e6)).join(' ')
  t.ok(last <= Math.max(first + GROWTH_BYTES, first * 1.1), `seed ${seed}: MB ${shown}`)
  process.stdout.write(
    `long:load: ${minutes} minutes, ${load.acknowledged} changes, ${load.refused} refused, ${reads} reads, ` +
      `${load.names} objects checked, ${t.passing() ? 'none' : 'some'} lost; ${upkeep.summary}; ` +
      `MB of memory ${shown}\n`,
  )
})
