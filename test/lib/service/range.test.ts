// Which bytes a Range header means.
import t from 'tap'
import { CofferError } from '../../../lib/errors.ts'
import { resolveRange } from '../../../lib/service/range.ts'

const whole = (size: number) => ({ offset: 0, length: size, partial: false })
const part = (offset: number, length: number) => ({ offset, length, partial: true })

t.test('a range within the object gives those bytes', async (t) => {
  t.same(resolveRange('bytes=0-0', 10), part(0, 1))
  t.same(resolveRange('bytes=2-5', 10), part(2, 4))
  t.same(resolveRange('bytes=9-', 10), part(9, 1))
  t.same(resolveRange('bytes=0-', 10), part(0, 10))
  t.same(resolveRange('BYTES=1-1', 10), part(1, 1), 'the unit is case-insensitive')
})

t.test('an end behind the object is clamped', async (t) => {
  t.same(resolveRange('bytes=5-99999999999999999999999', 10), part(5, 5))
  t.same(resolveRange('bytes=-99', 10), part(0, 10))
})

t.test('a suffix counts from the end', async (t) => {
  t.same(resolveRange('bytes=-3', 10), part(7, 3))
  t.same(resolveRange('bytes=-1', 1), part(0, 1))
})

t.test('what begins at or behind the end cannot be satisfied', async (t) => {
  for (const [header, size] of [
    ['bytes=10-', 10],
    ['bytes=10-12', 10],
    ['bytes=0-', 0],
    ['bytes=0-0', 0],
    ['bytes=-1', 0],
    ['bytes=-0', 10],
    ['bytes=99999999999999999999999-', 10],
  ] as const) {
    t.throws(() => resolveRange(header, size), new CofferError('RangeUnsatisfiable'), header)
  }
})

t.test('a header of wrong form or with several ranges is ignored', async (t) => {
  for (const header of [
    undefined,
    '',
    'bytes=',
    'bytes=-',
    'bytes=a-b',
    'bytes=5-2',
    'bytes=0-1,3-4',
    'items=0-1',
    'bytes 0-1',
    'bytes=0--1',
    'bytes=1.5-2',
  ]) {
    t.same(resolveRange(header, 10), whole(10), String(header))
  }
})
