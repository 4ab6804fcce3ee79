// `coffer salvage` on a broken volume of a node. Other objects read back byte for byte, and those that lost
// bytes fail and are named. The disk need not be repaired. A shim makes a sector unreadable.
import { createHash } from 'node:crypto'
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type ChildNode, startChildNode } from '../helpers/child-node.ts'
import { buildShim } from '../helpers/disk-shim.ts'
import { run } from '../helpers/process.ts'

t.setTimeout(600_000)

const shim = buildShim(t)

const names = Array.from({ length: 48 }, (_, i) => `o${i}`)
const bodyOf = (name: string) =>
  createHash('shake256', { outputLength: 300_000 - name.length })
    .update(name)
    .digest()

/** A stopped node, with objects in tables of several volumes. */
async function makeNode(t: Test, objects: readonly string[]): Promise<ChildNode> {
  const storage = { reserveBytes: 0, writeBufferBytes: 1 << 20, volumeSizeBytes: 1 << 20 }
  const environment = (data: string) => (typeof shim === 'string' ? {} : shim.environment(data))
  const node = await startChildNode(t, { storage }, environment)
  await node.request('PUT', '/bkt')
  for (const name of objects) await node.request('PUT', `/bkt/${name}`, { body: bodyOf(name) })
  await node.kill('SIGTERM')
  return node
}

const coffer = (node: ChildNode, ...args: string[]) =>
  run([...args, '--config', join(node.dir, 'coffer.yaml')], {
    env: typeof shim === 'string' ? {} : shim.environment(node.data),
  })

interface Place {
  readonly volume: string
  /** The volume's largest table. */
  readonly table: string
}

/** The volumes with a large table. */
function placesIn(device: string): Place[] {
  const tables = readdirSync(device, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ldb'))
    .map((name) => ({ volume: name.slice(0, 16), table: join(device, name) }))
    .map((place) => ({ ...place, bytes: statSync(place.table).size }))
    .filter(({ bytes }) => bytes > 600_000)
    .sort((a, b) => a.bytes - b.bytes)
  return [...new Map(tables.map((place) => [place.volume, place])).values()]
}

function change(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at < 0 ? bytes.length + at : at]! ^= 0xff
  writeFileSync(path, bytes)
}

/** Where the second entry of a table begins: the first may be the volume's header, without which nothing is lost. */
function secondEntryIn(table: string): number {
  const bytes = readFileSync(table)
  // Behind two lengths of a key the length of the value, seven bits in a byte.
  let [at, length] = [2, 0]
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!
    length |= (byte & 127) << shift
    if (byte < 128) return at + 16 + length
  }
}

/** Faults, and whether objects lose bytes by them. */
const faults: { what: string; breaks: (table: string) => void; loses: boolean }[] = [
  {
    what: 'lengths in keys',
    breaks: (table) => {
      for (const entry of [secondEntryIn(table), 0]) change(table, entry + 1)
    },
    loses: true,
  },
  { what: 'an index', breaks: (table) => change(table, -120), loses: false },
  { what: 'a footer', breaks: (table) => change(table, -1), loses: false },
  { what: 'a table cut off', breaks: (table) => truncateSync(table, 400_000), loses: true },
  { what: 'a table that is gone', breaks: (table) => rmSync(table), loses: true },
]
if (typeof shim !== 'string') {
  const breaks = (table: string) => shim.spoil(table, 40 * 4096)
  faults.push({ what: 'a sector that cannot be read', breaks, loses: true })
}

/** The names, by the status of the node's answer. The body of a success must be right. */
async function readAll(t: Test, node: ChildNode): Promise<Record<number, string[]>> {
  const answers: Record<number, string[]> = {}
  for (const name of names) {
    const { status, body } = await node
      .request('GET', `/bkt/${name}`)
      .catch(() => ({ status: 500, body: Buffer.alloc(0) }))
    if (status === 200 && !body.equals(bodyOf(name))) t.fail(`${name} has other bytes`)
    answers[status] = [...(answers[status] ?? []), name]
  }
  return answers
}

t.test('volumes that were broken are salvaged', async (t) => {
  const node = await makeNode(t, names)
  const device = join(node.data, 'volumes')
  const places = placesIn(device).slice(0, faults.length)
  t.equal(places.length, faults.length, 'a volume for each fault')
  for (const [i, { volume, table }] of places.entries()) {
    faults[i]!.breaks(table)
    // The note of a node that died while it read the volume.
    writeFileSync(join(device, `${volume}.reading`), '')
  }
  await node.start()
  const [first] = places
  const refused = await coffer(node, 'salvage', first!.volume)
  t.match(refused, { code: 1, stderr: /salvage wants it for itself, stop that one first/ })
  const closed = await readAll(t, node)
  t.same(Object.keys(closed), ['200', '503'], 'the objects of these volumes are unavailable')
  await node.kill('SIGTERM')

  const before = readdirSync(device).sort()
  const dry = await coffer(node, 'salvage', first!.volume, '--dry-run')
  t.match(dry, {
    code: 5,
    stdout:
      /volume \w+ would be rewritten: \d+ records taken, (?:1 damaged, 0|0 damaged, 1) missing/,
  })
  t.same(readdirSync(device).sort(), before, 'a dry run changes nothing')

  const named = new Set<string>()
  for (const [i, { volume }] of places.entries()) {
    const { what, loses } = faults[i]!
    const { code, stdout, stderr } = await coffer(node, 'salvage', volume, '--json')
    t.equal(code, loses ? 5 : 0, `${what}: ${stderr}`)
    const report = JSON.parse(stdout)
    t.match(report, { volume, outcome: 'salvaged', kept: join(device, `${volume}.g1.damaged`) })
    t.ok(existsSync(report.kept), `${what}: what was damaged is kept`)
    t.equal(report.damaged + report.missing > 0, loses, `${what}: what is lost is counted`)
    for (const { objects } of report.lost) for (const { object } of objects) named.add(object)
  }
  if (typeof shim !== 'string') shim.mend()

  await node.start()
  const open = await readAll(t, node)
  t.same(open[500]!.sort(), [...named].sort(), 'who lost bytes fails, and was named')
  t.equal(open[200]!.length, names.length - named.size, 'all others are there, byte for byte')
  for (const name of named) await node.request('DELETE', `/bkt/${name}`)
  await node.kill('SIGTERM')
  // One volume that lost bytes, and one that lost none.
  for (const { volume } of places.slice(0, 2)) {
    const reclaimed = await coffer(node, 'reclaim', '--volume', volume)
    t.equal(reclaimed.code, 0, `can be reclaimed: ${reclaimed.stdout}${reclaimed.stderr}`)
  }
  t.match(await coffer(node, 'fsck'), { code: 0, stdout: / 0 rotten, 0 wrong\n$/ })
  await node.start()
  t.same((await readAll(t, node))[200], open[200], 'and what is left is there')
})

t.test('salvage refuses what it must not touch', async (t) => {
  const node = await makeNode(t, names.slice(0, 10))
  const device = join(node.data, 'volumes')
  const [{ volume, table }] = placesIn(device) as [Place]
  t.match(await coffer(node, 'salvage', 'volume'), {
    code: 2,
    stderr: /A volume is 16 hex digits/,
  })
  t.match(await coffer(node, 'salvage', 'ab'.repeat(8)), {
    code: 1,
    stderr: /volume abababababababab is on none of the devices\n$/,
  })

  writeFileSync(join(device, `${volume}.quarantined`), 'by hand\n')
  const sound = await coffer(node, 'salvage', volume)
  t.match(sound, {
    code: 0,
    stdout: /can be opened as it is, its quarantine is lifted: \d+ records/,
  })
  t.notOk(existsSync(join(device, `${volume}.quarantined`)), 'nothing is wrong with it')
  t.ok(existsSync(join(device, `${volume}.g1`)), 'and it stays as it is')

  // A catalog from before the volume was sealed does not name all its live blobs.
  change(table, -1)
  await coffer(node, 'backup', join(node.dir, 'backup'))
  rmSync(join(node.data, 'catalog'), { recursive: true })
  t.match(await coffer(node, 'restore', join(node.dir, 'backup')), { code: 0 })
  const before = readdirSync(device).sort()
  const restored = await coffer(node, 'salvage', volume)
  t.match(restored, { code: 1, stderr: /restored from a backup: run coffer fsck --accept-catalog/ })
  t.same(readdirSync(device).sort(), before, 'nothing has changed')
})
