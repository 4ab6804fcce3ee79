// Envelopes that were changed anywhere: none gives a body key, and none does anything but refuse.
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { type Envelope, unwrap, wrap } from '../../lib/crypto/envelope.ts'
import { CofferError } from '../../lib/errors.ts'
import { type Random, randomFrom, seedOfRun } from '../helpers/random.ts'

const ROUNDS = 3000
const fields = ['salt', 'commitment', 'wrapped'] as const

function makeOne(random: Random) {
  const kind = random.pick([1, 2] as const)
  const word = () => random.pick(['', 'a', 'ä', '😀', 'x'.repeat(random.integer(300))])
  const context = { versionId: word(), account: word(), container: word(), object: word() }
  const shape = random.pick([0, 1] as const)
  const sizes = [0, 1, 65536, Number.MAX_SAFE_INTEGER]
  const secret = {
    bodyKey: random.bytes(32),
    shape,
    size: random.pick(shape === 1 ? [null, ...sizes] : sizes),
    md5: random.pick([null, random.bytes(16)]),
  }
  const key = random.bytes(32)
  const rootKeyId = kind === 1 ? 'k1' : ''
  const envelope = wrap(key, kind, rootKeyId, context, secret, randomBytes(32))
  return { key, context, secret, envelope }
}

/** One thing about the envelope changed: a bit, a length, the kind, the shape, the root key's id. */
function change(random: Random, envelope: Envelope): Envelope {
  const field = random.pick(fields)
  const bytes = Buffer.from(envelope[field])
  const flipped = Buffer.from(bytes)
  flipped[random.integer(bytes.length)]! ^= 1 << random.integer(8)
  return random.pick<() => Envelope>([
    () => ({ ...envelope, [field]: flipped }),
    () => ({ ...envelope, [field]: bytes.subarray(0, random.integer(bytes.length)) }),
    () => ({ ...envelope, [field]: Buffer.concat([bytes, random.bytes(1 + random.integer(20))]) }),
    () => ({ ...envelope, shape: (1 - envelope.shape) as 0 | 1 }),
    () => ({ ...envelope, kind: (3 - envelope.kind) as 1 | 2 }),
    () => ({ ...envelope, kind: random.integer(256) as 1 | 2, rootKeyId: 'other' }),
  ])()
}

t.test('an envelope that was changed never opens', async (t) => {
  const random = randomFrom(seedOfRun())
  for (let round = 0; round < ROUNDS; round++) {
    const { key, context, secret, envelope } = makeOne(random)
    const note = `seed ${random.seed} round ${round}`
    const opened = unwrap(key, context, envelope)
    if (!opened.bodyKey.equals(secret.bodyKey) || opened.size !== secret.size) {
      t.fail(`a sound envelope opens, ${note}`)
      return
    }
    try {
      unwrap(key, context, change(random, envelope))
      t.fail(`a changed envelope opened, ${note}`)
      return
    } catch (error) {
      const refused =
        error instanceof CofferError && (error.code === 'KeyWrong' || error.code === 'StoreCorrupt')
      if (!refused) {
        t.fail(`refused with ${error}, ${note}`)
        return
      }
    }
  }
  t.pass(`${ROUNDS} envelopes`)
})
