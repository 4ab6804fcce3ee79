// The start that finds nothing yet: it gets its ports before it makes anything, and nobody loses the secrets that it
// makes, whatever becomes of it and wherever its output goes.
import { once } from 'node:events'
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { freePort } from '../helpers/free-port.ts'
import { send } from '../helpers/node.ts'
import {
  firstSecrets,
  type RunningProcess,
  run,
  scratch,
  start,
  startOnTerminal,
  writeConfig,
} from '../helpers/process.ts'

type Test = Parameters<typeof scratch>[0]

async function listening(t: Test): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => void server.close())
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

async function stop(node: RunningProcess): Promise<void> {
  node.child.kill('SIGTERM')
  await node.exited
}

/** The status of a login with Swift's headers. */
const logIn = async (http: string, password: string) =>
  (
    await fetch(`${http}/auth/v1.0`, {
      headers: { 'X-Auth-User': 'main:admin', 'X-Auth-Key': password },
    })
  ).status

t.test('a first start whose port is taken leaves nothing behind, and names the port', async (t) => {
  const directory = scratch(t)
  const { port } = await listening(t)
  const free = await freePort()
  const data = join(directory, 'data')
  for (const listen of [
    `[{ port: ${port} }]`,
    `[{ port: ${free} }, { port: ${port}, tls: auto }]`,
  ]) {
    const config = join(directory, 'taken.yaml')
    writeFileSync(config, `listen: ${listen}\naudit: ${directory}/audit.log\n`)
    t.same(await run(['--config', config, '--data', data]), {
      code: 1,
      stdout: '',
      stderr: `coffer: cannot listen on 127.0.0.1:${port}: another program listens there (EADDRINUSE); --port or listen names another port\n`,
    })
    t.notOk(existsSync(data), 'neither keyring nor user')
    t.notOk(existsSync(join(directory, 'audit.log')))
  }
})

t.test('an address that cannot be listened on is named with the reason', async (t) => {
  const directory = scratch(t)
  const config = join(directory, 'coffer.yaml')
  writeFileSync(config, "listen: [{ host: '192.0.2.1', port: 9 }]\n")
  const { code, stderr } = await run(['--config', config, '--data', join(directory, 'data')])
  t.equal(code, 1)
  t.match(stderr, /^coffer: cannot listen on 192\.0\.2\.1:9: this machine has no such address/)
  t.notOk(existsSync(join(directory, 'data')))
})

t.test('a second start on the ports of the first says that the data is in use', async (t) => {
  const directory = scratch(t)
  const config = join(directory, 'coffer.yaml')
  writeFileSync(config, `listen: [{ port: ${await freePort()} }]\nstorage: { reserveBytes: 0 }\n`)
  const args = ['--config', config, '--data', join(directory, 'data')]
  await start(t, args)
  const { code, stderr } = await run(args)
  t.equal(code, 1)
  t.match(stderr, /^coffer: another coffer runs on this data directory: \S+\n$/)
})

t.test('a node that is starting has its ports, and answers nobody', async (t) => {
  const directory = scratch(t)
  // The start waits for a Redis that takes the connection and never answers.
  const { server, port: redis } = await listening(t)
  const [port, tlsPort] = [await freePort(), await freePort()]
  const config = join(directory, 'coffer.yaml')
  writeFileSync(
    config,
    `listen: [{ port: ${port} }, { port: ${tlsPort}, tls: auto }]\n` +
      `catalog: { redis: { url: 'redis://127.0.0.1:${redis}', timeoutMs: 60000 } }\n`,
  )
  const starting = once(server, 'connection')
  start(t, ['--config', config, '--data', join(directory, 'data')]).catch(() => 'the test ends it')
  const [held] = await starting
  t.teardown(() => void held.destroy())
  for (const each of [port, tlsPort]) {
    const socket = connect(each, '127.0.0.1')
    let answer = ''
    socket.on('data', (piece) => {
      answer += piece
    })
    socket.on('error', () => {})
    socket.write('GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n')
    await new Promise((resolve) => socket.once('close', resolve))
    t.equal(answer, '', 'the connection is closed without a byte')
  }
})

t.test('a terminal shows the secrets once, and nothing keeps the password', async (t) => {
  const directory = scratch(t)
  const data = join(directory, 'data')
  const args = ['--config', writeConfig(directory), '--data', data]
  const node = await startOnTerminal(t, args)
  while (!node.stdout().includes('base64 -w0')) await sleep(20)
  const shown = node.stdout()
  const password = /export ST_KEY=([A-Z2-7]{26})\r?$/m.exec(shown)?.[1]
  t.ok(password)
  t.equal(await logIn(node.http, password!), 200)
  t.match(shown, /export AWS_ACCESS_KEY_ID=[A-Z2-7]{20}\r?$/m)
  t.match(shown, /export AWS_SECRET_ACCESS_KEY=[A-Z2-7]{40}\r?$/m)
  while (existsSync(join(data, 'first-secrets'))) await sleep(20)
  for (const file of readdirSync(join(data, 'catalog'))) {
    t.notMatch(readFileSync(join(data, 'catalog', file), 'latin1'), password!)
  }
})

t.test(
  'where the output may be a log, a private file has the secrets and the output names it',
  async (t) => {
    const directory = scratch(t)
    const data = join(directory, 'data')
    const args = ['--config', writeConfig(directory), '--data', data]
    const file = join(data, 'first-secrets')
    const node = await start(t, args)
    t.match(node.stdout(), `secrets of main:admin are in ${file}`)
    t.equal(statSync(file).mode & 0o777, 0o600)
    const { password, secret } = firstSecrets(data)
    t.equal(await logIn(node.http, password), 200)
    const sourced = readFileSync(file, 'utf8')
    t.match(sourced, `\nexport ST_AUTH=${node.https}/auth/v1.0\n`, 'the file is for a shell')
    t.match(sourced, `\nexport OS_CACERT='${join(data, 'tls/cert.pem')}'\n`)
    await stop(node)
    for (const text of [password, secret]) t.notMatch((await node.exited).stdout, text)

    const second = await start(t, args)
    t.match(second.stdout(), file, 'it is named until it is removed')
    t.equal(firstSecrets(data).password, password)
    await stop(second)
    rmSync(file)
    const third = await start(t, args)
    await stop(third)
    t.notMatch((await third.exited).stdout, 'first-secrets')
    t.notOk(existsSync(file))
  },
)

t.test(
  'a start that fails makes no user, and the first that serves shows its secrets',
  async (t) => {
    const directory = scratch(t)
    const data = join(directory, 'data')
    const device = join(directory, 'device')
    symlinkSync('/proc/nowhere', device)
    const args = ['--config', writeConfig(directory, `devices: ['${device}']\n`), '--data', data]
    const failed = await run(args)
    t.equal(failed.code, 1)
    t.notOk(existsSync(join(data, 'first-secrets')))
    rmSync(device)
    const node = await startOnTerminal(t, args)
    while (!node.stdout().includes('base64 -w0')) await sleep(20)
    const password = /export ST_KEY=([A-Z2-7]{26})\r?$/m.exec(node.stdout())![1]!
    t.equal(await logIn(node.http, password), 200)
  },
)

t.test('secrets that are others by now are shown no more', async (t) => {
  const directory = scratch(t)
  const data = join(directory, 'data')
  const args = ['--config', writeConfig(directory), '--data', data]
  await stop(await start(t, args))
  t.equal((await run(['user', 'remove', 'main', 'admin', ...args])).code, 0)
  t.equal((await run(['user', 'add', 'main', 'admin', '--role', 'admin', ...args])).code, 0)
  const node = await start(t, args)
  await stop(node)
  t.notMatch((await node.exited).stdout, 'first-secrets')
  t.notOk(existsSync(join(data, 'first-secrets')))
})

t.test('whoever makes the user before the first start has nothing left to be shown', async (t) => {
  const directory = scratch(t)
  const data = join(directory, 'data')
  const args = ['--config', writeConfig(directory), '--data', data]
  const added = await run(['user', 'add', 'main', 'me', '--role', 'admin', ...args])
  const access = /access key id +(\S+)/.exec(added.stdout)![1]!
  const secret = /secret access key +(\S+)/.exec(added.stdout)![1]!
  const node = await start(t, args)
  t.notOk(existsSync(join(data, 'first-secrets')))
  t.equal((await send(node.http, 'GET', '/', { access, secret }, '')).status, 200)
})

t.test(
  'a node that serves metrics alone keeps the secrets, without an address to try',
  async (t) => {
    const directory = scratch(t)
    const data = join(directory, 'data')
    const config = join(directory, 'coffer.yaml')
    writeFileSync(config, 'listen: [{ port: 0, serves: [ops] }]\nstorage: { reserveBytes: 0 }\n')
    const node = await start(t, ['--config', config, '--data', data], {}, /^Remove that file/m)
    t.match(node.stdout(), /^Metrics and health on http:/)
    t.notMatch(readFileSync(join(data, 'first-secrets'), 'utf8'), 'undefined')
    t.equal(firstSecrets(data).password.length, 26)
  },
)
