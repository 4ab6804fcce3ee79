// A body in chunks of a byte leaves the thread to others again and again, however fast it comes.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import t, { type Test } from 'tap'
import { Pull } from '../../../lib/bytes/pull.ts'
import { developmentCertificate } from '../../../lib/certificate.ts'
import { RequestMessage } from '../../../middleware/http/request-message.ts'
import { scratch } from '../../helpers/process.ts'

const CHUNKS = 100_000
/** What one read of 64 KiB holds, in chunks of a byte, and what may come before that read is the last. */
const CHUNKS_A_TURN_MAX = 2000 + (64 << 10) / '1\r\nx\r\n'.length + 1

const head = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
const request = Buffer.from(`${head}${'1\r\nx\r\n'.repeat(CHUNKS)}0\r\n\r\n`)

/** Counts the chunks that the parser gives between two turns of the event loop. */
const counted = { now: 0, most: 0 }
class Counted extends RequestMessage {
  override push(chunk: Buffer | null): boolean {
    if (counted.now++ === 0) {
      setImmediate(() => {
        counted.most = Math.max(counted.most, counted.now)
        counted.now = 0
      })
    }
    return super.push(chunk)
  }
}

for (const isTls of [false, true]) {
  t.test(`a body in chunks of a byte, ${isTls ? 'over TLS' : 'in clear'}`, async (t) => {
    counted.most = 0
    let answered = ''
    const handle: RequestListener = async (req: IncomingMessage, res) => {
      const pull = new Pull(req, { idleTimeoutMs: 60_000 })
      let bytes = 0
      for (let piece = await pull.read(); piece !== undefined; piece = await pull.read()) {
        bytes += piece.length
      }
      res.end(`${bytes} bytes`)
    }
    const options = { IncomingMessage: Counted as typeof IncomingMessage }
    const certificate = await developmentCertificate(scratch(t))
    const server = isTls
      ? createTlsServer({ ...options, ...certificate }, handle)
      : createServer(options, handle)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    const socket = isTls
      ? connectTls({
          port,
          host: '127.0.0.1',
          ca: String(certificate.cert),
          servername: 'localhost',
        })
      : connect(port, '127.0.0.1')
    for (let round = 0; round < 2; round++) {
      socket.write(request)
      for (let text = ''; !text.includes(' bytes'); answered += text) {
        text = String((await once(socket, 'data'))[0])
      }
    }
    t.equal(answered.split(`${CHUNKS} bytes`).length, 3, 'both bodies of the connection are whole')
    t.ok(counted.most <= CHUNKS_A_TURN_MAX, `${counted.most} chunks in one turn at most`)
    socket.destroy()
  })
}

/** A server whose requests go to `handle`, and a connection to it. */
async function connection(t: Test, handle: (req: IncomingMessage, socket: Socket) => unknown) {
  const server = createServer({ IncomingMessage: RequestMessage }, (req, res) =>
    Promise.resolve(handle(req, socket)).finally(() => res.end()),
  )
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => {
    socket.destroy()
    server.closeAllConnections()
    server.close()
  })
  return socket
}

t.test(
  'bytes that come one by one are given together, all of them and in their order',
  async (t) => {
    for (const count of [1, 2, 999, 1001, 5000, 70_000]) {
      const bytes = Buffer.from(Array.from({ length: count }, (_, i) => i % 251))
      const parts: Buffer[] = []
      const socket = await connection(t, async (req) => {
        const pull = new Pull(req, { idleTimeoutMs: 60_000 })
        for (let part = await pull.read(); part !== undefined; part = await pull.read()) {
          parts.push(part)
        }
      })
      const chunks = Array.from(bytes, (byte) => Buffer.from([49, 13, 10, byte, 13, 10]))
      socket.write(Buffer.concat([Buffer.from(head), ...chunks, Buffer.from('0\r\n\r\n')]))
      await once(socket, 'data')
      t.ok(Buffer.concat(parts).equals(bytes), `${count} bytes`)
      t.ok(parts.length <= 2 + count / 500, `${count} bytes in ${parts.length} pieces`)
    }
  },
)

t.test(
  'a small piece that came while the process stood still is seen before its sender is called slow',
  async (t) => {
    const codes: unknown[] = []
    const socket = await connection(t, async (req, socket) => {
      const pull = new Pull(req, { idleTimeoutMs: 30 })
      codes.push(String(await pull.read()))
      const next = pull.read()
      socket.write('late')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
      codes.push(await next.then(String, ({ code }) => code))
      pull.close()
    })
    socket.write('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nearly')
    await once(socket, 'data')
    t.same(codes, ['early', 'late'])
  },
)

t.test('a body in small chunks that nobody reads is held no longer than any other', async (t) => {
  const held: number[] = []
  const socket = await connection(t, async (req) => {
    for (let i = 0; i < 10; i++) {
      await sleep(20)
      held.push(req.readableLength)
    }
    held.push(req.readableHighWaterMark)
  })
  socket.write(head + `3e7\r\n${'x'.repeat(999)}\r\n`.repeat(5000))
  await once(socket, 'data')
  const mark = held.pop()!
  t.ok(Math.max(...held) >= mark, 'as much as a stream holds')
  t.ok(
    Math.max(...held) <= mark + (128 << 10),
    `and a read beyond it at most: ${Math.max(...held)}`,
  )
})
