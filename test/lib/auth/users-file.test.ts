// users.yaml as `coffer user` edits it: secrets that work, comments that stay, nothing lost on a refusal.
import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  addAccess,
  addUser,
  changePassword,
  drawSecrets,
  listUsers,
  loadUsers,
  removeAccess,
  removeUser,
  replaceableUsers,
} from '../../../lib/auth/users-file.ts'
import { FileInvalid } from '../../../lib/file-invalid.ts'

const written = `# who may do what
accounts:
  - id: test # the first account
    users:
      - { name: tester, password: testing, roles: [admin], s3: [{ access: ak, secret: sk }] } # keep
`

/** A file with that text, as private as it must be. */
function fileOf(t: Test, text: string): string {
  const file = join(t.testdir(), 'users.yaml')
  writeFileSync(file, text, { mode: 0o600 })
  return file
}

t.test('the first user makes the file, private, with secrets that work', async (t) => {
  const file = join(t.testdir(), 'users.yaml')
  const secrets = await addUser(file, { account: 'main', name: 'admin', roles: ['admin'] })
  t.match(secrets, {
    password: /^[A-Z2-7]{26}$/,
    access: /^[A-Z2-7]{20}$/,
    secret: /^[A-Z2-7]{40}$/,
  })
  t.equal(statSync(file).mode & 0o777, 0o600)
  const users = loadUsers(file)
  t.equal(users.byAccessKey(secrets.access)?.secret, secrets.secret)
  t.match(await users.byPassword('main', 'admin', secrets.password, 'x'), { roles: ['admin'] })
  t.notMatch(readFileSync(file, 'utf8'), secrets.password, 'the password is kept as a hash')
  t.same(readdirSync(join(file, '..')), ['users.yaml'])
})

t.test('no two users get the same secrets', async (t) => {
  const file = join(t.testdir(), 'users.yaml')
  const a = await addUser(file, { account: 'main', name: 'a', roles: [] })
  const b = await addUser(file, { account: 'main', name: 'b', roles: [] })
  t.equal(new Set([...Object.values(a), ...Object.values(b)]).size, 6)
})

t.test(
  'adding and removing a user leaves comments, other users and mode as they were',
  async (t) => {
    const file = fileOf(t, written)
    chmodSync(file, 0o400)
    await addUser(file, { account: 'test', name: 'bob', roles: ['member'] }, drawSecrets('pw'))
    await addUser(file, { account: 'new', name: 'eve', roles: [] })
    const both = readFileSync(file, 'utf8')
    for (const comment of ['# who may do what', '# the first account', '# keep']) {
      t.match(both, comment)
    }
    t.equal(statSync(file).mode & 0o777, 0o400)
    t.match(await loadUsers(file).byPassword('test', 'bob', 'pw', 'x'), {
      user: 'bob',
      roles: ['member'],
    })
    t.same(
      listUsers(file).map(({ account, name, roles }) => [account, name, roles]),
      [
        ['test', 'tester', ['admin']],
        ['test', 'bob', ['member']],
        ['new', 'eve', []],
      ],
    )
    removeUser(file, 'test', 'bob')
    removeUser(file, 'new', 'eve')
    t.same(listUsers(file), [
      { account: 'test', name: 'tester', roles: ['admin'], accessKeys: ['ak'] },
    ])
    t.match(readFileSync(file, 'utf8'), '# keep')
    t.equal(loadUsers(file).byAccessKey('ak')?.secret, 'sk')
  },
)

t.test('the last user of a file can be removed and another one added', async (t) => {
  const file = fileOf(t, written)
  removeUser(file, 'test', 'tester')
  t.same(listUsers(file), [])
  await addUser(file, { account: 'test', name: 'again', roles: [] })
  t.equal(listUsers(file).length, 1)
})

t.test('a file behind a symbolic link is edited where it lies', async (t) => {
  const directory = t.testdir({ real: { 'users.yaml': written } })
  chmodSync(join(directory, 'real/users.yaml'), 0o600)
  const link = join(directory, 'users.yaml')
  symlinkSync('real/users.yaml', link)
  await addUser(link, { account: 'test', name: 'bob', roles: [] })
  t.equal(listUsers(join(directory, 'real/users.yaml')).length, 2)
  t.ok(readdirSync(directory, { withFileTypes: true }).some((entry) => entry.isSymbolicLink()))
})

t.test('what cannot be done is refused and changes nothing', async (t) => {
  const file = fileOf(t, written)
  const refusals: [() => unknown, 'UserRefused' | 'FileInvalid'][] = [
    [() => addUser(file, { account: 'test', name: 'tester', roles: [] }), 'UserRefused'],
    [() => removeUser(file, 'test', 'nobody'), 'UserRefused'],
    [() => removeUser(file, 'nowhere', 'tester'), 'UserRefused'],
    [() => addUser(file, { account: 'a/b', name: 'x', roles: [] }), 'FileInvalid'],
    [() => addUser(file, { account: 'a', name: '', roles: [] }), 'FileInvalid'],
    [() => addUser(file, { account: 'a', name: 'x', roles: [''] }), 'FileInvalid'],
  ]
  for (const [act, refusal] of refusals) {
    await t.rejects(async () => act(), { name: refusal })
    t.equal(readFileSync(file, 'utf8'), written)
  }
  t.same(readdirSync(join(file, '..')), ['users.yaml'])
})

t.test('a file that is wrong is refused with path and line, and no secret', async (t) => {
  const file = fileOf(t, '')
  const wrong: [text: string, said: string][] = [
    ['accounts: 5', '/accounts: must be array (line 1)'],
    [
      'accounts:\n- id: a\n  users: [{ nam: x }]',
      '/accounts/0/users/0/nam: is not a known key (line 3)',
    ],
    [
      'accounts:\n- { id: a, users: [] }\n- { id: a, users: [] }',
      '/accounts/1/id: account occurs twice (line 3)',
    ],
    [
      'accounts:\n- id: a\n  users:\n  - { name: x, s3: [{ access: k, secret: hunter2 }, { access: k, secret: hunter2 }] }',
      '/accounts/0/users/0/s3/1/access: access key occurs twice (line 4)',
    ],
    [
      'accounts:\n- id: a\n  users: [{ name: x, password: [hunter2] }]',
      '/accounts/0/users/0/password: must be string (line 3)',
    ],
  ]
  for (const [text, said] of wrong) {
    writeFileSync(file, text)
    t.throws(() => loadUsers(file), { message: file + said }, said)
    await t.rejects(addUser(file, { account: 'b', name: 'y', roles: [] }), FileInvalid)
    t.equal(readFileSync(file, 'utf8'), text)
  }
})

t.test('users can be replaced while somebody holds the look-up', async (t) => {
  const file = fileOf(t, written)
  const users = replaceableUsers(loadUsers(file))
  t.equal(users.byAccessKey('ak')?.identity.user, 'tester')
  const added = await addUser(file, { account: 'other', name: 'bob', roles: [] })
  t.equal(users.byAccessKey(added.access), undefined)
  t.equal(users.byName('other', 'bob'), undefined)
  t.equal(users.passwordDigest('other', 'bob'), undefined)
  users.replace(loadUsers(file))
  t.match(users.byName('other', 'bob'), { account: 'other', user: 'bob' })
  t.match(users.passwordDigest('other', 'bob'), /^[0-9a-f]{64}$/)
  t.equal(users.byAccessKey(added.access)?.identity.user, 'bob')
  t.equal(users.byCanonicalId('other'), 'other')
  t.same(users.owner('other'), { canonicalId: 'other', displayName: 'other' })
  t.match(await users.byPassword('other', 'bob', added.password, 'x'), { account: 'other' })
})

t.test('a file that others may read is refused, and not edited', async (t) => {
  const file = fileOf(t, written)
  for (const mode of [0o640, 0o604, 0o620, 0o666]) {
    chmodSync(file, mode)
    const said = {
      message: `${file}: mode is 0${mode.toString(8)}, must be 0600: only the owner may read passwords and secrets`,
    }
    t.throws(() => loadUsers(file), said)
    t.throws(() => listUsers(file), said)
    t.throws(() => removeUser(file, 'test', 'tester'), said)
    await t.rejects(addUser(file, { account: 'b', name: 'y', roles: [] }), said)
    t.equal(readFileSync(file, 'utf8'), written)
  }
})

t.test('a copy that systemd has put among the credentials may show group bits', async (t) => {
  const file = fileOf(t, written)
  chmodSync(file, 0o440)
  const before = process.env.CREDENTIALS_DIRECTORY
  t.teardown(() => {
    if (before === undefined) delete process.env.CREDENTIALS_DIRECTORY
    else process.env.CREDENTIALS_DIRECTORY = before
  })
  process.env.CREDENTIALS_DIRECTORY = join(file, '..')
  t.equal(loadUsers(file).byAccessKey('ak')?.secret, 'sk')
})

t.test('a new password takes the place of the old, whatever form that had', async (t) => {
  const file = fileOf(t, written)
  const before = loadUsers(file).passwordDigest('test', 'tester')
  await changePassword(file, { account: 'test', name: 'tester', password: 'renewed' })
  const users = loadUsers(file)
  t.match(await users.byPassword('test', 'tester', 'renewed', '::1'), { roles: ['admin'] })
  t.equal(await users.byPassword('test', 'tester', 'testing', '::1'), undefined)
  t.not(users.passwordDigest('test', 'tester'), before, 'so that tokens end')
  t.equal(users.byAccessKey('ak')?.secret, 'sk', 'S3 credentials stay')
  const text = readFileSync(file, 'utf8')
  t.match(text, '# keep')
  t.notMatch(text, 'renewed', 'only the hash is kept')
  for (const change of [
    { account: 'test', name: 'nobody', password: 'x' },
    { account: 'none', name: 'tester', password: 'x' },
    { account: 'test', name: 'tester', password: '' },
  ]) {
    await t.rejects(changePassword(file, change), { name: 'UserRefused' })
  }
  t.equal(readFileSync(file, 'utf8'), text)
})

t.test('access keys are renewed one beside the other, and show the same owner', async (t) => {
  const file = fileOf(
    t,
    written.replace('secret: sk }', 'secret: sk, canonicalId: c, email: e@x }'),
  )
  addAccess(file, { account: 'test', name: 'tester', access: 'new', secret: 'newer' })
  const both = loadUsers(file)
  t.equal(both.byAccessKey('ak')?.secret, 'sk')
  t.match(both.byAccessKey('new'), { secret: 'newer', canonicalId: 'c', email: 'e@x' })
  removeAccess(file, 'ak')
  const users = loadUsers(file)
  t.equal(users.byAccessKey('ak'), undefined)
  t.equal(users.byAccessKey('new')?.secret, 'newer')
  t.match(users.owner('test'), { canonicalId: 'c' }, 'the owner of what is stored is the same')
  t.match(readFileSync(file, 'utf8'), '# keep')
  t.throws(() => removeAccess(file, 'ak'), { name: 'UserRefused' })
  removeAccess(file, 'new')
  addAccess(file, { account: 'test', name: 'tester', access: 'third', secret: 's' })
  t.equal(loadUsers(file).byAccessKey('third')?.identity.user, 'tester')
  const nobody = { account: 'test', name: 'nobody', access: 'x', secret: 's' }
  t.throws(() => addAccess(file, nobody), { name: 'UserRefused' })
})
