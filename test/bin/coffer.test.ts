// The program from outside: what its commands print and how they end.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { developmentCertificate } from '../../lib/certificate.ts'
import { root, run, scratch, writeConfig } from '../helpers/process.ts'

t.test('version prints the version of the package', async (t) => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  t.same(await run(['version']), { code: 0, stdout: `${version}\n`, stderr: '' })
})

t.test('--help lists the commands', async (t) => {
  const { code, stdout } = await run(['--help'])
  t.equal(code, 0)
  for (const command of ['serve', 'user', 'decrypt', 'version']) {
    t.match(stdout, new RegExp(`^ {2}${command}\\b`, 'm'))
  }
})

t.test('what the program does not know is refused', async (t) => {
  for (const args of [
    ['bogus'],
    ['--bogus'],
    ['--config'],
    ['user', 'bogus'],
    ['user', 'add', 'one'],
    ['serve', 'x'],
  ]) {
    const { code, stdout, stderr } = await run(args)
    t.equal(code, 1, args.join(' '))
    t.equal(stdout, '')
    t.match(stderr, /error: |Usage: /)
  }
})

t.test('--check accepts the sample, and makes nothing', async (t) => {
  const cwd = scratch(t)
  const { code, stdout, stderr } = await run(['--check', '--data', 'here'], { cwd })
  t.same({ code, stdout, stderr }, { code: 0, stdout: 'the configuration is valid\n', stderr: '' })
  t.notOk(existsSync(join(cwd, 'here')))
})

t.test('--check prints what is wrong, with path and line, and exits 1', async (t) => {
  const cwd = scratch(t)
  writeFileSync(join(cwd, 'a.yaml'), 'listen:\n  - port: x\n    prot: 1\nthreads: 0\n')
  t.same(await run(['--check', '--config', 'a.yaml'], { cwd }), {
    code: 1,
    stdout: '',
    stderr:
      'a.yaml/listen/0/port: must be integer (line 2)\n' +
      'a.yaml/listen/0/prot: is not a known key (line 3)\n' +
      'a.yaml/threads: must be >= 1 (line 4)\n',
  })
})

t.test('--check reads users, keyring and certificates too', async (t) => {
  const cwd = scratch(t)
  const { file } = await developmentCertificate(cwd)
  writeFileSync(join(cwd, 'users.yaml'), 'accounts: [{ id: a }]')
  writeFileSync(join(cwd, 'keyring'), 'active: k\nkeys: {}', { mode: 0o644 })
  writeFileSync(
    join(cwd, 'a.yaml'),
    `users: users.yaml\nkeyring: keyring\nlisten: [{ port: 1, tls: { cert: ${file}, key: ${file} } }]`,
  )
  const { code, stderr } = await run(['serve', '--check', '--config', 'a.yaml'], { cwd })
  t.equal(code, 1)
  t.match(stderr, /users\.yaml\/accounts\/0: must have required property 'users' \(line 1\)/)
  t.match(stderr, /keyring: mode is 0644, must be 0600/)
  t.match(stderr, /cert\.pem: cannot be used/)
})

t.test('user add, list and remove edit the users of a node that does not run', async (t) => {
  const cwd = scratch(t)
  const user = (...args: string[]) => run(['user', ...args, '--data', 'data'], { cwd })
  const added = await user('add', 'main', 'bob', '--role', 'admin', '--role', 'auditor')
  t.equal(added.code, 0, added.stderr)
  t.match(added.stdout, /^Added main:bob to data\/users\.yaml\. Shown once:$/m)
  t.match(added.stdout, /^ {2}password {11}[A-Z2-7]{26}$/m)
  t.match(added.stdout, /^ {2}secret access key {2}[A-Z2-7]{40}$/m)
  t.match(added.stdout, /^No node runs on this data\.$/m)
  t.equal(statSync(join(cwd, 'data/users.yaml')).mode & 0o777, 0o600)
  t.equal(statSync(join(cwd, 'data')).mode & 0o777, 0o700)
  const access = /access key id {6}(\w+)/.exec(added.stdout)?.[1]
  const listed = await user('list')
  t.equal(listed.stdout, `main:bob\tadmin,auditor\t${access}\n`)
  const again = await user('add', 'main', 'bob')
  t.same([again.code, again.stderr], [1, 'coffer: account main has a user bob already\n'])
  t.equal((await user('remove', 'main', 'bob')).code, 0)
  const gone = await user('remove', 'main', 'bob')
  t.same([gone.code, gone.stderr], [1, 'coffer: account main has no user bob\n'])
  t.equal((await user('list')).stdout, '')
})

t.test(
  'a password can be given, or read from standard input, and is then not printed',
  async (t) => {
    const cwd = scratch(t)
    const given = await run(['user', 'add', 'a', 'x', '--password', 'hunter2', '--data', 'd'], {
      cwd,
    })
    const asked = await run(['user', 'add', 'a', 'y', '--data', 'd', '--password'], {
      cwd,
      input: 'hunter2\n',
    })
    for (const { code, stdout, stderr } of [given, asked]) {
      t.equal(code, 0, stderr)
      t.notMatch(stdout, /hunter2|password/)
    }
    t.notMatch(readFileSync(join(cwd, 'd/users.yaml'), 'utf8'), /hunter2/, 'only its hash is kept')
    const { loadUsers } = await import('../../lib/users-file.ts')
    const users = loadUsers(join(cwd, 'd/users.yaml'))
    t.match(await users.byPassword('a', 'x', 'hunter2', '::1'), { user: 'x' })
    t.match(await users.byPassword('a', 'y', 'hunter2', '::1'), { user: 'y' })
    const empty = await run(['user', 'add', 'a', 'z', '--data', 'd', '--password'], {
      cwd,
      input: '',
    })
    t.equal(empty.code, 1, 'an empty password is refused')
  },
)

t.test('user add edits the users file that the configuration names', async (t) => {
  const cwd = scratch(t)
  writeFileSync(join(cwd, 'mine.yaml'), '# mine\naccounts: []\n')
  const config = writeConfig(cwd, 'users: mine.yaml\n')
  const { code } = await run(['user', 'add', 'a', 'b', '--config', config], { cwd })
  t.equal(code, 0)
  t.match(readFileSync(join(cwd, 'mine.yaml'), 'utf8'), /^# mine\naccounts:\n {2}- id: a\n/)
})

t.test('decrypt is handed its arguments, and its exit code comes back', async (t) => {
  t.match(await run(['decrypt', '--help']), { code: 0, stdout: /^Usage: coffer decrypt/ })
  t.match(await run(['decrypt', '--data', 'x']), { code: 2 })
})
