// `coffer salvage` on a volume that is one file, and what a broken one needs it for: nothing kills the node, objects
// whose bytes are there are served at once, and a volume with lost records can be reclaimed once they are written down.
import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type ChildNode, startChildNode } from '../helpers/child-node.ts'
import { buildShim } from '../helpers/disk-shim.ts'
import { run } from '../helpers/process.ts'

t.setTimeout(600_000)

const shim = buildShim(t)
const names = Array.from({ length: 16 }, (_, i) => `o${i}`)
const bodyOf = (name: string) =>
  createHash('shake256', { outputLength: 300_000 }).update(name).digest()

const coffer = (node: ChildNode, ...args: string[]) =>
  run([...args, '--config', join(node.dir, 'coffer.yaml')], {
    env: typeof shim === 'string' ? {} : shim.environment(node.data),
  })

/** A stopped node with objects in one sealed volume, and the path of its records. */
async function makeNode(t: Test) {
  const storage = { volumeFormat: 'file', reserveBytes: 0, volumeSizeBytes: 4 << 20 }
  const environment = (data: string) => (typeof shim === 'string' ? {} : shim.environment(data))
  const node = await startChildNode(t, { storage }, environment)
  await node.request('PUT', '/bkt')
  for (const name of names) await node.request('PUT', `/bkt/${name}`, { body: bodyOf(name) })
  await node.kill('SIGTERM')
  const device = join(node.data, 'volumes')
  const all = readdirSync(device).filter((name) => name.endsWith('.g1'))
  const bytesOf = (name: string) => statSync(join(device, name, 'records')).size
  const [largest] = all.sort((a, b) => bytesOf(b) - bytesOf(a))
  return { node, volume: largest!.slice(0, 16), records: join(device, largest!, 'records') }
}

/** The names, by the status of the node's answer. The body of a success must be right. */
async function readAll(t: Test, node: ChildNode): Promise<Record<number, string[]>> {
  const answers: Record<number, string[]> = {}
  for (const name of names) {
    const answer = await node.request('GET', `/bkt/${name}`).catch(() => undefined)
    const status = answer?.status ?? 500
    if (status === 200 && !answer!.body.equals(bodyOf(name))) t.fail(`${name} has other bytes`)
    answers[status] = [...(answers[status] ?? []), name]
  }
  return answers
}

function zero(path: string, at: number, bytes: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(bytes), 0, bytes, at)
  closeSync(file)
}

const faults: { what: string; breaks: (records: string) => void }[] = [
  { what: 'a file cut off', breaks: (records) => truncateSync(records, 3_000_001) },
]
if (typeof shim !== 'string') {
  const breaks = (records: string) => shim.spoil(records, 300 * 4096)
  faults.push({ what: 'a sector that cannot be read', breaks })
}

t.test(
  'rot that left the index is no case for salvage: a reclaim copies it, and names it',
  async (t) => {
    const { node, volume, records } = await makeNode(t)
    zero(records, 1_000_000, 200_000)
    await node.start()
    const before = await readAll(t, node)
    t.ok(before[200]!.length >= 8)
    const reclaimed = await coffer(node, 'reclaim', '--volume', volume)
    t.match(reclaimed, { code: 5, stdout: /record \d+ of blob \w+ is rotten: copied as it is/ })
    t.same((await readAll(t, node))[200], before[200])
  },
)

for (const { what, breaks } of faults) {
  t.test(`a volume that lost records can be reclaimed after a salvage: ${what}`, async (t) => {
    const { node, volume, records } = await makeNode(t)
    t.match(await coffer(node, 'salvage', volume), { code: 0, stdout: /can be opened as it is/ })
    breaks(records)
    await node.start()
    const before = await readAll(t, node)
    t.ok(before[200]!.length >= 8, 'what is there is served without more ado')
    await node.kill('SIGTERM')
    const refused = await coffer(node, 'reclaim', '--volume', volume)
    t.equal(refused.code, 1, 'a reclaim loses nothing by itself')
    const { code, stdout, stderr } = await coffer(node, 'salvage', volume, '--json')
    t.equal(code, 5, stderr)
    const report = JSON.parse(stdout)
    t.match(report, { volume, outcome: 'salvaged' })
    t.ok(report.damaged + report.missing > 0)
    t.ok(existsSync(report.kept), 'what was damaged is kept')
    if (typeof shim !== 'string') shim.mend()
    await node.start()
    const after = await readAll(t, node)
    t.same(after[200], before[200], 'and what was served still is')
    const named = report.lost.flatMap(({ objects }: { objects: { object: string }[] }) =>
      objects.map(({ object }) => object),
    )
    const lost = names.filter((name) => !after[200]!.includes(name))
    t.same([...new Set(named)].sort(), lost.sort(), 'every object that lost bytes is named')
    for (const name of lost) await node.request('DELETE', `/bkt/${name}`)
    await node.kill('SIGTERM')
    const reclaimed = await coffer(node, 'reclaim', '--volume', volume)
    t.equal(reclaimed.code, 0, `${reclaimed.stdout}${reclaimed.stderr}`)
    t.match(await coffer(node, 'fsck'), { code: 0, stdout: / 0 rotten, 0 wrong\n$/ })
  })
}
