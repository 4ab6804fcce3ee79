// Real disks that go away, come back, are replaced, or turn read-only under a node that serves over HTTP. The
// other device serves on, open volumes stay readable, nothing acknowledged is lost, and nothing is written
// below a mount point. The disks are ext4 on loop devices, which only root can mount.
import { execFileSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { until } from '../helpers/blobs.ts'
import { startChildNode } from '../helpers/child-node.ts'
import { startNode } from '../helpers/node.ts'
import { type Disk, makeDisk } from '../helpers/small-disk.ts'

t.setTimeout(600_000)

const DISK_BYTES = 96 << 20
const probe = makeDisk('probe', DISK_BYTES)
probe?.remove()
const skip = probe === null && 'mounting an ext4 filesystem needs root and a loop device'

const storage = { reserveBytes: 0, writeBufferBytes: 1 << 20, volumeSizeBytes: 1 << 20 }
/** The note of a volume is removed after two seconds without a read. */
const IDLE_MS = 4500
/** A repair is tried once a second. */
const REPAIR_MS = 1500

const bodyOf = (name: string) => Buffer.alloc(100_000, name)

function newDisk(t: Test, name: string): Disk {
  const disk = makeDisk(name, DISK_BYTES)!
  t.teardown(() => disk.remove())
  return disk
}

interface Asked {
  request(
    method: string,
    path: string,
    options?: { body: Buffer },
  ): Promise<{ readonly status: number; readonly body: Buffer }>
}

/** Acknowledged objects, and a check whether they are there. */
class Kept {
  readonly names: string[] = []
  readonly #node: Asked

  constructor(node: Asked) {
    this.#node = node
  }

  /** Puts so many objects. Returns the statuses. */
  async put(count: number): Promise<number[]> {
    const statuses: number[] = []
    for (let i = 0; i < count; i++) {
      const name = `/bkt/${this.names.length}-${i}`
      const { status } = await this.#node.request('PUT', name, { body: bodyOf(name) })
      if (status === 200) this.names.push(name)
      statuses.push(status)
    }
    return statuses
  }

  /** The objects whose answer is not 200 with every byte. */
  async missing(names: readonly string[] = this.names): Promise<string[]> {
    const wrong: string[] = []
    for (const name of names) {
      const { status, body } = await this.#node.request('GET', name)
      if (status !== 200 || !body.equals(bodyOf(name))) wrong.push(`${name}: ${status}`)
    }
    return wrong
  }
}

/** A node on a device of the system's disk and one on `disk`, with at least one object on each. */
async function startOn(t: Test, disk: Disk) {
  const one = join(t.testdir(), 'one')
  const two = disk.directory
  const node = await startNode(t, { devices: [one, two], storage })
  // Closes the node before its disks are removed.
  t.teardown(() => node.coffer.close().catch(() => undefined))
  await node.request('PUT', '/bkt')
  const kept = new Kept(node)
  t.same(new Set(await kept.put(6)), new Set([200]))
  const impaired = () =>
    node.coffer.stores.blobs.devices().find(({ device }) => device === two)?.impaired ?? null
  const isWell = () => until(() => impaired() === null)
  return { node, kept, two, impaired, isWell }
}

t.test('a disk that is unmounted by force serves again once it is mounted', { skip }, async (t) => {
  const disk = newDisk(t, 'mount')
  const { node, kept, two, impaired, isWell } = await startOn(t, disk)
  disk.unmountByForce()
  const statuses = await kept.put(8)
  t.ok(statuses.filter((status) => status === 503).length <= 1, `one write meets it: ${statuses}`)
  t.match(impaired(), /is the disk mounted\?/)
  t.same(await kept.missing(), [], 'what is open is read on')
  await sleep(IDLE_MS)
  t.same(await kept.missing(), [], 'also after a while')
  t.same(new Set(await kept.put(3)), new Set([200]), 'the other device goes on')
  t.same(readdirSync(two), [], 'nothing was written below the mount point')

  disk.mount()
  t.ok(await isWell(), 'it is back without a restart')
  t.same(await kept.missing(), [])
  const bytesOn = async () =>
    (await node.coffer.stores.blobs.usage())
      .filter(({ device }) => device === two)
      .reduce((sum, { writtenBytes }) => sum + writtenBytes, 0)
  const before = await bytesOn()
  t.same(new Set(await kept.put(6)), new Set([200]))
  t.ok((await bytesOn()) > before, 'and takes writes')
  await node.restart()
  t.same(await kept.missing(), [], 'a start finds all that was acknowledged')
})

t.test(
  'a disk that goes while a volume on it is rewritten keeps all of it',
  { skip },
  async (t) => {
    const disk = newDisk(t, 'reclaim')
    const { node, kept, two, isWell } = await startOn(t, disk)
    const { blobs } = node.coffer.stores
    const { reclaimer } = node.coffer
    const { volume } = (await blobs.usage()).find(({ device }) => device === two)!
    const request = { volume, roll: true }
    // A rate at which the disk goes in the middle of the copy.
    const reclaiming = reclaimer.run({ ...request, bytesPerSecond: 200_000 })
    t.ok(await until(() => reclaimer.underWay?.step === 'copy' && reclaimer.underWay.bytes > 0))
    disk.unmountByForce()
    const [outcome] = await reclaiming
    t.type(outcome?.failure, 'string', 'it fails')
    t.same(readdirSync(two), [], 'nothing was written below the mount point')
    t.same(await kept.missing(), [], 'the volume is read on')
    const [refused] = await reclaimer.run(request)
    t.type(refused?.failure, 'string', 'it is not tried on the disk below')
    t.same(readdirSync(two), [])

    disk.mount()
    await kept.put(2)
    t.ok(await isWell())
    t.equal((await reclaimer.run(request))[0]?.done?.generation, 2, 'once it is back it is')
    const generations = readdirSync(two).filter((name) => /^[0-9a-f]{16}\.(g|new)/.test(name))
    t.same(
      generations.filter((name) => name.startsWith(volume)),
      [`${volume}.g2`],
    )
    t.same(await kept.missing(), [])
  },
)

t.test('an empty disk in its place is used once somebody says so', { skip }, async (t) => {
  const disk = newDisk(t, 'old')
  const { node, kept, two, impaired, isWell } = await startOn(t, disk)
  const before = await kept.missing()
  t.same(before, [])
  disk.unmountByForce()
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64M', 'tmpfs', two])
  const statuses = await kept.put(8)
  t.ok(statuses.filter((status) => status === 503).length <= 1, `${statuses}`)
  t.match(impaired(), /is the disk mounted\? .*new-disk/)
  await sleep(REPAIR_MS)
  t.same(await kept.missing(), [], 'what was on the old one is read on')
  t.same(readdirSync(two), [], 'nothing was written to the new one')

  writeFileSync(join(two, 'new-disk'), '')
  t.ok(await isWell(), 'without a restart')
  const first = kept.names.length
  t.same(new Set(await kept.put(6)), new Set([200]))
  t.ok(readdirSync(two).some((name) => /\.g1$/.test(name)))
  t.same(await kept.missing(kept.names.slice(first)), [])
  await node.restart()
  t.same(await kept.missing(kept.names.slice(first)), [])
  const lost = await kept.missing()
  t.ok(lost.length > 0 && lost.every((each) => each.endsWith(': 503')), 'the old one is missing')
})

t.test(
  'a disk that turns read-only is read on; it comes back with a restart',
  { skip },
  async (t) => {
    const disk = newDisk(t, 'abort')
    const { node, kept, impaired } = await startOn(t, disk)
    t.throws(
      () => execFileSync('mount', ['-o', 'remount,ro', disk.directory], { stdio: 'pipe' }),
      'nobody makes it read-only while the node has it',
    )
    disk.turnReadOnly()
    const statuses = await kept.put(8)
    t.ok(statuses.filter((status) => status === 503).length <= 1, `${statuses}`)
    t.type(impaired(), 'string')
    await sleep(REPAIR_MS)
    t.same(new Set(await kept.put(3)), new Set([200]), 'the other device goes on')
    t.same(await kept.missing(), [], 'what is open is read on, also after repairs were tried')
    // After an error, ext4 cannot be made writable again while a file is open.
    disk.unmountByForce()
    disk.mount()
    t.type(impaired(), 'string')
    t.same(await kept.missing(), [])
    await node.coffer.close()
    disk.unmount()
    disk.mount()
    await node.restart()
    t.equal(impaired(), null)
    t.same(await kept.missing(), [], 'nothing that was acknowledged is lost')
  },
)

t.test('on a catalog that turns read-only reads go on and writes are 503', { skip }, async (t) => {
  const disk = newDisk(t, 'catalog')
  const devices = [join(t.testdir(), 'volumes')]
  const node = await startChildNode(t, { catalog: 'level', data: disk.directory, devices, storage })
  await node.request('PUT', '/bkt')
  const kept = new Kept(node)
  t.same(new Set(await kept.put(3)), new Set([200]))
  const small = { body: Buffer.from('beside its row') }
  t.equal((await node.request('PUT', '/bkt/small', small)).status, 200)
  disk.turnReadOnly()
  t.same(new Set(await kept.put(3)), new Set([503]))
  t.equal((await node.request('PUT', '/bkt/small', { body: Buffer.from('other') })).status, 503)
  t.equal((await node.request('DELETE', kept.names[0]!)).status, 503)
  await sleep(REPAIR_MS)
  t.same(new Set(await kept.put(2)), new Set([503]))
  t.same(await kept.missing(), [])
  t.same((await node.request('GET', '/bkt/small')).body, small.body)
  t.equal((await node.request('GET', '/bkt?list-type=2')).status, 200)

  await node.kill('SIGTERM')
  disk.unmount()
  disk.mount()
  await node.start()
  t.same(await kept.missing(), [], 'nothing that was acknowledged is lost')
  t.same((await node.request('GET', '/bkt/small')).body, small.body)
  t.same(new Set(await kept.put(2)), new Set([200]))
})
