// The envelope: what it opens, and that it tells another key from damage. The bytes themselves are
// fixed by test/vectors.
import { createHash } from 'node:crypto'
import t from 'tap'
import {
  type BodySecret,
  type Envelope,
  unwrap,
  type WrapContext,
  wrap,
} from '../../../lib/crypto/envelope.ts'
import { CofferError } from '../../../lib/errors.ts'

const key = Buffer.alloc(32, 1)
const salt = Buffer.alloc(32, 2)
const context: WrapContext = {
  versionId: 'fff0000000000000aaaaaaaaaaaaaaaa',
  account: 'test',
  container: 'photos',
  object: 'a/b.jpg',
}
const secret: BodySecret = {
  bodyKey: Buffer.alloc(32, 3),
  size: 65537,
  md5: Buffer.alloc(16, 4),
  shape: 0,
}
const codeOf = (fn: () => unknown) => {
  try {
    fn()
  } catch (error) {
    return error instanceof CofferError ? error.code : String(error)
  }
  return 'opened'
}

t.test('an envelope gives back what was wrapped, for both kinds of key', async (t) => {
  for (const size of [0, 1, 2 ** 32, 2 ** 53 - 1, null]) {
    for (const md5 of [null, Buffer.alloc(16, 9)]) {
      for (const shape of size === null ? ([1] as const) : ([0, 1] as const)) {
        const input = { bodyKey: secret.bodyKey, size, md5, shape }
        t.same(unwrap(key, context, wrap(key, 2, '', context, input, salt)), input, `${size}`)
        t.same(unwrap(key, context, wrap(key, 1, 'k1', context, input, salt)), input, `${size}`)
      }
    }
  }
})

t.test('nothing of the key or the secret shows in the envelope', async (t) => {
  const envelope = wrap(key, 2, '', context, secret, salt)
  const shown = Buffer.concat([envelope.salt, envelope.commitment, envelope.wrapped])
  for (const hidden of [key, secret.bodyKey, secret.md5!]) t.notOk(shown.includes(hidden))
})

t.test('another salt changes all of it', async (t) => {
  const one = wrap(key, 2, '', context, secret, salt)
  const other = wrap(key, 2, '', context, secret, Buffer.alloc(32, 5))
  t.notSame(one.commitment, other.commitment)
  t.notSame(one.wrapped, other.wrapped)
})

t.test('another key, kind, key id, shape or name is a wrong key', async (t) => {
  const envelope = wrap(key, 1, 'k1', context, secret, salt)
  t.equal(
    codeOf(() => unwrap(Buffer.alloc(32, 9), context, envelope)),
    'KeyWrong',
  )
  t.equal(
    codeOf(() => unwrap(key, context, { ...envelope, kind: 2, rootKeyId: '' })),
    'KeyWrong',
  )
  t.equal(
    codeOf(() => unwrap(key, context, { ...envelope, rootKeyId: 'k2' })),
    'KeyWrong',
  )
  t.equal(
    codeOf(() => unwrap(key, context, { ...envelope, salt: Buffer.alloc(32) })),
    'KeyWrong',
  )
  t.equal(
    codeOf(() => unwrap(key, context, { ...envelope, shape: 1 })),
    'KeyWrong',
    'a body of one piece is not taken for parts, whose size may be unknown',
  )
  for (const field of ['versionId', 'account', 'container', 'object'] as const) {
    const other = { ...context, [field]: `${context[field]}x` }
    t.equal(
      codeOf(() => unwrap(key, other, envelope)),
      'KeyWrong',
      field,
    )
  }
})

t.test('bytes that move from one name to the next are another context', async (t) => {
  const envelope = wrap(key, 2, '', { ...context, container: 'ab', object: 'c' }, secret, salt)
  const moved = { ...context, container: 'a', object: 'bc' }
  t.equal(
    codeOf(() => unwrap(key, moved, envelope)),
    'KeyWrong',
  )
  const composed = wrap(key, 2, '', { ...context, object: '\u00e9' }, secret, salt)
  const decomposed = { ...context, object: 'e\u0301' }
  t.equal(
    codeOf(() => unwrap(key, decomposed, composed)),
    'KeyWrong',
    'no normalisation',
  )
})

t.test('each flipped bit is found: as a wrong key or as a corrupt row', async (t) => {
  const envelope = wrap(key, 2, '', context, secret, salt)
  const expected = { salt: 'KeyWrong', commitment: 'KeyWrong', wrapped: 'StoreCorrupt' }
  for (const field of ['salt', 'commitment', 'wrapped'] as const) {
    for (let bit = 0; bit < envelope[field].length * 8; bit++) {
      const bytes = Buffer.from(envelope[field])
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      const code = codeOf(() => unwrap(key, context, { ...envelope, [field]: bytes }))
      if (code !== expected[field]) t.fail(`bit ${bit} of ${field}: ${code}`)
    }
  }
  t.equal(
    codeOf(() => unwrap(key, context, envelope)),
    'opened',
  )
})

t.test('an envelope of another form is corrupt, before any key is tried', async (t) => {
  const envelope = wrap(key, 2, '', context, secret, salt)
  const changes: Record<string, Partial<Record<keyof Envelope, unknown>>> = {
    'kind 0': { kind: 0 },
    'kind 3': { kind: 3 },
    'no shape': { shape: undefined },
    'shape 2': { shape: 2 },
    'customer with a root key id': { rootKeyId: 'k1' },
    'root without one': { kind: 1 },
    'empty commitment': { commitment: Buffer.alloc(0) },
    'short commitment': { commitment: envelope.commitment.subarray(0, 31) },
    'long commitment': { commitment: Buffer.concat([envelope.commitment, Buffer.alloc(1)]) },
    'short salt': { salt: salt.subarray(1) },
    'empty wrapped': { wrapped: Buffer.alloc(0) },
    'wrapped one short': { wrapped: envelope.wrapped.subarray(1) },
    'wrapped between the two lengths': { wrapped: Buffer.alloc(64) },
  }
  for (const [name, change] of Object.entries(changes)) {
    const code = codeOf(() => unwrap(key, context, { ...envelope, ...change } as Envelope))
    t.equal(code, 'StoreCorrupt', name)
  }
})

t.test('a released key or secret is refused, not used as an empty one', async (t) => {
  const envelope = wrap(key, 2, '', context, secret, salt)
  const empty = Buffer.alloc(0)
  t.throws(() => unwrap(empty, context, envelope), RangeError)
  t.throws(() => wrap(empty, 2, '', context, secret, salt), RangeError)
  t.throws(() => wrap(key, 2, '', context, secret, empty), RangeError)
  t.throws(() => wrap(key, 2, '', context, { ...secret, bodyKey: empty }, salt), RangeError)
  t.throws(() => wrap(key, 2, '', context, { ...secret, md5: empty }, salt), RangeError)
  t.throws(() => wrap(key, 2, '', context, { ...secret, size: -1 }, salt), RangeError)
  t.throws(() => wrap(key, 2, '', context, { ...secret, size: 2 ** 53 }, salt), RangeError)
  t.throws(() => wrap(key, 2, '', context, { ...secret, size: null }, salt), RangeError)
  t.throws(() => wrap(key, 2, 'k1', context, secret, salt), RangeError)
  t.throws(() => wrap(key, 1, '', context, secret, salt), RangeError)
})

t.test('random envelopes never open and never end in anything but a refusal', async (t) => {
  const seed = process.env.COFFER_SEED ?? 'envelope'
  let count = 0
  const bytes = (length: number) => {
    const out = Buffer.alloc(length)
    for (let at = 0; at < length; at += 32) {
      createHash('sha256').update(`${seed} ${count++}`).digest().copy(out, at)
    }
    return out
  }
  for (let round = 0; round < 500; round++) {
    const dice = bytes(8)
    const random = {
      kind: dice[0]! % 4,
      rootKeyId: ['', 'k1'][dice[1]! % 2]!,
      shape: (dice[6]! % 3) as 0,
      salt: bytes([32, 32, 32, dice[2]!][dice[3]! % 4]!),
      commitment: bytes([32, 32, 32, dice[4]!][dice[5]! % 4]!),
      wrapped: bytes([56, 72, 72, dice[6]!][dice[7]! % 4]!),
    } as Envelope
    const code = codeOf(() => unwrap(key, context, random))
    if (code !== 'KeyWrong' && code !== 'StoreCorrupt') t.fail(`seed ${seed}, ${round}: ${code}`)
  }
  t.ok(count > 500)
})
