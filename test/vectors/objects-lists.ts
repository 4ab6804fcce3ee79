// Objects whose list of parts is broken, and soundly sealed where it can be: only the rule that it breaks can refuse it.
import { be, seeded } from './make.ts'
import {
  type Case,
  corrupt,
  edited,
  flipped,
  listAs,
  runsOf,
  segment,
  THREE,
} from './objects-case.ts'
import { makeObject, pagesOf, type Run, relist, sealOf } from './objects-make.ts'

export const LISTS: Record<string, Case> = {
  'list-missing': corrupt('No list of parts.', (rows) => (rows.layout = undefined), THREE),
  'list-empty': corrupt(
    'A list without runs, and a version that still has parts.',
    (rows) => relist(rows, []),
    THREE,
  ),
  'list-part-left-out': corrupt(
    'A part left out of list and version.',
    (rows) => {
      const { seal } = rows.layout!
      listAs(rows, runsOf(rows).slice(0, 2))
      rows.layout!.seal = seal
      rows.version.size = 800
    },
    THREE,
  ),
  'list-number-0': corrupt(
    'A part 0.',
    (rows) => {
      rows.segments.set(0, segment(rows))
      relist(rows, edited(rows, 0, { first: 0 }))
    },
    THREE,
  ),
  'list-number-100000': corrupt(
    'A part 100,000.',
    (rows) => {
      rows.segments.set(100_000, segment(rows, 7))
      relist(rows, edited(rows, 2, { first: 100_000 }))
    },
    THREE,
  ),
  'list-run-passes-99999': corrupt(
    'A run whose numbers pass 99,999.',
    (rows) => {
      for (const number of [99_999, 100_000]) rows.segments.set(number, segment(rows, 7))
      listAs(rows, [...runsOf(rows).slice(0, 2), { first: 99_999, count: 2, size: 300 }])
      rows.version.size = 1400
    },
    THREE,
  ),
  'list-count-0': corrupt(
    'A run of no parts.',
    (rows) => {
      relist(rows, [...runsOf(rows), { first: 9, count: 0, size: 1 }])
    },
    THREE,
  ),
  'list-count-beyond': corrupt(
    'A run of 2^32-1 parts, and a version that agrees.',
    (rows) => {
      const runs = edited(rows, 2, { count: 2 ** 32 - 1 })
      const pages = pagesOf(rows, runsOf(rows))
      rows.layout = { layout: runs, seal: sealOf(rows, runs, 2 ** 32 - 1, pages), pages }
      rows.version.parts = 2 ** 32 + 1
    },
    THREE,
  ),
  'list-10001-parts': corrupt(
    '10,001 parts.',
    (rows) => {
      const run = { first: 1, count: 10_001, size: 0 }
      const pages = seeded('pages', 32)
      const all = Buffer.concat(Array.from({ length: 41 }, () => pages))
      rows.layout = { layout: [run], seal: sealOf(rows, [run], 10_001, all), pages: all }
      rows.version.parts = 10_001
      rows.version.size = 0
    },
    THREE,
  ),
  'list-counts-against-parts': corrupt(
    'Counts that do not sum to `parts`.',
    (rows) => {
      rows.version.parts = 2
    },
    THREE,
  ),
  'list-runs-fall': corrupt(
    'Runs that do not rise.',
    (rows) => relist(rows, runsOf(rows).toReversed()),
    THREE,
  ),
  'list-runs-overlap': corrupt(
    'A part that stands in two runs.',
    (rows) => {
      relist(rows, edited(rows, 1, { first: 1 }))
    },
    THREE,
  ),
  'list-total-2-53': corrupt(
    'Sizes whose total is 2^53.',
    (rows) => {
      relist(rows, edited(rows, 2, { size: 2 ** 53 - 800 }))
    },
    THREE,
  ),
  'list-size-text': corrupt(
    'A size that is a text.',
    (rows) => {
      const { seal, pages } = rows.layout!
      const layout = edited(rows, 0, { size: '300' as unknown as number })
      rows.layout = { layout, seal, pages }
    },
    THREE,
  ),
  'list-run-null': corrupt(
    'A run that is null.',
    (rows) => {
      const { seal, pages } = rows.layout!
      rows.layout = { layout: [null as unknown as Run, ...runsOf(rows).slice(1)], seal, pages }
    },
    THREE,
  ),
  'list-size-changed': corrupt(
    'A byte moved from one part to the next.',
    (rows) => {
      const { seal, pages } = rows.layout!
      rows.layout = {
        layout: [
          { first: 1, count: 1, size: 301 },
          { first: 2, count: 1, size: 499 },
          runsOf(rows)[2]!,
        ],
        seal,
        pages,
      }
    },
    THREE,
  ),
  'list-runs-split': corrupt(
    'The same parts in another number of runs, under the old seal.',
    (rows) => {
      const { seal, pages } = rows.layout!
      const layout = [
        { first: 1, count: 1, size: 300 },
        { first: 2, count: 1, size: 300 },
      ]
      rows.layout = { layout, seal, pages }
    },
    {
      parts: [
        [1, 300],
        [2, 300],
      ],
    },
  ),
  'list-seal-flipped': corrupt(
    'A bit flip in the seal.',
    (rows) => {
      rows.layout!.seal = flipped(rows.layout!.seal as Buffer, 31)
    },
    THREE,
  ),
  'list-seal-short': corrupt(
    'A seal of 31 bytes is no shorter comparison.',
    (rows) => {
      rows.layout!.seal = (rows.layout!.seal as Buffer).subarray(0, 31)
    },
    THREE,
  ),
  'list-seal-missing': corrupt('No seal.', (rows) => (rows.layout!.seal = null), THREE),
  'list-seal-of-another-body': corrupt(
    'The seal of another body with the same parts.',
    (rows) => {
      const other = makeObject('another', THREE)
      rows.layout!.seal = sealOf(other, runsOf(rows), 3, pagesOf(rows, runsOf(rows)))
    },
    THREE,
  ),
  'list-page-flipped': corrupt(
    'A page that is not the blob ids of its parts, soundly sealed.',
    (rows) => {
      const runs = runsOf(rows)
      relist(rows, runs, flipped(pagesOf(rows, runs), 0))
    },
    THREE,
  ),
  'list-page-missing': corrupt(
    'A page less than the parts need, soundly sealed.',
    (rows) => {
      relist(rows, runsOf(rows), Buffer.alloc(0))
    },
    THREE,
  ),
  'list-page-more': corrupt(
    'A page more than the parts need, soundly sealed.',
    (rows) => {
      const runs = runsOf(rows)
      relist(rows, runs, Buffer.concat([pagesOf(rows, runs), be(0, 32)]))
    },
    THREE,
  ),
  'list-parts-swapped': corrupt(
    'Two parts of one size have changed places, rows and all.',
    (rows) => {
      const [one, seven] = [segment(rows, 1), segment(rows, 7)]
      rows.segments.set(1, seven).set(7, one)
    },
    THREE,
  ),
}
