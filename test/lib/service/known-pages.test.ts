// Pages of blob ids that were compared: they are found by their digest alone, and only so many are kept.
import t from 'tap'
import { digestPage } from '../../../lib/crypto/part-list.ts'
import { randomId } from '../../../lib/names.ts'
import { keepPage, knownPage } from '../../../lib/service/known-pages.ts'

/** A page of two parts that was compared. */
function keep() {
  const ids = [randomId(), randomId()]
  const digest = digestPage(ids)
  keepPage(digest, ids)
  return { ids, digest }
}

t.test('a page that was kept names the blob at each place', async (t) => {
  const { ids, digest } = keep()
  const known = knownPage(digest)!
  t.same([known(0), known(1)], ids)
  t.equal(known(2), '', 'there is none behind the last')
  t.equal(knownPage(digestPage([ids[0]!])), undefined)
})

t.test(
  'the page that was not used for longest is forgotten first, and the number is bounded',
  async (t) => {
    const [used, unused] = [keep(), keep()]
    const kept = Array.from({ length: 3000 }, () => {
      if (knownPage(used.digest) === undefined) t.fail('a page in use is forgotten')
      return keep()
    })
    t.equal(knownPage(unused.digest), undefined)
    const still = kept.filter(({ digest }) => knownPage(digest) !== undefined)
    t.ok(still.length >= 100 && still.length < 1000, `${still.length} of 3,000 are kept`)
  },
)
