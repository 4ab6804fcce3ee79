// Reads and copies during a reclaim. A download that began before its object was deleted goes on to its end
// while its volume is rewritten. A body that a copy references is not released with its first object.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import t, { type Test } from 'tap'
import type { Reclaimed } from '../../lib/blobs/reclaim.ts'
import { until } from '../helpers/blobs.ts'
import { startNode } from '../helpers/node.ts'
import { presignV2 } from '../helpers/presign.ts'

/** More than sockets and buffers hold. */
const BODY_BYTES = 24 << 20

const large = createHash('shake256', { outputLength: BODY_BYTES }).update('reclaim-read').digest()

/** A node with an object `large` of that body. */
async function start(t: Test, body: Buffer) {
  const storage = { volumeSizeBytes: 1 << 20, writeBufferBytes: 1 << 20 }
  const node = await startNode(t, { storage })
  await node.request('PUT', '/bkt')
  t.equal((await node.request('PUT', '/bkt/large', { body })).status, 200)
  /** Rewrites every volume, whatever its dead share. */
  const reclaimAll = async (): Promise<Reclaimed[]> => {
    const rewritten: Reclaimed[] = []
    for (const { volume } of await node.coffer.stores.blobs.usage()) {
      const [outcome] = await node.coffer.reclaimer.run({ volume, roll: true, bytesPerSecond: 0 })
      t.equal(outcome?.failure, undefined)
      if (outcome?.done !== undefined) rewritten.push(outcome.done)
    }
    return rewritten
  }
  return { node, reclaimAll }
}

t.test('a download goes on while its object is deleted and its volume rewritten', async (t) => {
  const { node, reclaimAll } = await start(t, large)
  const [answer] = (await once(get(node.http + presignV2('GET', '/bkt/large')), 'response')) as [
    IncomingMessage,
  ]
  t.equal(answer.statusCode, 200)
  answer.pause()
  t.equal(
    (await node.request('PUT', '/bkt/other', { body: large.subarray(0, 2 << 20) })).status,
    200,
  )
  t.equal((await node.request('DELETE', '/bkt/large')).status, 204)
  for (let generation = 2; generation <= 3; generation++) {
    const rewritten = await reclaimAll()
    t.ok(
      rewritten.some(({ liveBytes }) => liveBytes > BODY_BYTES),
      'what is read counts as live',
    )
  }
  const received: Buffer[] = []
  for await (const piece of answer) received.push(piece as Buffer)
  t.ok(Buffer.concat(received).equals(large), 'every byte came')
  t.ok(
    await until(async () => (await node.coffer.figures()).rows?.queueRows === 0),
    'then it is swept',
  )
  const liveBytes = (await reclaimAll()).reduce((sum, each) => sum + each.liveBytes, 0)
  t.ok(liveBytes < BODY_BYTES, 'and its bytes are given back')
  t.equal((await node.request('GET', '/bkt/other')).body.length, 2 << 20)
})

t.test('a copy keeps the bytes of an object that goes at the same moment', async (t) => {
  const body = large.subarray(0, 2 << 20)
  const { node, reclaimAll } = await start(t, body)
  const copy = (to: string) =>
    node.request('PUT', `/bkt/${to}`, { headers: { 'x-amz-copy-source': '/bkt/large' } })
  const names = ['a', 'b', 'c']
  const copies = names.map((name) => copy(name))
  const gone = node.request('DELETE', '/bkt/large')
  const lateNames = ['d', 'e']
  const late = lateNames.map((name) => copy(name))
  t.equal((await gone).status, 204)
  const statuses = (await Promise.all([...copies, ...late])).map(({ status }) => status)
  t.same(
    statuses.filter((status) => status !== 200 && status !== 404),
    [],
  )
  await until(async () => (await node.coffer.figures()).rows?.queueRows === 0)
  await reclaimAll()
  for (const [i, name] of [...names, ...lateNames].entries()) {
    const found = await node.request('GET', `/bkt/${name}`)
    t.equal(found.status, statuses[i], name)
    if (found.status === 200) t.ok(found.body.equals(body), name)
    await node.request('DELETE', `/bkt/${name}`)
  }
  await reclaimAll()
  const [device] = (await node.coffer.figures()).rows!.devices
  t.equal(device?.liveBytes, 0, 'the last one gave them up')
})
