// Which requests may open what: the two ciphers against envelopes of both kinds.
import t from 'tap'
import { customerCipher, type Keyring, rootCipher } from '../../../lib/crypto/cipher.ts'
import { CustomerKey } from '../../../lib/crypto/customer-key.ts'

const keys: Record<string, Buffer> = { k1: Buffer.alloc(32, 1), k2: Buffer.alloc(32, 2) }
const keyring = (active: string, ids = Object.keys(keys)): Keyring => ({
  active,
  key: (id) => (ids.includes(id) ? keys[id] : undefined),
})
const context = { versionId: 'v', account: 'a', container: 'c', object: 'o' }
const secret = { bodyKey: Buffer.alloc(32, 3), size: 5, md5: null, shape: 0 } as const
const customer = (byte: number) => customerCipher(new CustomerKey(Buffer.alloc(32, byte)))

t.test('each cipher opens what it wrapped, and every wrap draws a new salt', async (t) => {
  for (const cipher of [rootCipher(keyring('k1')), customer(9)]) {
    const [one, other] = [cipher.wrap(context, secret), cipher.wrap(context, secret)]
    t.same(cipher.unwrap(context, one), secret, cipher.sealing)
    t.notSame(one.salt, other.salt)
    t.notSame(one.wrapped, other.wrapped)
  }
})

t.test('a request without a key gets nothing sealed under a customer key', async (t) => {
  const envelope = customer(9).wrap(context, secret)
  t.equal(envelope.kind, 2)
  t.throws(() => rootCipher(keyring('k1')).unwrap(context, envelope), { code: 'KeyRequired' })
})

t.test('a request with a key gets nothing sealed under a root key', async (t) => {
  const envelope = rootCipher(keyring('k1')).wrap(context, secret)
  t.equal(envelope.kind, 1)
  t.throws(() => customer(9).unwrap(context, envelope), { code: 'KeyNotApplicable' })
})

t.test('another customer key is a wrong key', async (t) => {
  const envelope = customer(9).wrap(context, secret)
  t.throws(() => customer(8).unwrap(context, envelope), { code: 'KeyWrong' })
  const damaged = { ...envelope, wrapped: Buffer.alloc(56) }
  t.throws(() => customer(9).unwrap(context, damaged), { code: 'StoreCorrupt' })
})

t.test('envelopes name their root key, so an older one still opens', async (t) => {
  const envelope = rootCipher(keyring('k1')).wrap(context, secret)
  t.equal(envelope.rootKeyId, 'k1')
  t.same(rootCipher(keyring('k2')).unwrap(context, envelope), secret)
})

t.test('a root key that is missing or does not fit is damage, not a wrong key', async (t) => {
  const envelope = rootCipher(keyring('k1')).wrap(context, secret)
  const without = rootCipher(keyring('k2', ['k2']))
  t.throws(() => without.unwrap(context, envelope), { code: 'StoreCorrupt' })
  const renamed = { ...context, object: 'other' }
  t.throws(() => rootCipher(keyring('k1')).unwrap(renamed, envelope), { code: 'StoreCorrupt' })
  t.throws(() => rootCipher(keyring('gone')).wrap(context, secret), { code: 'Internal' })
})

t.test('an unknown kind is refused by both', async (t) => {
  const envelope = { ...rootCipher(keyring('k1')).wrap(context, secret), kind: 3 as 1 }
  for (const cipher of [rootCipher(keyring('k1')), customer(9)]) {
    t.throws(() => cipher.unwrap(context, envelope), { code: 'StoreCorrupt' })
  }
})

t.test('a key that was destroyed wraps and opens nothing', async (t) => {
  const key = new CustomerKey(Buffer.alloc(32, 9))
  const cipher = customerCipher(key)
  const envelope = cipher.wrap(context, secret)
  key.destroy()
  t.throws(() => cipher.wrap(context, secret), { code: 'Internal' })
  t.throws(() => cipher.unwrap(context, envelope), { code: 'Internal' })
})
