// ENOSPC and EIO at the n-th change of the disk (a write, a sync, a new file or name), once or from then on,
// for volumes and catalog on the real LevelDB, under random requests. Every answer must stay true, and the node
// takes writes again when the disk is repaired. IO_FAULT_STEP sets how many n are skipped (20; 1: none),
// IO_FAULT_SEEDS how many sequences of requests are tried (1).
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { buildShim, type Shim } from '../helpers/disk-shim.ts'
import { randomFrom, seedOfRun } from '../helpers/random.ts'
import type { FaultRun } from './io-run.ts'
import '../helpers/plain-children.ts'

const program = fileURLToPath(new URL('io-run.ts', import.meta.url))
const shim = buildShim(t)
const skip = typeof shim === 'string' && shim

t.setTimeout(0)
t.test('whichever change of the disk fails, every answer holds', { skip }, async (t) => {
  if (typeof shim === 'string') return
  t.setTimeout(0)
  const step = Number(process.env.IO_FAULT_STEP ?? 20)
  const seeds = Number(process.env.IO_FAULT_SEEDS ?? 1)
  const totals = { places: 0, faults: 0, startsRefused: 0, refused: 0, acknowledged: 0, losses: 0 }
  for (let seed = seedOfRun(), n = 0; n < seeds; seed++, n++) {
    const { runs, code, errors } = await runSeed(
      shim,
      join(t.testdir(), `root-${seed}`),
      seed,
      step,
    )
    t.equal(code, 0, `seed ${seed}: ${errors.slice(-2000)}`)
    for (const { problems, ...what } of runs) {
      t.same(problems, [], `seed ${seed}: ${JSON.stringify(what)}`)
      totals.places++
      totals.faults += what.failed
      totals.startsRefused += Number(what.startRefused)
      totals.refused += what.refused
      totals.acknowledged += what.acknowledged
      totals.losses += Number(problems.length > 0)
    }
    t.ok(runs.length > 1 && runs.at(-1)?.failed === 0, 'every change up to the last was reached')
  }
  t.comment(`${seeds} seeds: ${JSON.stringify(totals)}`)
})

/** Runs io-run.ts in a process on the shim. */
async function runSeed(shim: Shim, root: string, seed: number, step: number) {
  const first = 1 + randomFrom(seed).integer(step)
  mkdirSync(root)
  const args = [program, root, shim.control.file, String(seed), String(first), String(step)]
  const { DISK_SHIM_LOG, ...environment } = shim.environment(root)
  const child = spawn(process.execPath, args, {
    env: { ...process.env, TMPDIR: shim.directory, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [text, errors] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    errors += chunk
  })
  const [code] = await once(child, 'close')
  rmSync(root, { recursive: true })
  const lines = text.split('\n').filter((line) => line !== '')
  return { runs: lines.map((line) => JSON.parse(line) as FaultRun), code, errors }
}
