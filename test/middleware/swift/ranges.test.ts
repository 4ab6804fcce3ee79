// Range headers by Swift's rules, without a node: which are ignored, which refused, what the rest mean.
import t from 'tap'
import { isCode } from '../../../lib/errors.ts'
import { swiftRanges } from '../../../middleware/swift/ranges.ts'
import { randomFrom, seedOfRun } from '../../helpers/random.ts'

/** `first-last` of each extent, `whole`, `ignored`, or `416`. */
function outcome(header: string | undefined, size: number): string {
  const ranges = swiftRanges(header)
  if (ranges === undefined) return 'ignored'
  try {
    const extents = ranges(size)
    if (extents.every(({ partial }) => !partial)) return 'whole'
    return extents.map(({ offset, length }) => `${offset}-${offset + length - 1}`).join(' ')
  } catch (error) {
    if (isCode(error, 'RangeUnsatisfiable') && error.details.size === size) return '416'
    throw error
  }
}

t.test('a header of wrong form is ignored', async (t) => {
  const wrong = [
    undefined,
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=5',
    'bytes=a-b',
    'bytes=3-1',
    'bytes=--1',
    'bytes=1--2',
    'bytes=0-1,',
    'bytes=,0-1',
    'bytes=0-1,x',
    'bytes=0-1;2-3',
    'lines=0-1',
    'bytes 0-1',
    'bytes=+1-2',
    'bytes=1.0-2',
  ]
  for (const header of wrong) t.equal(outcome(header, 10), 'ignored', String(header))
})

t.test('one range means its bytes as far as there are any', async (t) => {
  const means: [header: string, expected: string][] = [
    ['bytes=0-0', '0-0'],
    ['bytes=0-8', '0-8'],
    ['bytes=0-9', '0-9'],
    ['bytes=0-10', '0-9'],
    ['bytes=9-9', '9-9'],
    ['bytes=9-', '9-9'],
    ['bytes=10-', '416'],
    ['bytes=10-11', '416'],
    ['bytes=-0', '416'],
    ['bytes=-1', '9-9'],
    ['bytes=-9', '1-9'],
    ['bytes=-10', '0-9'],
    ['bytes=-11', '0-9'],
    ['bytes=0-99999999999999999999', '0-9'],
    ['bytes=99999999999999999999-', '416'],
    ['BYTES=1-2', '1-2'],
    [' bytes = 1 - 2 , 4 - 5 ', '1-2 4-5'],
  ]
  for (const [header, expected] of means) t.equal(outcome(header, 10), expected, header)
})

t.test('of an empty object only a suffix can be had, and it is the whole', async (t) => {
  t.equal(outcome('bytes=-1', 0), 'whole')
  t.equal(outcome('bytes=-5,0-1', 0), 'whole')
  t.equal(outcome('bytes=-0', 0), '416')
  t.equal(outcome('bytes=0-', 0), '416')
  t.equal(outcome('bytes=0-0', 0), '416')
})

t.test('members that cannot be satisfied are dropped; order stays as asked', async (t) => {
  t.equal(outcome('bytes=20-30,0-1', 10), '0-1')
  t.equal(outcome('bytes=5-6,0-1,20-', 10), '5-6 0-1')
  t.equal(outcome('bytes=10-,20-30,-0', 10), '416')
})

const join = (ranges: readonly string[]) => `bytes=${ranges.join(',')}`
const steps = (count: number) => Array.from({ length: count }, (_, i) => `${i * 2}-${i * 2}`)

t.test('sets that cost more than they bring are refused', async (t) => {
  t.equal(outcome(join(steps(50)), 1000).split(' ').length, 50)
  t.equal(outcome(join(steps(51)), 1000), '416')
  t.equal(
    outcome(join([...steps(50), '5000-']), 1000).split(' ').length,
    50,
    'dropped ones do not count',
  )
  t.equal(outcome(join(steps(7).reverse()), 1000).split(' ').length, 7)
  t.equal(outcome(join(steps(8).reverse()), 1000), '416')
  t.equal(outcome(join(steps(8)), 1000).split(' ').length, 8)
  t.equal(outcome(join(['0-9', '5-14', '20-29', '25-34']), 1000).split(' ').length, 4)
  t.equal(outcome(join(['0-9', '5-14', '20-29', '25-34', '40-49', '45-54']), 1000), '416')
})

/** The bytes that one member means, one by one. */
function model(member: string, size: number): number[] {
  const [first, last] = member.split('-') as [string, string]
  return Array.from({ length: size }, (_, i) => i).filter((i) =>
    first === ''
      ? i >= size - Number(last)
      : i >= Number(first) && (last === '' || i <= Number(last)),
  )
}

t.test('ranges drawn at random mean the bytes that a model counts', async (t) => {
  const random = randomFrom(seedOfRun())
  const wrong: string[] = []
  for (let round = 0; round < 5000; round++) {
    const size = 1 + random.integer(40)
    const number = () => random.integer(50)
    const drawMember = () => {
      const first = number()
      return random.pick([`${first}-`, `-${first}`, `${first}-${first + random.integer(20)}`])
    }
    const members = Array.from({ length: 1 + random.integer(3) }, drawMember)
    const wanted = members.map((member) => model(member, size)).filter((list) => list.length > 0)
    const expected =
      wanted.length === 0 ? '416' : wanted.map((list) => `${list[0]}-${list.at(-1)}`).join(' ')
    const got = outcome(join(members), size)
    // Three ranges can overlap in three pairs.
    const mayRefuse = wanted.length === 3 && got === '416'
    if (got !== expected && !mayRefuse) {
      wrong.push(`seed ${random.seed}: ${join(members)} of ${size}: ${got}, not ${expected}`)
    }
  }
  t.same(wrong, [])
})
