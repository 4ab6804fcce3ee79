// Range headers, made of the characters that they are made of: whatever comes, the answer is an extent
// within the object, the whole of it, or a refusal; and what has the right form agrees with a model.
import t from 'tap'
import { isCode } from '../../lib/errors.ts'
import { resolveRange } from '../../lib/service/range.ts'
import type { Extent } from '../../lib/service/types.ts'
import { type Random, randomFrom, seedOfRun } from '../helpers/random.ts'

const ROUNDS = 50_000

function headerOf(random: Random): string {
  const number = () =>
    random.pick(['', '0', '1', '9', '10', '11', String(random.integer(30)), '9e9'])
  const shapes = [
    () => `bytes=${number()}-${number()}`,
    () => `bytes=${number()}-${number()},${number()}-${number()}`,
    () => `${random.pick(['bytes', 'BYTES', 'items', ''])}=${number()}-${number()}`,
    () =>
      Array.from({ length: random.integer(12) }, () => random.pick([...'bytes=-,0123 '])).join(''),
  ]
  return random.pick(shapes)()
}

/** 'refused', or what RFC 9110 §14.2 says of one range, byte by byte. */
function model(header: string, size: number): Extent | 'refused' {
  const whole = { offset: 0, length: size, partial: false }
  const match = /^bytes=(\d*)-(\d*)$/i.exec(header.trim())
  if (match === null) return whole
  const [first, last] = [match[1]!, match[2]!]
  if (first === '' && last === '') return whole
  if (first !== '' && last !== '' && Number(last) < Number(first)) return whole
  const wanted = Array.from({ length: size }, (_, i) => i).filter((i) =>
    first === ''
      ? i >= size - Number(last)
      : i >= Number(first) && (last === '' || i <= Number(last)),
  )
  if (wanted.length === 0) return 'refused'
  return { offset: wanted[0]!, length: wanted.length, partial: true }
}

t.test('every Range header means what the model says', async (t) => {
  const random = randomFrom(seedOfRun())
  for (let round = 0; round < ROUNDS; round++) {
    const header = headerOf(random)
    const size = random.pick([0, 1, 10, 11, 20])
    let found: Extent | 'refused'
    try {
      found = resolveRange(header, size)
    } catch (error) {
      if (!isCode(error, 'RangeUnsatisfiable')) throw error
      found = 'refused'
    }
    const note = `seed ${random.seed}: '${header}' of ${size} bytes`
    if (JSON.stringify(found) !== JSON.stringify(model(header, size))) {
      t.same(found, model(header, size), note)
      return
    }
  }
  t.pass(`${ROUNDS} headers`)
})
