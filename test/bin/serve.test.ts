// A node's life: first start, second start, users that change under way, and how it ends.
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { freePort } from '../helpers/free-port.ts'
import { send } from '../helpers/node.ts'
import { presignV2 } from '../helpers/presign.ts'
import {
  firstSecrets,
  type RunningProcess,
  run,
  scratch,
  start,
  writeConfig,
} from '../helpers/process.ts'

/** The secrets that `user add` has printed. */
function credentialOf(printed: string): { access: string; secret: string } {
  const access = /access key id +(\S+)/.exec(printed)?.[1]
  const secret = /secret access key +(\S+)/.exec(printed)?.[1]
  if (access === undefined || secret === undefined) throw new Error(`no secrets in: ${printed}`)
  return { access, secret }
}

t.test('a first start makes what is missing, a second reuses it', async (t) => {
  const directory = scratch(t)
  const data = join(directory, 'data')
  const args = ['--config', writeConfig(directory), '--data', data]
  const first = await start(t, args)
  const credential = firstSecrets(data)
  t.equal(statSync(data).mode & 0o777, 0o700)
  for (const file of ['keyring', 'tls/key.pem', 'control.sock']) {
    t.equal(statSync(join(data, file)).mode & 0o777, 0o600, file)
  }
  const ca = readFileSync(join(data, 'tls/cert.pem'), 'utf8')
  for (const base of [first.http, first.https]) t.match(base, /^https?:\/\/127\.0\.0\.1:\d+$/)
  t.equal((await send(first.http, 'PUT', '/first', credential, ca)).status, 200)
  const put = { ...credential, body: 'hello' }
  t.equal((await send(first.https, 'PUT', '/first/greeting', put, ca)).status, 200)
  first.child.kill('SIGTERM')
  const ended = await first.exited
  t.equal(ended.code, 0, ended.stderr)
  t.notOk(existsSync(join(data, 'control.sock')))
  const kept = ['keyring', 'tls/cert.pem'].map((f) => readFileSync(join(data, f), 'utf8'))

  rmSync(join(data, 'first-secrets'))
  const second = await start(t, args)
  t.match(second.stdout(), /^coffer serves on http:\/\/\S+ and https:\/\/\S+\n$/)
  const got = await send(second.http, 'GET', '/first/greeting', credential, ca)
  t.equal(got.text, 'hello')
  second.child.kill('SIGINT')
  t.equal((await second.exited).code, 0)
  t.same(
    ['keyring', 'tls/cert.pem'].map((f) => readFileSync(join(data, f), 'utf8')),
    kept,
  )
  t.notMatch((await second.exited).stdout, credential.secret)
})

t.test('one data directory has one node', async (t) => {
  const directory = scratch(t)
  const args = ['--config', writeConfig(directory), '--data', join(directory, 'data')]
  const node = await start(t, args)
  const other = await run(args)
  t.equal(other.code, 1)
  t.match(other.stderr, /^coffer: another coffer runs on this data directory: \S+\n$/)
  t.equal(
    (await send(node.http, 'GET', '/', { sign: false }, '')).status,
    403,
    'the first serves on',
  )
})

t.test('a node that is still starting says so to whoever asks', async (t) => {
  const directory = scratch(t)
  const data = join(directory, 'data')
  // The start waits for a Redis that takes the connection and never answers.
  const silent = createServer().listen(0, '127.0.0.1')
  t.teardown(() => void silent.close())
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const redis = `{ redis: { url: 'redis://127.0.0.1:${port}', timeoutMs: 60000 } }`
  const args = ['--config', writeConfig(directory, `catalog: ${redis}\n`), '--data', data]
  const connected = once(silent, 'connection')
  start(t, args).catch(() => 'the test ends it')
  const [held] = await connected
  t.teardown(() => void held.destroy())
  const ask = (...command: string[]) => run([...command, ...args])
  const refused = { code: 1, stderr: 'coffer: the node is starting: try again later\n' }
  t.match(await Promise.all([ask('status'), ask('key', 'list')]), [refused, refused])
})

t.test('a node tells systemd that it serves', async (t) => {
  const directory = scratch(t)
  const said = join(directory, 'said')
  const program = join(directory, 'systemd-notify')
  writeFileSync(
    program,
    `#!/bin/sh\necho "$@" "$NOTIFY_SOCKET" >${said}.new && mv ${said}.new ${said}\n`,
  )
  chmodSync(program, 0o755)
  const env = { PATH: `${directory}:${process.env.PATH}`, NOTIFY_SOCKET: '/run/notify' }
  const args = ['--config', writeConfig(directory), '--data', join(directory, 'data')]
  await start(t, args, { env })
  while (!existsSync(said)) await sleep(20)
  t.equal(readFileSync(said, 'utf8'), '--ready /run/notify\n')
})

t.test(
  'a service manager that cannot be told does not stop the node, and is in the log',
  async (t) => {
    const directory = scratch(t)
    const env = { PATH: directory, NOTIFY_SOCKET: '/run/notify' }
    const args = ['--config', writeConfig(directory), '--data', join(directory, 'data')]
    const node = await start(t, args, { env })
    while (!node.stdout().includes('systemd could not be told that the node serves'))
      await sleep(20)
    t.equal((await send(node.http, 'GET', '/', { sign: false }, '')).status, 403)
  },
)

t.test('a user that is added or removed counts at once on a running node', async (t) => {
  const directory = scratch(t)
  const args = ['--config', writeConfig(directory), '--data', join(directory, 'data')]
  const node = await start(t, args)
  const added = await run(['user', 'add', 'main', 'bob', '--role', 'admin', ...args])
  const credential = credentialOf(added.stdout)
  t.equal((await send(node.http, 'GET', '/', credential, '')).status, 200)
  t.equal((await run(['user', 'remove', 'main', 'bob', ...args])).code, 0)
  t.equal((await send(node.http, 'GET', '/', credential, '')).status, 403)
})

t.test('a keyring that is gone while there are objects stops the start', async (t) => {
  const directory = scratch(t)
  const data = join(directory, 'data')
  const args = ['--config', writeConfig(directory), '--data', data]
  const first = await start(t, args)
  first.child.kill('SIGTERM')
  await first.exited
  rmSync(join(data, 'keyring'))
  const { code, stderr } = await run(args)
  t.equal(code, 1)
  t.match(stderr, 'keyring: no such file: objects cannot be opened without it')
  t.notOk(existsSync(join(data, 'keyring')), 'no new one is made')
  t.notOk(readdirSync(data).includes('control.sock'), 'the directory is given up')
})

t.test('a port on the command line takes the place of those of the listeners', async (t) => {
  const directory = scratch(t)
  const config = join(directory, 'coffer.yaml')
  writeFileSync(config, 'storage: { reserveBytes: 0 }\n')
  const args = ['--config', config, '--data', join(directory, 'data')]
  const free = await start(t, [...args, '--port', '0'])
  const ca = readFileSync(join(directory, 'data/tls/cert.pem'), 'utf8')
  for (const base of [free.http, free.https]) {
    t.notMatch(base, /:(?:8080|8443)$/, 'the default listeners are elsewhere')
    t.equal((await send(base, 'GET', '/', { sign: false }, ca)).status, 403)
  }
  t.equal((await run(['reload', ...args])).code, 0)
  free.child.kill('SIGTERM')
  t.notMatch((await free.exited).stdout, 'wait for a restart', 'a reload takes it for no change')

  writeFileSync(config, 'storage: { reserveBytes: 0 }\nlisten: [{ port: 1 }]\n')
  const port = await freePort()
  const named = await start(t, [...args, '--port', String(port)])
  t.equal(named.http, `http://127.0.0.1:${port}`)
  t.equal((await send(named.http, 'GET', '/', { sign: false }, ca)).status, 403)
})

t.test('what is not built yet is warned of at the start', async (t) => {
  const directory = scratch(t)
  const config = writeConfig(directory, 'threads: 2\nswift: { remapDomains: [example.net] }\n')
  const node = await start(t, ['--config', config, '--data', join(directory, 'data')])
  node.child.kill('SIGTERM')
  const lines = (await node.exited).stdout.split('\n').filter((line) => line.startsWith('{'))
  const warned = lines.map((line) => JSON.parse(line)).filter((line) => line.level === 'warn')
  t.same(
    warned.map((line) => line.msg),
    ['threads: not built yet, 1 is used', 'swift.remapDomains: not built yet'],
  )
})

t.test(
  'the thread pool has 16 threads and 8 a device',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const directory = scratch(t)
    const config = writeConfig(directory, `devices: [${directory}/v1, ${directory}/v2]\n`)
    const node = await start(t, ['--config', config, '--data', join(directory, 'data')])
    const tasks = `/proc/${node.child.pid}/task`
    const names = readdirSync(tasks).map((id) => readFileSync(`${tasks}/${id}/comm`, 'utf8').trim())
    t.equal(names.filter((name) => name === 'libuv-worker').length, 32)
  },
)

/** A PUT of ten bytes of which the node has five, and the promise of its answer. */
async function beginUpload(node: RunningProcess, data: string) {
  const credential = firstSecrets(data)
  await send(node.http, 'PUT', '/first', credential, '')
  const { port } = new URL(node.http)
  const path = presignV2('PUT', '/first/slow', credential)
  const upload = request({ host: '127.0.0.1', port, path, method: 'PUT' })
  upload.setHeader('content-length', 10)
  const answered = new Promise<number | string | undefined>((resolve) => {
    upload.on('response', (res) => resolve(res.resume().statusCode))
    upload.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
  })
  upload.write('01234')
  // An answer to a request that came later: the node has the first one by now.
  await send(node.http, 'GET', '/', credential, '')
  return { upload, answered, credential }
}

t.test('a request under way when the signal comes is finished, no new one is taken', async (t) => {
  const directory = scratch(t)
  const data = join(directory, 'data')
  const node = await start(t, ['--config', writeConfig(directory), '--data', data])
  const { upload, answered, credential } = await beginUpload(node, data)
  const draining = new Promise<void>((resolve) => {
    node.child.stdout?.on('data', () => node.stdout().includes('"draining"') && resolve())
  })
  node.child.kill('SIGTERM')
  await draining
  // Refused, or reset where it came while the listener was being closed: not taken either way.
  const refused = { code: /^ECONN(?:REFUSED|RESET)$/ }
  await t.rejects(send(node.http, 'GET', '/', credential, ''), refused)
  upload.end('56789')
  t.equal(await answered, 200)
  t.equal((await node.exited).code, 0)
})

t.test(
  'a second signal ends a node that drains; the same one twice at once does not',
  async (t) => {
    const directory = scratch(t)
    const data = join(directory, 'data')
    const node = await start(t, ['--config', writeConfig(directory), '--data', data])
    const { answered } = await beginUpload(node, data)
    // As Ctrl-C arrives under npm: twice within a moment. Then a person who has had enough.
    node.child.kill('SIGINT')
    node.child.kill('SIGINT')
    const impatience = setInterval(() => node.child.kill('SIGINT'), 300)
    t.teardown(() => clearInterval(impatience))
    const { code, stdout } = await node.exited
    t.equal(code, 1)
    t.match(stdout, '"draining"')
    t.equal(await answered, 'ECONNRESET', 'the upload is cut, never answered as a success')
  },
)
