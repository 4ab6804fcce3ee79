// The ports of servers that a test starts again must not go to a connection that somebody opens meanwhile.
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { freePort, leastPassingPort } from './helpers/free-port.ts'

t.test('a port that is drawn is free, and none that the kernel gives away', async (t) => {
  const passing = leastPassingPort()
  const given = createServer().listen(0, '127.0.0.1')
  await once(given, 'listening')
  t.teardown(() => given.close())
  t.ok((given.address() as AddressInfo).port >= passing, 'the kernel gives those from there on')
  const drawn = await Promise.all(Array.from({ length: 50 }, freePort))
  t.same(
    drawn.filter((port) => port >= passing),
    [],
  )
  for (const port of drawn.slice(0, 10)) {
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    t.equal((server.address() as AddressInfo).port, port)
    server.close()
    await once(server, 'close')
  }
})
