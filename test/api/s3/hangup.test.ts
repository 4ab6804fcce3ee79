// Clients that stop in the middle, send too much, or nothing that can be read: nothing is left half-visible,
// nothing that was there is lost, and the node goes on.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { askerOf } from '../../helpers/asker.ts'
import { startNode, type TestNode } from '../../helpers/node.ts'
import { presignV2 } from '../../helpers/presign.ts'
import {
  completeBody,
  createUpload,
  element,
  elements,
  outcome,
  putPart,
} from '../../helpers/s3.ts'

async function open(node: TestNode): Promise<Socket> {
  const { hostname, port } = new URL(node.http)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  // A socket that the node resets is what some of these tests are about.
  socket.on('error', () => {})
  return socket
}

/** All that comes until the node closes the connection. */
async function readAll(socket: Socket): Promise<string> {
  const parts: Buffer[] = []
  socket.on('data', (part) => parts.push(part))
  await once(socket, 'close')
  return Buffer.concat(parts).toString()
}

const putHead = (path: string, length: number, extra = '') =>
  `PUT ${path} HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\r\n${extra}\r\n`

t.test('a client that hangs up in the middle of a PUT leaves what was there before', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  await node.request('PUT', '/bkt/o', { body: 'before' })
  for (const [length, sent] of [
    [10, 0],
    [10, 9],
    [100_000, 65_537],
    [1_000_000, 999_999],
  ] as const) {
    const socket = await open(node)
    socket.write(putHead(presignV2('PUT', '/bkt/o'), length))
    socket.write(Buffer.alloc(sent, 'x'))
    await sleep(30)
    socket.destroy()
    await sleep(30)
    t.equal((await node.request('GET', '/bkt/o')).text, 'before', `${sent} of ${length} bytes`)
  }
  const usage = await node.coffer.service.headContainer(
    askerOf({ account: 'test', user: 'tester', roles: ['admin'] }),
    { account: 'test', container: 'bkt' },
  )
  t.match(usage, { objects: 1, bytes: 6 })
})

t.test('a part that never ended is no part', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const id = await createUpload(node, '/bkt/o')
  const etag = await putPart(node, '/bkt/o', id, 1, { body: 'first' })
  const socket = await open(node)
  const query = { partNumber: '2', uploadId: id }
  const signed = presignV2('PUT', `/bkt/o?${new URLSearchParams(query)}`)
  socket.write(putHead(signed.replace('?AWSAccessKeyId', '&AWSAccessKeyId'), 100_000))
  socket.write(Buffer.alloc(70_000))
  await sleep(30)
  socket.destroy()
  await sleep(30)
  const parts = await node.request('GET', `/bkt/o?uploadId=${id}`)
  t.same(elements(parts, 'PartNumber'), ['1'])
  const body = completeBody([[1, etag]])
  t.equal(outcome(await node.request('POST', `/bkt/o?uploadId=${id}`, { body })), '200')
})

t.test('a client that hangs up in the middle of a GET ends that request alone', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const body = Buffer.alloc(20_000_000, 'x')
  await node.request('PUT', '/bkt/o', { body })
  for (let i = 0; i < 5; i++) {
    const socket = await open(node)
    socket.write(`GET ${presignV2('GET', '/bkt/o')} HTTP/1.1\r\nHost: h\r\n\r\n`)
    await once(socket, 'data')
    socket.destroy()
  }
  await sleep(100)
  t.ok((await node.request('GET', '/bkt/o')).body.equals(body))
  t.notMatch(node.logged(), '"level":"error"')
  t.match(node.logged(), '"aborted":true')
})

t.test(
  'a refusal before the body was read leaves the connection fit for the next request',
  async (t) => {
    const node = await startNode(t)
    const socket = await open(node)
    const path = presignV2('PUT', '/missing/o')
    socket.write(putHead(path, 5))
    socket.write('12345')
    const [first] = (await once(socket, 'data')) as [Buffer]
    t.match(first.toString(), /^HTTP\/1\.1 404 /)
    socket.write(`GET ${presignV2('GET', '/missing/o')} HTTP/1.1\r\nHost: h\r\n\r\n`)
    const [second] = (await once(socket, 'data')) as [Buffer]
    t.match(second.toString(), 'NoSuchBucket')
    socket.destroy()
  },
)

t.test('100 Continue goes out only where the body is wanted', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const wanted = await open(node)
  wanted.write(putHead(presignV2('PUT', '/bkt/o'), 5, 'Expect: 100-continue\r\n'))
  const [interim] = (await once(wanted, 'data')) as [Buffer]
  t.match(interim.toString(), /^HTTP\/1\.1 100 Continue/)
  wanted.write('12345')
  const [final] = (await once(wanted, 'data')) as [Buffer]
  t.match(final.toString(), /^HTTP\/1\.1 200 /)
  wanted.destroy()
  const refused = await open(node)
  refused.write(putHead(presignV2('PUT', '/missing/o'), 5, 'Expect: 100-continue\r\n'))
  const answer = await readAll(refused)
  t.match(answer, /^HTTP\/1\.1 404 /, 'the final answer at once')
  t.match(answer, /connection: close/i, 'and the end of the connection')
})

t.test('an expectation that nobody knows is ignored', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const headers = { expect: '200-ok' }
  t.equal(outcome(await node.request('PUT', '/bkt/o', { headers, body: 'x' })), '200')
})

t.test('what cannot be parsed gets an answer of S3', async (t) => {
  const node = await startNode(t)
  const cases: [string, string, number, string][] = [
    [
      'headers of 100 KB',
      `GET / HTTP/1.1\r\nHost: h\r\nX-Large: ${'x'.repeat(100_000)}\r\n\r\n`,
      431,
      'RequestHeaderSectionTooLarge',
    ],
    [
      'a million query parameters',
      `GET /bkt?${'a&'.repeat(1_000_000)} HTTP/1.1\r\nHost: h\r\n\r\n`,
      414,
      'RequestURITooLong',
    ],
    [
      'as many parameters as headers may hold',
      `GET /bkt?${'a&'.repeat(12_000)} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`,
      400,
      'InvalidURI',
    ],
    [
      'length and chunked together',
      'PUT /bkt/o HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
      'BadRequest',
    ],
    ['no HTTP at all', 'hello there\r\n\r\n', 400, 'BadRequest'],
  ]
  for (const [what, request, status, code] of cases) {
    const socket = await open(node)
    socket.write(request)
    const answer = await readAll(socket)
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), what)
    t.match(answer, `<Code>${code}</Code>`, what)
  }
  t.equal((await node.request('GET', '/')).status, 200, 'and the node goes on')
})

t.test('a PUT of unknown length is stored whole', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const socket = await open(node)
  const path = presignV2('PUT', '/bkt/o')
  socket.write(`PUT ${path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n`)
  socket.write(`3\r\nabc\r\n${(70_000).toString(16)}\r\n${'d'.repeat(70_000)}\r\n0\r\n\r\n`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  t.match(answer.toString(), /^HTTP\/1\.1 200 /)
  socket.destroy()
  t.equal((await node.request('GET', '/bkt/o')).text, `abc${'d'.repeat(70_000)}`)
})

t.test('an unknown parameter or header does no harm', async (t) => {
  const node = await startNode(t)
  const answer = await node.request('GET', '/missing?x-id=ListObjects&foo=bar&%F0%9F%98%80=1')
  t.equal(element(answer, 'Code'), 'NoSuchBucket')
})
