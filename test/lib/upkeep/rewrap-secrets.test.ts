// EC2 secrets and secrets of the key manager hang on root keys: they are counted, come under the active key, and open
// once the older one is gone.
import t from 'tap'
import { countRootKeys, sayUse } from '../../../lib/upkeep/hanging-rows.ts'
import { startRewrap } from '../../../lib/upkeep/rewrap.ts'
import { administrators, appCredentialLogin, startIdentityNode } from '../../helpers/identity.ts'

const EC2 = '/v3/users/test:tester/credentials/OS-EC2'

/** Two root keys, of which a test takes one away. */
function makeRing() {
  const ring = {
    active: 'k1',
    ids: ['k1', 'k2'],
    key: (id: string) => (ring.ids.includes(id) ? Buffer.alloc(32, id) : undefined),
  }
  return ring
}

t.test('a rewrap brings EC2 secrets and payloads under the active root key', async (t) => {
  const ring = makeRing()
  const { node, ask, keys, tokenOf } = await startIdentityNode(t, {}, ring)
  const token = await tokenOf('tester', 'testing')
  const ec2 = (await ask('POST', EC2, { token, body: {} })).json.credential
  const body = { payload: 'kept', payload_content_type: 'text/plain' }
  const path = new URL((await keys('POST', '/v1/secrets', { token, body })).json.secret_ref)
    .pathname
  await keys('POST', '/v1/secrets', { token, body: {} })
  const { stores, registry } = node.coffer
  const before = await countRootKeys(stores)
  t.equal(sayUse(before.get('k1')!), '1 EC2 credential, 2 secrets and 1 payload')

  ring.active = 'k2'
  const run = () => startRewrap(stores, ring, { rowsPerSecond: 1e6, closed: () => false })
  const { progress, done } = run()
  await done
  t.match(progress, { ec2Credentials: 1, secrets: 2, secretPayloads: 1, failed: 0 })
  const after = await countRootKeys(stores)
  t.strictSame([...after.keys()], ['k2'])
  ring.ids = ['k2']
  await registry.directory.refresh()
  t.equal((await node.request('GET', '/', ec2)).status, 200)
  t.equal(
    (await ask('GET', `${EC2}/${ec2.access}`, { token: await tokenOf('tester', 'testing') })).json
      .credential.secret,
    ec2.secret,
  )
  const again = await tokenOf('tester', 'testing')
  t.equal((await keys('GET', `${path}/payload`, { token: again })).text, 'kept')
  const second = run()
  await second.done
  t.match(
    second.progress,
    { ec2Credentials: 0, secrets: 0, secretPayloads: 0 },
    'a second run has nothing to do',
  )
})

t.test('a rewrap signs users, credentials and what the key manager keeps anew', async (t) => {
  const ring = makeRing()
  const { node, ask, keys, tokenOf } = await startIdentityNode(t, {}, ring)
  node.replaceUsers(administrators)
  const root = await tokenOf('root', 'root-pass')
  await ask('POST', '/v3/projects', { token: root, body: { project: { name: 'new' } } })
  const user = { name: 'alice', password: 'secret1', default_project_id: 'new' }
  await ask('POST', '/v3/users', { token: root, body: { user } })
  await ask('PUT', '/v3/projects/new/users/new:alice/roles/creator', { token: root })
  const token = await tokenOf('alice', 'secret1', 'new')
  const app = await ask('POST', '/v3/users/new:alice/application_credentials', {
    token,
    body: { application_credential: { name: 'app' } },
  })
  const { id, secret } = app.json.application_credential
  const meta = { algorithm: 'aes', bit_length: 256 }
  const order = await keys('POST', '/v1/orders', { token, body: { type: 'key', meta } })
  const group = await keys('POST', '/v1/containers', {
    token,
    body: { type: 'generic', name: 'g' },
  })
  const { stores } = node.coffer
  ring.active = 'k2'
  const { progress, done } = startRewrap(stores, ring, {
    rowsPerSecond: 1e6,
    closed: () => false,
  })
  await done
  t.match(progress, { projects: 1, users: 1, appCredentials: 1, failed: 0 })
  t.match(progress, { secrets: 1, secretPayloads: 1, secretOrders: 1, secretContainers: 1 })
  t.strictSame([...(await countRootKeys(stores)).keys()], ['k2'])
  ring.ids = ['k2']
  await node.restart()
  const again = await tokenOf('alice', 'secret1', 'new')
  const delegated = await ask('POST', '/v3/auth/tokens', { body: appCredentialLogin(id, secret) })
  t.equal(delegated.status, 201)
  const show = async (ref: string) =>
    (await keys('GET', new URL(ref).pathname, { token: again })).json
  t.match(await show(order.json.order_ref), { status: 'ACTIVE', creator_id: 'new:alice' })
  t.match(await show(group.json.container_ref), { name: 'g' })
  t.notMatch(node.logged(), 'MAC of a row')
})

t.test('users whose root key was missing are there once the keyring has it', async (t) => {
  const ring = makeRing()
  const { node, ask, login, tokenOf } = await startIdentityNode(t, {}, ring)
  const token = await tokenOf('tester', 'testing')
  const user = { name: 'alice', password: 'secret1', default_project_id: 'test' }
  await ask('POST', '/v3/users', { token, body: { user } })
  Object.assign(ring, { active: 'k2', ids: ['k2'] })
  await node.restart()
  t.equal((await login('alice', 'secret1', 'test')).status, 401)
  ring.ids.push('k1')
  await node.coffer.registry.directory.load()
  t.equal((await login('alice', 'secret1', 'test')).status, 201)
})

t.test('a secret in another row’s place does not open, and says so to nobody', async (t) => {
  const { node, ask, keys, tokenOf } = await startIdentityNode(t)
  const token = await tokenOf('tester', 'testing')
  const { catalog } = node.coffer.stores
  const made = async (payload: string) => {
    const body = { payload, payload_content_type: 'text/plain' }
    const answer = await keys('POST', '/v1/secrets', { token, body })
    return new URL(answer.json.secret_ref).pathname
  }
  const [one, two] = [await made('one'), await made('two')]
  const keyOf = (path: string) => `secret-payload/test/${path.split('/').at(-1)}`
  const { value } = (await catalog.get(keyOf(one)))!
  await catalog.commit({ id: '0'.repeat(32), put: [{ key: keyOf(two), value }] })
  const read = await keys('GET', `${two}/payload`, { token })
  t.equal(read.status, 500)
  t.notMatch(read.text, /one|two/)
  t.equal((await keys('GET', `${one}/payload`, { token })).text, 'one')
  const ec2 = (await ask('POST', EC2, { token, body: {} })).json.credential
  const credential = (await catalog.get(`ec2-credential/${ec2.access}`))!
  const other = 'f'.repeat(32)
  const put = [{ key: `ec2-credential/${other}`, value: credential.value }]
  await catalog.commit({ id: '1'.repeat(32), put })
  await node.restart()
  t.equal((await node.request('GET', '/', { access: other, secret: ec2.secret })).status, 403)
  t.equal((await node.request('GET', '/', ec2)).status, 200)
})
