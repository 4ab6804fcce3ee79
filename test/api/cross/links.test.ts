// A body that is made of other objects, as each dialect serves it: one object with its whole size, and never another's
// bytes, or some of them, for a success.
import t, { type Test } from 'tap'
import type { Link, Resolve, ResolvedBody, Span } from '../../../lib/service/resolve.ts'
import { until } from '../../helpers/blobs.ts'
import { startWithContainer, withSwiftKey } from '../../helpers/both.ts'
import { customerKey, withKey } from '../../helpers/s3.ts'

const size = 3_000_000
const whole = Buffer.concat([Buffer.alloc(size, 'a'), Buffer.alloc(size, 'b')])
const names = ['first', 'second'] as const
const key = customerKey('k')

/** A node on which /bkt/o is made of /bkt/first and /bkt/second. `opening` is waited for before the second is opened. */
async function start(t: Test, opening: () => Promise<unknown> = async () => {}) {
  const both = await startWithContainer(t)
  const { stores } = both.node.coffer
  const links: Link[] = []
  const own = stores.resolve
  const resolve: Resolve = async (opened, asking): Promise<ResolvedBody> => {
    if (opened.ref.object !== 'o') return await own(opened, asking)
    const [first, second] = asking.follow(links)
    const { linked } = second!
    const open = async (span: Span) => {
      await opening()
      return await linked!.open(span)
    }
    const segments = [first!, { ...second!, linked: { check: linked!.check, open } }]
    return { size: 2 * size, segments, parts: null }
  }
  Object.assign(stores, { resolve })
  const put = async (name: string, letter: string, isSealed = false) => {
    const body = name === 'o' ? 'a list' : Buffer.alloc(size, letter)
    const options = isSealed ? withKey(key, { body }) : { body }
    const { headers } = await both.s3('PUT', `/bkt/${name}`, options)
    return String(headers.etag).replaceAll('"', '')
  }
  const fill = async (isSealed = false) => {
    links.length = 0
    for (const [i, object] of names.entries()) {
      const etag = await put(object, 'ab'[i]!, isSealed)
      links.push({ target: { account: 'test', container: 'bkt', object }, size, etag })
    }
    await put('o', '', isSealed)
  }
  await fill()
  return { ...both, put, fill }
}

t.test('it is read as one object, in whole, in ranges and by a copy', async (t) => {
  const { s3, swift } = await start(t)
  for (const ask of [s3, swift]) {
    const head = await ask('HEAD', '/bkt/o')
    t.equal(head.status, 200)
    const got = await ask('GET', '/bkt/o')
    t.match([got.status, got.headers['content-length']], [200, String(2 * size)])
    t.ok(got.body.equals(whole))
    const range = { headers: { Range: `bytes=${size - 10}-${size + 9}` } }
    const part = await ask('GET', '/bkt/o', range)
    t.match([part.status, part.text], [206, 'aaaaaaaaaabbbbbbbbbb'])
    t.equal(part.headers['content-range'], `bytes ${size - 10}-${size + 9}/${2 * size}`)
    t.equal((await ask('GET', '/bkt/o', { headers: { Range: 'bytes=6000000-' } })).status, 416)
  }
  await s3('PUT', '/bkt/copy', { headers: { 'x-amz-copy-source': '/bkt/o' } })
  t.ok((await swift('GET', '/bkt/copy')).body.equals(whole))
})

t.test('one whose targets the customer’s key opens is read with it, and not without', async (t) => {
  const { s3, swift, fill, put } = await start(t)
  await fill(true)
  for (const [ask, spell] of [
    [s3, withKey],
    [swift, withSwiftKey],
  ] as const) {
    const got = await ask('GET', '/bkt/o', spell(key))
    t.equal(got.status, 200)
    t.ok(got.body.equals(whole))
    t.equal((await ask('GET', '/bkt/o', spell(customerKey('x')))).status, 403)
    t.equal((await ask('GET', '/bkt/o')).status, 400)
  }
  await put('second', 'b')
  t.equal((await s3('GET', '/bkt/o', withKey(key))).status, 400, 'a target without it')
})

t.test('one whose target has changed or gone is refused before the first byte', async (t) => {
  const { s3, swift, put } = await start(t)
  const refused = async (what: string) => {
    const answer = await s3('GET', '/bkt/o')
    t.match([answer.status, answer.text], [409, '<Code>InvalidObjectState</Code>'], what)
    t.notMatch(answer.text, 'second')
    t.equal((await swift('GET', '/bkt/o')).status, 409, what)
    const copy = await swift('PUT', '/bkt/copy', { headers: { 'X-Copy-From': '/bkt/o' } })
    t.equal(copy.status, 409, what)
  }
  await put('second', 'c')
  await refused('changed')
  await s3('DELETE', '/bkt/second')
  await refused('gone')
  t.equal((await s3('GET', '/bkt/copy')).status, 404)
})

t.test('one whose target changes while it is read ends with a cut connection', async (t) => {
  let change = async () => {}
  const { s3, swift, put, fill, node } = await start(t, () => change())
  for (const ask of [s3, swift]) {
    await fill()
    change = () => put('second', 'c').then(() => {})
    await t.rejects(ask('GET', '/bkt/o'), { code: 'ECONNRESET' })
    t.equal((await ask('GET', '/bkt/second')).body[0], 'c'.charCodeAt(0), 'and the node goes on')
  }
  t.ok(await until(() => node.coffer.answerMemory.takenBytes === 0))
})
