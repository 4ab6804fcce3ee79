// Links to objects of others: looked up, authorised and opened at each read, and refused where they lead elsewhere than
// they did.
import t, { type Test } from 'tap'
import { LINK_DEPTH_MAX } from '../../../lib/service/links.ts'
import type { ObjectRef } from '../../../lib/service/types.ts'
import { type Bodies, bytesOf, newCustomerKey, refOf, startBodies } from '../../contract/bodies.ts'
import { linksByName } from '../../contract/linked.ts'
import { askerOf } from '../../helpers/asker.ts'
import { admin, sourceOf } from '../../helpers/service.ts'

const bob = askerOf({ account: 'other', user: 'bob', roles: ['admin'] })
const text = (letter: string, size = 100_000) => Buffer.alloc(size, letter)

async function start(t: Test) {
  const links = linksByName()
  const bodies = await startBodies(t, links.resolver)
  const { service, rootCipher } = bodies
  const read = async (caller = admin, cipher = rootCipher) =>
    await service.get(caller, refOf('o'), { cipher })
  /** Makes a link to what is there now. */
  const linkTo = async (target: ObjectRef & { versionId?: string }, cipher = rootCipher) => {
    const { versionId, ...ref } = target
    const { info } = await service.head(admin, ref, {
      cipher,
      ...(versionId === undefined ? {} : { versionId }),
    })
    return { target, size: info.size, etag: info.md5 ?? info.etag }
  }
  await bodies.put('o', Buffer.from('links'), rootCipher)
  return { ...bodies, links, read, linkTo }
}

const broken = (why: string) => ({ code: 'LinkBroken', details: { why } })

t.test('a target that is written anew is another one, unless it says the same', async (t) => {
  const { put, rootCipher, links, linkTo, read, taken, service } = await start(t)
  const first = await put('first', text('a'), rootCipher)
  const second = await put('second', text('b'), rootCipher)
  links.set('o', [await linkTo(first), await linkTo(second)])
  for (const name of ['first', 'second']) {
    await put(name, text('c'), rootCipher)
    await t.rejects(read(), broken('changed'), `${name}: of the same size`)
    await put(name, text('a', 99_999), rootCipher)
    await t.rejects(read(), broken('changed'), `${name}: of another size`)
    await put(name, text(name === 'first' ? 'a' : 'b'), rootCipher)
    t.ok((await bytesOf(await read())).equals(Buffer.concat([text('a'), text('b')])))
  }
  const to = { from: first, fromCipher: rootCipher, cipher: rootCipher, changesSelf: true }
  await service.copy(admin, first, { ...to, reseal: true })
  t.equal((await bytesOf(await read())).length, 200_000, 'sealed anew it says the same')
  t.same(taken(), [])
})

t.test(
  'a target that is sealed under a new key says the same where its MD5 is known',
  async (t) => {
    const { service, links, linkTo, read } = await start(t)
    const [old, next] = [newCustomerKey(), newCustomerKey()]
    const input = { source: sourceOf(text('a')), headers: {}, metadata: {}, sealMd5: true }
    await service.put(admin, refOf('sealed'), { ...input, cipher: old })
    const empty = { source: sourceOf(''), headers: {}, metadata: {} }
    links.set('o', [await linkTo(refOf('sealed'), old)])
    for (const [before, after] of [
      [old, old],
      [old, next],
    ] as const) {
      const to = { from: refOf('sealed'), fromCipher: before, cipher: after, changesSelf: true }
      await service.copy(admin, refOf('sealed'), to)
      await service.put(admin, refOf('o'), { ...empty, source: sourceOf(''), cipher: after })
      t.ok((await bytesOf(await read(admin, after))).equals(text('a')))
    }
  },
)

t.test('a target is of the size that the link says, or another one', async (t) => {
  const { put, rootCipher, links, linkTo, read, taken } = await start(t)
  const link = await linkTo(await put('target', text('a'), rootCipher))
  for (const size of [99_999, 100_001]) {
    links.set('o', [{ ...link, size }])
    await t.rejects(read(), broken('changed'))
    links.set('o', [link, { ...link, size, range: { offset: 0, length: 10 } }])
    await t.rejects(read(), broken('changed'), 'also where a range of it is read')
  }
  t.same(taken(), [])
})

t.test('a target that is gone is missed before the first byte', async (t) => {
  const { service, put, rootCipher, links, linkTo, read, taken } = await start(t)
  const elsewhere = { account: 'test', container: 'elsewhere' }
  await service.putContainer(admin, elsewhere, { versioning: 'enabled' })
  const input = { cipher: rootCipher, headers: {}, metadata: {} }
  const target = { ...elsewhere, object: 'x' }
  const first = await linkTo(await put('first', text('a'), rootCipher))
  const { versionId } = await service.put(admin, target, { ...input, source: sourceOf('x') })
  const current = await linkTo(target)
  const version = await linkTo({ ...target, versionId })
  links.set('o', [first, current])
  await service.put(admin, target, { ...input, source: sourceOf('y') })
  await t.rejects(read(), broken('changed'), 'the current version is another')
  links.set('o', [first, version])
  t.equal((await bytesOf(await read())).at(-1), 'x'.charCodeAt(0), 'the one that was named is not')
  const { versionId: marker } = await service.delete(admin, target, { promote: true })
  links.set('o', [first, current])
  await t.rejects(read(), broken('missing'), 'a delete marker')
  links.set('o', [first, { ...current, target: { ...target, versionId: marker! } }])
  await t.rejects(read(), broken('missing'), 'a delete marker by its id')
  links.set('o', [first, version])
  await service.delete(admin, target, { versionId, promote: true })
  await t.rejects(read(), broken('missing'), 'the version')
  links.set('o', [first, { ...current, target: { ...target, container: 'none' } }])
  await t.rejects(read(), broken('missing'), 'its container')
  t.same(taken(), [])
})

t.test('a target is read by the right of whoever asks, at each read', async (t) => {
  const { service, put, rootCipher, links, linkTo, read, taken } = await start(t)
  const hidden = { account: 'test', container: 'hidden' }
  await service.putContainer(admin, hidden, {})
  await service.updateContainer(admin, { ...hidden, container: 'box' }, { acl: { read: 'other' } })
  const target = { ...hidden, object: 'x' }
  const input = { source: sourceOf('x'), cipher: rootCipher, headers: {}, metadata: {} }
  await service.put(admin, target, input)
  const gone = { ...(await linkTo(target)), target: { ...hidden, object: 'gone' } }
  const first = await linkTo(await put('first', text('a'), rootCipher))
  links.set('o', [first, await linkTo(target)])
  const denied = broken('denied')
  t.equal((await bytesOf(await read())).length, 100_001)
  await t.rejects(read(bob), denied)
  await service.updateContainer(admin, hidden, { acl: { read: 'other' } })
  t.equal((await bytesOf(await read(bob))).length, 100_001)
  await service.updateContainer(admin, hidden, { acl: { read: '' } })
  await t.rejects(read(bob), denied)
  links.set('o', [first, gone])
  await t.rejects(read(bob), denied, 'he does not learn what is there')
  await t.rejects(
    service.copy(
      bob,
      { account: 'other', container: 'c', object: 'o' },
      {
        from: refOf('o'),
        fromCipher: rootCipher,
        cipher: rootCipher,
        changesSelf: false,
      },
    ),
    { code: 'ContainerMissing' },
  )
  t.same(taken(), [])
})

t.test(
  'a target that the asker’s key does not open is refused before the first byte',
  async (t) => {
    const { put, rootCipher, links, linkTo, read, taken } = await start(t)
    const [key, another] = [newCustomerKey(), newCustomerKey()]
    await put('o', Buffer.from('links'), key)
    const mine = await linkTo(await put('mine', text('a'), key), key)
    const theirs = await linkTo(await put('theirs', text('b'), another), another)
    const open = await linkTo(await put('open', text('c'), rootCipher))
    links.set('o', [mine, mine])
    t.equal((await bytesOf(await read(admin, key))).length, 200_000)
    links.set('o', [mine, theirs])
    await t.rejects(read(admin, key), { code: 'KeyWrong' })
    links.set('o', [mine, open])
    await t.rejects(read(admin, key), { code: 'KeyNotApplicable' })
    await put('o', Buffer.from('links'), rootCipher)
    links.set('o', [open, mine])
    await t.rejects(read(), { code: 'KeyRequired' })
    t.same(taken(), [])
  },
)

t.test('links lead on so far and no farther, also in a circle', async (t) => {
  const { put, rootCipher, links, linkTo, read, taken } = await start(t)
  let target = await put('end', text('z'), rootCipher)
  for (let depth = 1; depth <= LINK_DEPTH_MAX + 1; depth++) {
    const name = `chain-${depth}`
    links.set(name, [await linkTo(target)])
    links.set('o', links.get(name)!)
    if (depth <= LINK_DEPTH_MAX) t.ok((await bytesOf(await read())).equals(text('z')), name)
    else await t.rejects(read(), broken('depth'), name)
    target = await put(name, Buffer.from('link'), rootCipher)
    if (depth > LINK_DEPTH_MAX) break
  }
  const size = 100_000
  const { etag } = await linkTo(refOf('end'))
  await put('ring', text('z'), rootCipher)
  links.set('ring', [{ target: refOf('ring'), size, etag }])
  links.set('o', [
    { target: refOf('end'), size, etag },
    { target: refOf('ring'), size, etag },
  ])
  await t.rejects(read(), broken('depth'))
  t.same(taken(), [])
})

t.test(
  'what is replaced while it is read stays whole, and what comes later is refused',
  async (t) => {
    const { put, rootCipher, links, linkTo, read, taken, stores } = await start(t)
    const size = 3_000_000
    const put2 = async () => {
      await put('first', text('a', size), rootCipher)
      await put('second', text('b', size), rootCipher)
      links.set('o', [await linkTo(refOf('first')), await linkTo(refOf('second'))])
    }
    await put2()
    const reader = await read()
    t.equal(taken().length, 2, 'the list and the target that is being read are held, no other')
    let got = (await reader.read())!.length
    await put('first', text('c', size), rootCipher)
    while (got < size) {
      const piece = (await reader.read())!
      t.equal(piece[0], 'a'.charCodeAt(0))
      got += piece.length
    }
    t.equal((await reader.read())![0], 'b'.charCodeAt(0))
    reader.close()
    t.same(taken(), [])

    await put2()
    const late = await read()
    await put('second', text('c', size), rootCipher)
    const pieces: Buffer[] = []
    await t.rejects(async () => {
      for (let piece = await late.read(); piece; piece = await late.read()) pieces.push(piece)
    }, broken('changed'))
    t.ok(Buffer.concat(pieces).equals(text('a', size)), 'no byte of the new one is given')
    late.close()
    t.same(taken(), [])

    // Replaced between the lookup and the opening: looked up anew, and found to be another.
    await put2()
    const between = await read()
    const { get } = stores.catalog
    let replaced = false
    stores.leases.isTaken = () => false
    stores.catalog.get = async (key) => {
      if (key.startsWith('segment/') && !replaced) {
        replaced = true
        await put('second', text('d', size), rootCipher)
      }
      return await get.call(stores.catalog, key)
    }
    await t.rejects(async () => {
      while ((await between.read()) !== undefined);
    }, broken('changed'))
    t.ok(replaced)
    between.close()
    t.same(taken(), [])
  },
)

t.test('a reader that is closed while it opens a target gives that back too', async (t) => {
  const { put, rootCipher, links, linkTo, read, taken, stores } = await start(t)
  const first = await linkTo(await put('first', text('a', 10), rootCipher))
  links.set('o', [first, await linkTo(await put('second', text('b'), rootCipher))])
  const { catalog } = stores
  const { get } = catalog
  const reader = await read()
  t.equal((await reader.read())!.length, 10)
  let closed = false
  catalog.get = async (key) => {
    // The target's body is held by now, and its segment not yet open.
    if (key.startsWith('segment/')) {
      t.equal(taken().length, 2)
      reader.close()
      closed = true
    }
    return await get.call(catalog, key)
  }
  t.equal(await reader.read(), undefined)
  t.ok(closed)
  t.same(taken(), [])
})

t.test('however many links there are, few are looked at before the first byte', async (t) => {
  const bodies = await start(t)
  const { put, rootCipher, links, linkTo } = bodies
  const one = await linkTo(await put('one', Buffer.from('1'), rootCipher))
  const inner = Array.from({ length: 1000 }, () => one)
  links.set('inner', inner)
  const list = await linkTo(await put('inner', Buffer.from('links'), rootCipher))
  const flat = [...inner, ...inner.slice(0, 200)]
  const missing = { ...one, target: refOf('none') }
  for (const all of [flat, Array.from({ length: 1000 }, () => list)]) {
    links.set('o', [...all, missing])
    const { reader, lookups } = await counted(bodies)
    t.ok(lookups >= 1000 && lookups < 1100, `${lookups} lookups of ${all.length} links`)
    if (all === flat) {
      const readAll = async () => {
        while ((await reader.read()) !== undefined);
      }
      await t.rejects(readAll, broken('missing'), 'the last is missed when it is reached')
    }
    reader.close()
  }
  links.set('o', [one, missing])
  await t.rejects(bodies.read(), broken('missing'))
  t.same(bodies.taken(), [])
})

/** Opens the object, and says how many versions were looked up for it. */
async function counted({ stores, service, rootCipher }: Bodies) {
  const { catalog } = stores
  const { getMany } = catalog
  let lookups = 0
  catalog.getMany = (keys) => {
    lookups++
    return getMany.call(catalog, keys)
  }
  const reader = await service.get(admin, refOf('o'), { cipher: rootCipher })
  catalog.getMany = getMany
  return { reader, lookups }
}

t.test('a range that is none of its target’s is damage', async (t) => {
  const { put, rootCipher, links, linkTo, read } = await start(t)
  const link = await linkTo(await put('target', text('a'), rootCipher))
  for (const range of [
    { offset: 1, length: 100_000 },
    { offset: -1, length: 10 },
    { offset: 0, length: -1 },
  ]) {
    links.set('o', [{ ...link, range }])
    await t.rejects(read(), { code: 'StoreCorrupt' })
  }
})
