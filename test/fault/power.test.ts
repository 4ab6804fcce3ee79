// Power cuts that lose unsynced changes. A node runs on the disk shim, which records every change. For many
// places in the record the disk is built as a cut at that place may have left it, and a node is opened on it.
// What was acknowledged before the cut is there with every byte, the rest is there whole or not at all, and
// rows and counts agree. POWER_CUTS sets how often (8).
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { openKeyring } from '../../lib/crypto/keyring.ts'
import { startChildNode } from '../helpers/child-node.ts'
import { inconsistencies } from '../helpers/consistency.ts'
import { buildShim, type Shim } from '../helpers/disk-shim.ts'
import { startNode } from '../helpers/node.ts'
import { type Random, randomFrom, seedOfRun } from '../helpers/random.ts'
import { RecordedDisk } from '../helpers/recorded-disk.ts'
import { Load } from './load.ts'
import { type Possible, type State, verifyNames } from './load-check.ts'

/** Small, so that logs, tables and volumes change often. */
const storage = { reserveBytes: 0, writeBufferBytes: 256 << 10, volumeSizeBytes: 3 << 20 }
const CUTS_PER_RECORD = 25
const CLIENTS = 4

/** One change that a client requested. Places are bytes of the record. */
interface Attempt {
  readonly after: State
  readonly asked: number
  acknowledged: number
}

interface Recorded {
  readonly data: string
  /** The place in the record at which the container existed. */
  readonly begin: number
  readonly log: Buffer
  readonly attempts: ReadonlyMap<string, readonly Attempt[]>
}

/** Runs a node under load for a moment, twice. Returns the record of all its changes. */
async function record(t: Test, shim: Shim, random: Random): Promise<Recorded> {
  rmSync(shim.logFile, { force: true })
  const node = await startChildNode(
    t,
    { catalog: 'level', log: { level: 'error' }, storage },
    (data) => shim.environment(data),
  )
  const place = () => statSync(shim.logFile).size
  const attempts = new Map<string, Attempt[]>()
  const attempted = (name: string, after: State) => {
    const attempt = { after, asked: place(), acknowledged: Number.POSITIVE_INFINITY }
    const all = attempts.get(name) ?? []
    all.push(attempt)
    attempts.set(name, all)
    return () => {
      attempt.acknowledged = place()
    }
  }
  const load = await Load.on(node, { attempted, firstPartBytes: 100_000 })
  const begin = place()
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    let ended = false
    const clients = Array.from({ length: CLIENTS }, (_, client) =>
      load.run(client, randomFrom(random.integer(2 ** 31)), () => ended),
    )
    await sleep(1500)
    ended = signal === 'SIGTERM'
    if (ended) await Promise.all(clients)
    await node.kill(signal)
    await Promise.all(clients)
    if (ended) await node.start()
  }
  return { data: node.data, begin, log: readFileSync(shim.logFile), attempts }
}

/** The possible states of each name after a cut at that place. */
function possibleAt(attempts: Recorded['attempts'], place: number): Map<string, Possible> {
  const possible = new Map<string, Possible>()
  for (const [name, all] of attempts) {
    let states: State[] = [null]
    for (const { after, asked, acknowledged } of all) {
      if (asked > place) break
      states = acknowledged <= place ? [after] : [...states, after]
    }
    possible.set(name, states)
  }
  return possible
}

/** Opens a node on the disk after a cut, and checks it against the attempts. Returns the names that were
 * checked. */
async function checkCut(
  t: Test,
  directory: string,
  possible: ReadonlyMap<string, Possible>,
  note: string,
): Promise<number> {
  const closing: (() => void | Promise<void>)[] = []
  const devices = [join(directory, 'volumes')]
  try {
    const node = await startNode(
      { teardown: (fn) => closing.push(fn) },
      { data: directory, devices, storage },
      openKeyring(join(directory, 'keyring'), { create: false }),
    )
    await verifyNames(node, possible, t, note)
    t.equal((await node.request('PUT', '/bkt/after-the-cut', { body: 'x' })).status, 200, note)
    await node.request('DELETE', '/bkt/after-the-cut')
    t.same(await inconsistencies(node.coffer.stores.catalog), [], `rows agree, ${note}`)
    if (!t.passing()) t.comment(node.logged())
  } finally {
    for (const close of closing.reverse()) await close()
  }
  return possible.size
}

const shim = buildShim(t)
const skip = typeof shim === 'string' && shim

t.setTimeout(0)
t.test('a power cut takes nothing that was acknowledged', { skip }, async (t) => {
  t.setTimeout(0)
  const cuts = Number(process.env.POWER_CUTS ?? 8)
  const seed = seedOfRun()
  const random = randomFrom(seed)
  const scratch = t.testdir()
  let [checked, done, changes] = [0, 0, 0]
  while (done < cuts) {
    const { data, begin, log, attempts } = await record(t, shim as Shim, random)
    const count = Math.min(CUTS_PER_RECORD, cuts - done)
    const places = Array.from(
      { length: count },
      () => begin + random.integer(log.length - begin + 1),
    ).sort((a, b) => a - b)
    const disk = new RecordedDisk(data, log)
    for (const place of places) {
      const note = `seed ${seed}, cut ${done} at ${place} of ${log.length}`
      disk.advance(place)
      const directory = join(scratch, `cut-${done++}`)
      mkdirSync(directory)
      disk.writeCut(directory, random)
      checked += await checkCut(t, directory, possibleAt(attempts, place), note)
      rmSync(directory, { recursive: true })
    }
    changes += [...attempts.values()].flat().length
  }
  t.comment(
    `seed ${seed}: ${done} power cuts under ${changes} changes, ${checked} objects checked, ` +
      `${t.passing() ? 'none' : 'some'} lost`,
  )
})
