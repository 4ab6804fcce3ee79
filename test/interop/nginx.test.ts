// The nginx recipe of docs/operations.md, run as it is written but for ports and files: what passes unchanged, whom the
// node takes for the client, and over which way a key may come.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { swiftKey } from '../helpers/both.ts'
import { clientTest, nginx } from '../helpers/clients.ts'
import { freePort } from '../helpers/free-port.ts'
import { exchange, send, startNode } from '../helpers/node.ts'
import { root } from '../helpers/process.ts'
import { customerKey, outcome, withKey } from '../helpers/s3.ts'
import { login } from '../helpers/swift.ts'

const page = readFileSync(join(root, 'docs/operations.md'), 'utf8')

/** The page's only block in that language which holds `mark`. */
function blockOf(language: string, mark: string): string {
  const blocks = [...page.matchAll(/```(\w+)\n([\s\S]*?)```/g)]
  const found = blocks.filter((block) => block[1] === language && block[2]!.includes(mark))
  if (found.length !== 1) throw new Error(`${found.length} blocks of ${language} with ${mark}`)
  return found[0]![2]!
}

const key = customerKey('n')

/** A node as the page configures it, and an nginx before it, over TLS and, beyond the page, without. */
async function startBehindNginx(t: Test) {
  const { trustedProxies, ssec } = parse(blockOf('yaml', 'trustedProxies'))
  const node = await startNode(t, { trustedProxies, ssec })
  const dir = mkdtempSync(join(tmpdir(), 'coffer-nginx-'))
  const [port, plainPort] = [await freePort(), await freePort()]
  const server = blockOf('nginx', 'proxy_pass')
    .replace('listen 443 ssl;', `listen 127.0.0.1:${port} ssl; listen 127.0.0.1:${plainPort};`)
    .replace('/etc/coffer/cert.pem', join(node.dir, 'tls/cert.pem'))
    .replace('/etc/coffer/key.pem', join(node.dir, 'tls/key.pem'))
    .replace('127.0.0.1:8080', new URL(node.http).host)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(dir, name)};`,
  )
  const file = join(dir, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${join(dir, 'pid')}; error_log stderr;
    events {} http { ${temporary.join(' ')} ${server} }`,
  )
  const child = spawn(nginx.command!, ['-p', dir, '-e', 'stderr', '-c', file], { stdio: 'pipe' })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text
  })
  t.teardown(async () => {
    const ended = once(child, 'exit')
    if (child.exitCode === null && child.kill('SIGKILL')) await ended
    rmSync(dir, { recursive: true })
  })
  while (!(await listens(port))) {
    if (child.exitCode !== null) throw new Error(`nginx ended: ${said}`)
    await sleep(20)
  }
  const ca = readFileSync(join(node.dir, 'tls/cert.pem'), 'utf8')
  const through = (secure: boolean) => ({
    request: (method: string, path: string, options = {}) =>
      send(
        secure ? `https://127.0.0.1:${port}` : `http://127.0.0.1:${plainPort}`,
        method,
        path,
        options,
        secure ? ca : '',
      ),
  })
  return { node, port, ca, secure: through(true), plain: through(false) }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true))
    socket.on('error', () => resolve(false)).on('connect', () => socket.destroy())
  })
}

clientTest(t, nginx, 'behind nginx, as the page has it, both dialects take keys', async (t) => {
  const { secure, plain, node } = await startBehindNginx(t)
  t.equal((await secure.request('PUT', '/bkt')).status, 200)
  const body = Buffer.alloc(3 << 20, 'through nginx ')
  const name = '/bkt/a%2Fb//c%20d%2Be/./%C3%BC'
  t.equal(outcome(await secure.request('PUT', name, withKey(key, { body }))), '200')
  t.ok((await secure.request('GET', name, withKey(key))).body.equals(body), 'byte for byte')
  t.ok((await node.request('GET', name, withKey(key))).body.equals(body), 'under the name as sent')
  const swift = await login(secure)
  t.match(swift.storageUrl, /^https:/, 'clients of Swift are sent back to nginx')
  const sealed = { headers: swiftKey(key), body: 'small' }
  t.equal((await swift.request('PUT', '/bkt/swift', sealed)).status, 201)
  t.equal((await swift.request('GET', '/bkt/swift', { headers: swiftKey(key) })).text, 'small')

  const lost = await plain.request('PUT', '/bkt/plain', withKey(key, { body: 'x' }))
  t.equal(outcome(lost), '400 InvalidArgument', 'a key that came to nginx in clear is refused')
  const lying = await login(plain)
  const headers = { ...swiftKey(key), 'X-Forwarded-Proto': 'https' }
  const lied = await lying.request('PUT', '/bkt/plain', { headers, body: 'x' })
  t.equal(lied.status, 400, 'also where the client claims otherwise')
  t.equal((await secure.request('HEAD', '/bkt/plain')).status, 404, 'and nothing is stored')
})

clientTest(t, nginx, 'behind nginx the audit trail and the limits know each client', async (t) => {
  const { node, port, ca } = await startBehindNginx(t)
  const from = (localAddress: string, password: string) =>
    exchange(
      {
        host: '127.0.0.1',
        port,
        localAddress,
        path: '/auth/v1.0',
        headers: {
          'x-auth-user': 'test:tester',
          'x-auth-key': password,
          'x-forwarded-for': '203.0.113.7',
          host: `127.0.0.1:${port}`,
        },
      },
      Buffer.alloc(0),
      ca,
    )
  for (let n = 0; n < 10; n++) t.equal((await from('127.0.0.2', `guess ${n}`)).status, 401)
  t.equal((await from('127.0.0.2', 'guess')).status, 429)
  t.equal((await from('127.0.0.3', 'testing')).status, 200, 'another client is not held up')
  const denied = node.audited.filter(({ result }) => result === 'LoginDenied')
  t.same([...new Set(denied.map(({ address }) => address))], ['127.0.0.2'])
})
