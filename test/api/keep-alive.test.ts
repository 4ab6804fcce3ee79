// One TLS connection for many requests, as clients use it: the next request is on its way as soon as an
// answer has come whole.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import type { Rounds } from '../helpers/keep-alive-client.ts'
import { startNode } from '../helpers/node.ts'
import { login } from '../helpers/swift.ts'

const CLIENTS = 4
const ROUNDS = 40

t.test('a request right behind a large answer is read whole', async (t) => {
  const node = await startNode(t)
  const { token, request } = await login(node)
  await request('PUT', '/c')
  await request('PUT', '/c/large', { body: Buffer.alloc(1 << 20) })
  const { hostname, port } = new URL(node.https)
  const head = (method: string, name: string, more = '') =>
    `${method} /v1/AUTH_test/c/${name} HTTP/1.1\r\nHost: h\r\nX-Auth-Token: ${token}\r\n${more}\r\n`
  const workerData: Rounds = {
    host: hostname,
    port: Number(port),
    ca: readFileSync(join(node.dir, 'tls', 'cert.pem')),
    get: head('GET', 'large'),
    put: head('PUT', 'small', 'Content-Length: 6\r\n'),
    rounds: ROUNDS,
  }
  // Several at once keep the node busy: requests wait in its sockets while answers drain.
  const all = Array.from({ length: CLIENTS }, async () => {
    const url = new URL('../helpers/keep-alive-client.ts', import.meta.url)
    const client = new Worker(url, { workerData })
    const statuses: number[] = []
    client.on('message', (status: number) => statuses.push(status))
    await once(client, 'exit')
    return statuses
  })
  const wanted = Array.from({ length: 2 * ROUNDS }, (_, i) => (i % 2 === 0 ? 200 : 201))
  for (const statuses of await Promise.all(all)) t.same(statuses, wanted)
})
