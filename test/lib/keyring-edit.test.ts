// Changes to the keyring: what is added or activated, what is refused, and what stays as it was.
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openKeyring } from '../../lib/crypto/keyring.ts'
import {
  activateRootKey,
  addRootKey,
  changedRootKeys,
  replaceableKeyring,
} from '../../lib/crypto/keyring-edit.ts'
import { FileInvalid } from '../../lib/file-invalid.ts'

const key = Buffer.alloc(32, 7).toString('base64')

function keyringIn(
  t: Test,
  text = `# kept\nactive: k1\nkeys:\n  k1: ${key} # the first\n`,
): string {
  const file = join(t.testdir(), 'keyring')
  writeFileSync(file, text, { mode: 0o600 })
  return file
}

const open = (file: string) => openKeyring(file, { create: false })

t.test('a key is added beside the others, and is not active', async (t) => {
  const file = keyringIn(t)
  const id = addRootKey(file)
  t.match(id, /^k[0-9a-f]{8}$/)
  const ring = open(file)
  t.equal(ring.active, 'k1')
  t.same(ring.ids, ['k1', id])
  t.same(ring.key('k1'), Buffer.alloc(32, 7))
  t.equal(ring.key(id)?.length, 32)
  const text = readFileSync(file, 'utf8')
  for (const comment of ['# kept', '# the first']) t.ok(text.includes(comment), comment)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.notSame(open(file).key(addRootKey(file)), ring.key(id), 'each is drawn anew')
})

t.test('an id that YAML would take for something else stays text', async (t) => {
  const file = keyringIn(t)
  for (const id of ['123', '1e3', 'true', 'null', '0x1f', '-', '.', '_', 'a'.repeat(64)]) {
    t.equal(addRootKey(file, id), id)
    activateRootKey(file, id)
    t.equal(open(file).active, id)
    t.equal(open(file).key(id)?.length, 32, id)
  }
  t.same(open(file).key('k1'), Buffer.alloc(32, 7))
})

t.test('what cannot be done is refused, and changes nothing', async (t) => {
  const file = keyringIn(t)
  const text = readFileSync(file, 'utf8')
  t.throws(() => addRootKey(file, 'k1'), /has a key k1 already/)
  t.throws(() => activateRootKey(file, 'k2'), /has no key k2/)
  for (const id of ['', 'a b', 'a/b', 'a:b', 'ü', 'a\n', 'x'.repeat(65)]) {
    t.throws(() => addRootKey(file, id), /an id has 1 to 64 of the characters/, id)
  }
  t.throws(() => addRootKey(`${file}.gone`), /no such file/)
  t.throws(
    () => activateRootKey('/run/credentials/coffer.service/keyring', 'k1'),
    /name with --keyring/,
  )
  t.equal(readFileSync(file, 'utf8'), text)
  const aliased = keyringIn(t, `active: k1\nall: &all { k1: ${key} }\nkeys: *all\n`)
  t.throws(() => addRootKey(aliased), FileInvalid)
})

t.test('a keyring of a later version is not touched', async (t) => {
  const text = `version: 2\nactive: k1\nkeys: { k1: ${key} }\nmore: true\n`
  const file = keyringIn(t, text)
  const refused = { name: 'FormatNewer', message: /version 2 of the keyring is newer/ }
  t.throws(() => addRootKey(file), refused)
  t.throws(() => open(file), refused)
  t.equal(readFileSync(file, 'utf8'), text)
  for (const version of ['1', '']) {
    const good = keyringIn(
      t,
      `${version && `version: ${version}`}\nactive: k1\nkeys: { k1: ${key} }\n`,
    )
    t.equal(open(good).active, 'k1', `version ${version}`)
  }
  for (const version of ['0', '1.5', 'one', 'null']) {
    const bad = keyringIn(t, `version: ${version}\nactive: k1\nkeys: { k1: ${key} }\n`)
    t.throws(() => open(bad), FileInvalid, version)
  }
})

t.test('a keyring in use is replaced under whoever holds it', async (t) => {
  const file = keyringIn(t)
  const ring = replaceableKeyring(open(file))
  addRootKey(file, 'k2')
  activateRootKey(file, 'k2')
  t.equal(ring.key('k2'), undefined)
  ring.replace(open(file))
  t.equal(ring.active, 'k2')
  t.same(ring.ids, ['k1', 'k2'])
  t.equal(ring.key('k2')?.length, 32)
})

t.test('a key that became another under its id is told from one that is gone or new', async (t) => {
  const before = open(keyringIn(t, `active: a\nkeys: { a: ${key}, b: ${key}, c: ${key} }`))
  const other = Buffer.alloc(32, 8).toString('base64')
  const after = open(keyringIn(t, `active: a\nkeys: { a: ${key}, b: ${other}, d: ${key} }`))
  t.same(changedRootKeys(before, after), ['b'])
  t.same(changedRootKeys(before, before), [])
})
