// Uploads that announce much and send little take only what they send, and lock no other client out.
import { statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t, { type Test } from 'tap'
import { answerStatus } from '../../bin/commands/status.ts'
import { startNode, type TestNode } from '../helpers/node.ts'
import { dialRaw } from '../helpers/raw.ts'
import { type AttackTable, attackTable } from './table.ts'

const GIB = 2 ** 30
const MIB = 2 ** 20
const SENT_BYTES = 20_000

/** A node that may still write about so many bytes. What others do to the disk meanwhile is little beside
 * that. */
async function startWithRoom(t: Test, roomBytes: number, limits = {}) {
  const { bavail, bsize } = statfsSync(tmpdir())
  const reserveBytes = Math.max(0, bavail * bsize - roomBytes)
  const node = await startNode(t, { storage: { reserveBytes }, limits })
  const other = { access: 'other:other', secret: 'testing2' }
  await node.request('PUT', '/box')
  await node.request('PUT', '/strange', other)
  const login = await node.request('GET', '/auth/v1.0', {
    sign: false,
    headers: { 'x-auth-user': 'other:other', 'x-auth-key': 'testing2' },
  })
  return { node, token: String(login.headers['x-auth-token']) }
}

/** Begins uploads that announce so many bytes, and send SENT_BYTES. */
async function announce(t: Test, node: TestNode, token: string, bytes: number, count: number) {
  const all = Array.from({ length: count }, async (_, i) => {
    const upload = await dialRaw(t, { base: node.http })
    upload.socket.write(
      `PUT /v1/AUTH_other/strange/${i} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: ${token}\r\nContent-Length: ${bytes}\r\n\r\n`,
    )
    upload.socket.write(Buffer.alloc(SENT_BYTES, 'x'))
    return upload
  })
  return await Promise.all(all)
}

const deviceOf = async ({ coffer }: TestNode) => (await answerStatus(coffer)).devices[0]!

/** Resolves when the node has refused or begun so many uploads. */
async function untilJudged(node: TestNode, uploads: Awaited<ReturnType<typeof announce>>) {
  for (;;) {
    const { claimedBytes } = await deviceOf(node)
    const begun = Math.round(claimedBytes / MIB)
    const refused = uploads.filter(({ received }) => received() > 0).length
    if (begun + refused >= uploads.length) return { begun, refused }
  }
}

async function tryOthers(table: AttackTable, node: TestNode, what: string) {
  for (const [name, request] of [
    ['a small object', { body: 'x' }],
    ['an object of a MiB', { body: Buffer.alloc(MIB) }],
  ] as const) {
    const { status } = await node.request('PUT', '/box/own', request)
    table.tried(`${what}: ${name} of another account is stored`, status === 200, status)
  }
}

t.test('what is announced and not sent locks nobody else out', async (t) => {
  const table = attackTable(t, 'announced sizes')
  const { node, token } = await startWithRoom(t, 12 * GIB)
  const uploads = await announce(t, node, token, 5 * GIB, 35)
  const { begun, refused } = await untilJudged(node, uploads)
  table.tried('one account announces no more than there is room for', begun <= 3, {
    begun,
    refused,
  })
  const [first] = await Promise.all(
    uploads.filter(({ received }) => received() > 0).map(({ answers }) => answers(1)),
  )
  table.tried('what is more is refused at once', first?.[0]?.status === 503, first?.[0]?.status)
  const device = await deviceOf(node)
  table.tried('little is claimed', device.claimedBytes <= begun * 2 * MIB, device.claimedBytes)
  table.tried(
    'and status shows what is announced',
    device.announcedBytes > begun * 4 * GIB,
    device.announcedBytes,
  )
  await tryOthers(table, node, '35 uploads of 5 GiB are announced')
  const large = await dialRaw(t, { base: node.http })
  const signed = await node.request('GET', '/auth/v1.0', {
    sign: false,
    headers: { 'x-auth-user': 'test:tester', 'x-auth-key': 'testing' },
  })
  const put = (bytes: number) =>
    `PUT /v1/AUTH_test/box/large HTTP/1.1\r\nHost: x\r\nX-Auth-Token: ${signed.headers['x-auth-token']}\r\nContent-Length: ${bytes}\r\nExpect: 100-continue\r\n\r\n`
  large.socket.write(put(5 * GIB))
  while (large.received() === 0) await new Promise((resolve) => setImmediate(resolve))
  table.tried('another account may begin one of 5 GiB, too', (await large.answers(0)).length === 0)
  for (const { socket } of [...uploads, large]) socket.destroy()
  let left = await deviceOf(node)
  while (left.claimedBytes + left.announcedBytes > 0) left = await deviceOf(node)
  table.tried('nothing is left of what has gone', true)
})

t.test('what cannot fit is refused before it is sent', async (t) => {
  const table = attackTable(t, 'announced sizes that do not fit')
  const { node, token } = await startWithRoom(t, 2 * GIB)
  const [upload] = await announce(t, node, token, 4 * GIB, 1)
  const [answer] = await upload!.answers(1)
  table.tried('Swift: 503', answer?.status === 503, answer?.status)
  const s3 = await node.request('PUT', '/box/large', {
    headers: { 'content-length': String(4 * GIB), 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
    body: Buffer.alloc(SENT_BYTES),
  })
  table.tried('S3: 507', s3.status === 507, s3.status)
  await tryOthers(table, node, 'after that')
})

t.test('a large body must come faster than a small one', async (t) => {
  const table = attackTable(t, 'announced sizes, time')
  const limits = { bodyTimeoutMs: 1000, bodyTotalMs: 3_600_000, bodyBytesPerSecond: 100 }
  const { node, token } = await startWithRoom(t, 12 * GIB, limits)
  const drip = (upload: { socket: { write(text: string): unknown } }) =>
    setInterval(() => upload.socket.write('x'.repeat(100)), 100)
  const [large] = await announce(t, node, token, 5 * GIB, 1)
  const timer = drip(large!)
  const [answer] = await large!.answers(1)
  clearInterval(timer)
  table.tried('5 GiB at 1 kB/s within an hour: 408', answer?.status === 408, answer?.status)
  const [small] = await announce(t, node, token, SENT_BYTES + 3000, 1)
  const smallTimer = drip(small!)
  const [stored] = await small!.answers(1)
  clearInterval(smallTimer)
  table.tried('23 kB at that rate: stored', stored?.status === 201, stored?.status)
  table.tried('in the log', node.logged().includes('"status":408'))
})
