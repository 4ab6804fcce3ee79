// Which parts of a layout an extent touches, against a model that lays every byte out.
import t from 'tap'
import type { Layout } from '../../../lib/catalog/rows.ts'
import { extentOfPart, sliceSegments } from '../../../lib/service/body.ts'
import { randomFrom, seedOfRun } from '../../helpers/random.ts'

/** Part number and offset within it of each byte. */
function layOut(layout: Layout): [part: number, offset: number][] {
  const bytes: [number, number][] = []
  for (const { first, count, size } of layout) {
    for (let i = 0; i < count; i++) {
      for (let at = 0; at < size; at++) bytes.push([first + i, at])
    }
  }
  return bytes
}

t.test('slices give exactly the bytes of the extent, in order', async (t) => {
  const random = randomFrom(seedOfRun())
  for (let round = 0; round < 300; round++) {
    const layout: Layout = []
    let next = 1 + random.integer(3)
    for (let i = 0; i <= random.integer(4); i++) {
      const run = { first: next, count: 1 + random.integer(4), size: random.integer(6) }
      layout.push(run)
      next = run.first + run.count + random.integer(3)
    }
    const bytes = layOut(layout)
    const offset = random.integer(bytes.length + 1)
    const length = random.integer(bytes.length - offset + 1)
    const got = sliceSegments(layout, offset, length).flatMap((slice) =>
      Array.from({ length: slice.length }, (_, i) => [slice.part, slice.offset + i]),
    )
    const wanted = bytes.slice(offset, offset + length)
    if (!t.same(got, wanted, `seed ${random.seed} round ${round}`)) return
  }
})

t.test(
  'parts are counted from 1 without gaps, whatever numbers they were uploaded with',
  async (t) => {
    const layout = [
      { first: 2, count: 2, size: 10 },
      { first: 7, count: 1, size: 3 },
    ]
    t.same(extentOfPart(layout, 1), { part: 2, offset: 0, length: 10 })
    t.same(extentOfPart(layout, 2), { part: 3, offset: 10, length: 10 })
    t.same(extentOfPart(layout, 3), { part: 7, offset: 20, length: 3 })
    t.equal(extentOfPart(layout, 4), undefined)
  },
)
