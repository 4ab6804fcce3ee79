// Clients that request much and read little. They hold little memory, and not for ever, and others are served
// meanwhile.
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startChildNode } from '../helpers/child-node.ts'
import type { TestNode } from '../helpers/node.ts'
import { readMetrics, startOpsNode } from '../helpers/ops.ts'
import { dialRaw } from '../helpers/raw.ts'
import { peakBytes, residentBytes } from '../helpers/resident.ts'
import { login } from '../helpers/swift.ts'
import { attackTable } from './table.ts'

const MIB = 1 << 20
/** More than the kernel takes for a client that does not read. */
const LARGE_BYTES = 12 * MIB
const get = (path: string, token = '') =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\n${token && `X-Auth-Token: ${token}\r\n`}\r\n`

/** Connections that request a path, and read nothing of the answer. */
async function stallOn(t: Test, base: string, request: string, count: number) {
  const all = await Promise.all(
    Array.from({ length: count }, () => dialRaw(t, { base }, { reads: false })),
  )
  for (const { socket } of all) socket.write(request)
  return all
}

t.test('readers that do not read hold little memory', async (t) => {
  const table = attackTable(t, 'slow readers, memory')
  const limits = { answerBytes: 64 * MIB }
  const node = await startChildNode(t, { storage: { reserveBytes: 0 }, limits })
  const headers = { 'x-auth-user': 'test:tester', 'x-auth-key': 'testing' }
  const { headers: granted } = await node.request('GET', '/auth/v1.0', { sign: false, headers })
  const token = String(granted['x-auth-token'])
  await node.request('PUT', '/box')
  await node.request('PUT', '/box/large', { body: Buffer.alloc(LARGE_BYTES) })
  await node.request('PUT', '/box/other', { body: Buffer.alloc(2 * MIB) })
  for (let i = 0; i < 3; i++) await node.request('GET', '/box/other')
  const before = residentBytes(node.pid)
  const stalled = await stallOn(t, node.http, get('/v1/AUTH_test/box/large', token), 300)
  for (let i = 0; i < 10; i++) {
    const { status, body } = await node.request('GET', '/box/other')
    const isWhole = status === 200 && body.length === 2 * MIB
    table.tried(`another client gets its ${i + 1}. download`, isWhole, status)
  }
  const grownBytes = peakBytes(node.pid) - before
  table.tried('300 of them take a MiB each at the most', grownBytes < 300 * MIB, grownBytes)
  for (const { socket } of stalled) socket.destroy()
})

/** A node with little memory for answers, and the requests for it. */
async function startSmall(t: Test, answerWaitMs: number) {
  const limits = { answerBytes: MIB, answerWaitMs }
  const node = await startOpsNode(t, { limits })
  const { token, request } = await login(node)
  await request('PUT', '/box')
  await request('PUT', '/box/large', { body: Buffer.alloc(LARGE_BYTES) })
  await request('PUT', '/box/small', { body: 'small' })
  const names = Array.from({ length: 60 }, (_, i) => `/box/${'n'.repeat(900)}${i}`)
  await Promise.all(names.map((name) => request('PUT', name, { body: 'x' })))
  return { node, token, request }
}

const isFull = ({ coffer }: TestNode) =>
  coffer.answerMemory.takenBytes >= coffer.answerMemory.limitBytes

/** Refusals one after the other that only memory held by answers explains: what is read ahead is dropped in a second,
 * and each of these has waited for a tenth of one. */
const REFUSALS = 15

/** Stalls readers until the memory for answers is theirs. On a busy machine some of them are refused themselves. */
async function fillMemory(t: Test, node: TestNode, token: string) {
  const stall = (count: number) =>
    stallOn(t, node.http, get('/v1/AUTH_test/box/large', token), count)
  const stalled = await stall(8)
  for (let refusals = 0; refusals < REFUSALS; ) {
    const { status } = await node.request('GET', '/box/large')
    refusals = status === 503 ? refusals + 1 : 0
    if (refusals === 0) stalled.push(...(await stall(1)))
  }
  return stalled
}

const refusedBy = async (node: TestNode) =>
  (await readMetrics(node)).get('coffer_limited_total{code="AnswersExceeded"}') ?? 0

t.test('where no memory for answers is left they are refused, and later served', async (t) => {
  const table = attackTable(t, 'slow readers, memory for answers')
  const { node, token, request } = await startSmall(t, 100)
  const stalled = await fillMemory(t, node, token)
  const refusedBefore = await refusedBy(node)
  const s3 = await node.request('GET', '/box/large')
  table.tried('S3 GET: SlowDown', s3.status === 503 && s3.text.includes('<Code>SlowDown<'), s3.text)
  table.tried('S3 GET: when to come again', s3.headers['retry-after'] === '1', s3.headers)
  table.tried('S3 GET: nothing of the object’s headers', s3.headers.etag === undefined, s3.headers)
  const swift = await request('GET', '/box/large')
  table.tried('Swift GET: 503', swift.status === 503, swift.status)
  table.tried('Swift GET: when to come again', swift.headers['retry-after'] === '1', swift.headers)
  const range = await node.request('GET', '/box/large', { headers: { range: 'bytes=0-99999' } })
  table.tried('a range of it', range.status === 503, range.status)
  for (const path of ['/box', '/box?list-type=2']) {
    const list = await node.request('GET', path)
    table.tried(
      `a long listing, ${path}`,
      list.status === 503 && list.text.includes('SlowDown'),
      list.status,
    )
  }
  const listed = await request('GET', '/box?format=json')
  table.tried('a long listing, Swift', listed.status === 503, listed.status)
  for (const [path, method] of [
    ['/box/small', 'GET'],
    ['/box/large', 'HEAD'],
    ['/box?max-keys=1', 'GET'],
    ['/', 'GET'],
  ] as const) {
    const { status } = await node.request(method, path)
    table.tried(`${method} ${path} is answered`, status === 200, status)
  }
  const refused = (await refusedBy(node)) - refusedBefore
  table.tried('what was refused is counted', refused === 6, refused)
  for (const { socket } of stalled) socket.destroy()
  let after = await node.request('GET', '/box/large')
  while (after.status === 503) after = await node.request('GET', '/box/large')
  table.tried('when they have gone it is served', after.body.length === LARGE_BYTES, after.status)
  while (node.coffer.answerMemory.takenBytes > 0) await sleep(10)
  table.tried('and all memory is given back', true)
})

t.test('an answer waits for memory, and is served when there is some', async (t) => {
  const table = attackTable(t, 'slow readers, waiting')
  const { node, token } = await startSmall(t, 60_000)
  const stalled = await stallOn(t, node.http, get('/v1/AUTH_test/box/large', token), 8)
  while (!isFull(node)) await sleep(10)
  const waiting = Array.from({ length: 4 }, () => node.request('GET', '/box/large'))
  await node.request('GET', '/box/small')
  for (const { socket } of stalled) socket.destroy()
  for (const { status, body } of await Promise.all(waiting)) {
    table.tried('it comes whole', status === 200 && body.length === LARGE_BYTES, status)
  }
  while (node.coffer.answerMemory.takenBytes > 0) await sleep(10)
  table.tried('and all memory is given back', true)
})

t.test('a client that takes its answer too slowly is cut off', async (t) => {
  const table = attackTable(t, 'slow readers, time')
  const limits = { answerTimeoutMs: 1000, answerBytesPerSecond: 1000 }
  const node = await startOpsNode(t, { limits })
  const { token, request } = await login(node)
  await request('PUT', '/box')
  await request('PUT', '/box/large', { body: Buffer.alloc(LARGE_BYTES) })
  const stalled = await stallOn(t, node.http, get('/v1/AUTH_test/box/large', token), 10)
  const cut = async () =>
    (await readMetrics(node)).get('coffer_connections_cut_total{why="slow"}') ?? 0
  while ((await cut()) < 10) {
    const { body } = await node.request('GET', '/box/large')
    if (body.length !== LARGE_BYTES) break
  }
  table.tried('ten that take nothing', (await cut()) === 10)
  table.tried(
    'are in the log',
    node.logged().match(/"operation":"GetObject"[^\n]*"aborted":true/g)?.length === 10,
  )
  for (const { socket, ended } of stalled) {
    socket.resume()
    await ended
  }
  table.tried('and gone', true)
})
