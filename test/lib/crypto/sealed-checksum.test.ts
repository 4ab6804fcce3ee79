// Sealed checksums: what they are bound to, against the words of docs/format.md §4.
import { createDecipheriv } from 'node:crypto'
import t from 'tap'
import { openChecksum, sealChecksum } from '../../../lib/crypto/sealed-checksum.ts'

const key = Buffer.alloc(32, 5)
const nonce = Buffer.alloc(12, 6)
const context = { part: 7, id: 'ab'.repeat(16), algorithm: 'crc32', type: '' }
const text = 'i9aeUg=='

t.test(
  'a checksum comes back, of a part and of the whole, and is not seen in the row',
  async (t) => {
    for (const one of [context, { ...context, part: 0, type: 'COMPOSITE' }]) {
      const sealed = sealChecksum(key, one, text, nonce)
      t.equal(openChecksum(key, one, sealed), text)
      t.notOk(sealed.includes(text))
      t.notOk(sealed.includes(Buffer.from(text, 'base64')))
    }
  },
)

t.test('the value is that of the page', async (t) => {
  const sealed = sealChecksum(key, context, text, nonce)
  const opener = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12))
  const id = Buffer.from(context.id, 'hex')
  const number = [Buffer.from('0000000400000007', 'hex'), Buffer.from('00000010', 'hex'), id]
  const words = [Buffer.from('00000005', 'hex'), Buffer.from('crc32'), Buffer.alloc(4)]
  opener.setAAD(Buffer.concat([...number, ...words]))
  opener.setAuthTag(sealed.subarray(-16))
  t.equal(String(Buffer.concat([opener.update(sealed.subarray(12, -16)), opener.final()])), text)
})

t.test('of another part, blob, algorithm, type or body it is damage', async (t) => {
  const sealed = sealChecksum(key, context, text, nonce)
  const others = [{ part: 8 }, { id: 'cd'.repeat(16) }, { algorithm: 'crc32c' }, { type: 'FULL' }]
  for (const other of others) {
    const open = () => openChecksum(key, { ...context, ...other }, sealed)
    t.throws(open, { code: 'StoreCorrupt' }, `${Object.keys(other)}`)
  }
  t.throws(() => openChecksum(Buffer.alloc(32), context, sealed), { code: 'StoreCorrupt' })
  for (let at = 0; at < sealed.length; at++) {
    const flipped = Buffer.from(sealed)
    flipped[at]! ^= 1
    t.throws(() => openChecksum(key, context, flipped), { code: 'StoreCorrupt' }, `byte ${at}`)
  }
  for (const value of [null, undefined, text, Buffer.alloc(0), sealed.subarray(0, 27)]) {
    t.throws(() => openChecksum(key, context, value), { code: 'StoreCorrupt' })
  }
  t.throws(() => openChecksum(Buffer.alloc(0), context, sealed), RangeError, 'a released key')
})
