// How long a node takes to end: as long as what is under way, and no longer. Its limit here is an hour, so that a
// connection that held it up would end the test, not the assertion.
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import t from 'tap'
import { send } from '../helpers/node.ts'
import { presignV2 } from '../helpers/presign.ts'
import {
  firstSecrets,
  type RunningProcess,
  scratch,
  start,
  writeConfig,
} from '../helpers/process.ts'

type Test = Parameters<typeof scratch>[0]

interface Draining extends RunningProcess {
  readonly credential: { readonly access: string; readonly secret: string }
  /** Sends SIGTERM, and resolves when the node has said that it drains. */
  drain(): Promise<void>
}

async function startNode(t: Test): Promise<Draining> {
  const directory = scratch(t)
  const config = writeConfig(directory, 'limits: { drainTimeoutMs: 3600000 }\n')
  const data = join(directory, 'data')
  const node = await start(t, ['--config', config, '--data', data])
  const credential = firstSecrets(data)
  const said = () => node.stdout().includes('"draining"')
  return {
    ...node,
    credential,
    async drain() {
      const heard = new Promise<void>((resolve) => {
        node.child.stdout!.on('data', () => said() && resolve())
      })
      node.child.kill('SIGTERM')
      await heard
    },
  }
}

/** A request on a connection that the client would use again. */
function askOn(agent: Agent, node: Draining, method: string, path: string) {
  const { port } = new URL(node.http)
  const signed = presignV2(method, path, node.credential)
  return request({ agent, host: '127.0.0.1', port, path: signed, method })
}

t.test('a node that ends waits for no connection that asks nothing', async (t) => {
  const node = await startNode(t)
  const host = '127.0.0.1'
  const [port, tlsPort] = [node.http, node.https].map((url) => Number(new URL(url).port))
  const silent = connect(port!, host)
  const halfAsked = connect(port!, host, () => void halfAsked.write('GET / HTTP/1.1\r\nHost: a'))
  const answered = connect(port!, host)
  const beforeHandshake = connect(tlsPort!, host)
  const afterHandshake = connectTls({ host, port: tlsPort!, rejectUnauthorized: false })
  const all: Socket[] = [silent, halfAsked, answered, beforeHandshake, afterHandshake]
  t.teardown(() => {
    for (const socket of all) socket.destroy()
  })
  for (const socket of all) socket.on('error', () => {})
  const closed = Promise.all(all.map((socket) => once(socket.resume(), 'close')))
  await once(afterHandshake, 'secureConnect')
  answered.write('GET /healthcheck HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(answered, 'data')
  await node.drain()
  await closed
  t.equal((await node.exited).code, 0)
})

t.test('an answer that is begun while the node ends is the last of its connection', async (t) => {
  const node = await startNode(t)
  await send(node.http, 'PUT', '/first', node.credential, '')
  const agent = new Agent({ keepAlive: true })
  const upload = askOn(agent, node, 'PUT', '/first/slow').setHeader('content-length', 10)
  const answered = once(upload, 'response')
  upload.write('01234')
  // An answer to a request that came later: the node has the first one by now.
  await send(node.http, 'GET', '/', node.credential, '')
  await node.drain()
  upload.end('56789')
  const [answer] = (await answered) as [IncomingMessage]
  t.equal(answer.resume().statusCode, 200)
  t.equal(answer.headers.connection, 'close', 'and the client is told')
  t.equal((await node.exited).code, 0)
})

t.test('a download that is under way is sent whole, and then the node ends', async (t) => {
  const node = await startNode(t)
  await send(node.http, 'PUT', '/first', node.credential, '')
  const body = Buffer.alloc(64 << 20, 'coffer ')
  await send(node.http, 'PUT', '/first/large', { ...node.credential, body }, '')
  const agent = new Agent({ keepAlive: true })
  const [answer] = (await once(askOn(agent, node, 'GET', '/first/large').end(), 'response')) as [
    IncomingMessage,
  ]
  await node.drain()
  let bytes = 0
  for await (const piece of answer) bytes += piece.length
  t.equal(bytes, body.length)
  t.equal((await node.exited).code, 0)
})
