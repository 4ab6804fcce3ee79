// Accounts: what they say of themselves, and the limits of that.
import t from 'tap'
import { askerOf } from '../../helpers/asker.ts'
import { admin, startService } from '../../helpers/service.ts'

const reader = askerOf({ account: 'ops', user: 'eye', roles: ['reseller_reader'] })

/** So many items of so many bytes each. */
const items = (count: number, bytes: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => {
      const name = `n${String(i).padStart(4, '0')}`
      return [name, 'v'.repeat(bytes - name.length)]
    }),
  )

t.test('an account that nobody wrote to looks empty, and a look makes nothing', async (t) => {
  const { service, stores } = await startService(t)
  const empty = {
    account: 'test',
    createdMicros: undefined,
    containers: 0,
    objects: 0,
    bytes: 0,
    metadata: {},
    acl: null,
  }
  t.strictSame(await service.headAccount(admin, 'test'), empty)
  t.equal(await stores.catalog.get('account/test'), undefined)
})

t.test('items are added, replaced and removed one by one', async (t) => {
  const { service } = await startService(t)
  await service.updateAccount(admin, 'test', { metadata: { colour: 'red', size: '1' } })
  const { createdMicros } = await service.headAccount(admin, 'test')
  await service.updateAccount(admin, 'test', {
    metadata: { colour: 'blue', size: null, absent: null, empty: '' },
  })
  await service.updateAccount(admin, 'test', {})
  const info = await service.headAccount(admin, 'test')
  t.strictSame(info.metadata, { colour: 'blue', empty: '' })
  t.equal(info.createdMicros, createdMicros)
})

t.test('90 items fit, 91 change nothing', async (t) => {
  const { service } = await startService(t)
  await service.updateAccount(admin, 'test', { metadata: items(89, 10) })
  await service.updateAccount(admin, 'test', { metadata: { last: '' } })
  const full = (await service.headAccount(admin, 'test')).metadata
  t.equal(Object.keys(full).length, 90)
  await t.rejects(service.updateAccount(admin, 'test', { metadata: { more: '1', last: 'x' } }), {
    code: 'MetadataTooMany',
    details: { count: 91, limit: 90 },
  })
  t.strictSame((await service.headAccount(admin, 'test')).metadata, full)
  await service.updateAccount(admin, 'test', { metadata: { more: '1', last: null } })
  t.equal(Object.keys((await service.headAccount(admin, 'test')).metadata).length, 90)
})

t.test('4,096 bytes of names and values fit, one more changes nothing', async (t) => {
  const { service } = await startService(t)
  await service.updateAccount(admin, 'test', { metadata: items(15, 256) })
  await service.updateAccount(admin, 'test', { metadata: { ab: 'x'.repeat(253) } })
  await service.updateAccount(admin, 'test', { metadata: { ab: 'x'.repeat(254) } })
  const full = (await service.headAccount(admin, 'test')).metadata
  await t.rejects(service.updateAccount(admin, 'test', { metadata: { ab: 'x'.repeat(255) } }), {
    code: 'MetadataTooLarge',
    details: { size: 4097, limit: 4096 },
  })
  await t.rejects(
    service.updateAccount(admin, 'test', {
      metadata: { a: '' },
      acl: { admin: ['other'], readWrite: [], readOnly: [] },
    }),
    { code: 'MetadataTooLarge' },
  )
  t.match(await service.headAccount(admin, 'test'), { metadata: full, acl: null })
})

t.test('an ACL is set and cleared apart from the items, and only owners see it', async (t) => {
  const { service } = await startService(t)
  const acl = { admin: ['other'], readWrite: ['third:bob'], readOnly: ['test'] }
  await service.updateAccount(admin, 'test', { metadata: { colour: 'red' }, acl })
  await service.updateAccount(admin, 'test', { metadata: { size: '1' } })
  t.strictSame((await service.headAccount(admin, 'test')).acl, acl)
  const bob = askerOf({ account: 'third', user: 'bob', roles: [] })
  for (const caller of [reader, bob, askerOf({ account: 'test', user: 'plain', roles: [] })]) {
    t.match(await service.headAccount(caller, 'test'), { metadata: { colour: 'red' }, acl: null })
  }
  const owner = askerOf({ account: 'other', user: 'sue', roles: [] })
  t.strictSame((await service.headAccount(owner, 'test')).acl, acl, 'an owner by the ACL itself')
  await service.updateAccount(owner, 'test', { acl: null })
  t.match(await service.headAccount(admin, 'test'), { metadata: { size: '1' }, acl: null })
  await t.rejects(service.headAccount(owner, 'test'), { code: 'AccessDenied' })
  await service.updateAccount(admin, 'test', { acl: { admin: [], readWrite: [], readOnly: [] } })
  t.equal((await service.headAccount(admin, 'test')).acl, null, 'lists of nobody are none')
})

t.test('changes at the same time are all kept', async (t) => {
  const { service } = await startService(t)
  const names = Array.from({ length: 30 }, (_, i) => `item-${i}`)
  await Promise.all(
    names.map((name) => service.updateAccount(admin, 'test', { metadata: { [name]: name } })),
  )
  const { metadata } = await service.headAccount(admin, 'test')
  t.strictSame(metadata, Object.fromEntries(names.map((name) => [name, name])))
})

t.test('counters are those of the containers, at once', async (t) => {
  const { service, write } = await startService(t)
  for (const container of ['one', 'two']) {
    await service.putContainer(admin, { account: 'test', container }, {})
  }
  await write('one/a', 'seven b')
  await write('two/b', 'abc')
  t.match(await service.headAccount(admin, 'test'), { containers: 2, objects: 2, bytes: 10 })
  await service.delete(
    admin,
    { account: 'test', container: 'two', object: 'b' },
    { promote: false },
  )
  await service.deleteContainer(admin, { account: 'test', container: 'two' })
  t.match(await service.headAccount(admin, 'test'), { containers: 1, objects: 1, bytes: 7 })
})
