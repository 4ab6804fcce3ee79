// An upload that is refused before its body was sent, by a client that wants the connection closed: it sends the
// whole body before it reads, as many do, and has to find the answer there (RFC 9112 §9.6).
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import t from 'tap'
import { startNode, type TestNode } from '../helpers/node.ts'

/** As much as a node still reads behind such an answer (docs/operations.md, Limits), less its head. */
const BODY_BYTES = 15 << 16
const PIECE = Buffer.alloc(1 << 16, 'x')

async function dial(node: TestNode, tls: boolean): Promise<Socket> {
  const { hostname: host, port } = new URL(tls ? node.https : node.http)
  const ca = readFileSync(join(node.dir, 'tls', 'cert.pem'))
  const place = { host, port: Number(port), allowHalfOpen: true }
  const socket = tls ? connectTls({ ...place, ca }) : connect(place)
  await once(socket, tls ? 'secureConnect' : 'connect')
  return socket
}

/** Sends the head and the whole body, and only then reads; the answer, or the error that took it away. */
async function upload(node: TestNode, tls: boolean, head: string): Promise<string> {
  const socket = await dial(node, tls)
  socket.pause()
  let failure = ''
  socket.on('error', ({ message }) => {
    failure = message
  })
  socket.write(`${head}Host: h\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`)
  for (let sent = 0; sent < BODY_BYTES && !socket.destroyed; sent += PIECE.length) {
    await new Promise((resolve) => socket.write(PIECE, resolve))
  }
  const read: Buffer[] = []
  socket.on('data', (piece: Buffer) => read.push(piece)).resume()
  if (!socket.destroyed) await once(socket, 'end').catch(() => undefined)
  socket.destroy()
  return failure + Buffer.concat(read)
}

const heads: Record<string, [head: string, answer: RegExp]> = {
  'an S3 client': ['PUT /none/o HTTP/1.1\r\nConnection: close\r\n', /^HTTP\/1\.1 40[34] /],
  'a Swift client': ['PUT /v1/AUTH_test/c/o HTTP/1.1\r\nConnection: close\r\n', /^HTTP\/1\.1 401 /],
  'a proxy with HTTP/1.0': ['PUT /none/o HTTP/1.0\r\n', /^HTTP\/1\.1 40[34] /],
  'a client that was not told to go on': [
    'PUT /none/o HTTP/1.1\r\nExpect: 100-continue\r\n',
    /^HTTP\/1\.1 40[34] /,
  ],
}

for (const [who, [head, answer]] of Object.entries(heads)) {
  t.test(`${who} that sends on reads the answer that refused it`, async (t) => {
    const node = await startNode(t)
    for (const tls of [false, true]) t.match(await upload(node, tls, head), answer, `TLS ${tls}`)
  })
}
