// users.yaml as a node reads it, and secrets as they are drawn for users.
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  drawSecrets,
  listUsers,
  loadUsers,
  replaceableUsers,
} from '../../../lib/auth/users-file.ts'

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

t.test('no two users get the same secrets', async (t) => {
  const [a, b] = [drawSecrets(), drawSecrets()]
  t.equal(new Set([...Object.values(a), ...Object.values(b)]).size, 6)
  t.match(a, {
    password: /^[A-Z2-7]{26}$/,
    access: /^[A-Z2-7]{20}$/,
    secret: /^[A-Z2-7]{40}$/,
  })
  t.equal(drawSecrets('given').password, 'given')
})

t.test('the users of a file are listed, without secrets', async (t) => {
  t.same(listUsers(fileOf(t, written)), [
    { account: 'test', name: 'tester', roles: ['admin'], accessKeys: ['ak'] },
  ])
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
  }
})

t.test('users can be replaced while somebody holds the look-up', async (t) => {
  const file = fileOf(t, written)
  const users = replaceableUsers(loadUsers(file))
  t.equal(users.byAccessKey('ak')?.identity.user, 'tester')
  t.equal(users.byName('other', 'bob'), undefined)
  t.same([...users.accounts()], ['test'])
  const bob = '{ name: bob, password: pw, s3: [{ access: new, secret: newer }] }'
  writeFileSync(file, `${written}  - { id: other, users: [${bob}] }\n`)
  users.replace(loadUsers(file))
  t.match(users.byName('other', 'bob'), { account: 'other', user: 'bob' })
  t.match(users.passwordDigest('other', 'bob'), /^[0-9a-f]{64}$/)
  t.equal(users.byAccessKey('new')?.identity.user, 'bob')
  t.equal(users.byCanonicalId('other'), 'other')
  t.same(users.owner('other'), { canonicalId: 'other', displayName: 'other' })
  t.match(await users.byPassword('other', 'bob', 'pw', 'x'), { account: 'other' })
  t.match(users.byRecentPassword('other', 'bob', 'pw'), { account: 'other' })
  t.match(users.named('bob'), [{ account: 'other' }])
  t.match([...users.of('other')], [{ user: 'bob' }])
  t.equal(users.delegate('x'), undefined)
})

t.test('a file that others may read is refused', async (t) => {
  const file = fileOf(t, written)
  for (const mode of [0o640, 0o604, 0o620, 0o666]) {
    chmodSync(file, mode)
    const said = {
      message: `${file}: mode is 0${mode.toString(8)}, must be 0600: only the owner may read passwords and secrets`,
    }
    t.throws(() => loadUsers(file), said)
    t.throws(() => listUsers(file), said)
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
