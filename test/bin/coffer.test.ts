// The program from outside: what its commands print and how they end.
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { developmentCertificate } from '../../lib/certificate.ts'
import { root, run, scratch, writeConfig } from '../helpers/process.ts'

t.test('version, --version and -V print the version of the package', async (t) => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  for (const word of ['version', '--version', '-V']) {
    t.same(await run([word]), { code: 0, stdout: `${version}\n`, stderr: '' }, word)
  }
})

t.test('--help lists the commands', async (t) => {
  const { code, stdout } = await run(['--help'])
  t.equal(code, 0)
  for (const command of ['serve', 'user', 'decrypt', 'version']) {
    t.match(stdout, new RegExp(`^ {2}${command}\\b`, 'm'))
  }
})

t.test(
  'a command line that cannot be meant ends with 2, and says what it may have meant',
  async (t) => {
    const refusals: (readonly [line: string, said: RegExp])[] = [
      ['statsu', /^error: unknown command 'statsu'\n\(Did you mean status\?\)\n$/],
      ['bogus', /^error: unknown command 'bogus'\n$/],
      ['user lst', /^error: unknown command 'lst'\n\(Did you mean list\?\)\n$/],
      ['--chekc', /^error: unknown option '--chekc'\n\(Did you mean --check\?\)\n/],
      ['scrub --restrat', /^error: unknown option '--restrat'\n\(Did you mean --restart\?\)\n$/],
      ['--data x status', /too many arguments .*\n.*a command goes before its options/],
      ['serve x', /^error: too many arguments/],
      ['--config', /^error: option '--config <file>' argument missing/],
      ['user', /^Usage: coffer user /],
      ['user add one', /^error: missing required argument 'user'/],
      ['backup', /^error: missing required argument 'file'/],
      ['catalog copy --from level:x', /^error: required option '--to <place>' not specified/],
      ['catalog copy --from x --to y', /^coffer: a place is level:DIR, /],
      [
        '--port 65536',
        /^error: option '--port <port>' argument '65536' is invalid. A port is 0 to/,
      ],
      ['--port http', /A port is 0 to 65535/],
      ['salvage volume', /A volume is 16 hex digits/],
      ['rewrap --rate 1.5', /Rows a second, 1 to 1000000/],
      ['reclaim --dead-share 30%', /A share is 0 to 1/],
      ...['scrub', 'fsck', 'reclaim', 'salvage 0123456789abcdef'].map(
        (command) =>
          [`${command} --rate 5Mb`, /Bytes a second up to 1 TiB, as 50M or 64MiB/] as const,
      ),
      ['user add a/b x', /^coffer: the account "a\/b" has a slash or a control character\n$/],
      ['user add a:b x', /^coffer: the account "a:b" has a colon/],
      ['user add a x --role ', /^coffer: the role "" is empty\n$/],
      ['decrypt --data x', /^coffer decrypt: /],
    ]
    for (const [line, said] of refusals) {
      const { code, stdout, stderr } = await run(line.split(' '))
      t.match({ code, stdout, stderr }, { code: 2, stdout: '', stderr: said }, line)
    }
  },
)

t.test('--check accepts the sample, warns of root keys to come, and makes nothing', async (t) => {
  const cwd = scratch(t)
  t.match(await run(['--check', '--data', 'here'], { cwd }), {
    code: 0,
    stdout: 'the configuration is valid\n',
    stderr: /^warning: \S+\/here\/keyring: there is no keyring: a first start draws root keys/,
  })
  t.notOk(existsSync(join(cwd, 'here')))
})

t.test('--check refuses data without the keyring that it is under, as a start would', async (t) => {
  const cwd = scratch(t)
  mkdirSync(join(cwd, 'here/catalog'), { recursive: true })
  t.match(await run(['--check', '--data', 'here'], { cwd }), {
    code: 1,
    stdout: '',
    stderr: /here\/keyring: no such file: objects cannot be opened without it\n$/,
  })
})

t.test('--check knows a keyring that systemd puts there while the service runs', async (t) => {
  const cwd = scratch(t)
  writeFileSync(join(cwd, 'a.yaml'), 'keyring: /run/credentials/coffer.service/keyring\n')
  const check = ['--check', '--config', 'a.yaml', '--data', 'here']
  const outside = await run(check, { cwd, env: { CREDENTIALS_DIRECTORY: undefined } })
  t.match(outside, { code: 0, stderr: /^warning: .*LoadCredential= in its unit: not checked\n$/ })
  const inside = await run(check, { cwd, env: { CREDENTIALS_DIRECTORY: '/run/credentials/x' } })
  t.match(inside, { code: 1, stderr: /no such file: objects cannot be opened without it/ })
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
  writeFileSync(join(cwd, 'users.yaml'), 'accounts: [{ id: a }]', { mode: 0o600 })
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
  chmodSync(join(cwd, 'users.yaml'), 0o644)
  const open = await run(['serve', '--check', '--config', 'a.yaml'], { cwd })
  t.match(open.stderr, /users\.yaml: mode is 0644, must be 0600: only the owner may read passwords/)
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
    const { loadUsers } = await import('../../lib/auth/users-file.ts')
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

t.test('user add warns of a user without rights, and of a role that nobody knows', async (t) => {
  const cwd = scratch(t)
  writeFileSync(join(cwd, 'a.yaml'), 'swift: { resellers: [{ prefix: A, serviceRole: helper }] }\n')
  const add = async (name: string, ...roles: string[]) => {
    const options = roles.flatMap((role) => ['--role', role])
    const args = ['user', 'add', 'main', name, ...options, '--data', 'd', '--config', 'a.yaml']
    const { code, stderr } = await run(args, { cwd })
    t.equal(code, 0, name)
    return stderr
  }
  t.match(await add('one'), /^warning: main:one has no role that gives rights: .*--role admin/)
  const typed = await add('two', 'amdin')
  t.match(typed, /^warning: nothing here knows the role "amdin"; .*: admin, reseller_admin, /)
  t.match(typed, 'main:two has no role that gives rights')
  t.equal(await add('three', 'admin', 'admin'), '')
  t.equal(await add('four', 'reseller_reader'), '')
  t.equal(await add('five', 'admin', 'helper'), '', 'a role of the configuration is known')
  t.match((await run(['user', 'list', '--data', 'd'], { cwd })).stdout, /^main:three\tadmin\t/m)
})

t.test('user passwd draws a password, or takes one; access keys come and go', async (t) => {
  const cwd = scratch(t)
  const user = (words: string, input?: string) =>
    run(['user', ...words.split(' '), '--data', 'd'], {
      cwd,
      ...(input === undefined ? {} : { input }),
    })
  await user('add main bob --role admin')
  const { loadUsers } = await import('../../lib/auth/users-file.ts')
  const users = () => loadUsers(join(cwd, 'd/users.yaml'))
  const drawn = await user('passwd main bob')
  t.equal(drawn.code, 0, drawn.stderr)
  const password = /^ {2}password {11}([A-Z2-7]{26})$/m.exec(drawn.stdout)![1]!
  t.match(await users().byPassword('main', 'bob', password, '::1'), { user: 'bob' })
  const asked = await user('passwd main bob --password', 'hunter2\n')
  t.notMatch(asked.stdout, /hunter2|Shown once/)
  t.match(await users().byPassword('main', 'bob', 'hunter2', '::1'), { user: 'bob' })
  t.equal(await users().byPassword('main', 'bob', password, '::1'), undefined)
  t.match(await user('passwd main eve'), {
    code: 1,
    stderr: 'coffer: account main has no user eve\n',
  })
  const added = await user('add-key main bob')
  const access = /^ {2}access key id {6}(\w+)$/m.exec(added.stdout)![1]!
  t.match(added.stdout, /^ {2}secret access key {2}[A-Z2-7]{40}$/m)
  t.match((await user('list')).stdout, new RegExp(`^main:bob\tadmin\t\\w+,${access}\n$`))
  t.equal((await user(`remove-key ${access}`)).code, 0)
  t.notMatch((await user('list')).stdout, access)
  t.match(await user(`remove-key ${access}`), {
    code: 1,
    stderr: /^coffer: nobody has the access key/,
  })
})

t.test('user add edits the users file that the configuration names', async (t) => {
  const cwd = scratch(t)
  writeFileSync(join(cwd, 'mine.yaml'), '# mine\naccounts: []\n', { mode: 0o600 })
  const config = writeConfig(cwd, 'users: mine.yaml\n')
  const { code } = await run(['user', 'add', 'a', 'b', '--config', config], { cwd })
  t.equal(code, 0)
  t.match(readFileSync(join(cwd, 'mine.yaml'), 'utf8'), /^# mine\naccounts:\n {2}- id: a\n/)
})

t.test('decrypt is handed its arguments, and its exit code comes back', async (t) => {
  t.match(await run(['decrypt', '--help']), { code: 0, stdout: /^Usage: coffer decrypt/ })
  t.match(await run(['decrypt', '--data', 'x']), { code: 2 })
})
