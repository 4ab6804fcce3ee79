// Keys keep the order of names, and tell names apart whatever they hold.
import t from 'tap'
import {
  endOf,
  rowKeys,
  splitNameAndId,
  successorOf,
  versionPrefix,
} from '../../../lib/catalog/keys.ts'
import { randomFrom, seedOfRun } from '../../helpers/random.ts'

const compare = (a: string, b: string) => Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)))
const alphabet = [
  '\u0000',
  '\u0001',
  '\u0002',
  '/',
  'a',
  'b',
  '\ud7ff',
  '\ue000',
  '\u{10ffff}',
  '😀',
]

t.test('version rows sort by name, then by id, and give both back', async (t) => {
  const random = randomFrom(seedOfRun())
  const word = () => Array.from({ length: random.integer(4) }, () => random.pick(alphabet)).join('')
  for (let round = 0; round < 2000; round++) {
    const [a, b] = [word(), word()]
    const ids = ['0', '1'].map((digit) => digit.repeat(32))
    const keyA = rowKeys.version('x', 'c', a, random.pick(ids))
    const keyB = rowKeys.version('x', 'c', b, random.pick(ids))
    const note = `seed ${random.seed} round ${round}`
    if (a !== b && !t.equal(compare(keyA, keyB), compare(a, b), note)) return
    const split = splitNameAndId(keyA.slice(versionPrefix('x', 'c').length))
    if (!t.equal(split.name, a, note) || !t.match(split.id, /^[01]{32}$/, note)) return
  }
})

t.test('the successor of a prefix is the end of everything that begins with it', async (t) => {
  const random = randomFrom(seedOfRun())
  for (let round = 0; round < 2000; round++) {
    const prefix = `p${random.pick(alphabet)}${random.pick(alphabet)}`
    const end = successorOf(prefix)!
    for (const rest of ['', '\u0000', 'z', '\u{10ffff}\u{10ffff}']) {
      if (!t.equal(compare(prefix + rest, end), -1, `seed ${random.seed} round ${round}`)) return
    }
  }
  t.equal(successorOf('\u{10ffff}'), undefined)
  t.equal(successorOf('a\ud7ff'), 'a\ue000', 'surrogates are no code points')
  t.equal(endOf('queue/'), 'queue0')
})

t.test('a container whose name begins with another is not in its range', async (t) => {
  const range = [rowKeys.object('a', 'b', ''), endOf(rowKeys.object('a', 'b', ''))] as const
  for (const container of ['b-', 'b0', 'bb', 'B']) {
    const key = rowKeys.object('a', container, 'x')
    t.notOk(compare(key, range[0]) >= 0 && compare(key, range[1]) < 0, container)
  }
})
