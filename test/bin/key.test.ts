// `coffer key` and `coffer rewrap` from outside. No key is ever printed.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { parse, stringify } from 'yaml'
import { customerKey } from '../fixtures/expected.ts'
import { copyFixture, type Fixture, newestFixture } from '../helpers/fixture.ts'
import { keyHeaders, send } from '../helpers/node.ts'
import { type Finished, run, start } from '../helpers/process.ts'
import { login } from '../helpers/swift.ts'

interface Site extends Fixture {
  readonly keyring: string
  /** Runs a command, and holds its output to silence about keys. */
  coffer(...words: string[]): Promise<Finished>
  ring(): { version: number; active: string; keys: Record<string, string> }
}

function site(t: Test): Site {
  const fixture = copyFixture(t, newestFixture)
  const keyring = join(fixture.data, 'keyring')
  const ring = () => parse(readFileSync(keyring, 'utf8'))
  return {
    ...fixture,
    keyring,
    ring,
    async coffer(...words) {
      const done = await run([...words, ...fixture.args])
      for (const key of Object.values<string>(ring().keys)) {
        const hex = Buffer.from(key, 'base64').toString('hex')
        const said = done.stdout + done.stderr
        if (said.includes(key) || said.includes(hex)) t.fail(`${words.join(' ')} prints a key`)
      }
      return done
    },
  }
}

t.test(
  'a running node takes a new key, wraps all under it, and goes without the old',
  async (t) => {
    const { args, coffer, ring, keyring, expected } = site(t)
    const old = ring().active
    const node = await start(t, args)
    const request = (method: string, path: string, options = {}) =>
      send(node.http, method, path, options, '')
    const { token } = await login({ request })
    const swift = () =>
      request('HEAD', '/v1/AUTH_test', { sign: false, headers: { 'X-Auth-Token': token } })
    const before = readFileSync(keyring, 'utf8')

    const added = await coffer('key', 'add', '--id', 'next')
    t.equal(added.code, 0, added.stderr)
    t.match(added.stdout, /^Added next to /)
    t.match(added.stdout, new RegExp(`read the file; its active key is ${old}\\.`))
    t.equal(statSync(keyring).mode & 0o777, 0o600)
    for (const line of before.split('\n').filter((line) => line.startsWith('#'))) {
      t.ok(readFileSync(keyring, 'utf8').includes(line), 'comments stay')
    }
    t.match((await coffer('key', 'activate', 'next')).stdout, /its active key is next\./)
    t.equal((await request('PUT', '/plain/new', { body: 'new' })).status, 200)
    const mixed = (await coffer('key', 'list')).stdout
    const others = String.raw`(?:\t[1-9]\d* \w+){3}`
    t.match(mixed, new RegExp(`^${old}\\t[1-9]\\d* versions\\t1 uploads${others}\\tin use$`, 'm'))
    t.match(mixed, /^next\t1 versions\t0 uploads\t0 containers\t0 buckets\t0 accounts\tactive$/m)

    const refused = { ...ring(), keys: { next: ring().keys.next } }
    const whole = readFileSync(keyring, 'utf8')
    writeFileSync(keyring, stringify(refused))
    const early = await coffer('key', 'add', '--id', 'third')
    t.match(
      early.stderr,
      new RegExp(`the key ${old} is gone from the file, and \\d+ versions, 1 upload, \\d+ cont`),
    )
    writeFileSync(keyring, whole)

    const done = await coffer('rewrap', '--rate', '100000')
    t.equal(done.code, 0, done.stderr)
    t.match(
      done.stdout,
      /^\d+ versions, 1 upload, .* accounts? brought under next\.\nThe catalog is compacted/,
    )
    t.match(
      done.stdout,
      new RegExp(`^${old}\\t0 versions\\t0 uploads(?:\\t0 \\w+){3}\\tunused`, 'm'),
    )
    t.equal((await swift()).status, 204, 'a token of the old key')
    writeFileSync(
      keyring,
      stringify({ version: 1, active: 'next', keys: { next: ring().keys.next } }),
    )
    t.equal((await coffer('key', 'add', '--id', 'third')).code, 0)
    t.equal((await swift()).status, 401, 'goes with it')
    for (const { container, object, key, size } of expected.objects) {
      const path = `/${container}/${object.split('/').map(encodeURIComponent).join('/')}`
      const headers = key === undefined ? {} : keyHeaders(customerKey(key))
      const got = await request('GET', path, { headers })
      t.equal(got.status, 200, path)
      t.equal(got.body.length, size)
    }
  },
)

t.test('keys of a node that does not run are listed and changed, and rewrapped', async (t) => {
  const { coffer, ring, data } = site(t)
  const old = ring().active
  const added = await coffer('key', 'add')
  t.match(added.stdout, /No node runs on this data\.\n$/)
  const id = Object.keys(ring().keys).find((each) => each !== old)!
  t.match(id, /^k[0-9a-f]{8}$/)
  t.equal(ring().active, old, 'it is not active yet')
  t.equal(Buffer.from(ring().keys[id]!, 'base64').length, 32)
  t.equal((await coffer('key', 'activate', id)).code, 0)
  t.equal(ring().active, id)
  const done = await coffer('rewrap', '--from', old)
  t.equal(done.code, 0, done.stderr)
  t.match(done.stdout, new RegExp(`^${old}\\t0 versions\\t0 uploads(?:\\t0 \\w+){3}\\tunused`, 'm'))
  t.notOk(existsSync(join(data, 'control.sock')))
})

t.test('a key that rows need and the keyring lacks is shown as missing', async (t) => {
  const { coffer, ring, keyring } = site(t)
  const old = ring().active
  const key = Buffer.alloc(32, 1).toString('base64')
  writeFileSync(keyring, stringify({ active: 'other', keys: { other: key } }))
  const { code, stdout } = await coffer('key', 'list')
  t.equal(code, 1)
  t.match(
    stdout,
    new RegExp(`^${old}\\t\\d+ versions\\t1 uploads(?:\\t\\d+ \\w+){3}\\tMISSING: .*$`, 'm'),
  )
  const rewrapped = await coffer('rewrap')
  t.equal(rewrapped.code, 1)
  t.match(rewrapped.stderr, new RegExp(`key ${old}: root key not in keyring`))
  t.match(rewrapped.stderr, /\d+ rows could not be opened and stay as they are\./)
})

t.test('what cannot be done to a keyring is refused, and changes nothing', async (t) => {
  const { coffer, ring, keyring } = site(t)
  const text = readFileSync(keyring, 'utf8')
  const old = ring().active
  for (const [words, message] of [
    [['key', 'add', '--id', old], `has a key ${old} already`],
    [['rewrap', '--from', 'none'], 'the keyring has no key none'],
    [['rewrap', '--from', old], `the key ${old} is the active one`],
  ] as const) {
    const { code, stderr } = await coffer(...words)
    t.equal(code, 1, words.join(' '))
    t.match(stderr, message)
  }
  for (const [words, message] of [
    [['key', 'add', '--id', 'a key'], 'an id has 1 to 64 of the characters'],
    [['rewrap', '--rate', 'fast'], 'Rows a second, 1 to 1000000'],
    [['rewrap', '--rate', '0'], 'Rows a second, 1 to 1000000'],
  ] as const) {
    const { code, stderr } = await coffer(...words)
    t.equal(code, 2, words.join(' '))
    t.match(stderr, message)
  }
  t.equal(readFileSync(keyring, 'utf8'), text)
})

t.test('the file that systemd hands to the service is changed where it comes from', async (t) => {
  const { coffer, keyring } = site(t)
  const source = join(dirname(keyring), 'source')
  writeFileSync(source, readFileSync(keyring), { mode: 0o600 })
  const before = readFileSync(keyring, 'utf8')
  const { code, stdout } = await coffer('key', 'add', '--id', 'next', '--keyring', source)
  t.equal(code, 0)
  t.match(stdout, /systemctl restart coffer\.\n$/)
  t.equal(readFileSync(keyring, 'utf8'), before)
  t.match(parse(readFileSync(source, 'utf8')).keys, { next: String })
})

t.test(
  'a node runs on a keyring as LoadCredential hands it over, and says where to change it',
  async (t) => {
    const { args, keyring, data } = site(t)
    const credentials = join(data, '..', 'credentials')
    mkdirSync(credentials, { mode: 0o700 })
    // Group bits show the ACL that lets the service in (systemd.exec(5)).
    writeFileSync(join(credentials, 'keyring'), readFileSync(keyring), { mode: 0o440 })
    chmodSync(join(credentials, 'keyring'), 0o440)
    rmSync(keyring)
    const config = args[1]!
    writeFileSync(config, `${readFileSync(config, 'utf8')}keyring: ${credentials}/keyring\n`)
    const without = await run(['serve', '--check', ...args])
    t.match(without.stderr, /keyring: mode is 0440, must be 0600/)
    const node = await start(t, args, { env: { CREDENTIALS_DIRECTORY: credentials } })
    const got = await send(node.http, 'GET', '/plain/small.txt', {}, '')
    t.equal(got.status, 200)
    // Whoever asks the node needs no credential.
    const listed = await run(['key', 'list', ...args])
    t.match(listed.stdout, /^k[0-9a-f]{8}\t\d+ versions\t1 uploads(?:\t\d+ \w+){3}\tactive$/m)
  },
)
