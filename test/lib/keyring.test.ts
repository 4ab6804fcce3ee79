// The keyring file: made once, read by its owner alone, and never shown.
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t from 'tap'
import { openKeyring } from '../../lib/crypto/keyring.ts'
import { FileInvalid } from '../../lib/file-invalid.ts'

const key = Buffer.alloc(32, 7).toString('base64')

function write(file: string, text: string, mode = 0o600): string {
  writeFileSync(file, text)
  chmodSync(file, mode)
  return file
}

t.test('a first start makes a keyring with one random key', async (t) => {
  const file = join(t.testdir(), 'safe', 'keyring')
  const made = openKeyring(file, { create: true })
  t.match(made.active, /^k[0-9a-f]{8}$/)
  t.equal(made.key(made.active)?.length, 32)
  t.equal(made.key('k00000000x'), undefined)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.equal(statSync(join(file, '..')).mode & 0o777, 0o700)
  t.same(readdirSync(join(file, '..')), ['keyring'], 'no temporary file is left')
  const other = openKeyring(join(t.testdir(), 'other'), { create: true })
  t.notSame(other.key(other.active), made.key(made.active))
})

t.test('no keys are drawn in the place of a credential that systemd did not bring', async (t) => {
  const file = '/run/credentials/coffer-test.service/keyring'
  t.throws(() => openKeyring(file, { create: true }), {
    name: 'FileInvalid',
    message: /LoadCredential= in the unit/,
  })
})

t.test('a second start reads the same key and changes nothing', async (t) => {
  const file = join(t.testdir(), 'keyring')
  const made = openKeyring(file, { create: true })
  const text = readFileSync(file, 'utf8')
  for (const create of [true, false]) {
    const again = openKeyring(file, { create })
    t.equal(again.active, made.active)
    t.same(again.key(again.active), made.key(made.active))
  }
  t.equal(readFileSync(file, 'utf8'), text)
})

t.test('a keyring may hold older keys beside the active one', async (t) => {
  const old = Buffer.alloc(32, 8).toString('base64')
  const text = `active: new\nkeys: { old: ${old}, new: ${key} }`
  const keyring = openKeyring(write(join(t.testdir(), 'k'), text), { create: false })
  t.equal(keyring.active, 'new')
  t.same(keyring.key('old'), Buffer.alloc(32, 8))
  t.same(keyring.key('new'), Buffer.alloc(32, 7))
})

t.test('a keyring that is missing is not made where objects depend on it', async (t) => {
  const file = join(t.testdir(), 'keyring')
  t.throws(() => openKeyring(file, { create: false }), FileInvalid)
  t.same(readdirSync(join(file, '..')), [])
})

t.test('a keyring that others can read is refused', async (t) => {
  const file = join(t.testdir(), 'keyring')
  for (const mode of [0o640, 0o604, 0o660, 0o620, 0o601, 0o644]) {
    write(file, `active: k\nkeys: { k: ${key} }`, mode)
    t.throws(() => openKeyring(file, { create: true }), {
      message: `${file}: mode is 0${mode.toString(8)}, must be 0600: only the owner may read root keys`,
    })
  }
  chmodSync(file, 0o400)
  t.equal(openKeyring(file, { create: true }).active, 'k', 'read-only is fine')
})

t.test('a keyring that systemd hands over may show the bits of its ACL', async (t) => {
  const directory = t.testdir()
  const file = write(join(directory, 'keyring'), `active: k\nkeys: { k: ${key} }`, 0o440)
  t.throws(() => openKeyring(file, { create: false }), FileInvalid)
  process.env.CREDENTIALS_DIRECTORY = directory
  t.teardown(() => delete process.env.CREDENTIALS_DIRECTORY)
  t.equal(openKeyring(file, { create: false }).active, 'k')
})

t.test('a keyring that is wrong is refused without showing a key', async (t) => {
  const file = join(t.testdir(), 'keyring')
  const short = Buffer.alloc(31, 7).toString('base64')
  const long = Buffer.alloc(33, 7).toString('base64')
  const wrong: [text: string, said: RegExp][] = [
    ['', /required property 'active'/],
    ['active: k', /required property 'keys'/],
    ['active: k\nkeys: {}', /\/keys: must NOT have fewer than 1 properties \(line 2\)/],
    [`active: x\nkeys: { k: ${key} }`, /\/active: has no key under keys \(line 1\)/],
    [`active: k\nkeys:\n  k: ${short}`, /\/keys\/k: must match pattern .* \(line 3\)/],
    [`active: k\nkeys:\n  k: ${long}`, /\/keys\/k: must match pattern .* \(line 3\)/],
    [`active: k\nkeys: { k: ${key.slice(0, -1)} }`, /\/keys\/k/],
    [`active: k\nkeys: { k: ${key.slice(0, -2)}B= }`, /\/keys\/k/],
    [`active: k\nkeys: { k: ${key} }\nmore: 1`, /\/more: is not a known key \(line 3\)/],
    [`active: k\nkeys: { k: ${key}, 'a b': ${key} }`, /keys/],
    [`active: k\nkeys: [${key}`, /is not YAML/],
  ]
  for (const [text, said] of wrong) {
    write(file, text)
    t.throws(() => openKeyring(file, { create: true }), FileInvalid)
    try {
      openKeyring(file, { create: true })
    } catch (error) {
      t.match((error as Error).message, said)
      t.notMatch(inspect(error, { depth: null }), /Bwc|BwcHB/)
    }
  }
  mkdirSync(join(t.testdir({}), 'dir'))
  t.throws(() => openKeyring(t.testdir({}), { create: true }), /is not a file/)
})

t.test('an open keyring prints no key', async (t) => {
  const file = write(join(t.testdir(), 'k'), `active: k\nkeys: { k: ${key} }`)
  const keyring = openKeyring(file, { create: false })
  const shown = inspect(keyring, { depth: null, showHidden: true }) + JSON.stringify(keyring)
  t.notMatch(shown, /07 07|BwcHB|\[7,/)
})
