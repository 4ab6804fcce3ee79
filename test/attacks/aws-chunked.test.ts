// Lies inside an aws-chunked body: chunks and trailers that were changed, moved, left out or taken from another
// upload, wrong lengths, and signatures where none belong. Each is refused, and nothing of it is stored.
import { createHash, createHmac } from 'node:crypto'
import { crc32 } from 'node:zlib'
import t, { type Test } from 'tap'
import { accessKey, exchange, secretKey, sign, startNode } from '../helpers/node.ts'
import { outcome } from '../helpers/s3.ts'
import { attackTable } from './table.ts'

const table = attackTable(t, 'aws-chunked')

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex')
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()

/** The first chunk must have 8 KiB. The last may have less. */
const FIRST = 'a'.repeat(8192)
const SECOND = 'b'.repeat(8192)
const LAST = 'c'.repeat(100)
const WHOLE = FIRST + SECOND + LAST
const crcOf = (text: string) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(text))
  return bytes.toString('base64')
}
const crc = `x-amz-checksum-crc32:${crcOf(WHOLE)}`

/** Signs the chunks of one request. */
interface Chain {
  /** A chunk with its signature, which the next one covers. */
  chunk(data: string): string
  /** The signature of a trailer's lines, which end in LF. */
  trailer(lines: string): string
  /** A chunk with any size and signature. */
  raw(size: number | string, signature: string, data: string): string
}

type Mode = 'PAYLOAD' | 'PAYLOAD-TRAILER' | 'UNSIGNED'

const values: Record<Mode, string> = {
  PAYLOAD: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
  'PAYLOAD-TRAILER': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
  UNSIGNED: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
}

function chainOf(headers: Record<string, string>, secret = secretKey): Chain {
  const timestamp = headers['x-amz-date']!
  const seed = /Signature=([0-9a-f]+)/.exec(headers.authorization!)![1]!
  const date = timestamp.slice(0, 8)
  const scope = `${date}/us-east-1/s3/aws4_request`
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, date), 'us-east-1'), 's3'), 'aws4_request')
  let previous = seed
  const next = (kind: string, hashes: string) => {
    const text = `AWS4-HMAC-SHA256-${kind}\n${timestamp}\n${scope}\n${previous}\n${hashes}`
    previous = hmac(key, text).toString('hex')
    return previous
  }
  const raw = (size: number | string, signature: string, data: string) =>
    `${typeof size === 'number' ? size.toString(16) : size};chunk-signature=${signature}\r\n${data}\r\n`
  return {
    raw,
    chunk: (data) => raw(data.length, next('PAYLOAD', `${sha256('')}\n${sha256(data)}`), data),
    trailer: (lines) => next('TRAILER', sha256(lines)),
  }
}

interface Upload {
  readonly mode: Mode
  readonly body: (chain: Chain, other: Chain) => string
  /** Signed headers besides those of the mode. An empty value removes one. */
  readonly headers?: Readonly<Record<string, string>>
  /** Headers that replace signed ones after the signing. */
  readonly changed?: Readonly<Record<string, string>>
  /** The secret that signs the chunks. */
  readonly secret?: string
}

async function startUploads(t: Test) {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const { hostname, port, host } = new URL(node.http)
  const signed = async (path: string, mode: Mode, headers: Upload['headers'] = {}) => {
    const trailer = mode === 'PAYLOAD' ? {} : { 'x-amz-trailer': 'x-amz-checksum-crc32' }
    const all = {
      host,
      'content-encoding': 'aws-chunked',
      'x-amz-content-sha256': values[mode],
      'x-amz-decoded-content-length': String(WHOLE.length),
      ...trailer,
      ...headers,
    }
    const kept = Object.entries(all).filter(([, value]) => value !== '')
    return await sign('PUT', path, Object.fromEntries(kept), Buffer.alloc(0), { access: accessKey })
  }
  return async (upload: Upload) => {
    const { mode, body, headers, changed, secret } = upload
    const own = await signed('/bkt/made', mode, headers)
    const other = await signed('/bkt/other', mode, headers)
    const bytes = Buffer.from(body(chainOf(own, secret), chainOf(other)), 'latin1')
    const sent = { ...own, 'content-length': String(bytes.length), ...changed }
    const line = { method: 'PUT', path: '/bkt/made', host: hostname, port }
    const answer = await exchange({ ...line, headers: sent }, bytes)
    const stored = await node.request('GET', '/bkt/made')
    if (stored.status === 200) await node.request('DELETE', '/bkt/made')
    return { answer, stored }
  }
}

const right: Record<Mode, (chain: Chain) => string> = {
  PAYLOAD: ({ chunk }) => `${chunk(FIRST)}${chunk(SECOND)}${chunk(LAST)}${chunk('')}`,
  'PAYLOAD-TRAILER': ({ chunk, trailer }) =>
    `${chunk(FIRST)}${chunk(SECOND)}${chunk(LAST)}${chunk('').slice(0, -2)}${crc}\r\nx-amz-trailer-signature:${trailer(`${crc}\n`)}\r\n\r\n`,
  UNSIGNED: () => `${WHOLE.length.toString(16)}\r\n${WHOLE}\r\n0\r\n${crc}\r\n\r\n`,
}

const edit = (mode: Mode, change: (text: string) => string): Upload => ({
  mode,
  body: (chain) => change(right[mode](chain)),
})

const cut = (text: string, at: string | RegExp) => text.slice(0, text.search(at))
const nobody = '0'.repeat(64)
const trailer = (lines: string, signed: string, signature?: string): Upload => ({
  mode: 'PAYLOAD-TRAILER',
  body: (chain) => {
    const { chunk } = chain
    const start = `${chunk(FIRST)}${chunk(SECOND)}${chunk(LAST)}${chunk('').slice(0, -2)}`
    const proof = signature ?? `x-amz-trailer-signature:${chain.trailer(signed)}\r\n`
    return `${start}${lines}${proof}\r\n`
  },
})
const unsigned = (body: string): Upload => ({ mode: 'UNSIGNED', body: () => body })
const whole = `${WHOLE.length.toString(16)}\r\n${WHOLE}\r\n`

const lies: Readonly<Record<string, Upload>> = {
  'a byte of the first chunk is another': edit('PAYLOAD', (text) => text.replace('aaaa', 'aaxa')),
  'a byte of the last chunk is another': edit('PAYLOAD', (text) => text.replace('cccc', 'ccxc')),
  'two chunks are swapped': {
    mode: 'PAYLOAD',
    body: ({ chunk }) => {
      const [a, b] = [chunk(FIRST), chunk(SECOND)]
      return `${b}${a}${chunk(LAST)}${chunk('')}`
    },
  },
  'a chunk comes twice': {
    mode: 'PAYLOAD',
    body: ({ chunk }) => {
      const a = chunk(FIRST)
      return `${a}${a}${chunk(LAST)}${chunk('')}`
    },
  },
  'a chunk is left out': {
    mode: 'PAYLOAD',
    headers: { 'x-amz-decoded-content-length': String(FIRST.length + LAST.length) },
    body: ({ chunk }) => {
      const a = chunk(FIRST)
      chunk(SECOND)
      return `${a}${chunk(LAST)}${chunk('')}`
    },
  },
  'chunks of another upload': { mode: 'PAYLOAD', body: (_, other) => right.PAYLOAD(other) },
  'the first chunk of another upload': {
    mode: 'PAYLOAD',
    body: ({ chunk }, other) => {
      const foreign = other.chunk(FIRST)
      chunk(FIRST)
      return `${foreign}${chunk(SECOND)}${chunk(LAST)}${chunk('')}`
    },
  },
  'chunks signed by another user': { mode: 'PAYLOAD', body: right.PAYLOAD, secret: 'testing2' },
  'the data of one chunk under the signature of the next': {
    mode: 'PAYLOAD',
    body: ({ chunk, raw }) => {
      chunk(FIRST)
      const [, signature = ''] = /signature=(\w+)/.exec(chunk(SECOND))!
      return `${raw(FIRST.length, signature, FIRST)}${chunk(LAST)}${chunk('')}`
    },
  },
  'a signature of zeros': edit('PAYLOAD', (text) => text.replace(/=\w{64}/, `=${nobody}`)),
  'a signature in upper case': edit('PAYLOAD', (text) =>
    text.replace(/=\w{64}/, (found) => found.toUpperCase()),
  ),
  'a signature cut short': edit('PAYLOAD', (text) => text.replace(/(=\w{40})\w{24}/, '$1')),
  'an empty signature': edit('PAYLOAD', (text) => text.replace(/=\w{64}/, '=')),
  'a signature with more behind it': edit('PAYLOAD', (text) => text.replace(/=\w{64}/, '$&0')),
  'two signatures, the first wrong': edit('PAYLOAD', (text) =>
    text.replace(/;(chunk-signature=\w{64})/, `;chunk-signature=${nobody};$1`),
  ),
  'two signatures, the second wrong': edit('PAYLOAD', (text) =>
    text.replace(/=\w{64}/, `$&;chunk-signature=${nobody}`),
  ),
  'another extension': edit('PAYLOAD', (text) => text.replace(';', ';a=b;')),
  'a blank before the signature': edit('PAYLOAD', (text) => text.replace(';', '; ')),
  'no signatures': edit('PAYLOAD', (text) => text.replace(/;chunk-signature=\w{64}/g, '')),
  'no signature of the first chunk': edit('PAYLOAD', (text) =>
    text.replace(/;chunk-signature=\w{64}/, ''),
  ),
  'no signature of the empty chunk': edit('PAYLOAD', (text) =>
    text.replace(/(\n0);chunk-signature=\w{64}/, '$1'),
  ),
  'a wrong signature of the empty chunk': edit('PAYLOAD', (text) =>
    text.replace(/(\n0;chunk-signature=)\w{64}/, `$1${nobody}`),
  ),
  'no empty chunk': edit('PAYLOAD', (text) => cut(text, /0;chunk-signature=\w{64}\r\n\r\n$/)),
  'half of the empty chunk': edit('PAYLOAD', (text) => text.slice(0, -30)),
  'no end of the empty chunk': edit('PAYLOAD', (text) => text.slice(0, -2)),
  'the last chunk cut': edit('PAYLOAD', (text) => cut(text, /c{50}\r\n/)),
  nothing: { mode: 'PAYLOAD', body: () => '' },
  'no framing': { mode: 'PAYLOAD', body: () => WHOLE },
  'a chunk behind the empty one': {
    mode: 'PAYLOAD',
    body: ({ chunk }) => `${chunk(FIRST)}${chunk(SECOND)}${chunk(LAST)}${chunk('')}${chunk('d')}`,
  },
  'the empty chunk first': { mode: 'PAYLOAD', body: ({ chunk }) => `${chunk('')}${chunk(FIRST)}` },
  'a request behind the empty chunk': edit(
    'PAYLOAD',
    (text) => `${text}DELETE /bkt/o HTTP/1.1\r\nHost: h\r\n\r\n`,
  ),
  'a small chunk before another': {
    mode: 'PAYLOAD',
    body: ({ chunk }) => `${chunk(LAST)}${chunk(FIRST)}${chunk(SECOND)}${chunk('')}`,
  },
  ...Object.fromEntries(
    ['1fff', '2001', '-2000', '+2000', '0x2000', '2000 ', ' 2000', '', 'g', 'ffffffffffffffff'].map(
      (size): [string, Upload] => [
        `a size of ${JSON.stringify(size)}`,
        edit('PAYLOAD', (text) => text.replace('2000', size)),
      ],
    ),
  ),
  'lines that end in LF': edit('PAYLOAD', (text) => text.replaceAll('\r\n', '\n')),
  'a chunk without its end': edit('PAYLOAD', (text) => text.replace('a\r\n', 'a')),
  ...Object.fromEntries(
    [
      WHOLE.length + 1,
      WHOLE.length - 1,
      0,
      -1,
      'x',
      '1e4',
      '16484, 16484',
      '0x10',
      '99999999999999',
    ]
      .map(String)
      .flatMap((length): [string, Upload][] =>
        (['PAYLOAD', 'PAYLOAD-TRAILER', 'UNSIGNED'] as const).map((mode) => [
          `${mode}: a decoded length of ${length}`,
          { mode, body: right[mode], headers: { 'x-amz-decoded-content-length': length } },
        ]),
      ),
  ),
  'no decoded length': {
    mode: 'PAYLOAD',
    body: right.PAYLOAD,
    headers: { 'x-amz-decoded-content-length': '' },
  },
  ...Object.fromEntries(
    ['UNSIGNED-PAYLOAD', values.UNSIGNED, values['PAYLOAD-TRAILER'], sha256(WHOLE)].map(
      (value): [string, Upload] => [
        `signed chunks, afterwards called ${value.slice(0, 40)}`,
        { mode: 'PAYLOAD', body: right.PAYLOAD, changed: { 'x-amz-content-sha256': value } },
      ],
    ),
  ),
  'a decoded length that was changed': {
    mode: 'PAYLOAD',
    body: ({ chunk }) => `${chunk(FIRST)}${chunk('')}`,
    changed: { 'x-amz-decoded-content-length': String(FIRST.length) },
  },
  'a trailer where none is': edit('PAYLOAD', (text) => `${text.slice(0, -2)}${crc}\r\n\r\n`),
  'a trailer without its signature': trailer(`${crc}\r\n`, '', ''),
  'a trailer with a wrong signature': trailer(
    `${crc}\r\n`,
    '',
    `x-amz-trailer-signature:${nobody}\r\n`,
  ),
  'a trailer signed as another': trailer(`${crc}\r\n`, `x-amz-checksum-crc32:AAAAAA==\n`),
  'a checksum that is not the content’s': trailer(
    'x-amz-checksum-crc32:AAAAAA==\r\n',
    'x-amz-checksum-crc32:AAAAAA==\n',
  ),
  'a trailer that was not announced': trailer(
    `${crc}\r\nx-amz-meta-a:b\r\n`,
    `${crc}\nx-amz-meta-a:b\n`,
  ),
  'another trailer than announced': trailer('x-amz-acl:public-read\r\n', 'x-amz-acl:public-read\n'),
  'a trailer twice': trailer(`${crc}\r\n${crc}\r\n`, `${crc}\n${crc}\n`),
  'no trailer though it is announced': trailer('', ''),
  'a trailer behind its signature': trailer(
    '',
    `${crc}\n`,
    `x-amz-trailer-signature:${nobody}\r\n${crc}\r\n`,
  ),
  'a trailer with a line break in it': trailer(`${crc}\rx:y\r\n`, `${crc}\rx:y\n`),
  'unsigned: another byte': unsigned(`${whole.replace('aaaa', 'aaxa')}0\r\n${crc}\r\n\r\n`),
  'unsigned: no trailer': unsigned(`${whole}0\r\n\r\n`),
  'unsigned: a wrong checksum': unsigned(`${whole}0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n`),
  'unsigned: another trailer': unsigned(`${whole}0\r\nx-amz-checksum-sha1:AAAA\r\n\r\n`),
  'unsigned: a second trailer': unsigned(`${whole}0\r\n${crc}\r\nx-amz-acl:public-read\r\n\r\n`),
  'unsigned: a signature of the trailer': unsigned(
    `${whole}0\r\n${crc}\r\nx-amz-trailer-signature:${nobody}\r\n\r\n`,
  ),
  'unsigned: a signature of a chunk': unsigned(
    `${whole.replace('\r\n', `;chunk-signature=${nobody}\r\n`)}0\r\n${crc}\r\n\r\n`,
  ),
  'unsigned: no empty chunk': unsigned(`${whole}`),
  'unsigned: no end': unsigned(`${whole}0\r\n${crc}\r\n`),
  'unsigned: nothing but the end': unsigned(`0\r\n${crc}\r\n\r\n`),
  'unsigned: no framing': unsigned(WHOLE),
}

t.test('what is chunked and signed rightly is stored', async (t) => {
  const send = await startUploads(t)
  for (const mode of ['PAYLOAD', 'PAYLOAD-TRAILER', 'UNSIGNED'] as const) {
    const { answer, stored } = await send({ mode, body: right[mode] })
    t.equal(outcome(answer), '200', mode)
    t.equal(stored.text === WHOLE, true, 'and is what was sent')
  }
})

t.test('a chunked body that lies is refused whole', async (t) => {
  const send = await startUploads(t)
  for (const [name, lie] of Object.entries(lies)) {
    const { answer, stored } = await send(lie)
    const isRefused = answer.status >= 400 && answer.status < 500
    table.tried(name, isRefused && stored.status === 404, [outcome(answer), stored.status])
  }
})
