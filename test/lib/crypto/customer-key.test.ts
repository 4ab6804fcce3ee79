// A customer key does not print, copies nothing out, and is gone when destroyed.
import { createHash } from 'node:crypto'
import { format, inspect } from 'node:util'
import t from 'tap'
import { CustomerKey } from '../../../lib/crypto/customer-key.ts'

const bytes = Buffer.from('0123456789abcdef0123456789abcdef')

t.test('a customer key has exactly 32 bytes', async (t) => {
  for (const length of [0, 1, 31, 33, 64]) {
    t.throws(() => new CustomerKey(Buffer.alloc(length)), { code: 'KeyInvalid' }, `${length} bytes`)
  }
})

t.test('the key is a copy, lent in memory that nothing else shares', async (t) => {
  const source = Buffer.from(bytes)
  const key = new CustomerKey(source)
  source.fill(0)
  key.use((lent) => {
    t.same(lent, bytes)
    t.equal(lent.buffer.byteLength, 32)
  })
  t.equal(
    key.use(() => 42),
    42,
  )
})

t.test('its MD5 is what S3 echoes', async (t) => {
  t.equal(new CustomerKey(bytes).md5Base64, createHash('md5').update(bytes).digest('base64'))
})

t.test('nothing that prints a value prints the key', async (t) => {
  const key = new CustomerKey(bytes)
  const prints = [
    String(key),
    `${key}`,
    JSON.stringify({ key }),
    inspect(key, { showHidden: true, depth: 9 }),
    inspect({ deep: [key] }, { showHidden: true, depth: 9 }),
    format('%s %o %j %O', key, key, key, key),
    Object.values(key).join(),
  ]
  for (const print of prints) {
    for (const secret of [
      bytes.toString(),
      bytes.toString('hex'),
      bytes.toString('base64'),
      '48, 49',
    ]) {
      t.notOk(print.includes(secret), `${print} shows ${secret}`)
    }
  }
  t.equal(String(key), '[key]')
  t.equal(JSON.stringify({ key }), '{"key":"[key]"}')
  t.equal(inspect(key), '[key]')
})

t.test('a destroyed key is zero and refuses to be used', async (t) => {
  const key = new CustomerKey(bytes)
  const lent = key.use((inner) => inner)
  key.destroy()
  key.destroy()
  t.same(lent, Buffer.alloc(32))
  t.throws(() => key.use(() => 1), { code: 'Internal' })
})
