// A reclaim killed before each call that it makes to files and databases. At the next start every live record
// is there, dead blobs are there as a whole or gone as a whole, and each volume has one generation.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { Volumes } from '../../lib/blobs/volumes.ts'
import { classicEngine } from '../../lib/leveldb/engine.ts'
import {
  codeOf,
  differencesOf,
  RECORD_BYTES,
  type SavedBlob,
  saveBlob,
  until,
} from '../helpers/blobs.ts'
import { openStore } from '../helpers/volumes.ts'
import { jobOf } from './reclaim-killed.ts'
import '../helpers/plain-children.ts'

t.setTimeout(600_000)

const program = fileURLToPath(new URL('reclaim-killed.ts', import.meta.url))

/** More calls than a reclaim of the test's volume makes. */
const CALLS_MAX = 200

interface Site {
  readonly directory: string
  readonly volume: string
  readonly live: readonly SavedBlob[]
  readonly dead: readonly SavedBlob[]
}

/** A closed store, with one sealed volume of which every other blob is dead. */
async function makeSite(directory: string): Promise<Site> {
  const store = await openStore(classicEngine, directory)
  const saved: SavedBlob[] = []
  for (let i = 0; i < 14; i++) {
    saved.push(await saveBlob(store, [RECORD_BYTES, 5000 + i, 1].slice(i % 3)))
  }
  const { volume } = saved[0]!.locator
  await store.roll(volume)
  const stateOf = async () => (await store.usage()).find((usage) => usage.volume === volume)?.state
  await until(async () => (await stateOf()) === 'sealed')
  await store.close()
  const live = saved.filter((_, i) => i % 2 === 0)
  return { directory, volume, live, dead: saved.filter((_, i) => i % 2 === 1) }
}

/** True where the process was killed, false where reclaim came to its end. */
async function reclaimAndDie(site: Site, live: readonly SavedBlob[], nth: number) {
  const file = `${site.directory}.job`
  await writeFile(file, JSON.stringify(jobOf(site.directory, site.volume, live, nth)))
  const child = spawn(process.execPath, [program, file], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [code, signal] = await once(child, 'close')
  if (signal !== 'SIGKILL' && code !== 0)
    throw new Error(`the child failed at call ${nth}: ${code}`)
  return signal === 'SIGKILL'
}

/** How many of the blobs can be read. A blob counts as gone where its volume or a record is missing. */
async function readable(store: Volumes, blobs: readonly SavedBlob[]): Promise<number> {
  let count = 0
  for (const blob of blobs) {
    const code = await codeOf(async () => {
      if ((await differencesOf(store, [blob])).length > 0) throw new Error('other bytes')
    })
    if (code === undefined) count++
  }
  return count
}

const generationsIn = async ({ directory, volume }: Site) =>
  (await readdir(join(directory, 'device'))).filter(
    (name) => name.startsWith(volume) && /\.(g\d+|new)$/.test(name),
  )

async function killEverywhere(t: Test, liveOf: (site: Site) => readonly SavedBlob[]) {
  const template = await makeSite(join(t.testdir(), 'template'))
  const seen = new Set<string>()
  let nth = 1
  for (; nth < CALLS_MAX; nth++) {
    const site = { ...template, directory: join(t.testdirName, `run-${nth}`) }
    await cp(template.directory, site.directory, { recursive: true })
    const live = liveOf(site)
    const dead = [...site.live, ...site.dead].filter((blob) => !live.includes(blob))
    const killed = await reclaimAndDie(site, live, nth)
    const store = await openStore(classicEngine, site.directory)
    const note = `before call ${nth}`
    t.same(await differencesOf(store, live), [], `${note}: every live blob is there`)
    const left = await readable(store, dead)
    t.ok(left === 0 || left === dead.length, `${note}: ${left} of ${dead.length} dead ones`)
    const generations = await generationsIn(site)
    const expected = live.length === 0 ? [] : [`${site.volume}.g2`]
    t.same(generations, left === 0 ? expected : [`${site.volume}.g1`], `${note}: one generation`)
    seen.add(`${killed} ${left === 0}`)
    await store.close()
    await rm(site.directory, { recursive: true })
    if (!killed) break
  }
  t.ok(nth > 5 && nth < CALLS_MAX, `${nth - 1} kills`)
  t.ok(seen.has('true false'), 'some came before the switch')
  t.ok(seen.has('true true'), 'some came behind it')
  t.ok(seen.has('false true'), 'and one was not killed')
}

t.test('a reclaim that is killed at any step loses nothing and mixes nothing', async (t) => {
  await killEverywhere(t, ({ live }) => live)
})

t.test('so does one that gives a volume up, of which nothing is live', async (t) => {
  await killEverywhere(t, () => [])
})
