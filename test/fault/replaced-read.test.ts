// An object that is replaced between two steps of one read: the reader gets the new bytes, and no error. The
// long load met this about once in 3,000 reads.
import t from 'tap'
import { startWithContainer } from '../helpers/both.ts'
import { keyHeaders } from '../helpers/node.ts'

const bodies = { old: Buffer.alloc(100_000, 'old'), new: Buffer.alloc(90_000, 'new') }

t.test('a read that finds its segment freed begins anew', async (t) => {
  const { node, s3, swift } = await startWithContainer(t)
  const { catalog, leases } = node.coffer.stores
  const get = catalog.get.bind(catalog)
  // The writer drafts before the reader has its lease, and commits afterwards.
  leases.isTaken = () => false
  for (const ask of [s3, swift]) {
    await s3('PUT', '/bkt/o', { body: bodies.old })
    let replaced = false
    catalog.get = async (key) => {
      if (key.startsWith('segment/') && !replaced) {
        replaced = true
        t.equal((await s3('PUT', '/bkt/o', { body: bodies.new })).status, 200)
      }
      return await get(key)
    }
    const answer = await ask('GET', '/bkt/o')
    catalog.get = get
    t.ok(replaced)
    t.equal(answer.status, 200)
    t.ok(answer.body.equals(bodies.new), 'the new bytes, whole')
  }
})

t.test('a read that finds where its blob lies freed begins anew', async (t) => {
  const { node, s3, swift } = await startWithContainer(t)
  const { catalog, leases } = node.coffer.stores
  const getMany = catalog.getMany.bind(catalog)
  leases.isTaken = () => false
  for (const ask of [s3, swift]) {
    await s3('PUT', '/bkt/o', { body: bodies.old })
    let replaced = false
    catalog.getMany = async (keys) => {
      if (keys.some((key) => key.startsWith('blob/')) && !replaced) {
        replaced = true
        t.equal((await s3('PUT', '/bkt/o', { body: bodies.new })).status, 200)
      }
      return await getMany(keys)
    }
    const answer = await ask('GET', '/bkt/o')
    catalog.getMany = getMany
    t.ok(replaced)
    t.equal(answer.status, 200)
    t.ok(answer.body.equals(bodies.new), 'the new bytes, whole')
  }
})

t.test('a copy whose source is replaced under it is one of the new source', async (t) => {
  const { node, s3 } = await startWithContainer(t)
  const { catalog, leases } = node.coffer.stores
  const [get, getCounters] = [catalog.get.bind(catalog), catalog.getCounters.bind(catalog)]
  leases.isTaken = () => false
  const copy = { 'x-amz-copy-source': '/bkt/o' }
  for (const headers of [copy, { ...copy, ...keyHeaders(Buffer.alloc(32, 7)) }]) {
    await s3('PUT', '/bkt/o', { body: bodies.old })
    let replaced = false
    const replaceAt = async (key: string, prefix: string) => {
      if (!key.startsWith(prefix) || replaced) return
      replaced = true
      t.equal((await s3('PUT', '/bkt/o', { body: bodies.new })).status, 200)
    }
    // A copy within one kind of key asks for references, one across reads segments.
    catalog.getCounters = async (key) => {
      if (headers === copy) await replaceAt(key, 'body/')
      return await getCounters(key)
    }
    catalog.get = async (key) => {
      if (headers !== copy) await replaceAt(key, 'segment/')
      return await get(key)
    }
    const answer = await s3('PUT', '/bkt/copy', { headers, tls: true })
    Object.assign(catalog, { get, getCounters })
    t.ok(replaced)
    t.equal(answer.status, 200, answer.text)
    const read = headers === copy ? {} : keyHeaders(Buffer.alloc(32, 7))
    t.ok((await s3('GET', '/bkt/copy', { headers: read, tls: true })).body.equals(bodies.new))
  }
})

t.test('a segment that is lost is not looked for without end', async (t) => {
  const { node, s3 } = await startWithContainer(t)
  const { catalog } = node.coffer.stores
  await s3('PUT', '/bkt/o', { body: bodies.old })
  const get = catalog.get.bind(catalog)
  let asked = 0
  catalog.get = async (key) => {
    if (!key.startsWith('segment/')) return await get(key)
    asked++
    return undefined
  }
  t.equal((await s3('GET', '/bkt/o')).status, 500)
  t.equal(asked, 3)
})
