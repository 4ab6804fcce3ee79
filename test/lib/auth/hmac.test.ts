// The cheap HMAC against node:crypto's own.
import { createHash, createHmac } from 'node:crypto'
import { inspect } from 'node:util'
import t from 'tap'
import { HmacKey, sameSignature, sha256 } from '../../../lib/auth/hmac.ts'
import { randomFrom, seedOfRun } from '../../helpers/random.ts'

t.test(
  "HMACs are node:crypto's, for keys and messages of every length around a block",
  async (t) => {
    const random = randomFrom(seedOfRun())
    let wrong = 0
    for (const algorithm of ['sha1', 'sha256'] as const) {
      for (const keyBytes of [0, 1, 20, 63, 64, 65, 127, 128, 200]) {
        const key = random.bytes(keyBytes)
        for (const messageBytes of [0, 1, 55, 56, 63, 64, 65, 4095, 4096, 4097, 70_000]) {
          const message = random.bytes(messageBytes)
          const ours = new HmacKey(algorithm, key).sign(message.toString('latin1'), 'hex')
          if (ours !== createHmac(algorithm, key).update(message).digest('hex')) wrong++
        }
      }
    }
    t.equal(wrong, 0, `seed ${random.seed}`)
  },
)

t.test('text keys are UTF-8, and a derived key is the HMAC itself', async (t) => {
  const derived = new HmacKey('sha256', 'Zoë').derive('20130524').sign('x', 'base64')
  const middle = createHmac('sha256', 'Zoë').update('20130524').digest()
  t.equal(derived, createHmac('sha256', middle).update('x').digest('base64'))
})

t.test('sha256 takes bytes and UTF-8 text', async (t) => {
  t.equal(sha256('Zoë'), createHash('sha256').update('Zoë').digest('hex'))
  t.equal(sha256(Buffer.from('Zoë')), sha256('Zoë'))
})

t.test('a key does not print', async (t) => {
  const key = new HmacKey('sha256', 'secret')
  t.equal(inspect(key, { showHidden: true, depth: 9 }), 'HmacKey {}')
  t.equal(JSON.stringify(key), '{}')
})

t.test('signatures are the same only if they are', async (t) => {
  t.ok(sameSignature('', ''))
  t.ok(sameSignature('abc', 'abc'))
  t.notOk(sameSignature('abc', 'abd'))
  t.notOk(sameSignature('ab', 'abc'))
  t.notOk(sameSignature('aÿc', 'abc'))
})
