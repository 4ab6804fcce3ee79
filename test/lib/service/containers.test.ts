// Containers: what is created, changed and deleted, and who holds a name.
import t from 'tap'
import { CONTAINER_NAME_BYTES_MAX } from '../../../lib/names.ts'
import { askerOf, nobody } from '../../helpers/asker.ts'
import { admin, startService } from '../../helpers/service.ts'

const other = askerOf({ account: 'other', user: 'sue', roles: ['admin'] })
const ref = { account: 'test', container: 'box' }
const items = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, '']))

t.test('a container is made with its settings, and says them', async (t) => {
  const { service, stores } = await startService(t)
  const settings = {
    metadata: { colour: 'red' },
    acl: { read: '.r:*,.rlistings' },
    versioning: 'enabled',
  } as const
  t.strictSame(await service.putContainer(admin, ref, settings), { created: true })
  const info = await service.headContainer(admin, ref)
  t.strictSame(info, {
    ...ref,
    createdMicros: info.createdMicros,
    modifiedMicros: info.createdMicros,
    objects: 0,
    bytes: 0,
    versions: 0,
    metadata: { colour: 'red' },
    acl: { read: '.r:*,.rlistings', write: '' },
    versioning: 'enabled',
  })
  t.not(await stores.catalog.get('account/test'), undefined, 'its account is there too')
  const account = await service.headAccount(admin, 'test')
  t.match(account, { containers: 1, createdMicros: Number })
})

t.test('a second PUT and an update change what they mention, and nothing else', async (t) => {
  const { service } = await startService(t)
  await service.putContainer(admin, ref, {})
  const first = await service.headContainer(admin, ref)
  t.match(first, { metadata: {}, acl: { read: '', write: '' }, versioning: null })
  const again = await service.putContainer(admin, ref, {
    metadata: { colour: 'red', size: '1' },
    acl: { read: 'bob', write: 'sue' },
    versioning: 'enabled',
  })
  t.strictSame(again, { created: false })
  await service.updateContainer(admin, ref, {
    metadata: { size: null, shape: 'round' },
    acl: { read: '' },
    versioning: 'suspended',
  })
  const second = await service.headContainer(admin, ref)
  t.match(second, {
    createdMicros: first.createdMicros,
    metadata: { colour: 'red', shape: 'round' },
    acl: { read: '', write: 'sue' },
    versioning: 'suspended',
  })
  t.ok(second.modifiedMicros > first.modifiedMicros)
  await service.putContainer(admin, ref, {})
  const third = await service.headContainer(admin, ref)
  t.strictSame({ ...third, modifiedMicros: 0 }, { ...second, modifiedMicros: 0 })
  t.ok(third.modifiedMicros > second.modifiedMicros, 'a PUT that says nothing is a change')
  t.match(await service.headAccount(admin, 'test'), { containers: 1 })
  await t.rejects(service.updateContainer(admin, { ...ref, container: 'none' }, {}), {
    code: 'ContainerMissing',
    details: { container: 'none' },
  })
})

t.test('too much metadata changes nothing, and makes nothing', async (t) => {
  const { service } = await startService(t)
  const tooMany = { code: 'MetadataTooMany', details: { count: 91, limit: 90 } }
  await t.rejects(service.putContainer(admin, ref, { metadata: items(91) }), tooMany)
  await t.rejects(service.headContainer(admin, ref), { code: 'ContainerMissing' })
  await service.putContainer(admin, ref, { metadata: items(90) })
  const before = await service.headContainer(admin, ref)
  const more = { metadata: { more: '' }, acl: { read: '*' }, versioning: 'enabled' } as const
  await t.rejects(service.putContainer(admin, ref, more), tooMany)
  await t.rejects(service.updateContainer(admin, ref, more), tooMany)
  await t.rejects(service.updateContainer(admin, ref, { metadata: { n0: 'x'.repeat(5000) } }), {
    code: 'MetadataTooLarge',
    details: { limit: 4096 },
  })
  t.strictSame(await service.headContainer(admin, ref), before)
})

t.test('a name is at most 256 bytes of UTF-8, without a slash', async (t) => {
  const { service } = await startService(t)
  const legal = ['x'.repeat(CONTAINER_NAME_BYTES_MAX), 'a', '.', '..', ' ', 'é'.repeat(128)]
  for (const container of legal) {
    await service.putContainer(admin, { account: 'test', container }, {})
    t.match(await service.headContainer(admin, { account: 'test', container }), { container })
  }
  const illegal = ['', '/', 'a/b', `${'é'.repeat(128)}x`, 'x'.repeat(257), '\ud800']
  for (const container of illegal) {
    const wrong = { code: 'ContainerNameInvalid', details: { container } }
    const named = { account: 'test', container }
    await t.rejects(service.putContainer(admin, named, {}), wrong)
    await t.rejects(service.createContainer(admin, named, { indexed: true }), wrong)
  }
  t.match(await service.headAccount(admin, 'test'), { containers: legal.length })
})

t.test('the first that takes a name holds it for everybody, and only S3 minds', async (t) => {
  const { service } = await startService(t)
  const indexed = { indexed: true }
  const theirs = { account: 'other', container: 'box' }
  await t.rejects(service.resolve(nobody, 'box'), { code: 'ContainerMissing' })
  await service.putContainer(admin, ref, {})
  t.strictSame(await service.resolve(nobody, 'box'), ref)
  await t.rejects(service.createContainer(admin, ref, indexed), { code: 'ContainerExists' })
  await t.rejects(service.createContainer(other, theirs, indexed), { code: 'ContainerTaken' })
  t.strictSame(await service.putContainer(other, theirs, {}), { created: true })
  t.strictSame(await service.resolve(nobody, 'box'), ref, 'still the first')
  t.strictSame(await service.resolve(other, 'box'), theirs, 'the own one before the first')
  await service.deleteContainer(other, theirs)
  t.strictSame(await service.resolve(other, 'box'), ref, 'the index is not theirs to clear')
  await service.putContainer(other, theirs, {})
  await service.deleteContainer(admin, ref)
  await t.rejects(service.resolve(nobody, 'box'), { code: 'ContainerMissing' })
  await service.putContainer(other, theirs, {})
  await t.rejects(service.resolve(nobody, 'box'), { code: 'ContainerMissing' }, 'never inherited')
  await service.createContainer(admin, ref, indexed)
  t.strictSame(await service.resolve(nobody, 'box'), ref)
})

t.test('a container goes only when nothing is left in it, and comes back empty', async (t) => {
  const { service, write } = await startService(t)
  const object = { ...ref, object: 'o' }
  await service.putContainer(admin, ref, { metadata: { a: 'b' }, acl: { read: '*' } })
  await write('box/o', 'x')
  t.match(await service.headContainer(admin, ref), { objects: 1, bytes: 1, versions: 1 })
  const refusal = await service.deleteContainer(admin, ref).catch((error) => error)
  t.match(refusal, { code: 'ContainerNotEmpty' })
  t.strictSame(refusal.details, { container: 'box' })
  await service.delete(admin, object, { promote: false })
  await service.deleteContainer(admin, ref)
  await t.rejects(service.headContainer(admin, ref), { code: 'ContainerMissing' })
  await t.rejects(service.deleteContainer(admin, ref), { code: 'ContainerMissing' })
  t.match(await service.headAccount(admin, 'test'), { containers: 0, objects: 0, bytes: 0 })
  await service.putContainer(admin, ref, {})
  t.match(await service.headContainer(admin, ref), { metadata: {}, acl: { read: '' }, objects: 0 })
})

t.test('versions that no plain GET shows keep a container, and are counted', async (t) => {
  const { service, write } = await startService(t)
  await service.putContainer(admin, ref, { versioning: 'enabled' })
  const { versionId } = await write('box/o', 'four')
  const marker = await service.delete(admin, { ...ref, object: 'o' }, { promote: false })
  t.match(await service.headContainer(admin, ref), { objects: 0, bytes: 4, versions: 2 })
  const refused = { code: 'ContainerNotEmpty' }
  await t.rejects(service.deleteContainer(admin, ref), {
    ...refused,
    details: { container: 'box', versions: 2 },
  })
  for (const id of [versionId, marker.versionId!]) {
    await t.rejects(service.deleteContainer(admin, ref), refused)
    await service.delete(admin, { ...ref, object: 'o' }, { versionId: id, promote: false })
  }
  await service.deleteContainer(admin, ref)
})

t.test('settings that change at the same time are all kept', async (t) => {
  const { service } = await startService(t)
  const names = Array.from({ length: 30 }, (_, i) => `item-${i}`)
  const made = await Promise.all(
    names.map((name) => service.putContainer(admin, ref, { metadata: { [name]: name } })),
  )
  t.equal(made.filter(({ created }) => created).length, 1, 'one of them made it')
  const { metadata } = await service.headContainer(admin, ref)
  t.strictSame(metadata, Object.fromEntries(names.map((name) => [name, name])))
  t.match(await service.headAccount(admin, 'test'), { containers: 1 })
})

t.test('a change that meets a deletion never leaves half a container', async (t) => {
  const { service, stores } = await startService(t)
  for (let round = 0; round < 40; round++) {
    await service.putContainer(admin, ref, {})
    const change = service.updateContainer(admin, ref, { metadata: { round: String(round) } })
    const racers =
      round % 2 === 0
        ? [change, service.deleteContainer(admin, ref)]
        : [service.deleteContainer(admin, ref), change]
    for (const outcome of await Promise.allSettled(racers)) {
      if (outcome.status === 'rejected') t.match(outcome.reason, { code: 'ContainerMissing' })
    }
    const rows = ['container/test/box', 'container-usage/test/box', 'bucket/box']
    const left = await stores.catalog.getMany(rows)
    t.strictSame(left, [undefined, undefined, undefined])
    t.match(await service.headAccount(admin, 'test'), { containers: 0 })
  }
})

t.test('two that take a name at once do not both get it', async (t) => {
  const { service } = await startService(t)
  for (let round = 0; round < 20; round++) {
    const container = `box-${round}`
    const outcomes = await Promise.allSettled(
      [admin, other, admin].map((caller) =>
        service.createContainer(
          caller,
          { account: caller.caller!.account, container },
          { indexed: true },
        ),
      ),
    )
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    t.equal(refused.length, 2)
    for (const { reason } of refused) t.match(reason, { code: /^Container(Exists|Taken)$/ })
    const { account } = await service.resolve(nobody, container)
    const holder = account === 'test' ? admin : other
    t.match(await service.headContainer(holder, { account, container }), { container })
  }
})
