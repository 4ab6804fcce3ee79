// Who may do what, asked of the service by every kind of caller, over accounts and containers with every
// kind of list.
import t from 'tap'
import type { Asker } from '../../../lib/auth/asker.ts'
import { isCode } from '../../../lib/errors.ts'
import { authorize } from '../../../lib/service/access.ts'
import type { Action } from '../../../lib/service/actions.ts'
import type { ContainerSettings } from '../../../lib/service/container-types.ts'
import { askerOf, nobody } from '../../helpers/asker.ts'
import { admin, startService, type TestService } from '../../helpers/service.ts'

const plain = askerOf({ account: 'test', user: 'plain', roles: [] })
const other = askerOf({ account: 'other', user: 'sue', roles: ['admin'] })
const third = askerOf({ account: 'third', user: 'bob', roles: [] })
const resellerAdmin = askerOf({ account: 'ops', user: 'root', roles: ['reseller_admin'] })
const resellerReader = askerOf({ account: 'ops', user: 'eye', roles: ['reseller_reader'] })

/** Rights, each by an action that takes it. */
const asked = {
  own: 'updateAccount',
  readAccount: 'headAccount',
  readContainer: 'listObjects',
  writeContainer: 'deleteContainer',
  readObject: 'getObject',
  readUploads: 'listUploads',
  writeObject: 'putObject',
  readVersion: 'getVersion',
  deleteVersion: 'deleteVersion',
} as const satisfies Record<string, Action>
type Right = keyof typeof asked
const rights = Object.keys(asked) as Right[]
const reads = rights.filter((right) => right.startsWith('read'))
const everything = [...rights]
const everythingButOwn = rights.filter((right) => right !== 'own')

/** The rights that the asker has in account `test`, on container `c` where the right is on one. */
async function rightsOf(test: TestService, asker: Asker, container = 'c') {
  const granted: Right[] = []
  for (const right of rights) {
    try {
      await authorize(test.stores, asker, asked[right], { account: 'test', container })
      granted.push(right)
    } catch (error) {
      if (!isCode(error, 'AccessDenied')) throw error
    }
  }
  return granted
}

const settings = (test: TestService, acl: ContainerSettings['acl']) =>
  test.service.putContainer(admin, { account: 'test', container: 'c' }, { acl })

t.test('roles give rights on whole accounts', async (t) => {
  const test = await startService(t)
  t.same(await rightsOf(test, admin), everything)
  t.same(await rightsOf(test, resellerAdmin), everything)
  t.same(await rightsOf(test, resellerReader), reads)
  t.same(await rightsOf(test, plain), [], 'a user is no admin of his own account')
  t.same(await rightsOf(test, other), [], 'an admin is nobody elsewhere')
  t.same(await rightsOf(test, nobody), [])
  t.same(await rightsOf(test, askerOf(null, { referrer: 'http://example.com' })), [])
})

t.test('nothing is read for an account’s own admins', async (t) => {
  const stores = {} as never
  for (const right of rights) {
    const action = asked[right]
    const ref = { account: 'test', container: 'c' }
    t.equal(authorize(stores, admin, action, ref), undefined, right)
    t.equal(authorize(stores, resellerAdmin, action, { account: 'test' }), undefined, right)
  }
})

t.test('an account’s ACL makes readers, writers and owners of others', async (t) => {
  const test = await startService(t)
  const { service } = test
  const none = { admin: [], readWrite: [], readOnly: [] }
  const grant = (acl: Partial<typeof none> | Record<string, string[]>) =>
    service.updateAccount(admin, 'test', { acl: { ...none, ...acl } })
  await grant({ readOnly: ['third'] })
  t.same(await rightsOf(test, third), reads)
  t.equal(await service.isAllowed(third, 'getAccountAcl', { account: 'test' }), false)
  await grant({ readWrite: ['third:bob'] })
  t.same(await rightsOf(test, third), everythingButOwn)
  t.equal(await service.isAllowed(third, 'getAccountAcl', { account: 'test' }), false)
  await grant({ admin: ['third:bob'], readOnly: ['other'] })
  t.same(await rightsOf(test, third), everything)
  t.equal(await service.isAllowed(third, 'getAccountAcl', { account: 'test' }), true)
  t.same(await rightsOf(test, other), reads)
  t.same(await rightsOf(test, askerOf({ account: 'third', user: 'eve', roles: [] })), [])
  t.same(await rightsOf(test, plain), [])
  t.same(await rightsOf(test, nobody), [])
  await grant({ admin: ['other'], readWrite: ['other'], readOnly: ['other', 'test:plain'] })
  t.same(await rightsOf(test, other), everything, 'the highest of several counts')
  t.same(await rightsOf(test, plain), reads)
  await service.updateAccount(admin, 'test', { acl: null })
  t.same(await rightsOf(test, other), [])
  t.equal(await service.isAllowed(admin, 'getAccountAcl', { account: 'test' }), true)
  t.equal(await service.isAllowed(resellerAdmin, 'getAccountAcl', { account: 'test' }), true)
  t.equal(await service.isAllowed(resellerReader, 'getAccountAcl', { account: 'test' }), false)
  t.equal(await service.isAllowed(nobody, 'getAccountAcl', { account: 'test' }), false)
})

t.test('a container’s lists let others read or write its objects', async (t) => {
  const test = await startService(t)
  const host = 'http://www.example.com/page'
  const readList = ['readContainer', 'readObject', 'readUploads']
  const asReferrer = ['readContainer', 'readObject']
  const table: [
    read: string,
    write: string,
    asker: Asker,
    referrer: string | undefined,
    granted: readonly string[],
  ][] = [
    ['', '', third, undefined, []],
    ['third', '', third, undefined, readList],
    ['third:bob', '', third, undefined, readList],
    ['third:eve', '', third, undefined, []],
    ['third:*', '', third, undefined, readList],
    ['*:bob', '', third, undefined, readList],
    ['*:*', '', third, undefined, readList],
    ['*', '', third, undefined, readList],
    ['*:*,*', '*,*:*', nobody, undefined, []],
    ['test', '', plain, undefined, readList],
    ['', 'third', third, undefined, ['writeObject']],
    ['', 'third:bob', third, undefined, ['writeObject']],
    ['', '*', third, undefined, ['writeObject']],
    ['third', 'third', third, undefined, [...readList, 'writeObject']],
    ['.r:*', '', nobody, undefined, ['readObject']],
    ['.r:*', '', third, undefined, ['readObject']],
    ['.r:*,.rlistings', '', nobody, undefined, asReferrer],
    ['.rlistings', '', nobody, host, []],
    ['.r:*,.rlistings', '', third, undefined, asReferrer],
    ['.rlistings,third', '', third, undefined, readList],
    ['.r:.example.com', '', nobody, host, ['readObject']],
    ['.r:.example.com,.rlistings', '', nobody, host, asReferrer],
    ['.r:.example.com,.rlistings', '', nobody, undefined, []],
    ['.r:.example.com,.rlistings', '', nobody, 'http://example.com/', []],
    ['.r:*,.r:-.example.com,.rlistings', '', nobody, host, []],
    ['.r:-.example.com,third', '', third, host, readList],
    ['', '.rlistings', nobody, host, []],
  ]
  for (const [read, write, { caller }, referrer, granted] of table) {
    const asker = askerOf(caller, { referrer })
    await settings(test, { read, write })
    const who = `${caller?.user} from ${referrer} by '${read}' and '${write}'`
    t.same(await rightsOf(test, asker), granted, who)
    t.same(await rightsOf(test, asker, 'missing'), [], `${who}: no such container`)
  }
})

t.test(
  'a container that is not there looks forbidden, but not to who has the account',
  async (t) => {
    const test = await startService(t)
    const { service } = test
    const missing = { account: 'test', container: 'missing' }
    for (const caller of [nobody, third, plain, other]) {
      await t.rejects(service.headContainer(caller, missing), { code: 'AccessDenied' })
      await t.rejects(service.deleteContainer(caller, missing), { code: 'AccessDenied' })
      await t.rejects(service.updateContainer(caller, missing, {}), { code: 'AccessDenied' })
    }
    for (const caller of [admin, resellerAdmin, resellerReader]) {
      await t.rejects(service.headContainer(caller, missing), { code: 'ContainerMissing' })
    }
  },
)

t.test('write access to objects gives none to the container', async (t) => {
  const test = await startService(t)
  const { service } = test
  const ref = { account: 'test', container: 'c' }
  await settings(test, { read: '*', write: '*' })
  const denied = { code: 'AccessDenied' }
  await t.rejects(service.putContainer(third, ref, {}), denied)
  await t.rejects(service.updateContainer(third, ref, { metadata: { a: 'b' } }), denied)
  await t.rejects(service.deleteContainer(third, ref), denied)
  await t.rejects(
    service.createContainer(third, { ...ref, container: 'd' }, { indexed: false }),
    denied,
  )
  await t.rejects(service.listContainers(third, 'test', { limit: 10 }), denied)
  await t.rejects(service.headAccount(third, 'test'), denied)
  await t.rejects(service.updateAccount(third, 'test', {}), denied)
  const info = await service.headContainer(third, ref)
  t.match(info, { metadata: {}, acl: { read: '*', write: '*' } })
  await t.rejects(service.headContainer(nobody, ref), denied)
})

t.test('settings of who may do what are an owner’s alone', async (t) => {
  const test = await startService(t)
  const { service } = test
  const ref = { account: 'test', container: 'c' }
  await service.putContainer(admin, ref, {})
  await service.updateAccount(admin, 'test', {
    acl: { admin: ['other'], readWrite: ['third'], readOnly: [] },
  })
  await service.updateContainer(third, ref, { metadata: { colour: 'red' } })
  t.strictSame(await service.putContainer(third, { ...ref, container: 'd' }, {}), { created: true })
  const denied = { code: 'AccessDenied' }
  for (const owned of [{ acl: { read: '*' } }, { acl: {} }, { versioning: 'enabled' }] as const) {
    await t.rejects(service.updateContainer(third, ref, owned), denied)
    await t.rejects(service.putContainer(third, ref, owned), denied)
    await t.rejects(service.putContainer(third, { ...ref, container: 'e' }, owned), denied)
  }
  await t.rejects(service.updateAccount(third, 'test', { metadata: { a: 'b' } }), denied)
  t.match(await service.headContainer(admin, ref), {
    metadata: { colour: 'red' },
    acl: { read: '', write: '' },
    versioning: null,
  })
  await service.updateContainer(other, ref, { acl: { write: 'third' }, versioning: 'enabled' })
  await service.updateAccount(other, 'test', { metadata: { a: 'b' } })
  t.match(await service.headContainer(admin, ref), {
    acl: { read: '', write: 'third' },
    versioning: 'enabled',
  })
})
