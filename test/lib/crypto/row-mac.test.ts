// MACs of rows, against the words of docs/format.md §5.1 in Node's own HMAC: what they cover, and that a row under an
// unknown key, or with anything else at its end, has none.
import { createHmac, hkdfSync } from 'node:crypto'
import { Encoder } from 'cbor-x'
import t from 'tap'
import type { Keyring } from '../../../lib/crypto/cipher.ts'
import { MAC_BYTES, rowMacs } from '../../../lib/crypto/row-mac.ts'

const cbor = new Encoder({ useRecords: false, tagUint8Array: false })
const keys: Record<string, Buffer> = { k1: Buffer.alloc(32, 1), k2: Buffer.alloc(32, 2) }
const keyring = (active: string, ids = Object.keys(keys)): Keyring => ({
  active,
  key: (id) => (ids.includes(id) ? keys[id] : undefined),
})
const catalogId = 'ab'.repeat(16)
const macs = rowMacs(keyring('k1'), catalogId)
const rowKey = 'container/test/ph\u00f6tos'
const payload = cbor.encode([2, 'id', { read: '.r:*', write: '' }, 'k1', Buffer.alloc(MAC_BYTES)])
const signed = macs.sign(rowKey, payload)

t.test('a row that was signed holds, and the MAC is that of the page', async (t) => {
  t.ok(macs.holds(rowKey, signed, 'k1'))
  const field = (bytes: Buffer) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return Buffer.concat([length, bytes])
  }
  const key = Buffer.from(hkdfSync('sha256', keys.k1!, '', 'coffer/v2 rights', 32))
  const right = createHmac('sha256', key)
    .update(field(Buffer.from(catalogId, 'hex')))
    .update(field(Buffer.from(rowKey)))
    .update(field(signed.subarray(0, -17)))
    .digest()
  t.ok(signed.subarray(-16).equals(right.subarray(0, 16)))
  t.same((cbor.decode(signed) as unknown[]).slice(0, 4), [
    2,
    'id',
    { read: '.r:*', write: '' },
    'k1',
  ])
  t.ok(payload.subarray(-16).equals(Buffer.alloc(16)), 'the payload stays as it was')
})

t.test('each bit of the row is covered', async (t) => {
  for (let bit = 0; bit < signed.length * 8; bit++) {
    const edited = Buffer.from(signed)
    edited[bit >> 3]! ^= 1 << (bit & 7)
    if (macs.holds(rowKey, edited, 'k1')) t.fail(`bit ${bit}`)
  }
  t.notOk(macs.holds('container/test/other', signed, 'k1'), 'under another key of the catalog')
  t.notOk(rowMacs(keyring('k1'), 'cd'.repeat(16)).holds(rowKey, signed, 'k1'), 'in another catalog')
})

t.test('only a root key of the keyring makes a MAC hold', async (t) => {
  t.notOk(macs.holds(rowKey, signed, 'k2'))
  t.notOk(macs.holds(rowKey, signed, 'gone'))
  t.ok(rowMacs(keyring('k2'), catalogId).holds(rowKey, signed, 'k1'), 'also one that was active')
  t.notOk(rowMacs(keyring('k2', ['k2']), catalogId).holds(rowKey, signed, 'k1'))
  t.throws(() => rowMacs(keyring('gone'), catalogId).sign(rowKey, payload), RangeError)
})

t.test('a payload that ends otherwise has no MAC', async (t) => {
  const others = [
    cbor.encode([2, 'k1', null]),
    cbor.encode([2, 'k1', Buffer.alloc(15)]),
    cbor.encode([2, 'k1', Buffer.alloc(32)]),
    Buffer.alloc(0),
    signed.subarray(-17),
  ]
  for (const other of others) {
    t.notOk(macs.holds(rowKey, other, 'k1'))
    t.throws(() => macs.sign(rowKey, other), RangeError)
  }
  t.throws(() => rowMacs(keyring('k1'), 'ab'), RangeError)
})
