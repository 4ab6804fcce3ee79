// Usage is exact at once, whichever dialect writes: what Swift counts after every single step.
import t from 'tap'
import {
  accountUsage,
  type Both,
  containerUsage,
  startBoth,
  withSwiftKey,
} from '../../helpers/both.ts'
import { randomFrom, seedOfRun } from '../../helpers/random.ts'
import { completeBody, createUpload, customerKey, md5, putPart, withKey } from '../../helpers/s3.ts'

type Test = { same(found: unknown, wanted: unknown, message: string): unknown }

async function expectUsage(t: Test, both: Both, step: string, objects: number, bytes: number) {
  t.same(await containerUsage(both), { objects, bytes }, step)
  t.same(await accountUsage(both), { containers: 1, objects, bytes }, `${step}: account`)
}

t.test('every write and delete of either dialect is counted at once', async (t) => {
  const both = await startBoth(t)
  const { node, s3, swift } = both
  const key = customerKey('k')
  t.same(await accountUsage(both), { containers: 0, objects: 0, bytes: 0 })
  await s3('PUT', '/bkt')
  await expectUsage(t, both, 'bucket', 0, 0)
  await s3('PUT', '/bkt/a', { body: Buffer.alloc(8192) })
  await expectUsage(t, both, 'PUT by S3', 1, 8192)
  await swift('PUT', '/bkt/b', { body: Buffer.alloc(65537) })
  await expectUsage(t, both, 'PUT by Swift', 2, 73729)
  await swift('PUT', '/bkt/a', { body: '' })
  await expectUsage(t, both, 'Swift overwrites S3', 2, 65537)
  await s3('PUT', '/bkt/b', { body: 'four' })
  await expectUsage(t, both, 'S3 overwrites Swift', 2, 4)
  await s3('PUT', '/bkt/sealed', withKey(key, { body: Buffer.alloc(8193) }))
  await expectUsage(t, both, 'SSE-C counts plaintext', 3, 8197)
  await swift('COPY', '/bkt/sealed', withSwiftKey(key, { headers: { Destination: '/bkt/copy' } }))
  await expectUsage(t, both, 'COPY', 4, 16390)
  await s3('PUT', '/bkt/copy', { headers: { 'x-amz-copy-source': '/bkt/b' } })
  await expectUsage(t, both, 'CopyObject over it', 4, 8201)
  await swift('POST', '/bkt/b', { headers: { 'X-Object-Meta-A': 'value' } })
  await expectUsage(t, both, 'POST counts nothing', 4, 8201)
  const id = await createUpload(node, '/bkt/parts')
  const etag = await putPart(node, '/bkt/parts', id, 1, { body: Buffer.alloc(100) })
  await expectUsage(t, both, 'parts of an upload count nothing', 4, 8201)
  await s3('POST', `/bkt/parts?uploadId=${id}`, { body: completeBody([[1, etag]]) })
  await expectUsage(t, both, 'Complete', 5, 8301)
  await swift('DELETE', '/bkt/parts')
  await expectUsage(t, both, 'DELETE by Swift', 4, 8201)
  await s3('DELETE', '/bkt/sealed')
  await expectUsage(t, both, 'DELETE by S3', 3, 8)
  await swift('DELETE', '/bkt/missing')
  await s3('DELETE', '/bkt/missing')
  await expectUsage(t, both, 'what was not there', 3, 8)
  const body = '<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object></Delete>'
  const headers = { 'content-md5': md5(body).digest('base64') }
  await s3('POST', '/bkt?delete', { headers, body })
  await expectUsage(t, both, 'DeleteObjects', 1, 4)
  const refused = await swift('PUT', '/bkt/no', { headers: { ETag: '0'.repeat(32) }, body: 'x' })
  t.equal(refused.status, 422)
  await s3('PUT', '/bkt/no', { headers: { 'content-md5': md5('y').digest('base64') }, body: 'x' })
  await expectUsage(t, both, 'refused bodies', 1, 4)
  await swift('DELETE', '/bkt/copy')
  await s3('DELETE', '/bkt')
  t.same(await accountUsage(both), { containers: 0, objects: 0, bytes: 0 })
})

t.test('versions count in bytes, and as objects only where a plain GET shows them', async (t) => {
  const both = await startBoth(t)
  const { s3, swift } = both
  await swift('PUT', '/bkt', { headers: { 'X-Versions-Enabled': 'true' } })
  await s3('PUT', '/bkt/o', { body: '1' })
  await expectUsage(t, both, 'first version', 1, 1)
  const second = await swift('PUT', '/bkt/o', { body: '22' })
  await expectUsage(t, both, 'second version', 1, 3)
  await s3('DELETE', '/bkt/o')
  await expectUsage(t, both, 'a delete marker hides it', 0, 3)
  await swift('DELETE', '/bkt/o')
  await expectUsage(t, both, 'a second marker', 0, 3)
  const id = String(second.headers['x-object-version-id'])
  await swift('PUT', `/bkt/o?version-id=${id}`)
  await expectUsage(t, both, 'an old version is current again', 1, 3)
  await s3('DELETE', `/bkt/o?versionId=${id}`)
  const { bytes } = await containerUsage(both)
  t.equal(bytes, 1)
  await s3('PUT', '/bkt/o', { body: '333' })
  await expectUsage(t, both, 'a new version', 1, 4)
})

t.test('counts hold after many random writes of both dialects at once', async (t) => {
  const both = await startBoth(t)
  const { s3, swift } = both
  const random = randomFrom(seedOfRun())
  await swift('PUT', '/bkt')
  const sizes = new Map<string, number>()
  for (let round = 0; round < 15; round++) {
    // One request a name and round, so that each outcome is known; all at once.
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    await Promise.all(
      names.map(async (name) => {
        const ask = random.pick([s3, swift])
        const size = random.pick([0, 1, 100, 8193])
        if (random.integer(3) === 0) {
          await ask('DELETE', `/bkt/${name}`)
          sizes.delete(name)
        } else {
          await ask('PUT', `/bkt/${name}`, { body: Buffer.alloc(size) })
          sizes.set(name, size)
        }
      }),
    )
    const bytes = [...sizes.values()].reduce((all, size) => all + size, 0)
    await expectUsage(t, both, `round ${round}, SEED=${random.seed}`, sizes.size, bytes)
  }
})
