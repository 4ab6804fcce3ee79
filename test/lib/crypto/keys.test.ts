// Body keys and blob keys: what a blob key depends on, and that it is the HMAC the format names.
import { createHmac } from 'node:crypto'
import t from 'tap'
import { deriveBlobKey, randomBodyKey } from '../../../lib/crypto/keys.ts'

const blob = '00112233445566778899aabbccddeeff'
const bodyKey = Buffer.alloc(32, 7)

t.test('a blob key is the HMAC of label, blob id and part number', async (t) => {
  for (const [part, hex] of [
    [0, '00000000'],
    [1, '00000001'],
    [10000, '00002710'],
    [2 ** 32 - 1, 'ffffffff'],
  ] as const) {
    const message = Buffer.from(
      `${Buffer.from('coffer/v2 blob').toString('hex')}${blob}${hex}`,
      'hex',
    )
    const expected = createHmac('sha256', bodyKey).update(message).digest('hex')
    t.equal(deriveBlobKey(bodyKey, blob, part).toString('hex'), expected, `part ${part}`)
  }
})

t.test('another body, blob or part has another key', async (t) => {
  const keys = [
    deriveBlobKey(bodyKey, blob, 1),
    deriveBlobKey(bodyKey, blob, 2),
    deriveBlobKey(bodyKey, `${blob.slice(0, 31)}0`, 1),
    deriveBlobKey(Buffer.alloc(32, 8), blob, 1),
  ].map((key) => key.toString('hex'))
  t.equal(new Set(keys).size, 4)
})

t.test('what is no key, id or part number derives nothing', async (t) => {
  t.throws(() => deriveBlobKey(Buffer.alloc(0), blob, 1), RangeError, 'a released key')
  t.throws(() => deriveBlobKey(Buffer.alloc(31), blob, 1), RangeError)
  t.throws(() => deriveBlobKey(bodyKey, blob.toUpperCase(), 1), RangeError)
  t.throws(() => deriveBlobKey(bodyKey, blob.slice(1), 1), RangeError)
  for (const part of [-1, 0.5, 2 ** 32, Number.NaN]) {
    t.throws(() => deriveBlobKey(bodyKey, blob, part), RangeError, `part ${part}`)
  }
})

t.test('a body key is 32 random bytes in memory of its own', async (t) => {
  const [one, other] = [randomBodyKey(), randomBodyKey()]
  t.equal(one.length, 32)
  t.equal(one.buffer.byteLength, 32)
  t.notSame(one, other)
})
