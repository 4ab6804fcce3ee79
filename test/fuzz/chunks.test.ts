// The aws-chunked decoder on valid, cut, mutated and random bodies: it never hangs, never gives more than
// was promised, and never takes a changed signed body for a whole one.
import t from 'tap'
import { ChunkedPieces } from '../../lib/auth/sigv4-chunks.ts'
import { poisonReleased } from '../../lib/bytes/release.ts'
import { CofferError } from '../../lib/errors.ts'
import { type Random, randomFrom, seedOfRun } from '../helpers/random.ts'
import { chain, encodeChunks, piecesOf } from '../lib/auth/chunked.ts'

poisonReleased(true)

const SEED = '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9'
const CRC = 'x-amz-checksum-crc32'
const sizes = [1, 2, 100, 8191, 8192, 8193, 20_000]

interface Sample {
  plain: Buffer
  body: Buffer
  signed: boolean
  trailer: boolean
}

function sample(random: Random): Sample {
  const signed = random.integer(2) === 0
  const trailer = !signed || random.integer(2) === 0
  const count = random.integer(4)
  const chunks = Array.from({ length: count }, (_, i) => {
    const last = i === count - 1
    const size = signed && !last ? 8192 + random.integer(9000) : random.pick(sizes)
    return Buffer.alloc(size, random.bytes(97))
  })
  const { body } = encodeChunks(chunks, {
    ...(signed && { seed: SEED }),
    ...(trailer && { trailers: [[CRC, 'AAAAAA==']] }),
  })
  return { plain: Buffer.concat(chunks), body, signed, trailer }
}

function cuts(random: Random, length: number): number[] {
  const places = Array.from({ length: random.integer(12) }, () => random.integer(length + 1))
  return places.sort((a, b) => a - b)
}

/** What a decoder gives of `body`: the bytes, and whether it came to the end. */
async function decode(random: Random, { plain, signed, trailer }: Sample, body: Buffer) {
  const decoder = new ChunkedPieces(piecesOf(body, ...cuts(random, body.length)), {
    decodedBytes: plain.length,
    trailer,
    announced: trailer ? CRC : undefined,
    signatures: signed ? chain(SEED) : null,
  })
  const parts: Buffer[] = []
  try {
    for (let piece = await decoder.read(); piece !== undefined; piece = await decoder.read()) {
      parts.push(Buffer.from(piece))
    }
    return { found: Buffer.concat(parts), whole: true }
  } catch (error) {
    if (!(error instanceof CofferError)) throw error
    return { found: Buffer.concat(parts), whole: false }
  }
}

function mutate(random: Random, body: Buffer): Buffer {
  const out = Buffer.from(body)
  const at = random.integer(out.length)
  const kind = random.integer(4)
  if (kind === 0) out[at]! ^= 1 << random.integer(8)
  if (kind <= 1) return out
  const size = 1 + random.integer(kind === 2 ? 3 : 300)
  const [head, tail] = [out.subarray(0, at), out.subarray(at)]
  if (random.integer(2) === 0)
    return Buffer.concat([head, out.subarray(Math.min(at + size, out.length))])
  return Buffer.concat([head, random.bytes(size), tail])
}

t.test('valid bodies decode to themselves, however they are cut', async (t) => {
  const random = randomFrom(seedOfRun())
  let wrong = 0
  for (let i = 0; i < 300; i++) {
    const given = sample(random)
    const { found, whole } = await decode(random, given, given.body)
    if (!whole || !found.equals(given.plain)) wrong++
  }
  t.equal(wrong, 0, `seed ${random.seed}`)
})

t.test('truncated bodies are never whole', async (t) => {
  const random = randomFrom(seedOfRun())
  let wrong = 0
  for (let i = 0; i < 500; i++) {
    const given = sample(random)
    const cut = given.body.subarray(0, random.integer(given.body.length))
    const { found, whole } = await decode(random, given, cut)
    if (whole || !found.equals(given.plain.subarray(0, found.length))) wrong++
  }
  t.equal(wrong, 0, `seed ${random.seed}`)
})

t.test('changed bodies give an error or what they say, never more than was promised', async (t) => {
  const random = randomFrom(seedOfRun())
  let wrong = 0
  for (let i = 0; i < 1500; i++) {
    const given = sample(random)
    const { found, whole } = await decode(random, given, mutate(random, given.body))
    if (found.length > given.plain.length) wrong++
    if (whole && found.length !== given.plain.length) wrong++
    if (whole && given.signed && !found.equals(given.plain)) wrong++
  }
  t.equal(wrong, 0, `seed ${random.seed}`)
})

t.test('random bytes, and texts made of what bodies are made of, are refused', async (t) => {
  const random = randomFrom(seedOfRun())
  const words = ['\r\n', '\n', '\r', '5', '0', 'ff', 'hello', ';chunk-signature=', SEED, ':', CRC]
  let whole = 0
  for (let i = 0; i < 1500; i++) {
    const body =
      i % 2 === 0
        ? random.bytes(random.integer(3000))
        : Buffer.from(Array.from({ length: random.integer(40) }, () => random.pick(words)).join(''))
    const signed = random.integer(2) === 0
    const given = { plain: Buffer.alloc(5), body, signed, trailer: true }
    if ((await decode(random, given, body)).whole) whole++
  }
  t.equal(whole, 0, `seed ${random.seed}`)
})
