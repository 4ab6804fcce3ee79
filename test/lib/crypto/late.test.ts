// The keys that an upload's completion needs: what opens them, and what is only damage.
import { createDecipheriv, createHash, hkdfSync } from 'node:crypto'
import t from 'tap'
import type { Keyring } from '../../../lib/crypto/cipher.ts'
import { deriveCompletionKeys } from '../../../lib/crypto/keys.ts'
import { type Late, lateCipher } from '../../../lib/crypto/late.ts'

const keys: Record<string, Buffer> = { k1: Buffer.alloc(32, 1), k2: Buffer.alloc(32, 2) }
const keyring = (active: string, ids = Object.keys(keys)): Keyring => ({
  active,
  key: (id) => (ids.includes(id) ? keys[id] : undefined),
})
const context = {
  uploadId: '0'.repeat(48),
  body: 'ab'.repeat(16),
  account: 'test',
  container: 'photos',
  object: 'a/\u00fc.jpg',
}
const made = () => deriveCompletionKeys(Buffer.alloc(32, 9), context.body)

t.test('the keys come back, under the root key that is active or was', async (t) => {
  const late = lateCipher(keyring('k1')).wrap(context, made())
  t.equal(late.rootKeyId, 'k1')
  t.same(lateCipher(keyring('k1')).unwrap(context, late), made())
  t.same(lateCipher(keyring('k2')).unwrap(context, late), made())
  const again = lateCipher(keyring('k1')).wrap(context, made())
  t.notSame(again.salt, late.salt, 'every wrap draws a salt')
})

t.test('the wrap is that of the page', async (t) => {
  const { rootKeyId, salt, commitment, wrapped } = lateCipher(keyring('k2')).wrap(context, made())
  const { uploadId, body, account, container, object } = context
  const bound = createHash('sha256').update('coffer/v2 late context')
  for (const field of [rootKeyId, uploadId, body, account, container, object]) {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(Buffer.byteLength(field))
    bound.update(length).update(field)
  }
  const info = Buffer.concat([Buffer.from('coffer/v2 late'), bound.digest()])
  const expanded = Buffer.from(hkdfSync('sha256', keys.k2!, salt, info, 64))
  t.ok(expanded.subarray(32).equals(commitment))
  const opener = createDecipheriv('aes-256-gcm', expanded.subarray(0, 32), Buffer.alloc(12))
  opener.setAuthTag(wrapped.subarray(64))
  const plain = Buffer.concat([opener.update(wrapped.subarray(0, 64)), opener.final()])
  t.ok(plain.equals(Buffer.concat([made().completionKey, made().checksumKey])))
})

t.test('of another upload, object, body or key it is damage', async (t) => {
  const cipher = lateCipher(keyring('k1'))
  const late = cipher.wrap(context, made())
  for (const field of ['uploadId', 'body', 'account', 'container', 'object'] as const) {
    const other = { ...context, [field]: `${context[field]}0` }
    t.throws(() => cipher.unwrap(other, late), { code: 'StoreCorrupt' }, field)
  }
  const flipped = Buffer.from(late.wrapped)
  flipped[0]! ^= 1
  const damaged: Record<string, unknown> = {
    'another key id': { ...late, rootKeyId: 'k2' },
    'a key id that is not there': { ...late, rootKeyId: 'k3' },
    'no key id': { ...late, rootKeyId: null },
    'a flipped bit': { ...late, wrapped: flipped },
    'a short wrap': { ...late, wrapped: late.wrapped.subarray(1) },
    'a short commitment': { ...late, commitment: late.commitment.subarray(1) },
    'an empty commitment': { ...late, commitment: Buffer.alloc(0) },
    'no salt': { ...late, salt: null },
  }
  for (const [name, row] of Object.entries(damaged)) {
    t.throws(() => cipher.unwrap(context, row as Late), { code: 'StoreCorrupt' }, name)
  }
  const without = lateCipher(keyring('k2', ['k2']))
  t.throws(() => without.unwrap(context, late), { code: 'StoreCorrupt' })
  t.throws(() => lateCipher(keyring('gone')).wrap(context, made()), { code: 'Internal' })
})
