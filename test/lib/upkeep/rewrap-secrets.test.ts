// EC2 secrets and secrets of the key manager hang on root keys: they are counted, come under the active key, and open
// once the older one is gone.
import t from 'tap'
import { countRootKeys, sayUse } from '../../../lib/upkeep/hanging-rows.ts'
import { startRewrap } from '../../../lib/upkeep/rewrap.ts'
import { startIdentityNode } from '../../helpers/identity.ts'

const EC2 = '/v3/users/test:tester/credentials/OS-EC2'

t.test('a rewrap brings EC2 secrets and payloads under the active root key', async (t) => {
  const ring = {
    active: 'k1',
    ids: ['k1', 'k2'],
    key: (id: string) => (ring.ids.includes(id) ? Buffer.alloc(32, id) : undefined),
  }
  const { node, ask, keys, tokenOf } = await startIdentityNode(t, {}, ring)
  const token = await tokenOf('tester', 'testing')
  const ec2 = (await ask('POST', EC2, { token, body: {} })).json.credential
  const body = { payload: 'kept', payload_content_type: 'text/plain' }
  const path = new URL((await keys('POST', '/v1/secrets', { token, body })).json.secret_ref)
    .pathname
  await keys('POST', '/v1/secrets', { token, body: {} })
  const { stores, registry } = node.coffer
  const before = await countRootKeys(stores)
  t.equal(sayUse(before.get('k1')!), '1 EC2 credential and 1 secret')

  ring.active = 'k2'
  const run = () => startRewrap(stores, ring, { rowsPerSecond: 1e6, closed: () => false })
  const { progress, done } = run()
  await done
  t.match(progress, { ec2Credentials: 1, secretPayloads: 1, failed: 0 })
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
    { ec2Credentials: 0, secretPayloads: 0 },
    'a second run has nothing to do',
  )
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
  t.equal((await node.request('GET', '/', { access: other, secret: ec2.secret })).status, 500)
  t.equal((await node.request('GET', '/', ec2)).status, 200)
})
