// Two nodes on one catalog in Redis: a user that is made, changed or logged out on one of them is so on the other.
import t from 'tap'
import { startIdentityNode } from '../helpers/identity.ts'
import { drawnKeyring } from '../helpers/node.ts'
import { redisTest, startRedis } from '../helpers/redis.ts'

redisTest(t, 'what one node changes of users and tokens holds on the other', async (t) => {
  const { url } = await startRedis(t)
  const ring = drawnKeyring()
  const catalog = { redis: { url, prefix: 'both', durability: 'strict', timeoutMs: 5000 } }
  const start = () => startIdentityNode(t, { catalog } as never, ring)
  const [one, two] = [await start(), await start()]
  const admin = await one.tokenOf('tester', 'testing')
  t.equal((await two.ask('GET', '/v3/auth/projects', { token: admin })).status, 200)
  const user = { name: 'alice', password: 'secret1' }
  t.equal((await one.ask('POST', '/v3/users', { token: admin, body: { user } })).status, 201)
  // The other node looks every two seconds.
  const until = async (status: number, ask: () => Promise<{ status: number }>) => {
    while ((await ask()).status !== status) await new Promise((next) => setTimeout(next, 200))
  }
  await until(201, () => two.login('alice', 'secret1', 'test'))
  const token = await two.tokenOf('alice', 'secret1', 'test')
  const path = '/v3/users/test:tester/credentials/OS-EC2'
  const { credential } = (await two.ask('POST', path, { token: admin, body: {} })).json
  await until(200, () => one.node.request('GET', '/', credential))
  const revoke = { token, headers: { 'x-subject-token': token } }
  t.equal((await two.ask('DELETE', '/v3/auth/tokens', revoke)).status, 204)
  t.equal((await one.ask('GET', '/v3/auth/projects', { token })).status, 401, 'at once')
  const disabled = { user: { enabled: false } }
  await one.ask('PATCH', '/v3/users/test:alice', { token: admin, body: disabled })
  await until(401, () => two.login('alice', 'secret1', 'test'))
})
