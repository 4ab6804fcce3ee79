// A salvage killed before each call that it makes to files and databases. The next start finds the damaged
// volume, still closed, or the new one with all records that could be found. Nothing damaged is destroyed, and
// the same salvage, begun again, comes to the same end.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { cp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { faultsOf } from '../../lib/blobs/salvage/salvage.ts'
import { classicEngine } from '../../lib/leveldb/engine.ts'
import { Rate } from '../../lib/plain-file.ts'
import { codeOf, differenceOf, RECORD_BYTES, type SavedBlob } from '../helpers/blobs.ts'
import {
  type BrokenVolume,
  deviceOf,
  filesOf,
  makeVolume,
  placeOf,
  salvageBroken,
} from '../helpers/salvage.ts'
import { openStore } from '../helpers/volumes.ts'
import type { Job } from './salvage-killed.ts'
import '../helpers/plain-children.ts'

t.setTimeout(600_000)

const program = fileURLToPath(new URL('salvage-killed.ts', import.meta.url))

/** More calls than a salvage of the test's volume makes. */
const CALLS_MAX = 200

type Broken = BrokenVolume & { readonly saved: readonly SavedBlob[] }

/** True where the process was killed, false where salvage came to its end. */
async function salvageAndDie(broken: BrokenVolume, nth: number): Promise<boolean> {
  const file = `${broken.directory}.job`
  const job: Job = { broken, nth }
  await writeFile(file, JSON.stringify(job))
  const child = spawn(process.execPath, [program, file], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [code, signal] = await once(child, 'close')
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(`failed at call ${nth}: ${code}`)
  return signal === 'SIGKILL'
}

/** The result of reading each record: `right`, or the code of the error. */
async function readAll(t: Test, { directory, saved }: Broken, note: string) {
  const store = await openStore(classicEngine, directory)
  const answers: string[] = []
  for (const blob of saved) {
    for (let index = 0; index < blob.lengths.length; index++) {
      const code = await codeOf(async () => {
        const difference = await differenceOf(store, blob, index, index)
        if (difference !== undefined) t.fail(`${difference}, ${note}`)
      })
      answers.push(code ?? 'right')
    }
  }
  await store.close()
  return answers
}

t.test('a salvage that is killed at any step loses nothing more', async (t) => {
  const blobs = Array.from({ length: 14 }, (_, i) => [RECORD_BYTES, 5000 + i, 1].slice(i % 3))
  const template = await makeVolume(join(t.testdir(), 'template'), blobs, true)
  const [table] = filesOf(template).filter((path) => path.endsWith('.ldb'))
  truncateSync(table!, 300_000)
  writeFileSync(join(deviceOf(template), `${template.volume}.quarantined`), 'cut off\n')
  const damaged = readdirSync(placeOf(template)).sort()

  const whole = { ...template, directory: join(t.testdirName, 'whole') }
  await cp(template.directory, whole.directory, { recursive: true })
  await salvageBroken(classicEngine, whole)
  const right = await readAll(t, whole, 'not killed')
  t.ok(right.includes('right') && right.includes('StoreCorrupt'), 'some is lost, the rest is there')

  const seen = new Set<string>()
  let nth = 1
  for (; nth < CALLS_MAX; nth++) {
    const broken = { ...template, directory: join(t.testdirName, `run-${nth}`) }
    await cp(template.directory, broken.directory, { recursive: true })
    const killed = await salvageAndDie(broken, nth)
    const note = `before call ${nth}`
    const answers = await readAll(t, broken, note)
    const isSwitched = existsSync(placeOf(broken, 2))
    const isOpen = answers.includes('right')
    if (isOpen) t.same(answers, right, `${note}: what could be taken is there`)
    else t.same([...new Set(answers)], ['StoreUnavailable'], `${note}: it is closed`)
    t.ok(isSwitched || !isOpen, `${note}: the damaged generation is not opened`)
    const kept = isSwitched ? `${placeOf(broken)}.damaged` : placeOf(broken)
    t.same(readdirSync(kept).sort(), damaged, `${note}: the damaged files are kept`)
    if (isSwitched) {
      const faults = await faultsOf(placeOf(broken, 2), new Rate(Number.POSITIVE_INFINITY))
      t.same(faults, [], `${note}: the new one is sound`)
    } else {
      await salvageBroken(classicEngine, broken)
      t.same(await readAll(t, broken, note), right, `${note}: begun again it comes to its end`)
    }
    seen.add(`${killed} ${isSwitched} ${isOpen}`)
    await rm(broken.directory, { recursive: true })
    if (!killed) break
  }
  t.ok(nth > 10 && nth < CALLS_MAX, `${nth - 1} kills`)
  t.ok(seen.has('true false false'), 'some came before the switch')
  t.ok(seen.has('true true false'), 'one came between the switch and the end of the quarantine')
  t.ok(seen.has('true true true'), 'some came behind it')
  t.ok(seen.has('false true true'), 'and one was not killed')
})
