// A volume that kills the node: a piece of a table that cannot be read is SIGBUS through LevelDB's map. On any
// disk a table that is truncated while it is mapped does the same. The next start keeps the volume closed,
// reports it, and serves everything else. Without the mark the volume is opened again, once the disk is sound.
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type ChildNode, startChildNode } from '../helpers/child-node.ts'
import { run } from '../helpers/process.ts'
import { randomFrom } from '../helpers/random.ts'

const body = Buffer.alloc(300_000, randomFrom(7).bytes(97))

async function startNode(t: Parameters<typeof startChildNode>[0]): Promise<ChildNode> {
  // Small memtables, so that records are written to a table, which is mapped.
  const storage = { reserveBytes: 0, writeBufferBytes: 1 << 20, volumeSizeBytes: 1 << 20 }
  const node = await startChildNode(t, { storage })
  await node.request('PUT', '/bkt')
  return node
}

const ask = async (node: ChildNode, name: string) =>
  (await node.request('GET', `/bkt/${name}`)).status

const names = Array.from({ length: 16 }, (_, i) => `o${i}`)

async function fill(node: ChildNode): Promise<void> {
  for (const name of names) {
    const { status } = await node.request('PUT', `/bkt/${name}`, { body })
    if (status !== 200) throw new Error(`PUT ${name}: ${status}`)
  }
}

/** The tables of the volumes on the device, largest first. */
function tablesOf(node: ChildNode): { path: string; volume: string }[] {
  const device = join(node.data, 'volumes')
  return readdirSync(device)
    .filter((name) => /\.g\d+$/.test(name))
    .flatMap((name) =>
      readdirSync(join(device, name))
        .filter((file) => file.endsWith('.ldb'))
        .map((file) => ({ path: join(device, name, file), volume: name.slice(0, 16) })),
    )
    .sort((a, b) => statSync(b.path).size - statSync(a.path).size)
}

/** Faults that end a process which has the table mapped and reads it. */
const faults = {
  'a table that is cut off': {
    breaks: (path: string) => truncateSync(path, 4096),
    signal: 'SIGBUS',
    reason: /\.ldb at byte \d+: has 4096 bytes/,
  },
  'a damaged key': {
    breaks: (path: string) => {
      // The byte behind the first key's shared length is that key's length.
      const file = openSync(path, 'r+')
      writeSync(file, Buffer.from([3]), 0, 1, 1)
      closeSync(file)
    },
    signal: 'SIGABRT',
    reason: /\.ldb at byte 0: a block does not hold its checksum/,
  },
}

for (const [fault, { breaks, signal, reason }] of Object.entries(faults)) {
  t.test(
    `a volume that killed the node by ${fault} is not opened again, the others are served`,
    async (t) => {
      const node = await startNode(t)
      await fill(node)
      await node.kill('SIGTERM')
      await node.start()
      for (const name of names) t.equal(await ask(node, name), 200, `${name} before`)

      const { path, volume } = tablesOf(node)[0]!
      const copy = join(node.dir, 'copy.ldb')
      await copyFile(path, copy)
      breaks(path)
      const gone = node.exited()
      const before = await Promise.all(names.map((name) => ask(node, name).catch(() => 'gone')))
      t.ok(before.includes('gone'), 'the node dies of the read')
      t.equal((await gone).signal, signal)

      await node.start()
      const mark = join(node.data, 'volumes', `${volume}.quarantined`)
      t.match(readFileSync(mark, 'utf8'), reason, 'the mark says why')
      const statuses = await Promise.all(names.map((name) => ask(node, name)))
      t.same([...new Set(statuses)].sort(), [200, 503], 'some are unavailable, the rest is served')
      t.match(node.output(), `"volume":"${volume}"`, 'the log names the volume')
      t.match(node.output(), 'a volume is quarantined')
      const status = await run(['status', '--json', '--config', join(node.dir, 'coffer.yaml')])
      t.match(status.stdout, /"state":\s*"quarantined"/, 'and so does the status')
      t.equal((await node.request('PUT', '/bkt/more', { body })).status, 200, 'writes go on')

      await node.kill('SIGTERM')
      await node.start()
      t.ok(existsSync(mark), 'a later start leaves it closed')
      t.ok((await Promise.all(names.map((name) => ask(node, name)))).includes(503))

      await node.kill('SIGTERM')
      await copyFile(copy, path)
      rmSync(mark)
      await node.start()
      for (const name of names) {
        const answer = await node.request('GET', `/bkt/${name}`)
        t.ok(answer.status === 200 && answer.body.equals(body), `${name} is back, whole`)
      }
    },
  )
}

t.test('a volume that is sound is opened again, whatever the node died of', async (t) => {
  const node = await startNode(t)
  await fill(node)
  for (let round = 0; round < 3; round++) {
    await Promise.all(names.map((name) => ask(node, name)))
    const noted = readdirSync(join(node.data, 'volumes')).filter((name) =>
      name.endsWith('.reading'),
    )
    t.not(noted.length, 0, 'the volumes that are read are noted')
    await node.kill('SIGKILL')
    await node.start()
    const statuses = await Promise.all(names.map((name) => ask(node, name)))
    t.same([...new Set(statuses)], [200])
  }
  await node.kill('SIGTERM')
  const left = readdirSync(join(node.data, 'volumes')).filter((name) => !/\.g\d+$/.test(name))
  t.same(left, [], 'a node that ends by itself leaves no note')
})
