// Users in memory: what another node on the same catalog changes is read, and a row that cannot be read is one user less.
import t from 'tap'
import { PasswordChecks } from '../../../lib/auth/password-checks.ts'
import { makeUsers } from '../../../lib/auth/users.ts'
import { rowMacs } from '../../../lib/crypto/row-mac.ts'
import { secretCipher } from '../../../lib/crypto/sealed-secret.ts'
import { createEc2Credential } from '../../../lib/identity/ec2-credentials.ts'
import { createProject, deleteProject } from '../../../lib/identity/projects.ts'
import { openRegistry } from '../../../lib/identity/registry.ts'
import { createUser, deleteUser, updateUser } from '../../../lib/identity/users.ts'
import { startNode } from '../../helpers/node.ts'

const alice = { account: 'p1', user: 'alice' }
const make = { address: '::1', makesProject: true }

t.test('a node reads what another one has changed, when it next looks', async (t) => {
  const node = await startNode(t)
  const { catalog } = node.coffer.stores
  const ring = { active: 'k1', key: () => Buffer.alloc(32, 1) }
  const open = () => {
    const checks = new PasswordChecks()
    const file = makeUsers({ accounts: [] }, checks)
    const ciphers = { cipher: secretCipher(ring), macs: rowMacs(ring, catalog.id) }
    return openRegistry(catalog, ciphers, file, checks, () => t.fail('damaged'))
  }
  const [here, there] = [await open(), await open()]
  await createUser(here, 'operator', { ...alice, password: 'one', roles: ['admin'] }, make)
  const { access } = await createEc2Credential(here, 'operator', alice)
  t.match(here.users.byName('p1', 'alice'), { roles: ['admin'] }, 'at once where it was done')
  t.equal(there.users.byName('p1', 'alice'), undefined)
  await there.directory.refresh()
  t.match(there.users.byName('p1', 'alice'), { roles: ['admin'] })
  t.equal(there.users.byAccessKey(access)?.secret, here.users.byAccessKey(access)?.secret)
  t.match(await there.users.byPassword('p1', 'alice', 'one', '::1'), alice)
  await updateUser(there, 'operator', alice, { password: 'two' }, '::1')
  t.match(await there.users.byPassword('p1', 'alice', 'two', '::1'), alice)
  await here.directory.refresh()
  t.equal(await here.users.byPassword('p1', 'alice', 'one', '::1'), undefined)
  t.equal(here.users.byRecentPassword('p1', 'alice', 'one'), undefined)
  await Promise.all([
    deleteUser(here, 'operator', alice),
    t.rejects(createUser(there, 'operator', { ...alice, roles: [] }, make), { message: /exists/ }),
  ])
  await there.directory.refresh()
  t.equal(there.users.byName('p1', 'alice'), undefined)
  t.equal(there.users.byAccessKey(access), undefined)
})

t.test('two nodes that make one user at once make it once', async (t) => {
  const node = await startNode(t)
  const { registry } = node.coffer
  const user = { account: 'test', user: 'twin', roles: [] }
  const made = await Promise.allSettled(
    [1, 2, 3].map(() => createUser(registry, 'operator', user, make)),
  )
  t.equal(made.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const each of made) if (each.status === 'rejected') t.match(each.reason, { reason: 'taken' })
})

t.test('a row that cannot be read is one user less, and the node starts', async (t) => {
  const node = await startNode(t)
  const { registry, stores } = node.coffer
  for (const user of ['one', 'two']) {
    await createUser(registry, 'operator', { account: 'test', user, roles: ['admin'] }, make)
  }
  await stores.catalog.commit({
    id: 'a'.repeat(32),
    put: [{ key: 'user/test/one', value: Buffer.from('no row') }],
  })
  await node.restart()
  const { users } = node.coffer.registry
  t.equal(users.byName('test', 'one'), undefined)
  t.match(users.byName('test', 'two'), { user: 'two' })
  t.match(node.logged(), '"key":"user/test/one"')
})

t.test('a project that is removed while a user is made in it has no user', async (t) => {
  const node = await startNode(t)
  const { registry } = node.coffer
  for (let round = 0; round < 5; round++) {
    await createProject(registry, 'operator', { id: 'short' })
    const user = { account: 'short', user: 'bob', roles: [] }
    const [made, gone] = await Promise.allSettled([
      createUser(registry, 'operator', user, { address: '::1' }),
      deleteProject(registry, 'operator', 'short'),
    ])
    const outcome = `${made.status} ${gone.status}`
    t.not(outcome, 'fulfilled fulfilled', outcome)
    t.not(outcome, 'rejected rejected', outcome)
    if (gone.status === 'fulfilled') continue
    t.match(gone.reason, { reason: 'taken' })
    await deleteUser(registry, 'operator', user)
    await deleteProject(registry, 'operator', 'short')
  }
})

t.test('no project takes the canonical id of an account of the file', async (t) => {
  const node = await startNode(t)
  const { registry } = node.coffer
  const s3 = [{ access: 'k', secret: 's', canonicalId: 'shown' }]
  node.replaceUsers({ accounts: [{ id: 'test', users: [{ name: 'x', s3 }] }] })
  for (const id of ['shown', 'test']) {
    await t.rejects(createProject(registry, 'operator', { id }), { message: /exists/ }, id)
  }
})
