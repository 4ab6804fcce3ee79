// Uploads that are begun and never completed: how many a user may have, and for how long.
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startBoth } from '../helpers/both.ts'
import { type SentRequest, startNode, type TestNode } from '../helpers/node.ts'
import { completeBody, createUpload, element, elements, outcome, putPart } from '../helpers/s3.ts'
import { attackTable } from './table.ts'

const table = attackTable(t, 'uploads')

const LIMIT = 5
const limits = { begunUploadsPerUser: LIMIT }
const other: SentRequest = { access: 'other:other', secret: 'testing2' }

const begin = (node: Pick<TestNode, 'request'>, path: string, options?: SentRequest) =>
  node.request('POST', `${path}?uploads`, options)

const isRefused = (told: string) => told === '400 InvalidRequest'

/** Ids of the begun uploads in a bucket. */
async function begunIn(node: TestNode, bucket: string): Promise<string[]> {
  return elements(await node.request('GET', `/${bucket}?uploads`), 'UploadId')
}

t.test('nobody begins more uploads than the limit, however they are begun', async (t) => {
  const node = await startNode(t, { limits })
  await node.request('PUT', '/bkt')
  await node.request('PUT', '/two')
  const first = await Promise.all(Array.from({ length: 40 }, (_, i) => begin(node, `/bkt/o${i}`)))
  const begun = first.filter(({ status }) => status === 200)
  t.equal(begun.length, LIMIT, 'of many at once so many are begun')
  for (const answer of first) {
    if (answer.status === 200) continue
    table.tried('one of 40 at once is refused', isRefused(outcome(answer)), outcome(answer))
    t.match(element(answer, 'Message'), `begun ${LIMIT} multipart uploads`)
  }
  for (const path of ['/bkt/o1', '/bkt/o1', '/bkt/another', '/two/o']) {
    const told = outcome(await begin(node, path))
    table.tried(`one more of ${path}`, isRefused(told), told)
  }
  await node.restart()
  for (let i = 0; i < 3; i++) {
    const told = outcome(await begin(node, '/two/o'))
    table.tried('one more after a restart', isRefused(told), told)
  }
  t.equal((await node.request('PUT', '/bkt/o', { body: 'x' })).status, 200, 'objects are written')
  t.equal((await begunIn(node, 'bkt')).length, LIMIT)
})

t.test('what has ended counts no more', async (t) => {
  const node = await startNode(t, { limits })
  await node.request('PUT', '/bkt')
  const full = async () => {
    while ((await begin(node, '/bkt/fill')).status === 200);
    return (await begunIn(node, 'bkt')).length
  }
  t.equal(await full(), LIMIT)
  for (let round = 0; round < 3; round++) {
    const [id] = await begunIn(node, 'bkt')
    t.equal((await node.request('DELETE', `/bkt/fill?uploadId=${id}`)).status, 204)
    const again = await node.request('DELETE', `/bkt/fill?uploadId=${id}`)
    table.tried('an abort sent again', outcome(again) === '404 NoSuchUpload', outcome(again))
    t.equal(await full(), LIMIT, 'an aborted one leaves room for one')
    const [next] = await begunIn(node, 'bkt')
    const etag = await putPart(node, '/bkt/fill', next!, 1, { body: 'x' })
    const body = completeBody([[1, etag]])
    for (let sent = 0; sent < 3; sent++) {
      const done = await node.request('POST', `/bkt/fill?uploadId=${next}`, { body })
      t.equal(done.status, 200, 'also where it is completed again')
    }
    t.equal(await full(), LIMIT, 'a completed one leaves room for one')
  }
  // A refused upload does not exist.
  const [id] = await begunIn(node, 'bkt')
  await node.request('DELETE', `/bkt/fill?uploadId=${id}`)
  for (let i = 0; i < 2 * LIMIT; i++) {
    t.equal(outcome(await begin(node, '/missing/o')), '404 NoSuchBucket')
    t.equal((await begin(node, '/bkt/o', { sign: false })).status, 403)
    const headers = { 'x-amz-server-side-encryption-customer-algorithm': 'AES256' }
    t.equal((await begin(node, '/bkt/o', { tls: true, headers })).status, 400)
  }
  t.equal((await begin(node, '/bkt/last')).status, 200, 'refusals take no room')
  t.equal(await full(), LIMIT)
})

t.test('uploads of a bucket that was deleted count no more', async (t) => {
  const node = await startNode(t, { limits })
  await node.request('PUT', '/bkt')
  for (let i = 0; i < LIMIT; i++) await createUpload(node, `/bkt/o${i}`)
  t.equal((await node.request('DELETE', '/bkt')).status, 204)
  await node.request('PUT', '/bkt')
  // The sweep aborts them.
  while ((await begin(node, '/bkt/o')).status !== 200) await sleep(20)
  t.equal((await begunIn(node, 'bkt')).length, 1)
})

t.test('a guest fills its own count, not that of whose bucket it is', async (t) => {
  const { node, swift } = await startBoth(t, { limits })
  await swift('PUT', '/bkt', { headers: { 'X-Container-Write': 'other:other' } })
  for (let i = 0; i < LIMIT; i++) {
    t.equal((await begin(node, `/bkt/o${i}`, other)).status, 200, 'a guest may')
  }
  for (let i = 0; i < 3; i++) {
    const told = outcome(await begin(node, '/bkt/o', other))
    table.tried('one more of a guest', isRefused(told), told)
  }
  const own = await begin(node, '/bkt/own')
  table.tried('the owner begins one beside a guest with many', own.status === 200, outcome(own))
  await node.request('PUT', '/theirs', other)
  t.equal((await begin(node, '/theirs/o', other)).status, 200, 'the guest’s own account is another')
})

t.test('an upload that is never completed is aborted, and gives its space back', async (t) => {
  const node = await startNode(t, { limits: { ...limits, begunUploadSeconds: 1 } })
  await node.request('PUT', '/bkt')
  const old: string[] = []
  for (const name of ['a', 'b/c', 'd\u0000e']) {
    const path = `/bkt/${encodeURIComponent(name)}`
    const id = await createUpload(node, path)
    await putPart(node, path, id, 1, { body: Buffer.alloc(200_000) })
    old.push(id)
  }
  await node.request('PUT', '/bkt/kept', { body: 'x' })
  await sleep(1100)
  // Each start looks for old uploads, as the node does every ten minutes.
  await node.restart()
  while ((await begunIn(node, 'bkt')).length > 0) await sleep(20)
  for (const id of old) {
    for (const [method, query] of [
      ['GET', ''],
      ['PUT', '&partNumber=2'],
      ['POST', ''],
      ['DELETE', ''],
    ] as const) {
      const body = method === 'POST' ? completeBody([[1, '"x"']]) : ''
      const answer = await node.request(method, `/bkt/a?uploadId=${id}${query}`, { body })
      table.tried(`${method} of one that is over`, answer.status === 404, outcome(answer))
    }
  }
  const { catalog } = node.coffer.stores
  const rows = async (from: string, to: string) =>
    (await catalog.scan({ from, to, limit: 1000 })).entries.length
  while ((await rows('queue/', 'queue0')) > 0) await sleep(20)
  table.tried('no blob of a part is left', (await rows('blob/', 'blob0')) === 0)
  table.tried('no count of parts is left', (await rows('upload-parts/', 'upload-parts0')) === 0)
  t.equal((await node.request('GET', '/bkt/kept')).text, 'x', 'objects stay')
  t.equal((await begin(node, '/bkt/o')).status, 200, 'there is room again')
})

t.test('a young upload, and any where the age is 0, stays', async (t) => {
  for (const begunUploadSeconds of [0, 604_800]) {
    const node = await startNode(t, { limits: { begunUploadSeconds } })
    await node.request('PUT', '/bkt')
    const id = await createUpload(node, '/bkt/o')
    const etag = await putPart(node, '/bkt/o', id, 1, { body: 'part' })
    await node.restart()
    // The search of a second start has ended when this node has closed again.
    await node.restart()
    t.strictSame(await begunIn(node, 'bkt'), [id])
    const body = completeBody([[1, etag]])
    t.equal((await node.request('POST', `/bkt/o?uploadId=${id}`, { body })).status, 200)
    t.equal((await node.request('GET', '/bkt/o')).text, 'part')
  }
})
