// X-Delete-At, which only Swift can set, hides an object from both dialects at its second; what removes it
// leaves exact counts.
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { expiryPrefix } from '../../../lib/catalog/keys.ts'
import { expire } from '../../../lib/service/expiry.ts'
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

async function waitUntil(seconds: number): Promise<void> {
  // Timers may fire a little early.
  while (Date.now() < seconds * 1000) await sleep(seconds * 1000 - Date.now() + 1)
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
  const at = nowSeconds() + 2
  const headers = { 'X-Delete-At': String(at) }
  await swift('PUT', '/bkt/due', { headers, body: Buffer.alloc(9000) })
  const key = customerKey('k')
  await swift('PUT', '/bkt/sealed', withSwiftKey(key, { headers, body: 'sealed' }))
  await s3('PUT', '/bkt/posted', { body: '12345' })
  await swift('POST', '/bkt/posted', { headers })
  await s3('PUT', '/bkt/stays', { body: 'stays' })
  t.equal((await s3('GET', '/bkt/due')).status, 200)
  t.equal((await swift('HEAD', '/bkt/due')).headers['x-delete-at'], String(at))
  t.same(await keysOf(both), ['due', 'posted', 'sealed', 'stays'])
  t.same(await containerUsage(both), { objects: 4, bytes: 9016 })
  await waitUntil(at)
  for (const path of ['/bkt/due', '/bkt/posted', '/bkt/sealed']) {
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
  await expire(node.coffer.stores)
  t.same(await containerUsage(both), { objects: 1, bytes: 5 })
  t.same(await accountUsage(both), { containers: 1, objects: 1, bytes: 5 })
  t.equal(await expiryRows(both), 0)
  t.equal((await s3('DELETE', '/bkt/stays')).status, 204)
  t.equal((await s3('DELETE', '/bkt')).status, 204)
})

t.test('what is written anew, posted without it or copied by S3 does not expire', async (t) => {
  const both = await startWithContainer(t)
  const { node, s3, swift } = both
  const at = nowSeconds() + 3
  const headers = { 'X-Delete-At': String(at) }
  for (const name of ['overwritten', 'posted', 'copied', 'self']) {
    await swift('PUT', `/bkt/${name}`, { headers, body: name })
  }
  await s3('PUT', '/bkt/overwritten', { body: 'by S3' })
  await swift('POST', '/bkt/posted', { headers: { 'X-Object-Meta-A': '1' } })
  await s3('PUT', '/bkt/by-s3', { headers: { 'x-amz-copy-source': '/bkt/copied' } })
  await swift('COPY', '/bkt/copied', { headers: { Destination: '/bkt/by-swift' } })
  const copy = { 'x-amz-copy-source': '/bkt/self', 'x-amz-metadata-directive': 'REPLACE' }
  await s3('PUT', '/bkt/self', { headers: copy })
  t.equal((await swift('HEAD', '/bkt/by-swift')).headers['x-delete-at'], String(at))
  await waitUntil(at)
  const left = ['by-s3', 'overwritten', 'posted', 'self']
  t.same(await keysOf(both), left)
  await expire(node.coffer.stores)
  t.same(await namesOf(both), left)
  for (const name of left) t.equal((await s3('GET', `/bkt/${name}`)).status, 200, name)
  t.equal((await containerUsage(both)).objects, 4)
  t.equal(await expiryRows(both), 0)
})

t.test(
  'where versions are kept the one that is due stays as a version behind a marker',
  async (t) => {
    const both = await startWithContainer(t)
    const { node, s3, swift } = both
    await swift('POST', '/bkt', { headers: { 'X-Versions-Enabled': 'true' } })
    const old = await s3('PUT', '/bkt/o', { body: 'old' })
    const at = nowSeconds() + 2
    const headers = { 'X-Delete-At': String(at) }
    const due = await swift('PUT', '/bkt/o', { headers, body: 'due' })
    const dueId = due.headers['x-object-version-id']
    await waitUntil(at)
    t.equal(outcome(await s3('GET', '/bkt/o')), '404 NoSuchKey')
    await expire(node.coffer.stores)
    const listed = listedIn(await s3('GET', '/bkt?versions'))
    t.match(listed, [
      { kind: 'DeleteMarker', latest: true },
      { kind: 'Version', id: String(dueId), latest: false },
      { kind: 'Version', id: String(old.headers['x-amz-version-id']), latest: false },
    ])
    t.same(await containerUsage(both), { objects: 0, bytes: 6 })
    t.equal(await expiryRows(both), 0)
    t.match((await s3('GET', '/bkt/o')).headers, { 'x-amz-delete-marker': 'true' })
  },
)
