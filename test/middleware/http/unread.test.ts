// Answers to bodies that were not read: which connections end with them, and how.
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import t, { type Test } from 'tap'
import { developmentCertificate } from '../../../lib/certificate.ts'
import { closeUnread, endLingering } from '../../../middleware/http/unread.ts'
import { dialRaw } from '../../helpers/raw.ts'

const MIB = 1 << 20

/** Starts a server, which ends with the test; its port. */
async function listen(t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** A server that answers by `handle`, and a connection to it. */
async function dial(t: Test, handle: RequestListener) {
  const server = createServer((req, res) => {
    closeUnread(req, res)
    handle(req, res)
  })
  const port = await listen(t, server)
  return await dialRaw(t, { base: `http://127.0.0.1:${port}` })
}

const refuse: RequestListener = (_, res) => {
  res.writeHead(403, { 'Content-Length': 2 })
  res.end('no')
}

const put = (length: number, more = '') =>
  `PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n${more}\r\n`

t.test('a connection goes on where all of a body had come', async (t) => {
  for (const begin of [false, true]) {
    const { socket, answers } = await dial(t, (req, res) => {
      if (begin) req.once('data', () => req.pause())
      setTimeout(() => refuse(req, res), 50)
    })
    for (let i = 0; i < 3; i++) {
      socket.write(`${put(5)}hello`)
      const all = await answers(i + 1)
      t.equal(all.length, i + 1)
      t.match(all[i]!.head, /\r\nConnection: keep-alive/i, begin ? 'begun' : 'untouched')
    }
  }
})

t.test('a short body that still comes is read behind the answer', async (t) => {
  for (const more of ['', 'Connection: close\r\n']) {
    const { socket, answers, ended } = await dial(t, refuse)
    socket.write(put(65_536, more))
    t.equal((await answers(1))[0]?.status, 403)
    socket.write(Buffer.alloc(65_536))
    socket.write(put(1, 'Connection: close\r\n'))
    const count = more === '' ? 2 : 1
    if (count === 2) await answers(2)
    await ended
    t.equal((await answers(2)).length, count)
  }
})

t.test('what is sent behind an answer over TLS is read, though its body was not', async (t) => {
  const server = createTlsServer(await developmentCertificate(t.testdir()), (req, res) => {
    closeUnread(req, res)
    // By then Node has stopped reading: nobody takes the body.
    req.once('readable', () => setTimeout(() => refuse(req, res), 50))
  })
  const accepted = once(server, 'connection')
  const port = await listen(t, server)
  const client = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false })
  t.teardown(() => void client.destroy())
  client.on('error', () => undefined)
  await once(client, 'secureConnect')
  const [socket] = (await accepted) as [Socket]
  const gone = once(socket, 'close')
  const body = Buffer.alloc(500_000)
  client.write(Buffer.concat([Buffer.from(put(body.length)), body]))
  await once(client, 'data')
  t.ok(socket.bytesRead < body.length, 'most of it had not been read when the answer left')
  await gone
  t.ok(socket.bytesRead > body.length, 'and was before the connection closed')
})

t.test('any number of short bodies may be refused on one connection', async (t) => {
  const warned: Error[] = []
  const warn = (warning: Error) => void warned.push(warning)
  process.on('warning', warn)
  const { socket, answers } = await dial(t, refuse)
  for (let i = 1; i <= 30; i++) {
    socket.write(put(5))
    await answers(i)
    socket.write('hello')
  }
  process.off('warning', warn)
  t.same(warned, [], 'and no listener is left of any')
})

t.test('a connection ends with the answer where a long body still comes', async (t) => {
  for (const head of [
    put(65_537),
    'PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n',
    put(65_537, 'Connection: close\r\n'),
    put(10, 'Connection: close\r\n'),
    'PUT / HTTP/1.0\r\nContent-Length: 10\r\n\r\n',
  ]) {
    const { socket, answers, ended } = await dial(t, refuse)
    socket.write(`${head}hello`)
    const [answer] = await answers(1)
    t.equal(answer!.status, 403)
    t.match(answer!.head, /\r\nConnection: close/i)
    await ended
    socket.destroy()
  }
})

t.test('a request behind a body that was not read is not answered', async (t) => {
  const paths: string[] = []
  const { socket, answers, ended } = await dial(t, (req, res) => {
    paths.push(req.url!)
    refuse(req, res)
  })
  socket.write(put(100_000))
  await answers(1)
  socket.write(Buffer.alloc(100_000))
  socket.write('GET /next HTTP/1.1\r\nHost: x\r\n\r\n')
  await ended
  t.equal((await answers(2)).length, 1)
  t.same(paths, ['/'])
})

t.test('who sends its body to the end first still reads the answer', async (t) => {
  const { socket, answers } = await dial(t, refuse)
  socket.pause()
  socket.write(put(MIB))
  for (let i = 0; i < 16; i++) {
    await new Promise((resolve) => socket.write(Buffer.alloc(MIB / 16), resolve))
  }
  socket.resume()
  t.equal((await answers(1))[0]?.status, 403)
})

t.test('of what is sent behind the answer no more than a MiB is read', async (t) => {
  let readBytes = () => 0
  const { socket, answers, closed } = await dial(t, (req, res) => {
    readBytes = () => req.socket.bytesRead
    refuse(req, res)
  })
  socket.write(put(1 << 30))
  await answers(1)
  const fill = () => {
    while (!socket.destroyed && socket.write(Buffer.alloc(MIB)));
  }
  socket.on('drain', fill)
  fill()
  await closed
  t.ok(readBytes() < 2 * MIB, `${readBytes()} bytes were read`)
})

t.test('a client that drips behind the answer is cut off', async (t) => {
  const all = [1 << 30, 60_000].map(async (bytes) => {
    const { socket, answers, closed } = await dial(t, refuse)
    socket.write(put(bytes))
    await answers(1)
    const drip = setInterval(() => socket.write('x'), 100)
    await closed
    clearInterval(drip)
    t.pass(`of ${bytes} bytes, though it never falls silent`)
  })
  await Promise.all(all)
})

t.test('ending a connection twice says what there was to say once', async (t) => {
  const { socket, answers, ended } = await dial(t, (req) => {
    endLingering(req.socket, 'HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n')
    endLingering(req.socket, 'HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n')
  })
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await ended
  t.equal((await answers(2)).length, 1)
})
