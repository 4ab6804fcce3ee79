// What a running node reads again at SIGHUP and at `coffer reload`, and that no request notices.
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:https'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'
import t from 'tap'
import { stringify } from 'yaml'
import { developmentCertificate } from '../../lib/certificate.ts'
import { send, users } from '../helpers/node.ts'
import { type RunningProcess, run, scratch, start } from '../helpers/process.ts'

type Test = Parameters<typeof scratch>[0]

interface Files {
  readonly args: readonly string[]
  /** The certificates that clients trust, in order. */
  readonly ca: readonly [one: string, two: string]
  /** Writes the configuration anew. */
  configure(change: object): void
  /** Puts the first or the second certificate in place. */
  install(which: 'one' | 'two'): void
  readonly tls: { readonly cert: string; readonly key: string }
  readonly users: string
}

/** A node's files, written by hand: two certificates, of which the first is in place. */
async function prepare(t: Test): Promise<Files> {
  const directory = scratch(t)
  const tls = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') }
  const certificates: string[] = []
  for (const which of ['one', 'two']) {
    mkdirSync(join(directory, which))
    certificates.push((await developmentCertificate(join(directory, which))).cert)
  }
  const install = (which: 'one' | 'two') => {
    copyFileSync(join(directory, which, 'tls/cert.pem'), tls.cert)
    copyFileSync(join(directory, which, 'tls/key.pem'), tls.key)
  }
  install('one')
  const usersFile = join(directory, 'users.yaml')
  writeFileSync(usersFile, stringify(users), { mode: 0o600 })
  const file = join(directory, 'coffer.yaml')
  const configure = (change: object) => {
    const listen = [{ port: 0 }, { port: 0, tls }]
    const storage = { reserveBytes: 0 }
    writeFileSync(file, stringify({ listen, storage, users: usersFile, ...change }))
  }
  configure({})
  const args = ['--config', file, '--data', join(directory, 'data')]
  const ca = [certificates[0]!, certificates[1]!] as const
  return { args, ca, configure, install, tls, users: usersFile }
}

const lines = (node: RunningProcess) =>
  node
    .stdout()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line))

/** Resolves with the first line of the log that has this message, behind `from` others of it. */
async function logged(node: RunningProcess, message: string, from = 0) {
  for (;;) {
    const found = lines(node).filter(({ msg }) => msg === message)
    if (found.length > from) return found[from]
    await sleep(20)
  }
}

const RELOADED = 'reloaded users, certificates, root keys and log level'

/** Fingerprint of the certificate that a new connection gets. */
async function certificateOf(node: RunningProcess): Promise<string> {
  const { hostname, port } = new URL(node.https)
  const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { fingerprint256 } = socket.getPeerX509Certificate()!
  socket.destroy()
  return fingerprint256
}

const fingerprint = (file: string) => new X509Certificate(readFileSync(file)).fingerprint256

const renamed = { ...users.accounts[0]!.users[0]!, s3: [{ access: 'new', secret: 'newsecret' }] }
const otherUsers = stringify({ accounts: [{ id: 'test', users: [renamed] }] })

/** An upload of ten bytes over the first certificate, of which the node has half. */
async function beginUpload(node: RunningProcess, files: Files, path: string) {
  const login = { 'x-auth-user': 'test:tester', 'x-auth-key': 'testing' }
  const token = await send(node.http, 'GET', '/auth/v1.0', { sign: false, headers: login }, '')
  const { port } = new URL(node.https)
  const upload = request({ host: '127.0.0.1', port, path, method: 'PUT', ca: files.ca[0] })
  upload.setHeader('x-auth-token', String(token.headers['x-auth-token']))
  upload.setHeader('content-length', 10)
  upload.write('01234')
  // An answer to a request that came later: the node has this one by now.
  await send(node.https, 'GET', '/', { sign: false }, files.ca[0])
  return upload
}

t.test('SIGHUP reads users, certificates and log level, and drops no request', async (t) => {
  const files = await prepare(t)
  const node = await start(t, files.args)
  t.equal(await certificateOf(node), fingerprint(files.tls.cert))
  const old = { access: 'test:tester', secret: 'testing' }
  t.equal((await send(node.http, 'PUT', '/box', old, '')).status, 200)
  const upload = await beginUpload(node, files, '/v1/AUTH_test/box/slow')
  const answered = once(upload, 'response')

  files.install('two')
  writeFileSync(files.users, otherUsers)
  files.configure({ log: { level: 'debug' } })
  node.child.kill('SIGHUP')
  await logged(node, RELOADED)

  t.equal(await certificateOf(node), fingerprint(files.tls.cert), 'the second one')
  t.equal((await send(node.http, 'GET', '/', old, '')).status, 403)
  const next = { access: 'new', secret: 'newsecret' }
  t.equal((await send(node.https, 'GET', '/', next, files.ca[1])).status, 200)
  upload.end('56789')
  const [answer] = await answered
  t.equal(answer.resume().statusCode, 201, 'what was under way is finished')
  t.equal((await send(node.http, 'GET', '/box/slow', next, '')).text, '0123456789')
})

t.test('a new log level counts at once, for what is more and for what is less', async (t) => {
  const files = await prepare(t)
  const node = await start(t, files.args)
  const ask = () => send(node.http, 'GET', '/', { sign: false }, '')
  await ask()
  await logged(node, 'request')
  files.configure({ log: { level: 'error' } })
  t.equal((await run(['reload', ...files.args])).code, 0)
  const before = lines(node).length
  for (let i = 0; i < 3; i++) await ask()
  files.configure({ log: { level: 'info' } })
  t.equal((await run(['reload', ...files.args])).code, 0)
  await logged(node, RELOADED)
  const since = lines(node).slice(before)
  t.same(
    since.filter(({ msg }) => msg === 'request'),
    [],
    'no line a request between the two',
  )
})

t.test('a file that is wrong keeps the old, and says so; the others are read', async (t) => {
  const files = await prepare(t)
  const node = await start(t, files.args)
  const before = await certificateOf(node)
  const old = { access: 'test:tester', secret: 'testing' }
  chmodSync(files.users, 0o640)
  const open = await run(['reload', ...files.args])
  t.match(open, { code: 1, stderr: /users\.yaml: mode is 0640, must be 0600/ })
  chmodSync(files.users, 0o600)
  writeFileSync(files.users, 'accounts: [{ id: 1 }]\n')
  writeFileSync(files.tls.key, 'not a key')
  files.configure({ log: { level: 'debug' } })
  const { code, stderr } = await run(['reload', ...files.args])
  t.equal(code, 1)
  t.match(stderr, /users\.yaml\/accounts\/0/)
  t.match(stderr, /key\.pem: cannot be used/)
  t.equal((await send(node.http, 'GET', '/', old, '')).status, 200, 'the old users')
  t.equal(await certificateOf(node), before, 'the old certificate')
  await logged(node, 'users: not reloaded, the old stays in force')
  await logged(node, 'certificates: not reloaded, the old stays in force')
  t.notOk(lines(node).some(({ msg }) => msg === RELOADED))

  // A key that belongs to another certificate, as when a renewal is half done.
  writeFileSync(files.users, otherUsers)
  files.install('two')
  const [, second] = [readFileSync(files.tls.key), readFileSync(files.tls.cert)]
  files.install('one')
  writeFileSync(files.tls.cert, second)
  const half = await run(['reload', ...files.args])
  t.equal(half.code, 1)
  t.match(half.stderr, /is not the private key of/)
  t.equal(await certificateOf(node), before)
  t.equal((await send(node.http, 'GET', '/', old, '')).status, 403, 'the new users')
})

t.test('a reload opens the audit file anew, as logrotate asks for', async (t) => {
  const files = await prepare(t)
  const audit = join(dirname(files.users), 'audit.log')
  files.configure({ audit })
  const node = await start(t, files.args)
  const old = { access: 'test:tester', secret: 'testing' }
  await send(node.http, 'PUT', '/before', old, '')
  renameSync(audit, `${audit}.1`)
  t.equal((await run(['reload', ...files.args])).code, 0)
  await send(node.http, 'PUT', '/after', old, '')
  t.match(JSON.parse(readFileSync(`${audit}.1`, 'utf8')), { container: 'before' })
  t.match(JSON.parse(readFileSync(audit, 'utf8')), { container: 'after' })
})

t.test('a configuration that is wrong is told, and the node goes on', async (t) => {
  const files = await prepare(t)
  const node = await start(t, files.args)
  files.configure({ log: { level: 'loud' } })
  node.child.kill('SIGHUP')
  const line = await logged(node, 'configuration: not reloaded, the old stays in force')
  t.match(line.err.message, 'log/level: must be one of')
  t.equal((await send(node.http, 'GET', '/', { sign: false }, '')).status, 403)
})

t.test('keys that wait for a restart are named', async (t) => {
  const files = await prepare(t)
  const node = await start(t, files.args)
  files.configure({ region: 'eu-1', limits: { connections: 5 } })
  t.equal((await run(['reload', ...files.args])).code, 0)
  const line = await logged(node, 'changed keys wait for a restart')
  t.same(line.keys.toSorted(), ['limits', 'region'])
})

t.test('reload without a node says that there is none', async (t) => {
  const files = await prepare(t)
  const { code, stderr } = await run(['reload', ...files.args])
  t.equal(code, 1)
  t.equal(stderr, 'coffer: no node runs on this data\n')
})

t.test('a node drains for as long as the configuration says, then cuts what is left', async (t) => {
  const files = await prepare(t)
  files.configure({ limits: { drainTimeoutMs: 300 } })
  const node = await start(t, files.args)
  const old = { access: 'test:tester', secret: 'testing' }
  await send(node.http, 'PUT', '/box', old, '')
  const upload = await beginUpload(node, files, '/v1/AUTH_test/box/a')
  const failed = once(upload, 'response').catch((error) => error)
  node.child.kill('SIGTERM')
  t.equal((await node.exited).code, 0, 'and ends well')
  t.match(await failed, { code: 'ECONNRESET' }, 'never answered as a success')
})
