// Small secrets under a root key: who opens them, and what they are bound to.
import { createDecipheriv, createHash, hkdfSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { secretCipher } from '../../../lib/crypto/sealed-secret.ts'
import { isCode } from '../../../lib/errors.ts'

const ring = (active: string, ...ids: string[]) => ({
  active,
  key: (id: string) => (ids.includes(id) ? Buffer.alloc(32, id) : undefined),
})
const context = { kind: 'ec2-credential', project: 'tést', id: 'a1' }
const plain = Buffer.from('secret text')
const throwsCorrupt = (t: Test, open: () => unknown, name: string) => {
  try {
    open()
    t.fail(name)
  } catch (error) {
    t.ok(isCode(error, 'StoreCorrupt'), name)
  }
}

t.test('a secret opens in its own place, under the key that sealed it', async (t) => {
  for (const size of [0, 1, 32, 20_000]) {
    const bytes = Buffer.alloc(size, 'x')
    const sealed = secretCipher(ring('k1', 'k1')).seal(context, bytes)
    t.equal(sealed.rootKeyId, 'k1')
    t.ok(
      secretCipher(ring('k2', 'k1', 'k2'))
        .open(context, sealed)
        .equals(bytes),
      `${size} bytes`,
    )
  }
  const [one, two] = [0, 1].map(() => secretCipher(ring('k1', 'k1')).seal(context, plain))
  t.notOk(one!.salt.equals(two!.salt), 'each has a salt of its own')
  t.notOk(one!.wrapped.equals(two!.wrapped))
})

t.test('it opens in no other place, under no other key, and not changed', async (t) => {
  const cipher = secretCipher(ring('k1', 'k1', 'k2'))
  const sealed = cipher.seal(context, plain)
  for (const other of [
    { ...context, kind: 'secret' },
    { ...context, project: 'test' },
    { ...context, id: 'a2' },
    { kind: 'ec2-credentialté', project: 'st', id: 'a1' },
  ]) {
    throwsCorrupt(t, () => cipher.open(other, sealed), JSON.stringify(other))
  }
  throwsCorrupt(t, () => cipher.open(context, { ...sealed, rootKeyId: 'k2' }), 'another key')
  throwsCorrupt(t, () => cipher.open(context, { ...sealed, rootKeyId: 'k9' }), 'no such key')
  for (const field of ['salt', 'commitment', 'wrapped'] as const) {
    const changed = Buffer.from(sealed[field])
    changed[0]! ^= 1
    throwsCorrupt(
      t,
      () => cipher.open(context, { ...sealed, [field]: changed }),
      `${field} changed`,
    )
    const cut = sealed[field].subarray(0, 15)
    throwsCorrupt(t, () => cipher.open(context, { ...sealed, [field]: cut }), `${field} cut`)
  }
})

t.test('the form is that of the page, written down here a second time', async (t) => {
  const sealed = secretCipher(ring('k1', 'k1')).seal(context, plain)
  const field = (text: string) => {
    const bytes = Buffer.from(text)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return Buffer.concat([length, bytes])
  }
  const fields = ['k1', context.kind, context.project, context.id].map(field)
  const bound = createHash('sha256')
    .update(Buffer.concat([Buffer.from('coffer/v2 secret context'), ...fields]))
    .digest()
  const info = Buffer.concat([Buffer.from('coffer/v2 secret'), bound])
  const okm = Buffer.from(hkdfSync('sha256', Buffer.alloc(32, 'k1'), sealed.salt, info, 64))
  t.ok(okm.subarray(32).equals(sealed.commitment))
  const decipher = createDecipheriv('aes-256-gcm', okm.subarray(0, 32), Buffer.alloc(12))
  decipher.setAuthTag(sealed.wrapped.subarray(-16))
  const opened = Buffer.concat([decipher.update(sealed.wrapped.subarray(0, -16)), decipher.final()])
  t.equal(opened.toString(), 'secret text')
})
