// The body middleware before an app that answers with what it read, over raw sockets.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import Koa from 'koa'
import t, { type Test } from 'tap'
import { digestOnce } from '../../lib/bytes/digests.ts'
import { body } from '../../middleware/body.ts'
import { deferContinue } from '../../middleware/http/received-body.ts'
import { prepareBody as prepareS3 } from '../../middleware/s3/body.ts'
import type { S3State } from '../../middleware/s3/context.ts'
import type { SpokenContext } from '../../middleware/speaker.ts'
import { prepareBody as prepareSwift } from '../../middleware/swift/body.ts'
import { chain, encodeChunks } from '../lib/auth/chunked.ts'

const SEED = '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9'
const HELLO_CRC32 = digestOnce('crc32', Buffer.from('hello')).toString('base64')

interface Running {
  socket: Socket
  /** Sends text and resolves with the next answer. */
  exchange(text: string | Buffer): Promise<string>
}

/** An app that answers with the body that it read, or the error's code and message. */
async function serve(t: Test, preset: Partial<S3State>, idleTimeoutMs?: number): Promise<Running> {
  const app = new Koa<S3State>()
  const makeBody = body({
    bodyTimeoutMs: idleTimeoutMs ?? 60_000,
    bodyTotalMs: 60_000,
    bodyBytesPerSecond: 0,
  })
  app.use(async (ctx) => {
    Object.assign(ctx.state, {
      dialect: 's3',
      operation: 'PutObject',
      payload: { kind: 'unsigned' },
      ...preset,
    })
    const prepareBody = ctx.state.dialect === 's3' ? prepareS3 : prepareSwift
    Object.assign(ctx.state, { speaker: { prepareBody } })
    try {
      await makeBody(ctx as unknown as SpokenContext, async () => {
        const { source, claimedChecksum } = ctx.state
        if (ctx.path === '/unread') return
        let text = ''
        for (let piece = await source.read(); piece; piece = await source.read()) {
          text += piece
        }
        ctx.body = `<${text} ${source.length} ${JSON.stringify(claimedChecksum)}>`
      })
      ctx.body ??= '<nothing>'
    } catch (error) {
      const { code, details } = error as { code: string; details: { message?: string } }
      ctx.body = `<${code} ${details?.message ?? ''}>`
    }
  })
  const handle = app.callback()
  const server = createServer(handle)
  server.on('checkContinue', (req, res) => {
    deferContinue(res)
    handle(req, res)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => {})
  socket.setEncoding('utf8')
  t.teardown(() => {
    socket.destroy()
    server.closeAllConnections()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  })
  const exchange = (text: string | Buffer) =>
    new Promise<string>((resolve) => {
      let answer = ''
      const take = (data: string) => {
        answer += data
        if (!/<[^>]*>/.test(answer) && !answer.endsWith('100 Continue\r\n\r\n')) return
        socket.off('data', take)
        resolve(answer)
      }
      socket.on('data', take)
      socket.write(text)
    })
  return { socket, exchange }
}

/** What one PUT is answered with. */
async function put(
  t: Test,
  content: string | Buffer,
  headers: Record<string, string> = {},
  preset: Partial<S3State> = {},
): Promise<string> {
  const all = { Host: 'x', 'Content-Length': String(content.length), ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  const { exchange } = await serve(t, preset)
  const head = Buffer.from(`PUT / HTTP/1.1\r\n${lines.join('')}\r\n`)
  const answer = await exchange(Buffer.concat([head, Buffer.from(content)]))
  return /<([^>]*)>/.exec(answer)![1]!
}

t.test('a plain body is read, with its length', async (t) => {
  t.equal(await put(t, 'hello'), 'hello 5 undefined')
  t.equal(await put(t, ''), ' 0 undefined')
})

t.test('a chunked body without a length is read', async (t) => {
  const { exchange } = await serve(t, {})
  const answer = await exchange(
    'PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  )
  t.match(answer, '<hello undefined undefined>')
})

t.test('an object needs a length or an end, a bucket does not', async (t) => {
  const text = 'PUT / HTTP/1.1\r\nHost: x\r\n\r\n'
  for (const operation of ['PutObject', 'UploadPart']) {
    t.match(await (await serve(t, { operation })).exchange(text), '<LengthMissing >')
  }
  t.match(await (await serve(t, { operation: 'CreateBucket' })).exchange(text), '< 0 undefined>')
})

t.test('the signed hash and Content-MD5 are verified', async (t) => {
  const sha256 = createHash('sha256').update('hello').digest('hex')
  const md5 = (text: string) => createHash('md5').update(text).digest('base64')
  const hashed: Partial<S3State> = { payload: { kind: 'hash', sha256 } }
  t.equal(await put(t, 'hello', {}, hashed), 'hello 5 undefined')
  t.match(await put(t, 'hellO', {}, hashed), 'PayloadHashMismatch')
  t.match(await put(t, '', {}, hashed), 'PayloadHashMismatch')
  t.equal(await put(t, 'hello', { 'Content-MD5': md5('hello') }), 'hello 5 undefined')
  t.match(await put(t, 'hello', { 'Content-MD5': md5('other') }), 'DigestMismatch')
  for (const value of [
    '',
    'bad',
    'YWJyYWNhZGFicmE=',
    `${md5('hello')}=`,
    md5('hello').slice(0, -2),
  ]) {
    t.match(await put(t, 'hello', { 'Content-MD5': value }), 'DigestInvalid', value)
  }
})

t.test('a checksum in a header is verified and told', async (t) => {
  for (const algorithm of ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'] as const) {
    const header = `x-amz-checksum-${algorithm}`
    const value = digestOnce(algorithm, Buffer.from('hello')).toString('base64')
    t.equal(
      await put(t, 'hello', { [header]: value }),
      `hello 5 {"algorithm":"${algorithm}","value":"${value}"}`,
    )
    t.match(await put(t, 'hellO', { [header]: value }), /^ChecksumMismatch/)
    for (const wrong of ['bad', '', `${value}=`, 'AAAA']) {
      t.equal(
        await put(t, 'hello', { [header]: wrong }),
        `ChecksumInvalid Value for ${header} header is invalid.`,
      )
    }
  }
})

t.test('checksum headers that contradict one another are refused', async (t) => {
  const crc32 = { 'x-amz-checksum-crc32': HELLO_CRC32 }
  const cases: [Record<string, string>, string][] = [
    [{ ...crc32, 'x-amz-checksum-sha1': 'qvTGHdzF6KLavt4PO0gs2a6pQ00=' }, 'Expecting a single'],
    [{ ...crc32, 'x-amz-trailer': 'x-amz-checksum-sha1' }, 'Expecting a single'],
    [{ 'x-amz-checksum-md4': 'AAAA' }, 'Checksum algorithm provided is unsupported'],
    [{ 'x-amz-trailer': 'x-amz-checksum-md4' }, 'x-amz-trailer header is not supported'],
    [
      { ...crc32, 'x-amz-sdk-checksum-algorithm': 'SHA1' },
      'x-amz-sdk-checksum-algorithm header is',
    ],
    [{ 'x-amz-sdk-checksum-algorithm': 'CRC32' }, 'no corresponding x-amz-checksum'],
  ]
  for (const [headers, message] of cases) {
    const answer = await put(t, 'hello', headers)
    t.match(answer, /^ChecksumInvalid/)
    t.match(answer, message)
  }
  t.match(await put(t, 'hello', { ...crc32, 'x-amz-sdk-checksum-algorithm': 'CRC32' }), 'hello 5')
  t.match(await put(t, 'hello', { 'x-amz-checksum-type': 'COMPOSITE' }), 'hello 5')
  t.match(await put(t, 'hello', { 'x-amz-trailer': 'x-amz-checksum-crc32' }), 'TrailerMalformed')
})

t.test("Complete's checksum headers are about the object, not about the XML", async (t) => {
  const headers = { 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-type': 'FULL_OBJECT' }
  const preset = { operation: 'CompleteMultipartUpload' }
  t.equal(await put(t, 'hello', headers, preset), 'hello 5 undefined')
})

t.test('aws-chunked bodies are decoded, and their trailers verified', async (t) => {
  const length = { 'x-amz-decoded-content-length': '5' }
  const announced = { ...length, 'x-amz-trailer': 'x-amz-checksum-crc32' }
  const unsigned: Partial<S3State> = {
    payload: { kind: 'streaming', trailer: true, signatures: null },
  }
  const encoded = (value: string) =>
    encodeChunks([Buffer.from('hello')], { trailers: [['x-amz-checksum-crc32', value]] }).body
  t.equal(await put(t, encoded(HELLO_CRC32), announced, unsigned), 'hello 5 {"algorithm":"crc32"}')
  t.match(await put(t, encoded('AAAAAA=='), announced, unsigned), 'ChecksumMismatch')
  t.equal(
    await put(t, encoded('bad'), announced, unsigned),
    'ChecksumInvalid Value for x-amz-checksum-crc32 trailing header is invalid.',
  )
  t.match(await put(t, encoded(HELLO_CRC32), length, unsigned), 'TrailerMalformed')
  const { 'x-amz-trailer': trailer } = announced
  t.match(
    await put(t, encoded(HELLO_CRC32), { 'x-amz-trailer': trailer }, unsigned),
    'LengthMissing',
  )
  t.match(
    await put(
      t,
      encoded(HELLO_CRC32),
      { ...announced, 'x-amz-decoded-content-length': 'five' },
      unsigned,
    ),
    'LengthMissing',
  )
  const short = { ...announced, 'x-amz-decoded-content-length': '4' }
  t.match(await put(t, encoded(HELLO_CRC32), short, unsigned), 'BodyTruncated')
  const signed = (): Partial<S3State> => ({
    payload: { kind: 'streaming', trailer: false, signatures: chain(SEED) },
  })
  const { body: chunks } = encodeChunks([Buffer.from('hello')], { seed: SEED })
  t.equal(await put(t, chunks, length, signed()), 'hello 5 undefined')
  chunks[chunks.indexOf('hello')] = 0x48
  t.match(await put(t, chunks, length, signed()), 'ChunkSignatureMismatch')
})

t.test('the client is told to go on when the body is first read', async (t) => {
  const { exchange } = await serve(t, {})
  const head = 'PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n'
  for (let i = 0; i < 2; i++) {
    t.equal(await exchange(head), 'HTTP/1.1 100 Continue\r\n\r\n')
    const answer = await exchange('hello')
    t.match(answer, '<hello 5 undefined>')
    t.match(answer, /^Connection: keep-alive\r$/im)
  }
})

t.test(
  'a client that was never told to go on gets its answer, and the connection ends',
  async (t) => {
    const { exchange, socket } = await serve(t, {})
    const closed = new Promise((resolve) => socket.on('close', resolve))
    const answer = await exchange(
      'PUT /unread HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n',
    )
    t.match(answer, /^HTTP\/1.1 200 OK/)
    t.match(answer, /^Connection: close\r$/im)
    await closed
  },
)

t.test('a slow sender is refused', async (t) => {
  const { exchange } = await serve(t, {}, 20)
  const answer = await exchange('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhell')
  t.match(answer, '<BodyTooSlow >')
})

t.test('a Swift body is read as it is', async (t) => {
  t.equal(
    await put(t, 'hello', { 'Content-MD5': 'bad' }, { dialect: 'swift' }),
    'hello 5 undefined',
  )
})
