// What `coffer decrypt` says of rows that somebody edited without a root key: content comes out, for it proves itself, and
// what the row says of it is not passed off as proven.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { rowKeys } from '../../lib/catalog/keys.ts'
import { accountRow, bucketRow, versionRow } from '../../lib/catalog/rows.ts'
import { rootCipher } from '../../lib/crypto/cipher.ts'
import { foreignMacs } from '../helpers/macs.ts'
import { root } from '../helpers/process.ts'
import { plainOf } from '../vectors/vector.ts'
import { HandStore, ring, rootKey } from './decrypt-store.ts'
import '../helpers/plain-children.ts'

async function decrypt(...args: string[]) {
  const program = [join(root, 'bin/decrypt.ts'), ...args]
  return await promisify(execFile)(process.execPath, program)
}

async function fill(t: Test) {
  const data = t.testdir({ volumes: {} })
  const store = new HandStore()
  const cipher = rootCipher(ring)
  const ids: string[] = []
  for (const object of ['edited', 'sound']) {
    ids.push(await store.add({ object, cipher, parts: [plainOf(1, 9)], inline: true }))
  }
  const key = rowKeys.version('test', 'photos', 'edited', ids[0]!)
  const row = versionRow.decodeUnproven(store.catalog.get(key)!)
  const change = { rights: { writer: 'other:somebody' } }
  store.catalog.set(key, versionRow.encode(key, { ...row, ...change }, foreignMacs))
  const account = { createdMicros: 1, metadata: {}, acl: null }
  store.catalog.set('account/test', accountRow.encode('account/test', account, store.macs))
  store.catalog.set(
    'bucket/photos',
    bucketRow.encode('bucket/photos', { account: 'x' }, foreignMacs),
  )
  await store.write(data)
  const file = join(data, 'keyring')
  writeFileSync(file, `active: k1\nkeys: { k1: "${rootKey.toString('base64')}" }\n`)
  return { data, keyring: ['--keyring', file] }
}

t.test('an object whose row was edited comes out, and its row is named', async (t) => {
  const { data, keyring } = await fill(t)
  const names = ['--account', 'test', '--container', 'photos', '--object']
  const edited = await decrypt('--data', data, ...names, 'edited', ...keyring)
  t.equal(edited.stdout, plainOf(1, 9).toString())
  t.match(edited.stderr, /MAC of row "version\/test\/photos\/edited.*does not hold/)
  const sound = await decrypt('--data', data, ...names, 'sound', ...keyring)
  t.equal(sound.stderr, '')
})

t.test('a list says which rows are proven, and names others that are not', async (t) => {
  const { data, keyring } = await fill(t)
  const listed = await decrypt('--data', data, '--list', ...keyring)
  const lines = listed.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  const proven = lines.map((line) => [line.object, line.proven]).sort()
  t.same(proven, [
    ['edited', false],
    ['sound', true],
  ])
  t.match(listed.stderr, /the MAC of row "bucket\/photos" does not hold/)
  t.match(listed.stderr, /rights: the MACs of 1 rows do not hold/)
  t.notMatch(listed.stderr, /account/)
  const without = await decrypt('--data', data, '--list')
  t.match(without.stderr, /rights were not checked/)
  t.notMatch(without.stdout, /proven/, 'without a keyring nothing is claimed')
})
