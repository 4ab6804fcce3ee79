// A body in chunks of a byte leaves the thread to others again and again, however fast it comes.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import t from 'tap'
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
