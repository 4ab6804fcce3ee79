// aws-chunked bodies: AWS's published examples, every boundary, every cut, every malformation.
import { inspect } from 'node:util'
import t from 'tap'
import { ChunkedPieces, type ChunkRules } from '../../../lib/auth/sigv4-chunks.ts'
import { digestOnce } from '../../../lib/bytes/digests.ts'
import { poisonReleased } from '../../../lib/bytes/release.ts'
import { chain, encodeChunks, outcome, piecesOf, readAll } from './chunked.ts'

poisonReleased(true)

const SEED = '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9'
const CRC = 'x-amz-checksum-crc32'

function rulesFor(decodedBytes: number, more: Partial<ChunkRules> = {}): ChunkRules {
  return { decodedBytes, trailer: false, announced: undefined, signatures: null, ...more }
}

const decode = (body: Buffer | string, rules: ChunkRules, ...cuts: number[]) =>
  new ChunkedPieces(piecesOf(Buffer.from(body), ...cuts), rules)

t.test(
  "the examples of AWS's documentation decode, with the signatures printed there",
  async (t) => {
    const chunks = [Buffer.alloc(65536, 'a'), Buffer.alloc(1024, 'a')]
    const plain = encodeChunks(chunks, { seed: SEED })
    t.strictSame(plain.signatures, [
      'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
      '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
      'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
    ])
    const found = await readAll(decode(plain.body, rulesFor(66560, { signatures: chain(SEED) })))
    t.ok(found.equals(Buffer.concat(chunks)))
    const seed = '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e'
    const trailers: [string, string][] = [['x-amz-checksum-crc32c', 'sOO8/Q==']]
    const trailed = encodeChunks(chunks, { seed, trailers })
    t.strictSame(trailed.signatures, [
      'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
      '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
      '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
      'd81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435',
    ])
    const rules = rulesFor(66560, {
      trailer: true,
      announced: 'x-amz-checksum-crc32c',
      signatures: chain(seed),
    })
    const decoder = decode(trailed.body, rules)
    t.ok((await readAll(decoder)).equals(Buffer.concat(chunks)))
    t.equal(decoder.trailer('x-amz-checksum-crc32c'), 'sOO8/Q==')
    t.equal(digestOnce('crc32c', Buffer.concat(chunks)).toString('base64'), 'sOO8/Q==')
  },
)

t.test('sizes at every boundary decode, signed and unsigned', async (t) => {
  for (const size of [0, 1, 8191, 8192, 8193, 65535, 65536, 65537]) {
    const data = Buffer.alloc(size, 'x')
    const chunks = size === 0 ? [] : [data]
    const signed = encodeChunks(chunks, { seed: SEED }).body
    t.ok((await readAll(decode(signed, rulesFor(size, { signatures: chain(SEED) })))).equals(data))
    const trailers: [string, string][] = [[CRC, 'AAAAAA==']]
    const unsigned = encodeChunks(chunks, { trailers }).body
    const decoder = decode(unsigned, rulesFor(size, { trailer: true, announced: CRC }))
    t.ok((await readAll(decoder)).equals(data))
    t.equal(decoder.trailer(CRC), 'AAAAAA==')
    t.equal(await decoder.read(), undefined, 'and stays at the end')
  }
})

t.test('a body cut at every place decodes the same', async (t) => {
  const chunks = [Buffer.alloc(8192, 'a'), Buffer.from('hello')]
  const { body } = encodeChunks(chunks, { seed: SEED, trailers: [[CRC, 'AAAAAA==']] })
  let different = 0
  for (let cut = 0; cut <= body.length; cut++) {
    const signatures = chain(SEED)
    const rules = rulesFor(8197, { trailer: true, announced: CRC, signatures })
    const found = await readAll(decode(body, rules, cut))
    if (!found.equals(Buffer.concat(chunks))) different++
  }
  t.equal(different, 0)
  const everywhere = Array.from({ length: body.length - 1 }, (_, i) => i + 1)
  const rules = rulesFor(8197, { trailer: true, announced: CRC, signatures: chain(SEED) })
  t.ok((await readAll(decode(body, rules, ...everywhere))).equals(Buffer.concat(chunks)))
})

t.test('a piece within one chunk passes without a copy', async (t) => {
  const data = Buffer.alloc(4 * 65536, 'x')
  const { body } = encodeChunks([data], { trailers: [] })
  const start = body.indexOf('\r\n') + 2
  const whole = Buffer.from(body.subarray(start + 100, start + 65636))
  const parts = [body.subarray(0, start + 100), whole, body.subarray(start + 65636)]
  const own = parts.map((part) => (part === whole ? whole : Buffer.from(part)))
  const decoder = new ChunkedPieces(
    { read: async () => own.shift() },
    rulesFor(data.length, { trailer: true }),
  )
  t.equal((await decoder.read())?.length, 100)
  t.equal(await decoder.read(), whole)
})

t.test('a piece of several chunks is given back once it is spent', async (t) => {
  const { body } = encodeChunks([Buffer.from('one'), Buffer.from('two')], { trailers: [] })
  const whole = Buffer.allocUnsafeSlow(body.length)
  body.copy(whole)
  const pieces = [whole]
  const decoder = new ChunkedPieces(
    { read: async () => pieces.shift() },
    rulesFor(6, { trailer: true }),
  )
  t.equal(String(await decoder.read()), 'one')
  t.equal(whole.length, body.length, 'not while something is left in it')
  t.equal(String(await decoder.read()), 'two')
  t.equal(await decoder.read(), undefined)
  t.equal(whole.length, 0)
})

t.test('a body that is cut off is never taken for a whole one', async (t) => {
  const chunks = [Buffer.alloc(8192, 'a'), Buffer.from('hello')]
  const signed = encodeChunks(chunks, { seed: SEED, trailers: [[CRC, 'AAAAAA==']] }).body
  const unsigned = encodeChunks(chunks, { trailers: [[CRC, 'AAAAAA==']] }).body
  const plain = encodeChunks(chunks, { seed: SEED }).body
  const codes = new Set<string>()
  for (const [body, more] of [
    [signed, { trailer: true, announced: CRC, signatures: () => chain(SEED) }],
    [unsigned, { trailer: true, announced: CRC, signatures: () => null }],
    [plain, { signatures: () => chain(SEED) }],
  ] as const) {
    for (let length = 0; length < body.length; length++) {
      if (length > 100 && length < 8200) continue
      const rules = rulesFor(8197, { ...more, signatures: more.signatures() })
      codes.add(await outcome(decode(body.subarray(0, length), rules)))
    }
  }
  t.strictSame([...codes], ['BodyTruncated'])
})

t.test('the decoded length must be what was announced', async (t) => {
  const { body } = encodeChunks([Buffer.from('hello')], { trailers: [] })
  for (const [length, code] of [
    [5, 'read'],
    [4, 'BodyTruncated'],
    [6, 'BodyTruncated'],
    [0, 'BodyTruncated'],
  ] as const) {
    t.equal(await outcome(decode(body, rulesFor(length, { trailer: true }))), code)
  }
})

t.test('signed chunks below 8192 bytes must be the last', async (t) => {
  const small = [Buffer.alloc(8191, 'a'), Buffer.from('b')]
  const right = [Buffer.alloc(8192, 'a'), Buffer.from('b')]
  const signed = (chunks: Buffer[]) => {
    const { body } = encodeChunks(chunks, { seed: SEED })
    return outcome(
      decode(body, rulesFor(Buffer.concat(chunks).length, { signatures: chain(SEED) })),
    )
  }
  t.equal(await signed(small), 'ChunkTooSmall')
  t.equal(await signed(right), 'read')
  const unsigned = encodeChunks(small, { trailers: [] }).body
  t.equal(await outcome(decode(unsigned, rulesFor(8192, { trailer: true }))), 'read')
})

t.test('each signature of a signed body is checked', async (t) => {
  const chunks = [Buffer.alloc(8192, 'a'), Buffer.from('hello')]
  const { body, signatures } = encodeChunks(chunks, { seed: SEED, trailers: [[CRC, 'AAAAAA==']] })
  const rules = () => rulesFor(8197, { trailer: true, announced: CRC, signatures: chain(SEED) })
  t.equal(await outcome(decode(body, rules())), 'read')
  t.equal(signatures.length, 4)
  for (const signature of signatures) {
    const forged = Buffer.from(body)
    const at = forged.indexOf(signature)
    forged[at] = forged[at] === 0x61 ? 0x62 : 0x61
    t.equal(await outcome(decode(forged, rules())), 'ChunkSignatureMismatch')
  }
  for (const text of ['hello', 'aaaa', 'AAAAAA==']) {
    const forged = Buffer.from(body)
    forged[forged.indexOf(text)] = 0x7a
    t.equal(await outcome(decode(forged, rules())), 'ChunkSignatureMismatch', text)
  }
  const otherSeed = { ...rules(), signatures: chain(SEED.replace('4', '5')) }
  t.equal(await outcome(decode(body, otherSeed)), 'ChunkSignatureMismatch')
})

t.test('malformed framing is refused', async (t) => {
  const cases: [string, string][] = [
    ['5\r\nhello\r\n0\r\n\r\n', 'read'],
    ['0005\r\nhello\r\n000\r\n\r\n', 'read'],
    ['5\r\nhello\r\n0\r\n\r\nmore', 'BodyTruncated'],
    ['5\r\nhello\r\n0\r\n\r\nmore\r\n\r\n', 'TrailerMalformed'],
    ['5\nhello\r\n0\r\n\r\n', 'ChunkMalformed'],
    ['5\r\nhello\n0\r\n\r\n', 'ChunkMalformed'],
    ['5\r\nhelloo\r\n0\r\n\r\n', 'ChunkMalformed'],
    ['5\r\nhell\r\n0\r\n\r\n', 'ChunkMalformed'],
    ['4\r\nhello\r\n0\r\n\r\n', 'ChunkMalformed'],
    ['5;chunk-signature=x\r\nhello\r\n0\r\n\r\n', 'ChunkMalformed'],
    ['-5\r\nhello\r\n0\r\n\r\n', 'ChunkMalformed'],
    ['0x5\r\nhello\r\n0\r\n\r\n', 'ChunkMalformed'],
    [' 5\r\nhello\r\n0\r\n\r\n', 'ChunkMalformed'],
    ['\r\nhello\r\n0\r\n\r\n', 'ChunkMalformed'],
    ['ffffffffffffffff\r\nhello', 'BodyTruncated'],
    ['fffffffffffffffff\r\nhello', 'ChunkMalformed'],
    ['5'.repeat(1024), 'BodyTruncated'],
    ['5'.repeat(1025), 'ChunkMalformed'],
    ['5'.repeat(100_000), 'ChunkMalformed'],
    ['', 'BodyTruncated'],
  ]
  for (const [body, code] of cases) {
    const name = JSON.stringify(body.slice(0, 40))
    t.equal(await outcome(decode(body, rulesFor(5, { trailer: true }))), code, name)
  }
  const unsigned = decode('5\r\nhello\r\n0\r\n\r\n', rulesFor(5, { signatures: chain(SEED) }))
  t.equal(await outcome(unsigned), 'ChunkMalformed', 'an unsigned chunk where signed ones are due')
  const { body } = encodeChunks([Buffer.from('hello')], { seed: SEED })
  const trailing = Buffer.concat([body.subarray(0, -2), Buffer.from('a:b\r\n\r\n')])
  const rules = rulesFor(5, { signatures: chain(SEED) })
  t.equal(await outcome(decode(trailing, rules)), 'ChunkMalformed', 'trailers where none are due')
})

t.test('trailers must be those that were announced', async (t) => {
  const cases: [string, string | undefined, string][] = [
    [`${CRC}:AAAAAA==\r\n\r\n`, CRC, 'read'],
    [`${CRC.toUpperCase()}: AAAAAA== \r\n\r\n`, CRC, 'read'],
    [`${CRC}:AAAAAA==\n\r\n`, CRC, 'read'],
    [`${CRC}:AAAAAA==\r\n\r\n\r\n`, CRC, 'read'],
    ['\r\n', undefined, 'read'],
    ['\r\n', CRC, 'TrailerMalformed'],
    [`${CRC}:AAAAAA==\r\n\r\n`, undefined, 'TrailerMalformed'],
    [`${CRC}:AAAAAA==\r\n\r\n`, 'x-amz-checksum-sha1', 'TrailerMalformed'],
    [`${CRC}:AAAAAA==\r\n${CRC}:AAAAAA==\r\n\r\n`, CRC, 'TrailerMalformed'],
    [`${CRC}AAAAAA==\r\n\r\n`, CRC, 'TrailerMalformed'],
    [':AAAAAA==\r\n\r\n', CRC, 'TrailerMalformed'],
    [`${CRC}:AAAAAA==\r\nx-amz-trailer-signature:x\r\n\r\n`, CRC, 'TrailerMalformed'],
    ['\r\n'.repeat(17), undefined, 'TrailerMalformed'],
    [`${CRC}:AAAAAA==\r\n`, CRC, 'BodyTruncated'],
    [`${CRC}:AAAAAA==`, CRC, 'BodyTruncated'],
    [`${CRC}:${'A'.repeat(2000)}\r\n\r\n`, CRC, 'ChunkMalformed'],
  ]
  for (const [tail, announced, code] of cases) {
    const decoder = decode(`5\r\nhello\r\n0\r\n${tail}`, rulesFor(5, { trailer: true, announced }))
    t.equal(await outcome(decoder), code, JSON.stringify(tail.slice(0, 60)))
  }
})

t.test('trailers of a signed body need their signature', async (t) => {
  const signed = (cut: (body: string) => string, announced: string | undefined = CRC) => {
    const trailers: [string, string][] = [[CRC, 'AAAAAA==']]
    const { body } = encodeChunks([Buffer.from('hello')], { seed: SEED, trailers })
    const rules = rulesFor(5, { trailer: true, announced, signatures: chain(SEED) })
    return outcome(decode(cut(body.toString('latin1')), rules))
  }
  t.equal(await signed((body) => body), 'read')
  t.equal(await signed((body) => body.replace(/x-amz-trailer.*\r\n/, '')), 'TrailerMalformed')
  t.equal(
    await signed((body) => body.replace(/x-amz-(checksum|trailer).*\r\n/g, '')),
    'BodyTruncated',
  )
  t.equal(
    await signed((body) => body.replace(/x-amz-checksum.*\r\n/, '')),
    'ChunkSignatureMismatch',
  )
  t.equal(
    await signed((body) => body.replace(/(x-amz-checksum.*\r\n)(x-amz-trailer.*\r\n)/, '$2$1')),
    'TrailerMalformed',
  )
})

t.test('a signature chain does not print', async (t) => {
  t.equal(inspect(chain(SEED), { showHidden: true, depth: 9 }), 'ChunkSignatures {}')
})
