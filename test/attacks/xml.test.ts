// Documents as weapons. Those of strangers are not read, hostile ones end where they leave the operation's
// shape, and the longest legal ones are read in turns of the event loop. The test checks counted steps
// (lib/turns.ts) and turns of other requests, never milliseconds.
import { createHash } from 'node:crypto'
import t from 'tap'
import type { ChecksumAlgorithm } from '../../lib/catalog/rows.ts'
import { LONGEST_TURN, watchTurns } from '../helpers/counted-turns.ts'
import { completeDocument, fillParts } from '../helpers/many-parts.ts'
import { type SentRequest, startNode, type TestNode } from '../helpers/node.ts'
import { element, elements, outcome } from '../helpers/s3.ts'
import { login } from '../helpers/swift.ts'
import { attackTable } from './table.ts'

const table = attackTable(t, 'xml')

/** Steps for one slice of a document: even the first 4 KiB of a body would count more. */
const SLICE_STEPS = 100
const SLICE_BYTES = 4096

const junk = (bytes: number) => `<a>${'<b/>'.repeat(Math.floor((bytes - 7) / 4))}</a>`
const digest = (body: string) => createHash('md5').update(body).digest('base64')

const watch = (node: TestNode, method: string, path: string, options: SentRequest) =>
  watchTurns(() => node.request(method, path, options))

async function beginUpload(node: TestNode, key: string, headers: Record<string, string> = {}) {
  const answer = await node.request('POST', `/bucket/${key}?uploads`, { headers })
  return element(answer, 'UploadId')!
}

const strangers: Record<string, SentRequest> = {
  'somebody anonymous': { sign: false },
  'a user without a right': { access: 'test:tester3', secret: 'testing3' },
  'another account’s admin': { access: 'other:other', secret: 'testing2' },
  'an unknown key': { access: 'who', secret: 'who' },
  'a wrong secret': { secret: 'wrong' },
}

t.test('a stranger’s document is not read', async (t) => {
  const node = await startNode(t, {
    limits: { loginFailures: 1000, loginFailuresPerAddress: 1000 },
  })
  await node.request('PUT', '/bucket')
  await node.request('PUT', '/bucket/k', { body: 'x' })
  const uploadId = await beginUpload(node, 'up')
  const body = junk(1 << 20)
  const targets: [operation: string, method: string, path: string][] = [
    ['Complete', 'POST', `/bucket/up?uploadId=${uploadId}`],
    ['Complete of no upload', 'POST', '/bucket/up?uploadId=x'],
    ['Complete in no bucket', 'POST', '/nobucket/up?uploadId=x'],
    ['DeleteObjects', 'POST', '/bucket?delete'],
    ['DeleteObjects in no bucket', 'POST', '/nobucket?delete'],
    ['PutBucketVersioning', 'PUT', '/bucket?versioning'],
    ['PutBucketVersioning of no bucket', 'PUT', '/nobucket?versioning'],
    ['PutBucketAcl', 'PUT', '/bucket?acl'],
    ['PutBucketPolicy', 'PUT', '/bucket?policy'],
    ['PutBucketLifecycle', 'PUT', '/bucket?lifecycle'],
    ['PutObjectTagging', 'PUT', '/bucket/k?tagging'],
    ['SelectObjectContent', 'POST', '/bucket/k?select'],
    ['RestoreObject', 'POST', '/bucket/k?restore'],
  ]
  for (const [who, credentials] of Object.entries(strangers)) {
    for (const [operation, method, path] of targets) {
      const headers = { 'content-md5': digest(body) }
      const seen = await watch(node, method, path, { ...credentials, headers, body })
      const told = outcome(seen.answer)
      const refused = /^(403|404|501) /.test(told)
      table.tried(
        `${operation} by ${who}: refused before a byte of 1 MiB is looked at`,
        refused && seen.steps < SLICE_STEPS,
        { told, steps: seen.steps },
      )
    }
  }
  // Another account's admin may make buckets in its own account.
  for (const [who, credentials] of Object.entries(strangers).filter(
    ([who]) => !/admin/.test(who),
  )) {
    const seen = await watch(node, 'PUT', '/theirs', { ...credentials, body: junk(60_000) })
    table.tried(
      `CreateBucket by ${who}: refused unread`,
      seen.answer.status === 403 && seen.steps < SLICE_STEPS,
      { outcome: outcome(seen.answer), steps: seen.steps },
    )
  }
})

t.test('who may, but has no target, is told so unread', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bucket')
  const body = junk(1 << 20)
  const headers = { 'content-md5': digest(body) }
  for (const [method, path, expected] of [
    ['POST', '/bucket/up?uploadId=x', '404 NoSuchUpload'],
    ['POST', '/nobucket/up?uploadId=x', '404 NoSuchBucket'],
    ['POST', '/nobucket?delete', '404 NoSuchBucket'],
    ['PUT', '/nobucket?versioning', '404 NoSuchBucket'],
  ] as const) {
    const seen = await watch(node, method, path, { headers, body })
    const told = outcome(seen.answer)
    table.tried(`${method} ${path}: ${expected}`, told === expected && seen.steps < SLICE_STEPS, {
      told,
      steps: seen.steps,
    })
  }
  for (const [path, bytes] of [
    ['/bucket?versioning', 65_537],
    ['/bucket?delete', (2 << 20) + 1],
  ] as const) {
    const long = ' '.repeat(bytes)
    const method = path.endsWith('delete') ? 'POST' : 'PUT'
    const seen = await watch(node, method, path, {
      headers: { 'content-md5': digest(long) },
      body: long,
    })
    const told = outcome(seen.answer)
    table.tried(
      `${path}: a byte too many is refused by its length`,
      told === '400 MaxMessageLengthExceeded' && seen.steps < SLICE_STEPS,
      told,
    )
  }
})

t.test('a hostile document ends where it leaves the shape', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bucket')
  const uploadId = await beginUpload(node, 'up')
  const root = 'CompleteMultipartUpload'
  const laughs = Array.from(
    { length: 9 },
    (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`,
  ).join('')
  const hostile: Record<string, string> = {
    'a million empty elements': junk(4 << 20),
    'a million levels': '<a>'.repeat(1 << 20),
    'a million parts deep': `<${root}>${'<Part>'.repeat(600_000)}`,
    'an external entity': `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><${root}>&e;</${root}>`,
    'an external DTD': `<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><${root}/>`,
    'a parameter entity': `<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:1/">%p;]><${root}/>`,
    'a billion laughs': `<!DOCTYPE x [<!ENTITY l0 "lol">${laughs}]><${root}>&l9;</${root}>`,
    'a doctype that never ends': `<!DOCTYPE x [${'<!ELEMENT a (b)>'.repeat(200_000)}`,
    'an entity that is not XML’s': `<${root}><Part><ETag>&nbsp;</ETag></Part></${root}>`,
    'a name of 4 MiB': `<${'a'.repeat(4_000_000)}/>`,
    'an attribute of 4 MiB': `<${root} a="${'a'.repeat(4_000_000)}"/>`,
    '300,000 attributes': `<${root} ${Array.from({ length: 300_000 }, (_, i) => `a${i}=""`).join(' ')}/>`,
    'a text of 4 MiB': `<${root}><Part><ETag>${'a'.repeat(4_000_000)}</ETag></Part></${root}>`,
    'a comment of 4 MiB': `<${root}><!--${'a'.repeat(4_000_000)}--></${root}>`,
    'a section of 4 MiB': `<${root}><Part><ETag><![CDATA[${'a'.repeat(4_000_000)}]]></ETag></Part></${root}>`,
    'an instruction of 4 MiB': `<?x ${'a'.repeat(4_000_000)}?><${root}/>`,
    'a text of a million pieces': `<${root}><Part><ETag>${'a<!---->'.repeat(500_000)}</ETag></Part></${root}>`,
    'blanks of 4 MiB': `<${root}>${' '.repeat(4_000_000)}</${root}>`,
    'another root': '<Delete><Object><Key>k</Key></Object></Delete>',
    'two roots': `<${root}/><${root}/>`,
    'text behind the root': `<${root}/>text`,
    'a NUL': `<${root}>\0</${root}>`,
    'UTF-16': Buffer.from(`<${root}/>`, 'utf16le').toString('latin1'),
    'a key of Object’s own': `<${root}><__proto__>x</__proto__></${root}>`,
    '10,001 parts': completeDocument(10_001),
    'a part without a number': `<${root}><Part><ETag>x</ETag></Part></${root}>`,
    'a part named twice in one': `<${root}><Part><PartNumber>1</PartNumber><PartNumber>2</PartNumber><ETag>x</ETag></Part></${root}>`,
  }
  for (const [name, body] of Object.entries(hostile)) {
    const seen = await watch(node, 'POST', `/bucket/up?uploadId=${uploadId}`, { body })
    const told = outcome(seen.answer)
    table.tried(
      `${name}: MalformedXML, ${seen.steps} steps`,
      told === '400 MalformedXML' && seen.longestTurn <= LONGEST_TURN,
      { told, ...seen, answer: undefined },
    )
  }
  t.equal((await node.request('GET', `/bucket/up?uploadId=${uploadId}`)).status, 200, 'it is there')
})

t.test('the longest legal documents are read a turn at a time', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bucket')
  const count = 10_000
  const algorithms: ChecksumAlgorithm[] = ['sha256', 'crc64nvme', 'crc32']
  for (const algorithm of algorithms) {
    const uploadId = await beginUpload(node, algorithm, {
      'x-amz-checksum-algorithm': algorithm.toUpperCase(),
      'x-amz-checksum-type': algorithm === 'sha256' ? 'COMPOSITE' : 'FULL_OBJECT',
    })
    const ref = { account: 'test', container: 'bucket', object: algorithm }
    await fillParts(node.coffer.stores.catalog, node.coffer.rootCipher, ref, uploadId, count)
    const body = completeDocument(count, { algorithm, bytes: 4 << 20 })
    const path = `/bucket/${algorithm}?uploadId=${uploadId}`
    const seen = await watch(node, 'POST', path, { body })
    const { answer, steps, longestTurn, turns } = seen
    table.tried(
      `Complete of 10,000 parts with ${algorithm} in 4 MiB: ${steps} steps, at most ${longestTurn} a turn`,
      outcome(answer) === '200' && longestTurn <= LONGEST_TURN,
      answer.text.slice(0, 300),
    )
    table.tried(
      `its ${algorithm} parts and bytes are counted`,
      steps >= count + (body.length / SLICE_BYTES) * SLICE_STEPS,
      steps,
    )
    table.tried(`others have ${turns} turns meanwhile`, turns >= steps / LONGEST_TURN, turns)
    const again = await watch(node, 'POST', path, { body })
    table.tried(
      `the same once more, after its answer: ${again.longestTurn} a turn`,
      element(again.answer, 'ETag') === element(answer, 'ETag') &&
        again.longestTurn <= LONGEST_TURN,
      outcome(again.answer),
    )
    const wrong = body.replace(/<ETag>&quot;[0-9a-f]{32}/g, `<ETag>&quot;${'0'.repeat(31)}`)
    const other = await watch(node, 'POST', path, { body: wrong })
    table.tried(
      'and with ETags of odd length',
      outcome(other.answer) === '404 NoSuchUpload' && other.longestTurn <= LONGEST_TURN,
      outcome(other.answer),
    )
    const head = await node.request('GET', `/bucket/${algorithm}?attributes`, {
      headers: { 'x-amz-object-attributes': 'ObjectParts', 'x-amz-part-number-marker': '8000' },
    })
    table.tried('its parts are listed', elements(head, 'PartNumber').length === 1000, head.status)
  }
})

const objects = (count: number, more = '') =>
  Array.from(
    { length: count },
    (_, i) => `<Object><Key>${'&#x4B;'.repeat(200)}${i}</Key>${more}</Object>`,
  ).join('')

t.test('a multi-delete has its turns, and few lines in the audit', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bucket')
  const owner = await login(node)
  await owner.request('POST', '/bucket', { headers: { 'X-Container-Write': 'other:other' } })
  const remove = async (inner: string, credentials: SentRequest = {}) => {
    const body = `<Delete>${inner}</Delete>`
    node.audited.length = 0
    const headers = { 'content-md5': digest(body) }
    return await watch(node, 'POST', '/bucket?delete', { ...credentials, headers, body })
  }
  for (const [who, credentials] of Object.entries(strangers)) {
    if (credentials.access === 'other:other') continue
    const { answer } = await remove(objects(1000), credentials)
    table.tried(
      `1,000 keys of ${who}: one refusal, one line in the audit`,
      answer.status === 403 &&
        element(answer, 'Code') !== undefined &&
        elements(answer, 'Key').length === 0 &&
        node.audited.length <= 1,
      [outcome(answer), node.audited.length],
    )
  }
  const guest = { access: 'other:other', secret: 'testing2' }
  const version = `<VersionId>${'0'.repeat(32)}</VersionId>`
  const denied = await remove(objects(1000, version), guest)
  table.tried(
    '1,000 versions by whom a list lets write: each refused, one line for all, and one of the request',
    elements(denied.answer, 'Code').filter((code) => code === 'AccessDenied').length === 1000 &&
      node.audited.length === 2 &&
      node.audited[0]?.count === 1000,
    [outcome(denied.answer), node.audited.length],
  )
  const named: [string, string, SentRequest][] = [
    ['1,000 keys', objects(1000), {}],
    ['1,000 versions that are not there', objects(1000, version), {}],
    ['1,000 conditions that do not hold', objects(1000, '<ETag>x</ETag>'), {}],
    ['1,000 conditions that cannot be read', objects(1000, '<Size>x</Size>'), {}],
    ['1,000 keys of a guest', objects(1000), guest],
  ]
  for (const [name, inner, credentials] of named) {
    const { answer, steps, longestTurn, turns } = await remove(inner, credentials)
    table.tried(
      `${name}: ${steps} steps, at most ${longestTurn} a turn, ${turns} turns`,
      answer.status === 200 &&
        steps >= 1000 &&
        longestTurn <= LONGEST_TURN &&
        turns >= steps / LONGEST_TURN,
      outcome(answer),
    )
    table.tried(`${name}: at most 1,001 lines`, node.audited.length <= 1001, node.audited.length)
  }
})

t.test('many documents at once share the turns', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bucket')
  const uploadId = await beginUpload(node, 'up')
  const body = `<CompleteMultipartUpload>${`<Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>`.repeat(9000)}</CompleteMultipartUpload>`
  const { answer, longestTurn, steps } = await watchTurns(() =>
    Promise.all(
      Array.from({ length: 8 }, () =>
        node.request('POST', `/bucket/up?uploadId=${uploadId}`, { body }),
      ),
    ),
  )
  table.tried(
    `8 of 480 KB at a time: ${steps} steps, at most ${longestTurn} in a turn of all together`,
    answer.every((each) => outcome(each) === '400 InvalidPart') &&
      longestTurn <= LONGEST_TURN &&
      steps >= 8 * (body.length / SLICE_BYTES) * SLICE_STEPS,
    answer.map(outcome),
  )
})
