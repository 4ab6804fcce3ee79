// `coffer status` and `coffer reclaim` as an operator runs them: beside a node, and in its place.
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse, stringify } from 'yaml'
import type { NodeStatus } from '../../bin/commands/status.ts'
import { rowKeys } from '../../lib/catalog/keys.ts'
import { openStores } from '../../lib/coffer.ts'
import { loadConfig } from '../../lib/config/config.ts'
import { callControl } from '../../lib/control.ts'
import { makeLog } from '../../lib/log.ts'
import { randomId } from '../../lib/names.ts'
import { until } from '../helpers/blobs.ts'
import { type ChildNode, startChildNode } from '../helpers/child-node.ts'
import { chosenFormat } from '../helpers/format-choice.ts'
import { run, scratch } from '../helpers/process.ts'

t.setTimeout(600_000)

const OBJECTS = 16
const BODY_BYTES = 300_000

const bodyOf = (name: string) =>
  createHash('shake256', { outputLength: BODY_BYTES }).update(name).digest()

const configOf = (node: ChildNode) => join(node.dir, 'coffer.yaml')

const coffer = (node: ChildNode, ...args: string[]) => run([...args, '--config', configOf(node)])

/** A node with objects `o0` … of which every other one was deleted. */
async function halfDeleted(t: Test): Promise<ChildNode> {
  const node = await startChildNode(t, { storage: { reserveBytes: 0 }, log: { level: 'error' } })
  await node.request('PUT', '/bkt')
  for (let i = 0; i < OBJECTS; i++) {
    const { status } = await node.request('PUT', `/bkt/o${i}`, { body: bodyOf(`o${i}`) })
    if (status !== 200) throw new Error(`PUT: ${status}`)
  }
  for (let i = 0; i < OBJECTS; i += 2) await node.request('DELETE', `/bkt/o${i}`)
  return node
}

async function objectsAreRight(t: Test, node: ChildNode) {
  for (let i = 0; i < OBJECTS; i++) {
    const { status, body } = await node.request('GET', `/bkt/o${i}`)
    if (i % 2 === 0) t.equal(status, 404, `o${i}`)
    else t.ok(status === 200 && body.equals(bodyOf(`o${i}`)), `o${i}`)
  }
}

const statusOf = async (node: ChildNode) =>
  JSON.parse((await coffer(node, 'status', '--json')).stdout) as NodeStatus & { node: string }

t.test('status tells of a running node what is live and dead, and reclaim frees it', async (t) => {
  const node = await halfDeleted(t)
  const before = await statusOf(node)
  t.equal(before.node, 'running')
  const [device] = before.devices
  const half = (OBJECTS / 2) * BODY_BYTES
  t.ok(device!.liveBytes >= half && device!.liveBytes < 1.01 * half, `${device!.liveBytes} live`)
  t.ok(device!.deadBytes >= half && device!.deadBytes < 1.05 * half, `${device!.deadBytes} dead`)
  t.equal(device!.reclaimableBytes, 0, 'the volume still takes writes')
  t.ok(device!.deadSinceMs! <= Date.now() && device!.deadSinceMs! > Date.now() - 600_000)
  const { volume } = device!.volumes[0]!

  const dry = await coffer(node, 'reclaim', '--dry-run')
  t.equal(dry.code, 0, dry.stderr)
  t.match(
    dry.stdout,
    new RegExp(`^${volume}  2\\.\\d MiB dead\nWould free about 2\\.\\d MiB\\.\n$`),
  )
  t.same((await statusOf(node)).devices[0]!.volumes[0]!.generation, 1, 'and does nothing')

  const done = await coffer(node, 'reclaim')
  t.equal(done.code, 0, done.stderr)
  t.match(
    done.stdout,
    new RegExp(`^${volume}  4\\.\\d MiB -> 2\\.\\d MiB, 40 records, generation 2\n`),
  )
  const after = (await statusOf(node)).devices[0]!
  t.ok(after.diskBytes <= 1.1 * after.liveBytes, `${after.diskBytes} on disk`)
  const reclaimed = after.volumes.find((each) => each.volume === volume)!
  t.match(reclaimed, { generation: 2, state: 'sealed', deadSinceMs: null })
  await objectsAreRight(t, node)
  t.equal((await coffer(node, 'reclaim')).stdout, 'No volume has enough dead bytes.\n')
  await node.kill('SIGTERM')
  await node.start()
  await objectsAreRight(t, node)
})

async function movesBetweenFormats(t: Test): Promise<void> {
  const node = await halfDeleted(t)
  const formatsOf = async () =>
    (await statusOf(node)).devices[0]!.volumes.map((each) => each.format)
  const reconfigure = async (volumeFormat: string) => {
    await node.kill('SIGTERM')
    const config = parse(readFileSync(configOf(node), 'utf8'))
    config.storage = { ...config.storage, volumeFormat }
    writeFileSync(configOf(node), stringify(config))
    await node.start()
  }
  await reconfigure('level')
  await coffer(node, 'reclaim', '--all')
  t.notOk((await formatsOf()).includes('file'), 'all are databases')
  await reconfigure('file')
  t.ok((await formatsOf()).includes('level'), 'a setting moves nothing by itself')
  t.equal((await node.request('PUT', '/bkt/o1', { body: bodyOf('o1') })).status, 200)
  const dry = await coffer(node, 'reclaim', '--all', '--dry-run')
  t.match(dry.stdout, /^[0-9a-f]{16} {2}.* dead\n/)
  const moved = await coffer(node, 'reclaim', '--all', '--rate', '800k')
  t.equal(moved.code, 0, moved.stderr)
  t.match(moved.stderr, /^volume [0-9a-f]{16} \(\d of \d\): (copy|verify)/m, 'with progress')
  t.same([...new Set(await formatsOf())], ['file'])
  await objectsAreRight(t, node)
  t.equal((await coffer(node, 'reclaim', '--all')).stdout, 'No volume has enough dead bytes.\n')
  t.match((await coffer(node, 'status')).stdout, /gen +format +state/)
  await node.kill('SIGKILL')
  const config = parse(readFileSync(configOf(node), 'utf8'))
  config.storage.volumeFormat = 'level'
  writeFileSync(configOf(node), stringify(config))
  const back = await coffer(node, 'reclaim', '--all')
  t.equal(back.code, 0, back.stderr)
  await node.start()
  t.same(
    [...new Set(await formatsOf())],
    ['level'],
    'also in the place of a node that does not run',
  )
  await objectsAreRight(t, node)
}

// It takes both formats, whichever the other tests are run on.
if (chosenFormat() === 'level') {
  t.test('reclaim --all moves a node from one format to the other, and back', movesBetweenFormats)
}

t.test('both do the same in the place of a node that does not run', async (t) => {
  const node = await halfDeleted(t)
  await node.kill('SIGKILL')
  const text = await coffer(node, 'status')
  t.equal(text.code, 0, text.stderr)
  t.match(text.stdout, /^node {5}stopped\ncatalog {2}[0-9a-f]{32}, commit \d+\nqueue {4}0 rows/)
  t.match(text.stdout, /^all .* MiB .*5\d %/m)
  const done = JSON.parse((await coffer(node, 'reclaim', '--json')).stdout)
  t.match(done, { outcomes: [{ done: { generation: 2, records: 40 } }] })
  t.same(done.outcomes[0].done.bad, [])
  const volumes = readdirSync(join(node.data, 'volumes'))
  t.equal(volumes.filter((name) => name.endsWith('.g2')).length, 1)
  t.notOk(volumes.some((name) => name.endsWith('.new')))
  await node.start()
  await objectsAreRight(t, node)
})

t.test('where nothing is live in a volume it goes, and its counters with it', async (t) => {
  const node = await halfDeleted(t)
  for (let i = 1; i < OBJECTS; i += 2) await node.request('DELETE', `/bkt/o${i}`)
  const { volume } = (await statusOf(node)).devices[0]!.volumes[0]!
  t.match((await coffer(node, 'reclaim')).stdout, /nothing was live: gone/)
  t.notOk((await statusOf(node)).devices[0]!.volumes.some((each) => each.volume === volume))
  await node.kill('SIGTERM')
  const { catalog, close } = await openStores(
    loadConfig({ file: configOf(node) }),
    makeLog('fatal'),
  )
  t.equal(await catalog.get(rowKeys.volumeUsage(volume)), undefined)
  await close()
})

t.test('a volume of which the rows contradict one another stays as it is', async (t) => {
  const node = await halfDeleted(t)
  const { volume } = (await statusOf(node)).devices[0]!.volumes[0]!
  await node.kill('SIGTERM')
  const { catalog, close } = await openStores(
    loadConfig({ file: configOf(node) }),
    makeLog('fatal'),
  )
  const page = await catalog.scan({
    from: rowKeys.volume(volume, ''),
    to: rowKeys.volume(volume, 'g'),
    limit: 1,
  })
  const [row] = page.entries
  await catalog.commit({ id: randomId(), del: [(row as { key: string }).key] })
  await close()
  const refused = await coffer(node, 'reclaim')
  t.equal(refused.code, 1)
  t.match(refused.stdout, /stayed as it was: the counters of a volume do not agree with its rows/)
  t.match(refused.stdout, /^Freed 0 B\.$/m)
  await node.start()
  await objectsAreRight(t, node)
})

t.test('what cannot be done is said in a line', async (t) => {
  const node = await halfDeleted(t)
  const says = async (message: RegExp, ...args: string[]) => {
    const { code, stdout, stderr } = await coffer(node, ...args)
    t.same([code, stdout], [stderr.startsWith('error: ') ? 2 : 1, ''], args.join(' '))
    t.match(stderr, message)
    t.equal(stderr.trimEnd().split('\n').length, 1)
  }
  const unknown = 'ab'.repeat(8)
  const noVolume = /^coffer: there is no volume abababababababab\n$/
  await says(noVolume, 'reclaim', '--volume', unknown)
  await says(/^error: .*A volume is 16 hex digits/, 'reclaim', '--volume', '0123')
  await says(/^error: .*A share is 0 to 1/, 'reclaim', '--dead-share', '2')
  await says(/^error: .*Bytes a second up to 1 TiB/, 'reclaim', '--rate', 'fast')
  await node.kill('SIGTERM')
  await says(noVolume, 'reclaim', '--volume', unknown)
  const empty = scratch(t)
  mkdirSync(join(empty, 'data'))
  for (const command of ['status', 'reclaim']) {
    const { code, stderr } = await run([command, '--data', join(empty, 'data')])
    t.equal(code, 1)
    t.match(stderr, /data: there is no catalog here\n$/)
  }
  t.same(readdirSync(join(empty, 'data')), [], 'and nothing is made')
})

t.test('the policy reclaims by itself what has passed the share', async (t) => {
  const node = await halfDeleted(t)
  await node.kill('SIGTERM')
  // A volume of this size is full at the next start, and sealed.
  const file = configOf(node)
  const storage = { reserveBytes: 0, volumeSizeBytes: 1 << 20 }
  const parsed = loadConfig({ file })
  const { data, keyring, devices, listen, users } = parsed
  for (const [deadShare, generation] of [
    [0.9, 1],
    [0.4, 2],
  ] as const) {
    const reclaim = { deadShare, enabled: true, bytesPerSecond: 0 }
    writeFileSync(
      file,
      stringify({ data, keyring, devices, listen, users, storage: { ...storage, reclaim } }),
    )
    await node.start()
    const sealed = async () => {
      const status = (await callControl(node.data, 'status', {})) as unknown as NodeStatus
      return status.devices[0]!.volumes.find(({ state }) => state === 'sealed')
    }
    await until(async () => (await sealed())?.generation === generation)
    t.equal((await sealed())?.generation, generation, `with ${deadShare}`)
    await objectsAreRight(t, node)
    await node.kill('SIGTERM')
  }
})
