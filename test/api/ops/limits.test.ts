// What a client may take of a node: connections, headers, uploads, guesses and time.
import { once } from 'node:events'
import { type ClientRequest, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { type Answer, startNode, type TestNode } from '../../helpers/node.ts'
import { readMetrics, startOpsNode } from '../../helpers/ops.ts'
import { createUpload } from '../../helpers/s3.ts'

type Test = Parameters<typeof startNode>[0]

const portOf = (node: TestNode) => Number(new URL(node.http).port)

async function tokenOf(node: TestNode, user = 'test:tester', password = 'testing') {
  return String((await login(node, user, password)).headers['x-auth-token'])
}

function login(node: TestNode, user: string, password: string): Promise<Answer> {
  const headers = { 'x-auth-user': user, 'x-auth-key': password }
  return node.request('GET', '/auth/v1.0', { sign: false, headers })
}

/** A connection, and all that came over it until it ended. */
function dial(t: Test, node: TestNode): { socket: Socket; ended: Promise<string> } {
  const socket = connect(portOf(node), '127.0.0.1')
  t.teardown(() => void socket.destroy())
  let text = ''
  socket.setEncoding('latin1').on('data', (more) => {
    text += more
  })
  socket.on('error', () => undefined)
  const ended = once(socket, 'close').then(() => text)
  return { socket, ended }
}

/** A PUT of which the node has the first half, and its answer. */
async function beginUpload(node: TestNode, path: string, token: string) {
  const upload: ClientRequest = request({ port: portOf(node), path, method: 'PUT' })
  upload.setHeader('x-auth-token', token)
  upload.setHeader('content-length', 10)
  const answered = once(upload, 'response').then(([res]) => res.resume().statusCode as number)
  upload.write('01234')
  // An answer to a request that came later: the node has this one by now.
  await node.request('GET', '/')
  return { answered, finish: () => void upload.end('56789') }
}

t.test('a listener takes as many connections as it may, and counts what it drops', async (t) => {
  const node = await startOpsNode(t, { limits: { connections: 2 } })
  const held = [dial(t, node), dial(t, node)]
  for (const { socket } of held) {
    socket.write('GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'data')
  }
  const { ended } = dial(t, node)
  t.equal(await ended, '', 'one more is closed without a word')
  const counted = await readMetrics(node)
  t.equal(counted.get('coffer_connections{listener="0"}'), 2)
  t.equal(counted.get('coffer_connections_dropped_total{listener="0"}'), 1)
  t.equal(counted.get('coffer_connections_dropped_total{listener="1"}'), 0)
  held[0]!.socket.destroy()
  await held[0]!.ended
  let answer = await node.request('GET', '/').catch(() => undefined)
  while (answer === undefined) answer = await node.request('GET', '/').catch(() => undefined)
  t.equal(answer.status, 200, 'and a place that is given up is free')
})

t.test('headers beyond the limit are refused in the words of the dialect', async (t) => {
  const node = await startNode(t, { limits: { headerBytes: 8192 } })
  const ask = (path: string, bytes: number) => {
    const { socket, ended } = dial(t, node)
    const start = `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Long: `
    socket.write(`${start}${'a'.repeat(bytes - start.length - 4)}\r\n\r\n`)
    return ended
  }
  t.match(await ask('/healthcheck', 8000), /^HTTP\/1.1 200 /)
  t.match(await ask('/box', 8000), /^HTTP\/1.1 404 /)
  const s3 = await ask('/box', 9000)
  t.match(s3, /^HTTP\/1.1 431 /)
  t.match(s3, '<Code>RequestHeaderSectionTooLarge</Code>')
  const swift = await ask('/v1/AUTH_test/c', 9000)
  t.match(swift, /^HTTP\/1.1 400 /)
  t.match(swift, 'Header Line Too Long')
})

t.test('headers that do not arrive in time end the connection', async (t) => {
  const node = await startNode(t, { limits: { headersTimeoutMs: 200 } })
  const { socket, ended } = dial(t, node)
  socket.write('GET /box HTTP/1.1\r\nHost: x\r\nX-Slow: ')
  t.match(await ended, '<Code>RequestTimeout</Code>')
})

t.test('a handshake that is not over in time ends the connection', async (t) => {
  const node = await startNode(t, { limits: { headersTimeoutMs: 200 } })
  const socket = connect(Number(new URL(node.https).port), '127.0.0.1')
  t.teardown(() => void socket.destroy())
  t.same(await once(socket.resume(), 'close'), [false])
})

t.test('a connection that asks for nothing more is closed', async (t) => {
  const node = await startNode(t, { limits: { keepAliveTimeoutMs: 100 } })
  const { socket, ended } = dial(t, node)
  socket.write('GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n')
  t.match(await ended, /^HTTP\/1.1 200 /, 'after its answer')
})

t.test('a download that nobody takes is given up', async (t) => {
  const node = await startNode(t, { limits: { socketTimeoutMs: 3000, bodyTimeoutMs: 3000 } })
  await node.request('PUT', '/box')
  await node.request('PUT', '/box/large', { body: Buffer.alloc(32 << 20) })
  const { socket } = dial(t, node)
  socket.pause()
  const token = await tokenOf(node)
  socket.write(`GET /v1/AUTH_test/box/large HTTP/1.1\r\nHost: x\r\nX-Auth-Token: ${token}\r\n\r\n`)
  const isGivenUp = () => node.logged().includes('"aborted":true')
  while (!isGivenUp()) await sleep(20)
  t.match(node.logged(), /"operation":"GetObject"[^\n]*"aborted":true/)
})

t.test('an upload that stalls is given up', async (t) => {
  const node = await startNode(t, { limits: { bodyTimeoutMs: 200 } })
  await node.request('PUT', '/box')
  const { answered } = await beginUpload(node, '/v1/AUTH_test/box/a', await tokenOf(node))
  t.equal(await answered, 408)
  t.equal((await node.request('HEAD', '/box/a')).status, 404)
})

t.test('an upload that drips is given up, though it never stalls', async (t) => {
  const limits = { bodyTimeoutMs: 400, bodyBytesPerSecond: 1000 }
  const node = await startNode(t, { limits })
  await node.request('PUT', '/box')
  const drip = (path: string, everyMs: number, bytes: number) => {
    const upload = request({ port: portOf(node), path, method: 'PUT' })
    upload.setHeader('x-auth-token', token)
    upload.setHeader('content-length', 100_000)
    upload.on('error', () => undefined)
    const timer = setInterval(() => upload.write('x'.repeat(bytes)), everyMs)
    t.teardown(() => clearInterval(timer))
    return once(upload, 'response').then(([res]) => {
      clearInterval(timer)
      return res.resume().statusCode
    })
  }
  const token = await tokenOf(node)
  t.equal(await drip('/v1/AUTH_test/box/a', 20, 1), 408)
  t.equal(await drip('/v1/AUTH_test/box/b', 20, 5000), 201, 'one that is fast enough is taken')
})

t.test('a user has as many uploads under way as it may, and others have theirs', async (t) => {
  const node = await startOpsNode(t, { limits: { uploadsPerUser: 2 } })
  await node.request('PUT', '/box')
  const token = await tokenOf(node)
  const first = await beginUpload(node, '/v1/AUTH_test/box/a', token)
  const second = await beginUpload(node, '/v1/AUTH_test/box/b', token)
  const s3 = await node.request('PUT', '/box/c', { body: 'x' })
  t.equal(s3.status, 503)
  t.match(s3.text, '<Code>SlowDown</Code>')
  t.equal(s3.headers['retry-after'], '1')
  const headers = { 'x-auth-token': token }
  const swift = await node.request('PUT', '/v1/AUTH_test/box/c', {
    sign: false,
    headers,
    body: 'x',
  })
  t.equal(swift.status, 498)
  t.match(swift.text, 'Rate Limited')
  t.equal((await node.request('GET', '/box')).status, 200, 'reading goes on')
  t.equal((await node.request('PUT', '/box')).status, 200, 'and what has no body')
  const other = { access: 'other:other', secret: 'testing2' }
  await node.request('PUT', '/elsewhere', other)
  t.equal((await node.request('PUT', '/elsewhere/a', { ...other, body: 'x' })).status, 200)
  first.finish()
  t.equal(await first.answered, 201)
  t.equal((await node.request('PUT', '/box/c', { body: 'x' })).status, 200, 'a place is free again')
  second.finish()
  t.equal(await second.answered, 201)
  const counted = await readMetrics(node)
  t.equal(counted.get('coffer_limited_total{code="UploadsExceeded"}'), 2)
})

t.test('copies take places as uploads do', async (t) => {
  const node = await startNode(t, { limits: { uploadsPerUser: 1 } })
  await node.request('PUT', '/box')
  await node.request('PUT', '/box/o', { body: 'x' })
  const upload = await createUpload(node, '/box/parts')
  const token = await tokenOf(node)
  const source = { 'x-amz-copy-source': '/box/o' }
  const part = `/box/parts?partNumber=1&uploadId=${upload}`
  const swift = { sign: false, headers: { 'x-auth-token': token } }
  const swiftCopy = (method: string, name: string, headers: Record<string, string>) =>
    node.request(method, `/v1/AUTH_test/box/${name}`, {
      ...swift,
      headers: { ...swift.headers, ...headers },
    })
  const copies: readonly [string, () => Promise<Answer>, number, number][] = [
    ['CopyObject', () => node.request('PUT', '/box/c', { headers: source }), 503, 200],
    ['UploadPartCopy', () => node.request('PUT', part, { headers: source }), 503, 200],
    ['COPY', () => swiftCopy('COPY', 'o', { destination: 'box/d' }), 498, 201],
    ['X-Copy-From', () => swiftCopy('PUT', 'e', { 'x-copy-from': 'box/o' }), 498, 201],
  ]
  const { catalog } = node.coffer.stores
  const commit = catalog.commit.bind(catalog)
  for (const [name, copy, refused, done] of copies) {
    const first = await beginUpload(node, '/v1/AUTH_test/box/first', token)
    t.equal((await copy()).status, refused, `${name} beside an upload`)
    first.finish()
    t.equal(await first.answered, 201)
    const begun = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    catalog.commit = async (change) => {
      begun.resolve()
      await released.promise
      await commit(change)
    }
    const copied = copy()
    await begun.promise
    t.equal((await node.request('PUT', '/box/b', { body: 'x' })).status, 503, `beside a ${name}`)
    released.resolve()
    t.equal((await copied).status, done)
    catalog.commit = commit
  }
})

t.test('an upload that is cut off gives its place back', async (t) => {
  const node = await startNode(t, { limits: { uploadsPerUser: 1 } })
  await node.request('PUT', '/box')
  const token = await tokenOf(node)
  const upload = request({ port: portOf(node), path: '/v1/AUTH_test/box/a', method: 'PUT' })
  upload.setHeader('x-auth-token', token)
  upload.setHeader('content-length', 10)
  upload.on('error', () => undefined)
  upload.write('01234')
  t.equal((await node.request('GET', '/')).status, 200)
  t.equal((await node.request('PUT', '/box/b', { body: 'x' })).status, 503)
  upload.destroy()
  let put = await node.request('PUT', '/box/b', { body: 'x' })
  while (put.status === 503) put = await node.request('PUT', '/box/b', { body: 'x' })
  t.equal(put.status, 200)
})

const guessing = { loginFailures: 3, loginBackoffMs: 60_000, loginBackoffMaxMs: 60_000 }

t.test('who guesses a password through Swift must wait, whatever it sends then', async (t) => {
  const node = await startOpsNode(t, { limits: guessing })
  for (let i = 0; i < 3; i++) t.equal((await login(node, 'test:tester', `guess ${i}`)).status, 401)
  const delayed = await login(node, 'test:tester', 'testing')
  t.equal(delayed.status, 429)
  t.equal(delayed.headers['retry-after'], '60')
  t.notOk(delayed.headers['x-auth-token'], 'the right password is not looked at')
  const other = await node.request('GET', '/auth/v1/test/auth', {
    sign: false,
    headers: { 'x-storage-user': 'tester', 'x-storage-pass': 'testing' },
  })
  t.equal(other.status, 429, 'nor under another spelling of the same user')
  t.equal((await login(node, 'other:other', 'testing2')).status, 200, 'another user may')
  t.match(
    node.audited.findLast(({ result }) => result === 'LoginDelayed'),
    { account: '', user: '' },
  )
  const counted = await readMetrics(node)
  t.equal(counted.get('coffer_limited_total{code="LoginDelayed"}'), 2)
  t.notMatch(node.logged(), '"stack"', 'a denial is nobody’s error')
})

t.test('who knew its password before logs in, whatever others send from its address', async (t) => {
  const node = await startNode(t, { limits: { ...guessing, loginFailuresPerAddress: 4 } })
  t.equal((await login(node, 'test:tester', 'testing')).status, 200)
  for (let i = 0; i < 8; i++) await login(node, `test:nobody${i}`, 'x')
  t.equal((await login(node, 'test:tester', 'guess')).status, 429)
  t.equal((await login(node, 'test:tester', 'testing')).status, 200)
  t.equal((await login(node, 'other:other', 'testing2')).status, 429, 'who comes first then waits')
})

t.test('tokens and signatures that are good go on while their user’s logins wait', async (t) => {
  const node = await startNode(t, { limits: guessing })
  const headers = { 'x-auth-token': await tokenOf(node) }
  for (let i = 0; i < 4; i++) await login(node, 'test:tester', 'guess')
  t.equal((await node.request('GET', '/v1/AUTH_test', { sign: false, headers })).status, 204)
  t.equal(
    (await node.request('GET', '/', { access: 'other:other', secret: 'testing2' })).status,
    200,
  )
})

const access = 'test:tester3'
const wrong = (node: TestNode, guess = 'guess') =>
  node.request('GET', '/', { access, secret: guess })

t.test('who guesses a secret key through S3 is told to slow down', async (t) => {
  const node = await startNode(t, { limits: guessing })
  for (let i = 0; i < 3; i++) t.equal((await wrong(node, `guess ${i}`)).status, 403)
  const delayed = await wrong(node)
  t.equal(delayed.status, 503)
  t.match(delayed.text, '<Code>SlowDown</Code>')
  t.equal(delayed.headers['retry-after'], '60')
  t.equal((await node.request('GET', '/')).status, 200, 'another key may')
  const v2 = { authorization: `AWS ${access}:c2lnbmF0dXJl`, date: new Date().toUTCString() }
  t.equal((await node.request('GET', '/', { sign: false, headers: v2 })).status, 503, 'nor by V2')
  t.notMatch(node.logged(), '"stack"', 'a denial is nobody’s error')
  const right = await node.request('GET', '/', { access, secret: 'testing3' })
  t.match(
    right.text,
    '<Code>AccessDenied</Code>',
    'a right signature passes, though without a right',
  )
  t.match((await wrong(node)).text, 'SignatureDoesNotMatch', 'and ends the row')
})

t.test('guesses are counted by the key that was looked at', async (t) => {
  const node = await startNode(t, { limits: guessing })
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '')
  const scope = `${day}/us-east-1/s3/aws4_request`
  const headers = (n: number) => ({
    'x-amz-date': new Date().toISOString().replace(/[-:]|\.\d+/g, ''),
    'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
    authorization: `AWS4-HMAC-SHA256 Credential=${access}/${scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=${String(n).repeat(64)}`,
  })
  const ask = (n: number, path: string) =>
    node.request('GET', path, { sign: false, headers: headers(n) })
  for (let i = 0; i < 3; i++) t.equal((await ask(i, `/?note=Credential=other${i}`)).status, 403)
  t.equal((await ask(4, '/')).status, 503, 'another name elsewhere in the request is none')
})

t.test('a right login ends the row of denials; a clock that is wrong is no guess', async (t) => {
  const node = await startNode(t, { limits: guessing })
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 2; i++) await node.request('GET', '/', { secret: 'typing error' })
    t.equal((await node.request('GET', '/')).status, 200)
  }
  const skewed = {
    sign: false,
    headers: { authorization: 'AWS test:tester:c2ln', date: 'Mon, 01 Jan 2001 00:00:00 GMT' },
  }
  for (let i = 0; i < 4; i++) t.equal((await node.request('GET', '/', skewed)).status, 403)
  t.equal((await node.request('GET', '/', { secret: 'typing error' })).status, 403)
})

t.test('an address that tries many users waits for all of them', async (t) => {
  const node = await startNode(t, { limits: { ...guessing, loginFailuresPerAddress: 4 } })
  for (let i = 0; i < 4; i++) t.equal((await login(node, `test:nobody${i}`, 'x')).status, 401)
  t.equal((await login(node, 'test:tester', 'testing')).status, 429)
  t.equal((await wrong(node)).status, 503)
  t.equal((await node.request('GET', '/')).status, 200, 'a right signature passes')
  t.equal((await wrong(node)).status, 503, 'and one that is known buys no guesses at others')
  t.equal((await node.request('GET', '/box', { sign: false })).status, 404, 'who is nobody may')
})
