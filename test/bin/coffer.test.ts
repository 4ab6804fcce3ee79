// The program from outside: what its commands print and how they end.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { developmentCertificate } from '../../lib/certificate.ts'
import { root, run, scratch } from '../helpers/process.ts'

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

t.test('decrypt is handed its arguments, and its exit code comes back', async (t) => {
  t.match(await run(['decrypt', '--help']), { code: 0, stdout: /^Usage: coffer decrypt/ })
  t.match(await run(['decrypt', '--data', 'x']), { code: 2 })
})
