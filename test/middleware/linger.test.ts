// The end of a connection whose client is still sending: how long it may.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { endLingering, type Lingering } from '../../middleware/linger.ts'

/** A client's connection, which the other side ends as soon as it is there. */
async function dialEnded(t: Test, lingering: Lingering): Promise<Socket> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined)
    endLingering(socket, 'answer', lingering)
    endLingering(socket, 'and no other', lingering)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => void client.destroy())
  client.setEncoding('utf8')
  return client
}

t.test('a client that sends for ever is cut off', async (t) => {
  const client = await dialEnded(t, { idleMs: 600_000, totalMs: 50 })
  t.same(await once(client, 'data'), ['answer'])
  const timer = setInterval(() => client.write('more'), 5)
  t.teardown(() => clearInterval(timer))
  const [error] = await once(client, 'error').catch((error) => [error])
  t.match(error.code, /^(EPIPE|ECONNRESET)$/)
})

t.test('a client that sends nothing more and does not close is cut off', async (t) => {
  const client = await dialEnded(t, { idleMs: 50, totalMs: 600_000 })
  t.same(await once(client, 'data'), ['answer'])
  await once(client, 'end')
  const timer = setInterval(() => client.write('more'), 200)
  t.teardown(() => clearInterval(timer))
  const [error] = await once(client, 'error').catch((error) => [error])
  t.match(error.code, /^(EPIPE|ECONNRESET)$/)
})

t.test('a client that closes leaves nothing behind', async (t) => {
  const client = await dialEnded(t, { idleMs: 600_000, totalMs: 600_000 })
  t.same(await once(client, 'data'), ['answer'])
  client.end('the rest')
  t.same(await once(client, 'close'), [false], 'without an error')
})
