// ENOSPC and EIO at the n-th change of the disk (a write, a sync, a new file or name), once or from then on, for
// volumes and catalog on the real LevelDB: whichever it is, nothing acknowledged is lost, and the node takes
// writes again when the disk is mended. IO_FAULT_STEP sets how many n are left out (20; 1: none).
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { buildShim } from '../helpers/disk-shim.ts'
import { randomFrom, seedOfRun } from '../helpers/random.ts'
import type { FaultRun } from './io-run.ts'
import '../helpers/plain-children.ts'

const program = fileURLToPath(new URL('io-run.ts', import.meta.url))
const shim = buildShim(t)
const skip = typeof shim === 'string' && shim

t.setTimeout(0)
t.test('whichever change of the disk fails, nothing acknowledged is lost', { skip }, async (t) => {
  if (typeof shim === 'string') return
  t.setTimeout(0)
  const seed = seedOfRun()
  const step = Number(process.env.IO_FAULT_STEP ?? 20)
  const first = 1 + randomFrom(seed).integer(step)
  const root = join(t.testdir(), 'root')
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
  t.equal(code, 0, `seed ${seed}: ${errors.slice(-2000)}`)
  const runs = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as FaultRun)
  for (const run of runs) {
    const { problems, ...what } = run
    t.same(problems, [], `seed ${seed}: ${JSON.stringify(what)}`)
  }
  t.ok(runs.length > 1 && runs.at(-1)?.failed === 0, 'every change up to the last was reached')
  const sum = (of: (run: FaultRun) => number) => runs.reduce((total, run) => total + of(run), 0)
  t.comment(
    `seed ${seed}: ${runs.length - 1} places of ${runs.at(-1)?.n}, ${sum((run) => run.failed)} faults, ` +
      `${sum((run) => Number(run.startRefused))} starts refused, ${sum((run) => run.refused)} requests refused, ` +
      `${sum((run) => run.acknowledged)} acknowledged, ${runs.filter((run) => run.problems.length > 0).length} with losses`,
  )
})
