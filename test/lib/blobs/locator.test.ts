// Locators: what goes in comes out, whatever the runs, and nothing else is taken for one.
import t from 'tap'
import { decodePiece, encodePiece, LocatorBuilder, type Run } from '../../../lib/blobs/locator.ts'
import { RECORDS_PER_PIECE } from '../../../lib/blobs/store.ts'
import { isCode } from '../../../lib/errors.ts'
import { type Random, randomFrom, seedOfRun } from '../../helpers/random.ts'

const isCorrupt = (piece: Buffer): boolean => {
  try {
    decodePiece(piece)
    return false
  } catch (error) {
    if (!isCode(error, 'StoreCorrupt')) throw error
    return true
  }
}

/** Numbers of a blob among others: runs of any length, gaps from none to very far. */
function someNumbers(random: Random, count: number): number[] {
  const numbers: number[] = []
  let next = 1 + random.integer(random.pick([2, 300, 2 ** 31]))
  while (numbers.length < count) {
    for (let left = 1 + random.integer(random.pick([1, 4, 200, 5000])); left > 0; left--) {
      if (numbers.length < count) numbers.push(next++)
    }
    next += random.integer(random.pick([1, 2, 128, 2 ** 31]))
  }
  return numbers
}

const numbersIn = (runs: readonly Run[]) =>
  runs.flatMap(({ first, length }) => Array.from({ length }, (_, i) => first + i))

t.test('a piece is gap and length of each run, in LEB128', async (t) => {
  t.equal(encodePiece([{ first: 1, length: 1 }]).toString('hex'), '0101')
  t.equal(
    encodePiece([
      { first: 5, length: 3 },
      { first: 9, length: 300 },
      { first: 2 ** 40, length: 1 },
    ]).toString('hex'),
    `0503${'01ac02'}${'cbfdffffff1f'}01`,
  )
})

t.test('a builder gives back every number, piece by piece', async (t) => {
  const seed = seedOfRun()
  const random = randomFrom(seed)
  const counts = [0, 1, 2, 4095, 4096, 4097, 8192, 8193]
  for (let i = 0; i < 60; i++) counts.push(random.integer(3 * RECORDS_PER_PIECE))
  for (const count of counts) {
    const numbers = someNumbers(random, count)
    const builder = new LocatorBuilder()
    for (const number of numbers) builder.add(number)
    t.equal(builder.records, count)
    const pieces = builder.finish()
    t.equal(pieces.length, Math.ceil(count / RECORDS_PER_PIECE))
    for (const [k, piece] of pieces.entries()) {
      const expected = numbers.slice(k * RECORDS_PER_PIECE, (k + 1) * RECORDS_PER_PIECE)
      const decoded = numbersIn(decodePiece(piece))
      if (decoded.join() !== expected.join()) t.fail(`seed ${seed}: piece ${k} of ${count}`)
    }
  }
})

t.test('the largest numbers fit, and no larger', async (t) => {
  const largest = Number.MAX_SAFE_INTEGER - 1
  t.same(decodePiece(encodePiece([{ first: largest, length: 1 }])), [{ first: largest, length: 1 }])
  t.ok(isCorrupt(encodePiece([{ first: largest, length: 2 }])), 'the end is no safe integer')
  t.ok(isCorrupt(Buffer.from('ffffffffffffff7f01', 'hex')), 'the start is none')
})

t.test('what is no piece is refused', async (t) => {
  for (const [hex, why] of [
    ['01', 'a run without length'],
    ['0100', 'a run of nothing'],
    ['810001', 'a number in two forms'],
    ['8080', 'an end within a number'],
    [`${'80'.repeat(2000)}0101`, 'a number without end'],
    [encodePiece([{ first: 1, length: 4097 }]).toString('hex'), 'more records than a piece has'],
  ] as const) {
    t.ok(isCorrupt(Buffer.from(hex, 'hex')), why)
  }
})

t.test('any bytes are a piece of sound runs, or refused', async (t) => {
  const seed = seedOfRun()
  const random = randomFrom(seed)
  let pieces = 0
  for (let i = 0; i < 5000; i++) {
    const bytes = random.bytes(random.integer(12))
    if (isCorrupt(bytes)) continue
    pieces++
    const runs = decodePiece(bytes)
    // Touching runs stay apart, so that what was decoded is encoded the same.
    if (!encodePiece(runs).equals(bytes)) t.fail(`seed ${seed}: ${bytes.toString('hex')}`)
  }
  t.ok(pieces > 100, `${pieces} of 5,000 were pieces`)
})
