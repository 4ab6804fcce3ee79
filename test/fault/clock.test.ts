// A node whose clock is corrected, or set back, while it runs. The times that clients see follow the clock, and
// the order of versions never changes.
import t from 'tap'
import { startChildNode } from '../helpers/child-node.ts'
import { buildClock } from '../helpers/clock-shim.ts'
import type { Answer } from '../helpers/node.ts'
import { completeBody, createUpload, elements, putPart } from '../helpers/s3.ts'
import { login } from '../helpers/swift.ts'

/** Less than the clock skew that signatures may have. */
const OFF_SECONDS = 600

const clock = buildClock(t)
const skip = typeof clock === 'string' ? clock : false

async function startNode(t: Parameters<typeof startChildNode>[0]) {
  if (typeof clock === 'string') throw new Error(clock)
  const node = await startChildNode(t, {}, () => clock.environment)
  const swift = await login(node)
  return { node, swift, s3: node.request, shift: (seconds: number) => clock.shift(seconds) }
}

const modifiedMs = ({ headers }: Answer) => Date.parse(headers['last-modified']!)
const stampMs = ({ headers }: Answer) => Number(headers['x-timestamp']) * 1000
/** `Last-Modified` has whole seconds. */
const floor = (ms: number) => Math.floor(ms / 1000) * 1000

t.test(
  'a clock that is put right while a node runs is right in all it says',
  { skip },
  async (t) => {
    if (typeof clock === 'string') return
    clock.shift(-OFF_SECONDS)
    const { node, s3, swift, shift } = await startNode(t)
    await s3('PUT', '/bkt')
    await s3('PUT', '/bkt/early', { body: 'early' })
    t.ok(modifiedMs(await s3('HEAD', '/bkt/early')) < floor(Date.now() - (1000 * OFF_SECONDS) / 2))

    shift(0)
    const before = Date.now()
    t.equal((await s3('PUT', '/bkt/s3', { body: 'x' })).status, 200)
    t.equal((await swift.request('PUT', '/bkt/swift', { body: 'x' })).status, 201)
    t.equal((await swift.request('PUT', '/new')).status, 201)
    await s3('PUT', '/bkt/copied', { headers: { 'x-amz-copy-source': '/bkt/early' } })
    await swift.request('POST', '/bkt/early', { headers: { 'X-Object-Meta-A': 'b' } })
    const upload = await createUpload(node, '/bkt/parts')
    const etag = await putPart(node, '/bkt/parts', upload, 1, { body: 'part' })
    const part = await s3('GET', `/bkt/parts?uploadId=${upload}`)
    t.ok(Date.parse(elements(part, 'LastModified')[0]!) >= before, 'a part')
    await s3('POST', `/bkt/parts?uploadId=${upload}`, { body: completeBody([[1, etag]]) })
    for (const name of ['s3', 'swift', 'copied', 'early', 'parts']) {
      const answer = await s3('HEAD', `/bkt/${name}`)
      t.ok(modifiedMs(answer) >= floor(before), `${name}: not of a time before it was written`)
      t.ok(modifiedMs(answer) <= Date.now(), `${name}: not of a time to come`)
      const stamp = stampMs(await swift.request('HEAD', `/bkt/${name}`))
      t.ok(stamp >= before && Math.floor(stamp) <= Date.now(), `${name}: the same through Swift`)
    }
    t.ok(stampMs(await swift.request('HEAD', '/new')) >= before, 'a container')
  },
)

t.test('a clock that is set back turns no order round', { skip }, async (t) => {
  if (typeof clock === 'string') return
  clock.shift(0)
  const { node, s3, swift, shift } = await startNode(t)
  await s3('PUT', '/kept')
  await s3('PUT', '/kept?versioning', {
    body: '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
  })
  const ids: string[] = []
  const write = async (method = 'PUT') => {
    const answer = await s3(method, '/kept/o', method === 'PUT' ? { body: `${ids.length}` } : {})
    ids.unshift(String(answer.headers['x-amz-version-id']))
  }
  const isInOrder = async (name: string) => {
    const listed = await s3('GET', '/kept?versions')
    t.same(elements(listed, 'VersionId'), ids, `${name}: the newest first`)
    const times = elements(listed, 'LastModified')
    t.same(times, times.toSorted().reverse(), `${name}: no time before an older version's`)
  }
  await write()
  const before = modifiedMs(await s3('HEAD', '/kept/o'))
  shift(-OFF_SECONDS)
  await write()
  await write('DELETE')
  await write()
  await isInOrder('in the same process')
  await s3('PUT', '/kept/other', { body: 'x' })
  t.ok(modifiedMs(await s3('HEAD', '/kept/other')) >= before, 'a process goes back for no object')
  await s3(
    'DELETE',
    `/kept/other?versionId=${(await s3('HEAD', '/kept/other')).headers['x-amz-version-id']}`,
  )

  await node.kill('SIGTERM')
  await node.start()
  await write()
  await isInOrder('in the next process')
  const upload = await createUpload(node, '/kept/o')
  const etag = await putPart(node, '/kept/o', upload, 1, { body: 'whole' })
  const body = completeBody([[1, etag]])
  const completed = await s3('POST', `/kept/o?uploadId=${upload}`, { body })
  ids.unshift(String(completed.headers['x-amz-version-id']))
  await isInOrder('an upload that began behind what is there')
  t.equal((await s3('GET', '/kept/o')).text, 'whole', 'and is the current version')

  const stamp = stampMs(await swift.request('HEAD', '/kept/o'))
  const headers = { 'X-Object-Meta-A': 'b' }
  t.equal((await swift.request('POST', '/kept/o', { headers })).status, 202)
  t.ok(
    stampMs(await swift.request('HEAD', '/kept/o')) >= stamp,
    'a change is not earlier than what it changes',
  )
  const container = stampMs(await swift.request('HEAD', '/kept'))
  t.ok(container > 0)
  await s3('PUT', '/kept/fresh', { body: 'x' })
  const fresh = modifiedMs(await s3('HEAD', '/kept/fresh'))
  t.ok(fresh < before, 'a new object has the time of the clock as it is')
})
