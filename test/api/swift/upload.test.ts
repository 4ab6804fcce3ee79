// Uploads through Swift: with a length, without one, checked, refused before the body, and broken off.
import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { startNode } from '../../helpers/node.ts'
import { login } from '../../helpers/swift.ts'

const md5 = (data: Buffer | string) => createHash('md5').update(data).digest('hex')

async function startContainer(t: Parameters<typeof startNode>[0]) {
  const node = await startNode(t)
  const swift = await login(node)
  await swift.request('PUT', '/c')
  const url = new URL(swift.storageUrl)
  const head = (lines: string[], path = '/c/o', method = 'PUT') =>
    [
      `${method} ${url.pathname}${path} HTTP/1.1`,
      `Host: ${url.host}`,
      `X-Auth-Token: ${swift.token}`,
      ...lines,
      '',
      '',
    ].join('\r\n')
  const open = () => connect(Number(url.port), url.hostname)
  return { node, swift, url, head, open }
}

/** What comes back until the connection closes. */
async function answerOf(socket: Socket): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of socket) parts.push(part as Buffer)
  return Buffer.concat(parts).toString()
}

/** Waits until what came ends with `text`. */
async function until(socket: Socket, text: string): Promise<void> {
  let seen = ''
  while (!seen.endsWith(text)) {
    const piece = socket.read() as Buffer | null
    if (piece === null) await new Promise((resolve) => socket.once('readable', resolve))
    else seen += piece
  }
}

const status = (answer: string) => answer.split('\r\n', 1)[0]

t.test('a body of unknown length is taken as it comes', async (t) => {
  const { swift, url } = await startContainer(t)
  const body = Buffer.alloc(150_000, 'chunk')
  const path = `${url.pathname}/c/o`
  const headers = { 'x-auth-token': swift.token, 'transfer-encoding': 'chunked', etag: md5(body) }
  const code = await new Promise((resolve, reject) => {
    const req = request(swift.storageUrl, { method: 'PUT', path, headers }, (res) => {
      res.resume()
      res.on('end', () => resolve(res.statusCode))
    })
    req.on('error', reject)
    for (let at = 0; at < body.length; at += 10_007) req.write(body.subarray(at, at + 10_007))
    req.end()
  })
  t.equal(code, 201)
  t.ok((await swift.request('GET', '/c/o')).body.equals(body))
})

t.test('without a length nothing is stored', async (t) => {
  const { swift, head, open } = await startContainer(t)
  const socket = open()
  socket.write(head(['Connection: close']))
  t.match(await answerOf(socket), /^HTTP\/1\.1 411 .*Missing Content-Length header\./s)
  t.equal((await swift.request('GET', '/c/o')).status, 404)
})

t.test('a body that is packed for its way is refused, not stored as it came', async (t) => {
  const { swift, head, open } = await startContainer(t)
  for (const coding of ['gzip, chunked', 'gzip,chunked']) {
    const socket = open()
    socket.write(head([`Transfer-Encoding: ${coding}`, 'Connection: close']))
    socket.write('5\r\nhello\r\n0\r\n\r\n')
    t.equal(status(await answerOf(socket)), 'HTTP/1.1 501 Not Implemented', coding)
  }
  t.equal((await swift.request('GET', '/c/o')).status, 404)
  const plain = open()
  plain.write(head(['Transfer-Encoding: Chunked', 'Connection: close']))
  plain.write('5\r\nhello\r\n0\r\n\r\n')
  t.equal(status(await answerOf(plain)), 'HTTP/1.1 201 Created')
})

t.test('an ETag that is not the content’s refuses it', async (t) => {
  const { swift } = await startContainer(t)
  const body = 'hello'
  const put = async (etag: string) =>
    (await swift.request('PUT', '/c/o', { body, headers: { etag } })).status
  const wrong = [md5('other'), md5(body).toUpperCase(), 'abc', '"', `W/"${md5(body)}"`, '""']
  for (const etag of wrong) t.equal(await put(etag), 422, etag)
  t.equal((await swift.request('GET', '/c/o')).status, 404)
  for (const etag of [md5(body), `"${md5(body)}"`, '']) t.equal(await put(etag), 201, etag)
})

t.test('a body beyond the largest size is refused before it is sent', async (t) => {
  const { head, open } = await startContainer(t)
  const socket = open()
  socket.write(head([`Content-Length: ${5 * 2 ** 30 + 1}`, 'Expect: 100-continue']))
  t.equal(status(await answerOf(socket)), 'HTTP/1.1 413 Request Entity Too Large')
})

t.test('what can be refused is refused before 100 Continue', async (t) => {
  const { swift, head, open } = await startContainer(t)
  await swift.request('PUT', '/c/o', { body: 'first' })
  const expects = ['Content-Length: 6', 'Expect: 100-continue', 'Connection: close']
  const refused = open()
  refused.write(head([...expects, 'If-None-Match: *']))
  t.equal(status(await answerOf(refused)), 'HTTP/1.1 412 Precondition Failed')
  const missing = open()
  missing.write(head(expects, '/none/o'))
  t.equal(status(await answerOf(missing)), 'HTTP/1.1 404 Not Found')
  const taken = open()
  taken.write(head(expects))
  await until(taken, 'HTTP/1.1 100 Continue\r\n\r\n')
  taken.write('second')
  t.equal(status(await answerOf(taken)), 'HTTP/1.1 201 Created')
  t.equal((await swift.request('GET', '/c/o')).text, 'second')
})

t.test('a client that goes away leaves nothing', async (t) => {
  const { node, swift, head, open } = await startContainer(t)
  await swift.request('PUT', '/c/o', { body: 'first' })
  const socket = open()
  socket.write(head(['Content-Length: 100000']))
  await new Promise((resolve) => socket.write(Buffer.alloc(50_000), resolve))
  socket.destroy()
  // Its line in the log says when the node has done with it.
  while (!node.logged().includes('"aborted":true')) await new Promise((go) => setTimeout(go, 20))
  t.equal((await swift.request('GET', '/c/o')).text, 'first')
  const { headers } = await swift.request('HEAD', '/c')
  t.match(headers, { 'x-container-object-count': '1', 'x-container-bytes-used': '5' })
})

t.test('a chunked body cut off before its last chunk leaves nothing', async (t) => {
  const { swift, head, open } = await startContainer(t)
  const socket = open()
  socket.write(head(['Transfer-Encoding: chunked']))
  socket.write('5\r\nhello\r\n')
  socket.end()
  await answerOf(socket)
  t.equal((await swift.request('GET', '/c/o')).status, 404)
})
