// Requests at the greatest legal size, and one beyond it. The number of elements in a header, a query or a
// listing is bounded, and work for many elements is done in turns of the event loop.
import t from 'tap'
import { COMMIT_ROWS_MAX } from '../../lib/catalog/catalog.ts'
import { rowKeys } from '../../lib/catalog/keys.ts'
import { type ContainerRow, containerRow, objectRow } from '../../lib/catalog/rows.ts'
import { nowMicros, randomId, versionIdAt } from '../../lib/names.ts'
import { LONGEST_TURN, watchTurns } from '../helpers/counted-turns.ts'
import { type SentRequest, startNode, type TestNode } from '../helpers/node.ts'
import { elements, outcome } from '../helpers/s3.ts'
import { login } from '../helpers/swift.ts'
import { attackTable } from './table.ts'

const table = attackTable(t, 'work')

async function putRows(node: TestNode, rows: { key: string; value: Buffer }[]): Promise<void> {
  const { catalog } = node.coffer.stores
  for (let at = 0; at < rows.length; at += COMMIT_ROWS_MAX) {
    await catalog.commit({ id: randomId(), put: rows.slice(at, at + COMMIT_ROWS_MAX) })
  }
}

const current = versionIdAt(nowMicros())
const summary = {
  timeMicros: nowMicros(),
  size: 1,
  etag: randomId(),
  type: 'text/plain',
  checksum: null,
}
const anObject = objectRow.encode({ current, nullVersion: current, summary })
const aContainer: ContainerRow = {
  id: randomId(),
  createdMicros: nowMicros(),
  modifiedMicros: nowMicros(),
  acl: { read: '', write: '' },
  versioning: null,
  settings: {},
}

t.test('the longest listings are written a turn at a time', async (t) => {
  const node = await startNode(t)
  const count = 10_000
  const owner = await login(node)
  await owner.request('PUT', '/bucket')
  // Names of 1,024 bytes, each of which is written as several.
  const nameOf = (i: number) => `${String(i).padStart(5, '0')}${'<'.repeat(1019)}`
  await putRows(
    node,
    Array.from({ length: count }, (_, i) => ({
      key: rowKeys.object('test', 'bucket', nameOf(i)),
      value: anObject,
    })),
  )
  await putRows(
    node,
    Array.from({ length: count }, (_, i) => {
      const key = rowKeys.container('test', `many-${String(i).padStart(5, '0')}`)
      return { key, value: containerRow.encode(key, aContainer, node.coffer.stores.macs) }
    }),
  )
  const swift = (path: string) => () => owner.request('GET', path)
  const s3 = (path: string) => () => node.request('GET', path)
  for (const [what, ask, expected, marks] of [
    ['Swift’s of 10,000 names, text', swift('/bucket'), count, '\n'],
    ['Swift’s of 10,000 names, JSON', swift('/bucket?format=json'), count, '"name"'],
    ['Swift’s of 10,000 names, XML', swift('/bucket?format=xml'), count, '<name>'],
    ['Swift’s of 10,000 containers', swift('?format=json'), count, '"name"'],
    ['Swift’s of 10,000 containers, XML', swift('?format=xml'), count, '<name>'],
    ['S3’s of 10,000 buckets', s3('/'), count, '<Name>'],
    ['S3’s of 1,000 keys', s3('/bucket?list-type=2'), 1000, '<Key>'],
    ['S3’s of 1,000 keys, version 1', s3('/bucket'), 1000, '<Key>'],
    ['S3’s of 1,000 keys in URL encoding', s3('/bucket?encoding-type=url'), 1000, '<Key>'],
  ] as const) {
    const { answer, steps, longestTurn, turns } = await watchTurns(ask)
    table.tried(
      `${what}: ${steps} steps, at most ${longestTurn} a turn, ${turns} turns`,
      answer.status === 200 &&
        answer.text.split(marks).length - 1 === expected &&
        steps >= expected &&
        longestTurn <= LONGEST_TURN &&
        turns >= steps / LONGEST_TURN,
      [answer.status, answer.text.split(marks).length - 1],
    )
  }
})

/** CRC32 of 65,536 times x. */
const CRC_OF_X = 'LLRYmg=='

const times = (piece: string, bytes: number) => piece.repeat(Math.floor(bytes / piece.length))

t.test('headers and queries are bounded, at their greatest and beyond', async (t) => {
  const node = await startNode(t)
  const owner = await login(node)
  await owner.request('PUT', '/bucket')
  await owner.request('PUT', '/bucket/o', { body: 'x'.repeat(1000) })
  const ranges = (count: number) =>
    `bytes=${Array.from({ length: count }, (_, i) => `${2 * i}-${2 * i}`).join(',')}`
  const swift = (method: string, path: string, headers: Record<string, string>) => () =>
    owner.request(method, path, { headers, ...(method === 'GET' ? {} : { body: '' }) })
  const s3 =
    (method: string, path: string, options: SentRequest = {}) =>
    () =>
      node.request(method, path, options)
  const get = (headers: Record<string, string>) => swift('GET', '/bucket/o', headers)
  const query = (count: number) =>
    Array.from({ length: count }, (_, i) => `p${1000 + i}=%41`).join('&')
  const attempts: [what: string, ask: () => Promise<{ status: number }>, statuses: number[]][] = [
    ['50 ranges', get({ range: ranges(50) }), [206]],
    ['51 ranges', get({ range: ranges(51) }), [416]],
    ['a Range of 8 KB, all alike', get({ range: `bytes=${times('0-,', 8000)}0-` }), [416]],
    ['a Range of 8 KB that is none', get({ range: `bytes=${times('0-0,', 8000)}x` }), [200]],
    ['a Range of 8 KB digits', get({ range: `bytes=0-${times('9', 8000)}` }), [206]],
    ['S3: a Range of 8 KB', s3('GET', '/bucket/o', { headers: { range: ranges(1000) } }), [200]],
    [
      'an Accept of 8 KB',
      swift('GET', '/bucket', { accept: `${times('a/b;q=0.1,', 8000)}*/*` }),
      [200],
    ],
    ['an Accept of 8 KB of quotes', swift('GET', '/bucket', { accept: times('"', 8001) }), [400]],
    [
      'an Accept of 8 KB of q=',
      swift('GET', '/bucket', { accept: times('a/b;q=.,', 8000) }),
      [400],
    ],
    ['an If-None-Match of 8 KB', get({ 'if-none-match': times('"a",', 8000) }), [200]],
    ['an If-Match of 8 KB', get({ 'if-match': times('"a",', 8000) }), [412]],
    ['dates of 8 KB', get({ 'if-modified-since': times('Jan ', 8000) }), [200]],
    ['dates of 8 KB of blanks', get({ 'if-modified-since': `Jan${times(' ', 8000)}x` }), [200]],
    ['dates of 8 KB of brackets', get({ 'if-modified-since': `1 Jan ${times('(', 8000)}` }), [200]],
    [
      'a read list of 8 KB',
      swift('POST', '/bucket', { 'x-container-read': times('%61,', 8000) }),
      [204],
    ],
    [
      'a read list of 8 KB hosts',
      swift('POST', '/bucket', { 'x-container-read': times('.r:a,', 8000) }),
      [204],
    ],
    [
      'a read list of 8 KB of blanks',
      swift('POST', '/bucket', { 'x-container-read': `a${times(' \t', 8000)}b` }),
      [204],
    ],
    [
      'an account’s list of 8 KB',
      swift('POST', '', { 'x-account-access-control': `{"admin":[${times('"a",', 8000)}"a"]}` }),
      [204],
    ],
    [
      'an account’s list, 4,000 deep',
      swift('POST', '', {
        'x-account-access-control': `{"admin":${times('[', 4000)}${times(']', 4000)}}`,
      }),
      [400],
    ],
    ['a Cookie of 8 KB', get({ cookie: times('a=b;', 8000) }), [200]],
    [
      'an X-Delete-At of 8 KB',
      swift('PUT', '/bucket/p', { 'x-delete-at': times('9', 8000) }),
      [201],
    ],
    [
      'an X-Delete-After of 8 KB',
      swift('PUT', '/bucket/p', { 'x-delete-after': times('9', 8000) }),
      [201],
    ],
    [
      'a Content-Type of 8 KB',
      swift('PUT', '/bucket/p', { 'content-type': `a/b${times(';c=d', 8000)}` }),
      [201],
    ],
    ['90 items of metadata', swift('PUT', '/bucket/p', metadata('x-object-meta-', 90)), [201]],
    ['91 items of metadata', swift('PUT', '/bucket/p', metadata('x-object-meta-', 91)), [400]],
    ['600 items of metadata', swift('PUT', '/bucket/p', metadata('x-object-meta-', 600)), [400]],
    [
      'S3: metadata of 8 KB in encoded words',
      s3('PUT', '/bucket/p', {
        body: '',
        headers: { 'x-amz-meta-a': times('=?utf-8?q?=41?=', 8000) },
      }),
      [200],
    ],
    [
      'S3: half encoded words of 8 KB',
      s3('PUT', '/bucket/p', { body: '', headers: { 'x-amz-meta-a': times('=?', 8000) } }),
      [400],
    ],
    [
      'S3: blanks between encoded words',
      s3('PUT', '/bucket/p', { body: '', headers: { 'x-amz-meta-a': times('?= ', 8000) } }),
      [400],
    ],
    [
      'a Content-Encoding of 8 KB',
      s3('PUT', '/bucket/p', {
        body: '',
        headers: { 'content-encoding': times('aws-chunked,', 8000) },
      }),
      [200],
    ],
    ['800 headers', get(metadata('x-any-', 800)), [200]],
    [
      'headers of 40 KB',
      get(Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`x-${i}`, times('a', 8000)]))),
      [400],
    ],
    ['a header of 9 KB', get({ 'x-any': times('a', 9000) }), [400]],
    ['999 parameters', swift('GET', `/bucket?limit=1&${query(999)}`, {}), [200]],
    ['1,001 parameters', swift('GET', `/bucket?limit=1&${query(1001)}`, {}), [400]],
    ['S3: 999 signed parameters', s3('GET', `/bucket?max-keys=1&${query(999)}`), [200]],
    [
      'S3: 1,001 parameters',
      s3('GET', `/bucket?max-keys=1&${query(1001)}`, { sign: false }),
      [400],
    ],
    [
      'a parameter of 16 KB escapes',
      swift('GET', `/bucket?prefix=${times('%41', 16_000)}`, {}),
      [200, 204],
    ],
    ['a name of 1,024 bytes', swift('PUT', `/bucket/${times('%41', 3 * 1024)}`, {}), [201]],
    ['a name of 1,025 bytes', swift('PUT', `/bucket/${times('%41', 3 * 1025)}`, {}), [400]],
    ['a name of 1,024 dots', swift('PUT', `/bucket/a${times('.', 1023)}`, {}), [201]],
    ['a limit of 10,001', swift('GET', '/bucket?limit=10001', {}), [412]],
    ['S3: 10,001 buckets', s3('GET', '/?max-buckets=10001'), [400]],
  ]
  function metadata(prefix: string, count: number): Record<string, string> {
    return Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, 'v']))
  }
  for (const [what, ask, statuses] of attempts) {
    const { answer, longestTurn } = await watchTurns(ask)
    table.tried(
      `${what}: ${statuses.join(' or ')}`,
      statuses.includes(answer.status) && longestTurn <= LONGEST_TURN,
      answer.status,
    )
  }
})

t.test('bodies in pieces of a byte are taken together', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bucket')
  const bytes = 64 << 10
  const chunks = await watchTurns(() =>
    node.request('PUT', '/bucket/chunks', {
      headers: {
        'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        'x-amz-decoded-content-length': String(bytes),
        'x-amz-trailer': 'x-amz-checksum-crc32',
      },
      body: `${'1\r\nx\r\n'.repeat(bytes)}0\r\nx-amz-checksum-crc32:${CRC_OF_X}\r\n\r\n`,
    }),
  )
  table.tried(
    `${bytes} chunks of aws-chunked: ${chunks.steps} steps, at most ${chunks.longestTurn} a turn`,
    outcome(chunks.answer) === '200' && chunks.steps >= bytes && chunks.longestTurn <= LONGEST_TURN,
    chunks.answer.text,
  )
  const stored = await node.request('GET', '/bucket/chunks')
  table.tried('nothing of them is lost', stored.text === 'x'.repeat(bytes), stored.text.length)
  const listed = await node.request('GET', '/bucket?list-type=2')
  t.same(elements(listed, 'Size'), [String(bytes)])
})
