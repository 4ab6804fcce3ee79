// Wherever an answer has an object's checksum, it has the checksum's type beside it: SDKs compare a whole
// object's sum with what they read, and must not do that with a sum of sums.
import t from 'tap'
import { type Answer, keyHeaders, type SentRequest, startNode } from '../../helpers/node.ts'
import {
  completeBody,
  createUpload,
  customerKey,
  element,
  elements,
  outcome,
  putPart,
} from '../../helpers/s3.ts'

const sum = 'NhCmhg=='
const composite = 'FKTmaw==-1'
const key = customerKey('k')
const other = customerKey('o')

/** A bucket with `whole` (a sum of all bytes) and `parts` (a sum of sums), under these keys. */
async function startSources(t: Parameters<typeof startNode>[0], sealed: Buffer | null) {
  const node = await startNode(t)
  const own = sealed === null ? {} : keyHeaders(sealed)
  const ask = (method: string, path: string, options: SentRequest = {}) =>
    node.request(method, path, { tls: true, ...options })
  await ask('PUT', '/bkt')
  const headers = { ...own, 'x-amz-checksum-crc32': sum }
  await ask('PUT', '/bkt/whole', { headers, body: 'hello' })
  const id = await createUpload({ request: ask }, '/bkt/parts', {
    headers: { ...own, 'x-amz-checksum-algorithm': 'CRC32' },
  })
  const etag = await putPart({ request: ask }, '/bkt/parts', id, 1, { headers, body: 'hello' })
  const list = completeBody([[1, etag]]).replace(
    '</Part>',
    `<ChecksumCRC32>${sum}</ChecksumCRC32></Part>`,
  )
  const done = await ask('POST', `/bkt/parts?uploadId=${id}`, { headers: own, body: list })
  if (done.status !== 200) throw new Error(`no source: ${outcome(done)} ${done.text}`)
  return { ask, own }
}

type Ask = Awaited<ReturnType<typeof startSources>>['ask']

/** Sum and type as each way of reading an object gives them. */
async function shownBy(ask: Ask, path: string, own: Record<string, string>) {
  const header = (answer: Answer) => [
    answer.headers['x-amz-checksum-crc32'],
    answer.headers['x-amz-checksum-type'],
  ]
  const headers = { ...own, 'x-amz-checksum-mode': 'ENABLED' }
  const asked = { ...own, 'x-amz-object-attributes': 'Checksum' }
  const attributes = await ask('GET', `${path}?attributes`, { headers: asked })
  return {
    head: header(await ask('HEAD', path, { headers })),
    get: header(await ask('GET', path, { headers })),
    attributes: [element(attributes, 'ChecksumCRC32'), element(attributes, 'ChecksumType')],
  }
}

const everywhere = (value: string, type: string) => ({
  head: [value, type],
  get: [value, type],
  attributes: [value, type],
})

t.test('a copy shows the type of its checksum, whichever key seals it', async (t) => {
  for (const from of [null, key]) {
    const { ask, own } = await startSources(t, from)
    t.same(await shownBy(ask, '/bkt/whole', own), everywhere(sum, 'FULL_OBJECT'))
    t.same(await shownBy(ask, '/bkt/parts', own), everywhere(composite, 'COMPOSITE'))
    const source = from === null ? {} : keyHeaders(from, 'x-amz-copy-source-')
    for (const to of [null, other]) {
      const sealing = to === null ? {} : keyHeaders(to)
      for (const name of ['whole', 'parts']) {
        for (const directive of ['COPY', 'REPLACE']) {
          const headers = {
            ...source,
            ...sealing,
            'x-amz-copy-source': `/bkt/${name}`,
            'x-amz-metadata-directive': directive,
          }
          const copied = await ask('PUT', '/bkt/copy', { headers })
          // Bytes that are sealed anew are one piece, and have a sum of their own.
          const isParts = name === 'parts' && (from === null) === (to === null)
          const [value, type] = isParts ? [composite, 'COMPOSITE'] : [sum, 'FULL_OBJECT']
          const what = `${name} ${directive} ${from ? 'k' : '-'}→${to ? 'o' : '-'}`
          t.equal(outcome(copied), '200', what)
          t.same([element(copied, 'ChecksumCRC32'), element(copied, 'ChecksumType')], [value, type])
          t.same(await shownBy(ask, '/bkt/copy', sealing), everywhere(value, type), what)
        }
      }
    }
  }
})

t.test('an object that replaces another shows its own checksum and type', async (t) => {
  const { ask, own } = await startSources(t, null)
  const from = { 'x-amz-copy-source': '/bkt/parts', 'x-amz-checksum-algorithm': 'SHA1' }
  const onto = await ask('PUT', '/bkt/parts', {
    headers: { ...from, 'x-amz-metadata-directive': 'REPLACE' },
  })
  t.match(element(onto, 'ChecksumSHA1'), /^[A-Za-z0-9+/]{27}=$/)
  t.equal(element(onto, 'ChecksumType'), 'FULL_OBJECT')
  const headers = { 'x-amz-checksum-crc32': sum }
  const put = await ask('PUT', '/bkt/parts', { headers, body: 'hello' })
  t.equal(put.headers['x-amz-checksum-type'], 'FULL_OBJECT')
  t.same(await shownBy(ask, '/bkt/parts', own), everywhere(sum, 'FULL_OBJECT'))
  const listed = await ask('GET', '/bkt?list-type=2')
  t.same(elements(listed, 'ChecksumType'), ['FULL_OBJECT', 'FULL_OBJECT'])
})
