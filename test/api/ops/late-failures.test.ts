// What fails behind a status of success, which clients learn from a document or from a body that breaks off: the
// audit, the metrics and the log say that it failed.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import t, { type Test } from 'tap'
import { CofferError } from '../../../lib/errors.ts'
import { until } from '../../helpers/blobs.ts'
import type { TestNode } from '../../helpers/node.ts'
import { readMetrics, startOpsNode } from '../../helpers/ops.ts'
import { completeBody, createUpload, elements, md5, putPart } from '../../helpers/s3.ts'
import { login } from '../../helpers/swift.ts'

/** How many requests of an operation were counted, by status. */
async function countedOf(node: TestNode, dialect: string, operation: string) {
  const prefix = `coffer_requests_total{dialect="${dialect}",operation="${operation}",status="`
  const all = [...(await readMetrics(node))].filter(([line]) => line.startsWith(prefix))
  return Object.fromEntries(all.map(([line, n]) => [line.slice(prefix.length, -2), n]))
}

/** They are counted when their connections are done with them: a little later than the client may see. */
async function counts(
  t: Test,
  node: TestNode,
  [dialect, operation]: readonly [dialect: string, operation: string],
  expected: Readonly<Record<string, number>>,
): Promise<void> {
  await until(async () => isDeepStrictEqual(await countedOf(node, dialect, operation), expected))
  t.same(await countedOf(node, dialect, operation), expected, `metrics: ${dialect} ${operation}`)
}

const resultsOf = ({ audited }: TestNode, operation: string) =>
  audited.filter((entry) => entry.operation === operation).map(({ result }) => result)

/** The log's line of the last request of that operation. */
function lineOf(node: TestNode, operation: string): Record<string, unknown> {
  const lines = node
    .logged()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  return lines.filter((line) => line.msg === 'request' && line.operation === operation).at(-1)
}

/** The answers that this process begins from now on. */
function watchAnswers(t: Test): ServerResponse[] {
  const answers: ServerResponse[] = []
  const seen = (message: unknown) =>
    void answers.push((message as { response: ServerResponse }).response)
  subscribe('http.server.response.created', seen)
  t.teardown(() => void unsubscribe('http.server.response.created', seen))
  return answers
}

t.test('copies and completes that fail after their head is out', async (t) => {
  const node = await startOpsNode(t)
  await node.request('PUT', '/box')
  await node.request('PUT', '/box/o', { body: 'one' })
  const upload = await createUpload(node, '/box/parts')
  const etag = await putPart(node, '/box/parts', upload, 1, { body: 'part' })
  const { catalog } = node.coffer.stores
  const commit = catalog.commit.bind(catalog)
  const answers = watchAnswers(t)
  const areOut = () => answers.length === 3 && answers.every(({ headersSent }) => headersSent)
  catalog.commit = async () => {
    while (!areOut()) await sleep(20)
    throw new CofferError('StoreUnavailable')
  }
  const headers = { 'x-amz-copy-source': '/box/o' }
  const path = `/box/parts?uploadId=${upload}`
  const late = await Promise.all([
    node.request('PUT', '/box/copy', { headers }),
    node.request('PUT', `${path}&partNumber=2`, { headers }),
    node.request('POST', path, { body: completeBody([[1, etag]]) }),
  ])
  catalog.commit = commit
  for (const { status, text } of late) {
    t.equal(status, 200)
    t.match(text, '<Code>ServiceUnavailable</Code>')
  }
  for (const operation of ['CopyObject', 'UploadPartCopy', 'CompleteMultipartUpload']) {
    t.same(resultsOf(node, operation), ['StoreUnavailable'], `audit: ${operation}`)
    await counts(t, node, ['s3', operation], { 503: 1 })
    t.match(lineOf(node, operation), { status: 200, failure: 'StoreUnavailable' }, operation)
  }
})

t.test('downloads that break off', async (t) => {
  const node = await startOpsNode(t)
  const swift = await login(node)
  await node.request('PUT', '/box')
  await node.request('PUT', '/box/o', { body: Buffer.alloc(4 << 20, 7) })
  const { blobs } = node.coffer.stores
  const read = blobs.read.bind(blobs)
  blobs.read = (...place) => {
    const reader = read(...place)
    let records = 0
    return {
      close: () => reader.close(),
      read: async () => {
        if (records++ === 40) throw new CofferError('StoreCorrupt', { what: 'rot' })
        return await reader.read()
      },
    }
  }
  await t.rejects(node.request('GET', '/box/o'), 'S3')
  await t.rejects(swift.request('GET', '/box/o'), 'Swift')
  for (const dialect of ['s3', 'swift']) {
    await counts(t, node, [dialect, 'GetObject'], { 500: 1 })
  }
  t.match(lineOf(node, 'GetObject'), { status: 200, failure: 'StoreCorrupt', aborted: true })
})

t.test('a multi-delete of which a key fails counts as the worst of its keys', async (t) => {
  const node = await startOpsNode(t)
  await node.request('PUT', '/box')
  for (const key of ['a', 'b']) await node.request('PUT', `/box/${key}`, { body: key })
  const remove = async (...entries: string[]) => {
    const objects = entries.map((entry) => `<Object>${entry}</Object>`)
    const body = `<Delete>${objects.join('')}</Delete>`
    const headers = { 'content-md5': md5(body).digest('base64') }
    return await node.request('POST', '/box?delete', { headers, body })
  }
  const wrong = '<Key>a</Key><ETag>"wrong"</ETag>'
  const answer = await remove('<Key>b</Key>', wrong)
  t.equal(answer.status, 200)
  t.same(elements(answer, 'Code'), ['PreconditionFailed'])
  t.same(resultsOf(node, 'DeleteObjects').sort(), [
    'PreconditionFailed',
    'PreconditionFailed',
    'ok',
  ])
  await counts(t, node, ['s3', 'DeleteObjects'], { 412: 1 })

  const { catalog } = node.coffer.stores
  const commit = catalog.commit.bind(catalog)
  catalog.commit = async () => Promise.reject(new CofferError('StoreUnavailable'))
  t.equal((await remove('<Key>a</Key>', wrong)).status, 200)
  catalog.commit = commit
  await counts(t, node, ['s3', 'DeleteObjects'], { 412: 1, 503: 1 })
  t.match(lineOf(node, 'DeleteObjects'), { status: 200, failure: 'StoreUnavailable' })

  await remove('<Key>a</Key>')
  await counts(t, node, ['s3', 'DeleteObjects'], { 200: 1, 412: 1, 503: 1 })
})

t.test('a Swift delete of segments whose document says that it failed', async (t) => {
  const node = await startOpsNode(t)
  const { request } = await login(node)
  await request('PUT', '/box')
  await request('PUT', '/box/o', { body: 'plain' })
  const answer = await request('DELETE', '/box/o?multipart-manifest=delete')
  t.equal(answer.status, 200)
  t.match(answer.text, 'Not an SLO manifest')
  t.same(resultsOf(node, 'DeleteObject'), ['Swift400'])
  await counts(t, node, ['swift', 'DeleteObject'], { 400: 1 })
})
