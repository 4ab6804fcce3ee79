// A volume with a file that may not be read, or not now. The node serves what it can read, and takes the volume
// for neither empty nor damaged. It uses no record's number twice, and serves everything again once the file
// can be read. No command reports the volume's records as lost.
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { until } from '../helpers/blobs.ts'
import type { ChildNode } from '../helpers/child-node.ts'
import { buildShim } from '../helpers/disk-shim.ts'
import { run } from '../helpers/process.ts'
import { asStranger, giveAway, hide, owner, show } from '../helpers/stranger.ts'
import {
  bodyOf,
  contentOf,
  isWhole,
  largest,
  makeNode,
  names,
  refuses,
  runOn,
} from '../helpers/unreadable.ts'

t.setTimeout(600_000)

const shim = buildShim(t)
const onShim = typeof shim === 'string' ? { skip: shim } : {}
const coffer = (node: ChildNode, ...args: string[]) => runOn(node, shim, ...args)
const deviceOf = (node: ChildNode) => join(node.data, 'volumes')
const volumeOf = (path: string) => /([0-9a-f]{16})\.g1/.exec(path)![1]!

async function statusesOf(node: ChildNode): Promise<number[]> {
  const statuses: number[] = []
  for (const name of names) statuses.push((await node.request('GET', `/bkt/${name}`)).status)
  return statuses
}

t.test('a table of a volume that may not be read takes nothing else away', onShim, async (t) => {
  if (typeof shim === 'string') return
  const node = await makeNode(t, shim)
  const device = deviceOf(node)
  const table = largest(device, '.ldb')[0]!
  const volume = volumeOf(table)
  const before = contentOf(join(device, `${volume}.g1`))
  shim.lock(table, 'EACCES')
  const scrubbed = await coffer(node, 'scrub', '--json')
  t.equal(scrubbed.code, 1, 'a scrub has not read everything')
  const { findings } = JSON.parse(scrubbed.stdout)
  const where = { where: 'volume', volume, unreadable: 'EACCES' }
  t.match(findings, [where, { ...where, objects: [{ container: 'bkt' }] }])
  t.match(findings[1].what, /is not in what can be read|are not in what can be read/)
  const saying = /\.ldb cannot be read \(EACCES\): /
  refuses(t, 'a salvage', await coffer(node, 'salvage', volume), saying)
  refuses(t, 'going on', await coffer(node, 'fsck', '--accept-catalog'), saying)
  t.equal(contentOf(join(device, `${volume}.g1`)), before, 'the volume is what it was')
  t.notOk(existsSync(join(device, `${volume}.g1.damaged`)))
  const checked = await coffer(node, 'fsck')
  t.match(checked, { code: 1, stdout: /^unreadable: .*0 rotten, 0 wrong, \d unreadable\n$/s })

  // The note of a node that was killed while it read the volume.
  writeFileSync(join(device, `${volume}.reading`), '')
  await node.start()
  t.notOk(existsSync(join(device, `${volume}.quarantined`)), 'it is not quarantined')
  const statuses = await statusesOf(node)
  t.same([...new Set(statuses)].sort(), [200, 503], 'what is in the table cannot be read now')
  shim.mend()
  await until(async () => (await statusesOf(node)).every((status) => status === 200))
  await isWhole(t, node)
})

t.test('a volume is checked again that could not be for want of descriptors', onShim, async (t) => {
  if (typeof shim === 'string') return
  const node = await makeNode(t, shim)
  const table = largest(deviceOf(node), '.ldb')[0]!
  const volume = volumeOf(table)
  writeFileSync(join(deviceOf(node), `${volume}.reading`), '')
  shim.lock(table, 'EMFILE')
  await node.start()
  t.notOk(existsSync(join(deviceOf(node), `${volume}.quarantined`)), 'it is not quarantined')
  t.match(node.output(), /"msg":"a volume cannot be checked, and is not opened"/)
  t.notMatch(node.output(), /coffer salvage/)
  t.ok((await statusesOf(node)).includes(503))
  shim.mend()
  await until(async () => (await statusesOf(node)).every((status) => status === 200))
  await isWhole(t, node)
})

t.test('a volume whose log may not be read is not taken for an empty one', onShim, async (t) => {
  if (typeof shim === 'string') return
  // A large memtable keeps all records in the log.
  const node = await makeNode(t, shim, { writeBufferBytes: 64 << 20, volumeSizeBytes: 1 << 30 })
  const [log] = largest(deviceOf(node), '.log')
  for (const fault of ['EACCES', 'EMFILE'] as const) {
    shim.lock(log!, fault)
    await node.start()
    t.match(node.output(), new RegExp(`\\.log cannot be read \\(${fault}\\): `))
    t.same([...new Set(await statusesOf(node))], [503], `${fault}: its objects are there, not now`)
    const other = { body: bodyOf(fault) }
    t.equal((await node.request('PUT', `/bkt/${fault}`, other)).status, 200, 'others are written')
    await node.kill('SIGTERM')
    shim.mend()
  }
  shim.spoil(log!, 32_768)
  await node.start()
  t.same([...new Set(await statusesOf(node))], [503], 'nor where the disk does not give it')
  shim.mend()
  await until(async () => (await statusesOf(node)).every((status) => status === 200))
  await isWhole(t, node)
  t.ok((await node.request('GET', '/bkt/EACCES')).body.equals(bodyOf('EACCES')))
})

t.test('no number is given away twice while the last table cannot be read', onShim, async (t) => {
  if (typeof shim === 'string') return
  const node = await makeNode(t, shim, { volumeSizeBytes: 1 << 30 })
  // A start writes the log to a table.
  await node.start()
  await node.kill('SIGTERM')
  const tables = largest(deviceOf(node), '.ldb').sort()
  t.ok(tables.length > 1, 'its records are in several tables')
  shim.lock(tables.at(-1)!, 'EACCES')
  await node.start()
  for (let i = 0; i < 4; i++) {
    const { status } = await node.request('PUT', `/bkt/new${i}`, { body: bodyOf(`new${i}`) })
    t.equal(status, 200, 'what is new goes elsewhere')
  }
  await node.kill('SIGTERM')
  shim.mend()
  await node.start()
  await isWhole(t, node)
  for (let i = 0; i < 4; i++) {
    t.ok((await node.request('GET', `/bkt/new${i}`)).body.equals(bodyOf(`new${i}`)))
  }
})

t.test('volumes on a device that may not be entered are not missing', async (t) => {
  const node = await makeNode(t, 'none')
  giveAway(node.dir)
  const config = ['--config', join(node.dir, 'coffer.yaml')]
  const [name] = readdirSync(deviceOf(node)).filter((each) => each.endsWith('.g1'))
  hide(deviceOf(node))
  const scrubbed = await run(['scrub', ...config], asStranger)
  t.match(scrubbed, { code: 1, stdout: /^unreadable: the device .* cannot be read \(EACCES\): / })
  t.notMatch(scrubbed.stdout, /on none of the devices|rotten/)
  const saying = new RegExp(`cannot be read \\(EACCES\\): .*owner ${owner}`)
  for (const command of [['serve'], ['salvage', volumeOf(name!)], ['fsck', '--accept-catalog']]) {
    refuses(t, command[0]!, await run([...command, ...config], asStranger), saying)
  }
  show(deviceOf(node), 0o700)
  await node.start()
  await isWhole(t, node)
})
