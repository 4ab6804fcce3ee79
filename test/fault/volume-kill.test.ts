// The process killed while it writes blobs. Each blob that it has reported as durable is read back at the next
// start, through rolls of volumes and switches of logs.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { classicEngine } from '../../lib/leveldb/engine.ts'
import { differencesOf, type SavedBlob, saveBlob } from '../helpers/blobs.ts'
import { randomFrom, seedOfRun } from '../helpers/random.ts'
import { openStore } from '../helpers/volumes.ts'
import { KILLED_OPTIONS, parseSaved } from './volume-writer.ts'
import '../helpers/plain-children.ts'

const writer = fileURLToPath(new URL('volume-writer.ts', import.meta.url))

/** Runs the writer until it has acknowledged `count` blobs, and kills it. Returns all acknowledged blobs. */
async function writeAndKill(directory: string, count: number): Promise<SavedBlob[]> {
  const child = spawn(process.execPath, [writer, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  let lines = 0
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    lines += chunk.split('\n').length - 1
    if (lines >= count) child.kill('SIGKILL')
  })
  const [, signal] = await once(child, 'close')
  if (signal !== 'SIGKILL') throw new Error('the writer ended by itself')
  return text.split('\n').slice(0, -1).map(parseSaved)
}

t.test('a killed store has every blob that it called durable', async (t) => {
  const seed = seedOfRun()
  const random = randomFrom(seed)
  const directory = t.testdir()
  const durable: SavedBlob[] = []
  for (let round = 0; round < 4; round++) {
    durable.push(...(await writeAndKill(directory, 1 + random.integer(150))))
    const store = await openStore(classicEngine, directory, KILLED_OPTIONS)
    const lost = await differencesOf(store, durable)
    t.same(lost, [], `seed ${seed}: ${lost.length} lost of ${durable.length} durable`)
    const states = (await store.usage()).map(({ state }) => state)
    t.equal(states.filter((state) => state === 'open').length, 1)
    t.ok(
      states.every((state) => state === 'open' || state === 'sealed'),
      'no blob is begun after a restart',
    )
    durable.push(await saveBlob(store, [1000]))
    await store.close()
  }
})
