// Bodies behind a refusal. A client that goes on sending is not read without end, and holds no connection for
// ever. It can still read why it was refused.
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Config } from '../../lib/config/config.ts'
import { type Client, clients, clientTest, run, swiftClients } from '../helpers/clients.ts'
import { startNode, type TestNode } from '../helpers/node.ts'
import { opsListener, readMetrics } from '../helpers/ops.ts'
import { dialRaw, type RawAddress } from '../helpers/raw.ts'
import { attackTable } from './table.ts'

const MIB = 1 << 20
/** A client that is not cut off by then was read without end. Bytes in the kernel's buffers, up to 10 MiB on
 * loopback, were not read. */
const FLOOD_BYTES = 32 * MIB

const objectListener = { host: '127.0.0.1', port: 0, serves: ['object'] }
const listeners = [objectListener, { ...objectListener, tls: 'auto' }, opsListener]
const listen = listeners as unknown as Config['listen']

/** Requests that are refused with the body unread. */
const refused = {
  'S3 without a signature': 'PUT /none/name',
  'S3 with a bad one': 'PUT /none/name?X-Amz-Signature=x',
  'Swift without a token': 'PUT /v1/AUTH_test/none/name',
  'a path of Swift itself': 'PUT /info',
  'a GET that has a body': 'GET /none/name',
}
const refusedByOps = { 'no path of ops': 'PUT /x', 'a method that ops has not': 'POST /metrics' }

const framings = ['Content-Length: 1000000000', 'Transfer-Encoding: chunked']
const SHORT = 'Content-Length: 60000'

const headOf = (line: string, framing: string) =>
  `${line} HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n`

function* cases(
  node: TestNode,
  framings: readonly string[],
): Generator<[string, RawAddress, string, string]> {
  const tls = { base: node.https, caFile: join(node.dir, 'tls', 'cert.pem') }
  const places = { HTTP: { base: node.http }, TLS: tls, ops: { base: node.ops } }
  for (const [place, address] of Object.entries(places)) {
    for (const [what, line] of Object.entries(place === 'ops' ? refusedByOps : refused)) {
      for (const framing of framings) {
        yield [`${what} over ${place}, ${framing}`, address, line, framing]
      }
    }
  }
}

/** Goes on sending after the answer. Returns how much it sent until the connection was closed. */
async function flood(t: Test, address: RawAddress, line: string, framing: string) {
  const { socket, answers, closed } = await dialRaw(t, address)
  socket.write(headOf(line, framing))
  const [answer] = await answers(1)
  const chunk = Buffer.alloc(0x10000, 'x')
  const piece = framing.startsWith('Transfer')
    ? Buffer.concat([Buffer.from('10000\r\n'), chunk, Buffer.from('\r\n')])
    : chunk
  while (!socket.destroyed && socket.bytesWritten < FLOOD_BYTES) {
    if (!socket.write(piece)) await Promise.race([once(socket, 'drain').catch(() => {}), closed])
  }
  const wasCut = socket.bytesWritten < FLOOD_BYTES
  socket.destroy()
  return { wasCut, status: answer?.status ?? 0, head: answer?.head ?? '' }
}

t.test('a refused body is read no further than a MiB', async (t) => {
  const table = attackTable(t, 'refused bodies that go on')
  const node = await startNode(t, { listen })
  for (const [what, address, line, framing] of cases(node, framings)) {
    const { wasCut, status, head } = await flood(t, address, line, framing)
    table.tried(`${what}: the answer comes first`, status >= 400, status)
    table.tried(`${what}: and is the last`, /\r\nConnection: close/i.test(head), head)
    table.tried(`${what}: what goes on is cut off`, wasCut)
  }
})

t.test('a body that drips behind its refusal is cut off', async (t) => {
  const table = attackTable(t, 'refused bodies that drip')
  const node = await startNode(t, { listen })
  const all = Array.from(
    cases(node, [...framings, SHORT]),
    async ([what, address, line, framing]) => {
      const { socket, closed } = await dialRaw(t, address)
      socket.write(headOf(line, framing))
      const drip = setInterval(
        () => socket.write(framing.startsWith('T') ? '1\r\nx\r\n' : 'x'),
        200,
      )
      await closed
      clearInterval(drip)
      table.tried(what, true)
    },
  )
  await Promise.all(all)
})

t.test('clients that drip do not fill the node', async (t) => {
  const table = attackTable(t, 'connections')
  const limits = { connections: 20, bodyTimeoutMs: 300, bodyBytesPerSecond: 1000 }
  const node = await startNode(t, { listen, limits })
  await node.request('PUT', '/box')
  const signed = { 'x-auth-user': 'test:tester', 'x-auth-key': 'testing' }
  const login = await node.request('GET', '/auth/v1.0', { sign: false, headers: signed })
  const token = `X-Auth-Token: ${login.headers['x-auth-token']}\r\nContent-Length: 1000000000`
  for (const [what, line, more] of [
    ['refused', 'PUT /none/name', framings[0]!],
    ['refused, with a short body,', 'PUT /none/name', SHORT],
    ['timed out', 'PUT /v1/AUTH_test/box/name', token],
  ] as const) {
    const drips = Array.from({ length: 20 }, async () => {
      const { socket, closed } = await dialRaw(t, { base: node.http })
      socket.write(headOf(line, more))
      const drip = setInterval(() => socket.write('x'), 100)
      await closed
      clearInterval(drip)
    })
    let isAnswered = false
    while (!isAnswered) {
      const answer = await node.request('GET', '/box').catch(() => undefined)
      isAnswered = answer?.status === 200
    }
    table.tried(`20 of 20 connections are ${what} and drip: another client is answered`, true)
    await Promise.all(drips)
  }
})

/** This machine's own addresses that are not loopback. Traffic to them stays on the machine. */
function ownAddresses(family: 'IPv4' | 'IPv6'): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const own = all.filter((one) => one.family === family && !one.internal)
  return own.map(({ address }) => address).filter((address) => !address.startsWith('fe80'))
}

for (const family of ['IPv4', 'IPv6'] as const) {
  const [host] = ownAddresses(family)
  const skip = host === undefined ? `this machine has no ${family} address of its own` : false
  t.test(`one ${family} address has as many connections as it may`, { skip }, async (t) => {
    const table = attackTable(t, `connections of one ${family} address`)
    const own = [{ host: host!, port: 0, serves: ['object'] }, objectListener, opsListener]
    for (const trustedProxies of [[], [`${host}/${family === 'IPv4' ? 32 : 128}`]]) {
      const node = await startNode(t, {
        listen: own as unknown as Config['listen'],
        trustedProxies,
        limits: { connectionsPerAddress: 5 },
      })
      const base = node.http
      const held = await Promise.all(Array.from({ length: 5 }, () => dialRaw(t, { base })))
      const ask = async (to: string) => {
        const one = await dialRaw(t, { base: to })
        one.socket.write('GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n')
        const [answer] = await one.answers(1)
        one.socket.destroy()
        return answer?.status
      }
      const isProxy = trustedProxies.length > 0
      const status = await ask(base)
      if (isProxy)
        table.tried('a proxy that is trusted may have any number', status === 200, status)
      else table.tried('one more is closed without a word', status === undefined, status)
      const loopback = (await readMetrics(node)).get('coffer_connections_cut_total{why="address"}')
      table.tried('and counted', (loopback ?? 0) === (isProxy ? 0 : 1), loopback)
      held[0]!.socket.destroy()
      await held[0]!.closed
      let again = await ask(base)
      while (again !== 200) again = await ask(base)
      table.tried('a place that is given up is free', true)
    }
  })
}

t.test('this machine itself may have any number of connections', async (t) => {
  const node = await startNode(t, { listen, limits: { connectionsPerAddress: 1 } })
  for (const base of [node.http, node.ops]) {
    await Promise.all(Array.from({ length: 5 }, () => dialRaw(t, { base })))
  }
  t.equal((await node.request('GET', '/')).status, 200)
})

/** Clients that read the answer only after they have sent all, or when sending fails. */
const sending: readonly [
  Client,
  string,
  (node: TestNode, file: string) => readonly string[],
  RegExp,
][] = [
  [
    clients.curl,
    'curl without Expect',
    (node, file) => [
      '-sS',
      '-H',
      'Expect:',
      '-T',
      file,
      '-w',
      '%{http_code}',
      `${node.http}/box/name`,
    ],
    /AccessDenied[\s\S]*403/,
  ],
  [
    swiftClients.swift,
    'swift',
    (node, file) =>
      [
        '-A',
        `${node.http}/auth/v1.0`,
        '-U',
        'test:tester3',
        '-K',
        'testing3',
        '--retries',
        '0',
      ].concat(['upload', 'box', file, '--object-name', 'name']),
    /403/,
  ],
  [
    clients.awscliDebian,
    'aws',
    (node, file) =>
      [
        '--endpoint-url',
        node.http,
        '--no-sign-request',
        's3api',
        'put-object',
        '--bucket',
        'box',
      ].concat(['--key', 'name', '--body', file]),
    /AccessDenied/,
  ],
]

for (const [client, name, argsOf, wanted] of sending) {
  clientTest(t, client, `${name} reads why its upload is refused`, async (t) => {
    const table = attackTable(t, `${name}, refused`)
    const node = await startNode(t)
    await node.request('PUT', '/box')
    for (const bytes of [100_000, 8 * MIB]) {
      const file = join(node.dir, 'sent')
      writeFileSync(file, Buffer.alloc(bytes, 'x'))
      const { stdout, stderr } = await run(client.command!, argsOf(node, file), { cwd: node.dir })
      const said = `${stdout}${stderr}`
      table.tried(`${name}, ${bytes} bytes`, wanted.test(said), said.slice(-500))
    }
  })
}
