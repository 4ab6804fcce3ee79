// X-Delete-At, which only Swift can set, hides an object from both dialects at its second; what removes it
// leaves exact counts.
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { expiryPrefix, rowKeys } from '../../../lib/catalog/keys.ts'
import { expiryRow } from '../../../lib/catalog/rows.ts'
import { randomId } from '../../../lib/names.ts'
import { expire } from '../../../lib/upkeep/expiry.ts'
import { DELETE_MARKER_TYPE } from '../../../middleware/swift/error-table.ts'
import {
  accountUsage,
  type Both,
  containerUsage,
  startWithContainer,
  swiftList,
  withSwiftKey,
} from '../../helpers/both.ts'
import { customerKey, elements, outcome, withKey } from '../../helpers/s3.ts'
import { listedIn } from '../../helpers/versions.ts'

const nowSeconds = () => Math.floor(Date.now() / 1000)

/** A time that no test reaches. */
const FAR = { 'X-Delete-At': '9999999999' }

/** Lets objects expire as soon as that can be asked for, and waits until they have. */
async function expireNow({ swift }: Both, ...paths: string[]): Promise<void> {
  let last = 0
  for (const path of paths) {
    let status: number
    // On a busy machine the second may be over before the request is judged.
    do {
      last = nowSeconds() + 1
      const headers = { 'X-Delete-At': String(last) }
      status = (await swift('POST', path, { headers })).status
    } while (status === 400)
    if (status !== 202) throw new Error(`post: ${status}`)
  }
  // Timers may fire a little early.
  while (Date.now() < last * 1000) await sleep(last * 1000 - Date.now() + 1)
}

const keysOf = async ({ s3 }: Both) => elements(await s3('GET', '/bkt?list-type=2'), 'Key')
const namesOf = async (both: Both) => (await swiftList(both)).map(({ name }) => name)

/** Rows that name a second at which something is to go. */
async function expiryRows({ node }: Both): Promise<number> {
  const to = `${expiryPrefix}\u{10ffff}`
  const page = await node.coffer.stores.catalog.scan({ from: expiryPrefix, to, limit: 100 })
  return page.entries.length
}

t.test('at its second an object is gone from both, and removed with exact counts', async (t) => {
  const both = await startWithContainer(t)
  const { node, s3, swift } = both
  await swift('PUT', '/bkt/due', { headers: FAR, body: Buffer.alloc(9000) })
  const key = customerKey('k')
  await swift('PUT', '/bkt/sealed', withSwiftKey(key, { headers: FAR, body: 'sealed' }))
  await s3('PUT', '/bkt/posted', { body: '12345' })
  await s3('PUT', '/bkt/stays', { body: 'stays' })
  t.equal((await s3('GET', '/bkt/due')).status, 200)
  t.equal((await swift('HEAD', '/bkt/due')).headers['x-delete-at'], '9999999999')
  t.same(await keysOf(both), ['due', 'posted', 'sealed', 'stays'])
  t.same(await containerUsage(both), { objects: 4, bytes: 9016 })
  const paths = ['/bkt/due', '/bkt/posted', '/bkt/sealed']
  await expireNow(both, ...paths)
  for (const path of paths) {
    t.equal(outcome(await s3('GET', path)), '404 NoSuchKey', path)
    t.equal((await swift('GET', path)).status, 404, path)
    t.equal((await s3('HEAD', path)).status, 404, path)
    t.equal((await swift('HEAD', path)).status, 404, path)
  }
  t.equal((await s3('GET', '/bkt/sealed', withKey(key))).status, 404)
  t.same(await keysOf(both), ['stays'])
  t.same(await namesOf(both), ['stays'])
  const headersOfCopy = { 'x-amz-copy-source': '/bkt/due' }
  t.equal(outcome(await s3('PUT', '/bkt/copy', { headers: headersOfCopy })), '404 NoSuchKey')
  t.equal((await swift('POST', '/bkt/due', { headers: { 'X-Object-Meta-A': '1' } })).status, 404)
  await expire(node.coffer.stores, (error) => t.fail(String(error)))
  t.same(await containerUsage(both), { objects: 1, bytes: 5 })
  t.same(await accountUsage(both), { containers: 1, objects: 1, bytes: 5 })
  t.equal(await expiryRows(both), 0)
  t.equal((await s3('DELETE', '/bkt/stays')).status, 204)
  t.equal((await s3('DELETE', '/bkt')).status, 204)
})

t.test('what is written anew, posted without it or copied by S3 does not expire', async (t) => {
  const both = await startWithContainer(t)
  const { s3, swift } = both
  for (const name of ['overwritten', 'posted', 'copied', 'self', 'deleted']) {
    await swift('PUT', `/bkt/${name}`, { headers: FAR, body: name })
  }
  t.equal(await expiryRows(both), 5)
  await s3('PUT', '/bkt/overwritten', { body: 'by S3' })
  await swift('POST', '/bkt/posted', { headers: { 'X-Object-Meta-A': '1' } })
  await s3('PUT', '/bkt/by-s3', { headers: { 'x-amz-copy-source': '/bkt/copied' } })
  await swift('COPY', '/bkt/copied', { headers: { Destination: '/bkt/by-swift' } })
  const copy = { 'x-amz-copy-source': '/bkt/self', 'x-amz-metadata-directive': 'REPLACE' }
  await s3('PUT', '/bkt/self', { headers: copy })
  await s3('DELETE', '/bkt/deleted')
  for (const [name, at] of [
    ['overwritten', undefined],
    ['posted', undefined],
    ['by-s3', undefined],
    ['self', undefined],
    ['copied', '9999999999'],
    ['by-swift', '9999999999'],
  ] as const) {
    t.equal((await swift('HEAD', `/bkt/${name}`)).headers['x-delete-at'], at, name)
  }
  t.equal(await expiryRows(both), 2, 'nothing else is ever looked for')
})

t.test(
  'where versions are kept the one that is due stays as a version behind a marker',
  async (t) => {
    const both = await startWithContainer(t)
    const { node, s3, swift } = both
    await swift('POST', '/bkt', { headers: { 'X-Versions-Enabled': 'true' } })
    const old = await s3('PUT', '/bkt/o', { body: 'old' })
    const due = await swift('PUT', '/bkt/o', { headers: FAR, body: 'due' })
    await expireNow(both, '/bkt/o')
    t.equal(outcome(await s3('GET', '/bkt/o')), '404 NoSuchKey')
    await expire(node.coffer.stores, (error) => t.fail(String(error)))
    const listed = listedIn(await s3('GET', '/bkt?versions'))
    t.match(listed, [
      { kind: 'DeleteMarker', latest: true },
      { kind: 'Version', id: String(due.headers['x-object-version-id']), latest: false },
      { kind: 'Version', id: String(old.headers['x-amz-version-id']), latest: false },
    ])
    t.same(await containerUsage(both), { objects: 0, bytes: 6 })
    t.equal(await expiryRows(both), 0)
    t.match((await s3('GET', '/bkt/o')).headers, { 'x-amz-delete-marker': 'true' })
  },
)

t.test(
  'a version that is made current again while it is being removed expires all the same',
  async (t) => {
    const both = await startWithContainer(t)
    const { node, swift } = both
    const { stores } = node.coffer
    const fails = (error: unknown) => t.fail(String(error))
    await swift('POST', '/bkt', { headers: { 'X-Versions-Enabled': 'true' } })
    const { headers } = await swift('PUT', '/bkt/o', { headers: FAR, body: 'due' })
    const id = String(headers['x-object-version-id'])
    await expireNow(both, '/bkt/o')
    const commit = stores.catalog.commit.bind(stores.catalog)
    stores.catalog.commit = async (change) => {
      await commit(change)
      stores.catalog.commit = commit
      t.equal((await swift('PUT', `/bkt/o?version-id=${id}`)).status, 201)
    }
    await expire(stores, fails)
    t.equal(stores.catalog.commit, commit, 'it was, behind the first commit')
    t.equal(await expiryRows(both), 1, 'and will be found')
    await expire(stores, fails)
    t.equal(await expiryRows(both), 0)
    const listed = await swiftList(both, '/bkt?versions&')
    t.equal(
      listed.find(({ is_latest }) => is_latest)?.content_type,
      DELETE_MARKER_TYPE,
      'gone again',
    )
  },
)

t.test('a clock that is set back while objects are looked for loses none of them', async (t) => {
  const both = await startWithContainer(t)
  const { node, swift } = both
  const { stores } = node.coffer
  const fails = (error: unknown) => t.fail(String(error))
  await swift('PUT', '/bkt/o', { headers: FAR, body: 'due' })
  await expireNow(both, '/bkt/o')
  const scan = stores.catalog.scan.bind(stores.catalog)
  const now = Date.now
  stores.catalog.scan = async (range) => {
    const page = await scan(range)
    Date.now = () => now() - 3_600_000
    return page
  }
  t.teardown(() => Object.assign(Date, { now }))
  await expire(stores, fails)
  Object.assign(Date, { now })
  stores.catalog.scan = scan
  t.same(await containerUsage(both), { objects: 1, bytes: 3 }, 'not due by that clock')
  await expire(stores, fails)
  t.same(await containerUsage(both), { objects: 0, bytes: 0 }, 'due by this one')
  t.equal(await expiryRows(both), 0)
})

t.test('a row by which nothing expires goes alone', async (t) => {
  const both = await startWithContainer(t)
  const { node, s3, swift } = both
  const { stores } = node.coffer
  await swift('PUT', '/bkt/o', { headers: FAR, body: 'stays' })
  const row = (container: string) => expiryRow.encode({ account: 'test', container, object: 'o' })
  const put = ['bkt', 'gone'].map((container, i) => ({
    key: rowKeys.expiry(i + 1, randomId()),
    value: row(container),
  }))
  await stores.catalog.commit({ id: randomId(), put })
  await expire(stores, (error) => t.fail(String(error)))
  t.equal(await expiryRows(both), 1)
  t.equal((await s3('GET', '/bkt/o')).text, 'stays')
})
