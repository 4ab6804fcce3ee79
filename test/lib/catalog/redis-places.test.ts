// The ways to a Redis: TLS, Sentinels that name another master after a failover, and a cluster.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { generate } from 'selfsigned'
import t, { type Test } from 'tap'
import type { Catalog } from '../../../lib/catalog/catalog.ts'
import { openRedisCatalog } from '../../../lib/catalog/redis.ts'
import { developmentCertificate } from '../../../lib/certificate.ts'
import { randomId } from '../../../lib/names.ts'
import { until } from '../../helpers/blobs.ts'
import { freePort } from '../../helpers/free-port.ts'
import { scratch } from '../../helpers/process.ts'
import { catalogOptions, redisServer, redisTest, startRedis } from '../../helpers/redis.ts'

const put = (key: string) => ({ id: randomId(), put: [{ key, value: Buffer.from(key) }] })

async function works(t: Test, catalog: Catalog): Promise<void> {
  const key = `row/${randomId()}`
  await catalog.commit({ ...put(key), add: [{ key: 'n', deltas: [1] }] })
  t.same((await catalog.get(key))?.value, Buffer.from(key))
  t.equal((await catalog.scan({ from: key, to: `${key}~`, limit: 1 })).entries.length, 1)
}

redisTest(t, 'TLS, with an authority, a client’s certificate, and a password', async (t) => {
  const dir = scratch(t)
  const { cert, key } = await developmentCertificate(dir)
  // Node's own certificates are for servers alone.
  const shown = await generate([{ name: 'commonName', value: 'node' }], { algorithm: 'sha256' })
  const [server, serverKey, clients] = ['server.pem', 'server-key.pem', 'clients.pem'].map((name) =>
    join(dir, name),
  ) as [string, string, string]
  await writeFile(server, cert)
  await writeFile(serverKey, key)
  await writeFile(clients, shown.cert)
  const tlsPort = await freePort()
  await startRedis(t, {
    'tls-port': String(tlsPort),
    'tls-cert-file': server,
    'tls-key-file': serverKey,
    'tls-ca-cert-file': clients,
    requirepass: 'secret',
  })
  const url = `rediss://127.0.0.1:${tlsPort}`
  const tls = { ca: String(cert), cert: shown.cert, key: shown.private }
  const catalog = await openRedisCatalog(catalogOptions(url, { password: 'secret', tls }))
  await works(t, catalog)
  await catalog.close()
  const startTimeoutMs = 800
  await t.rejects(
    openRedisCatalog(catalogOptions(url, { password: 'secret', startTimeoutMs })),
    { code: 'StoreUnavailable', details: { message: /^Redis is away: .*SELF_SIGNED/ } },
    'a certificate that nobody vouches for',
  )
  const { ca } = tls
  await t.rejects(
    openRedisCatalog(catalogOptions(url, { password: 'secret', tls: { ca }, startTimeoutMs })),
    { code: 'StoreUnavailable', details: { message: /^Redis is away/ } },
    'no certificate where the server wants one',
  )
})

redisTest(t, 'TLS, over a way that spoils a record and then resets', async (t) => {
  const { cert, key } = await developmentCertificate(scratch(t))
  const files = scratch(t)
  const [server, serverKey] = [join(files, 'server.pem'), join(files, 'server-key.pem')]
  await writeFile(server, cert)
  await writeFile(serverKey, key)
  const tlsPort = await freePort()
  await startRedis(t, {
    'tls-port': String(tlsPort),
    'tls-cert-file': server,
    'tls-key-file': serverKey,
    'tls-auth-clients': 'no',
  })
  // Node's sockets have two errors then: that of the record, and that of the reset.
  const ways = new Set<Socket>()
  const proxy = createServer((socket) => {
    const behind = connect(tlsPort, '127.0.0.1')
    ways.add(socket)
    for (const [from, to] of [
      [socket, behind],
      [behind, socket],
    ] as const) {
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
      from.pipe(to)
    }
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    for (const way of ways) way.destroy()
    proxy.close()
  })
  const spoil = async () => {
    const spoilt = [...ways]
    ways.clear()
    for (const way of spoilt) {
      // The client's alert goes no further.
      way.unpipe()
      const alert = once(way.resume(), 'data')
      way.write('HTTP/1.1 400 Bad Request\r\n\r\n')
      await Promise.race([alert, sleep(1000)])
      way.resetAndDestroy()
    }
  }
  const { port } = proxy.address() as AddressInfo
  const options = catalogOptions(`rediss://127.0.0.1:${port}`, { tls: { ca: String(cert) } })
  const catalog = await openRedisCatalog(options)
  await works(t, catalog)
  await spoil()
  const isBack = () =>
    catalog.get('row/none').then(
      () => true,
      () => false,
    )
  t.ok(await until(isBack), 'the catalog comes back by a new connection')
  await works(t, catalog)
  await catalog.close()
})

redisTest(t, 'Sentinels: after a failover the catalog goes on with the new master', async (t) => {
  const [master, replica] = [await startRedis(t), await startRedis(t)]
  await replica.raw.replicaof('127.0.0.1', master.port)
  const dir = scratch(t)
  const port = await freePort()
  const file = join(dir, 'sentinel.conf')
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${dir}`,
    `sentinel monitor coffer 127.0.0.1 ${master.port} 1`,
    'sentinel down-after-milliseconds coffer 500',
    'sentinel failover-timeout coffer 5000',
  ]
  await writeFile(file, lines.join('\n'))
  const sentinel = spawn(redisServer!, [file, '--sentinel'], { stdio: 'ignore' })
  t.teardown(async () => {
    const gone = once(sentinel, 'exit')
    sentinel.kill('SIGKILL')
    await gone
  })
  const asked = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 50 })
  asked.on('error', () => {})
  t.teardown(() => asked.disconnect())
  while (!/slaves=1/.test(await asked.info('sentinel'))) await sleep(50)

  const sentinels = { addresses: [`127.0.0.1:${port}`], name: 'coffer' }
  const { url: _, ...options } = catalogOptions('', { sentinels, timeoutMs: 500 })
  const catalog = await openRedisCatalog(options)
  t.teardown(() => catalog.close())
  await catalog.commit(put('before'))
  while ((await replica.raw.hget('{coffer}:about', 'number')) !== '1') await sleep(10)
  await master.kill()
  while (catalog.impaired === null) await sleep(10)
  await t.rejects(catalog.commit(put('lost')), { code: 'StoreUnavailable' })
  while (catalog.impaired !== null) await sleep(50)
  t.same((await catalog.get('before'))?.value, Buffer.from('before'))
  t.equal(await catalog.get('lost'), undefined)
  await works(t, catalog)
  t.equal(await replica.raw.hget('{coffer}:about', 'number'), String(catalog.commitNumber))
})

redisTest(t, 'a cluster: every script goes to the one slot, also when it moves', async (t) => {
  const nodes = await Promise.all(
    [0, 1].map(() =>
      startRedis(t, { 'cluster-enabled': 'yes', 'cluster-require-full-coverage': 'no' }),
    ),
  )
  const [first, second] = nodes.map(({ raw }) => raw) as [Redis, Redis]
  const slot = Number(await first.cluster('KEYSLOT', '{coffer}:rows'))
  await first.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  await first.cluster('MEET', '127.0.0.1', nodes[1]!.port)
  while (!/cluster_known_nodes:2/.test(String(await second.cluster('INFO')))) await sleep(50)
  while (!/cluster_state:ok/.test(String(await second.cluster('INFO')))) await sleep(50)

  const cluster = nodes.map(({ url }) => url)
  const { url: _, ...options } = catalogOptions('', { cluster, timeoutMs: 1000 })
  const catalog = await openRedisCatalog(options)
  t.teardown(() => catalog.close())
  for (let n = 0; n < 5; n++) await works(t, catalog)

  const target = String(await second.cluster('MYID'))
  const source = String(await first.cluster('MYID'))
  await second.cluster('SETSLOT', slot, 'IMPORTING', source)
  await first.cluster('SETSLOT', slot, 'MIGRATING', target)
  const keys = (await first.cluster('GETKEYSINSLOT', slot, 10)) as string[]
  t.equal(keys.length, 4)
  await first.call('MIGRATE', '127.0.0.1', String(nodes[1]!.port), '', '0', '5000', 'KEYS', ...keys)
  for (const node of [second, first]) await node.cluster('SETSLOT', slot, 'NODE', target)
  for (let n = 0; n < 5; n++) await works(t, catalog)
  t.same((await catalog.getCounters('n'))?.values, [10])
  t.equal(await second.hlen('{coffer}:rows'), 11, 'they are on the other node now')

  await nodes[1]!.kill()
  await t.rejects(catalog.commit(put('lost')), { code: 'OutcomeUnknown' })
  t.type(catalog.impaired, 'string')
  await nodes[1]!.start()
  while (catalog.impaired !== null) await sleep(50)
  await works(t, catalog)
})
