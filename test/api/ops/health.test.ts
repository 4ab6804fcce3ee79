// /live, /ready and /recon: what a load balancer and an operator's tools ask.

import { once } from 'node:events'
import { renameSync } from 'node:fs'
import { request } from 'node:http'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Config } from '../../../lib/config/config.ts'
import { send, startNode } from '../../helpers/node.ts'
import { askOps, readMetrics, startOpsNode } from '../../helpers/ops.ts'
import { scratch } from '../../helpers/process.ts'
import { exchangeBytes, readAnswers, requestText } from '../../helpers/wire.ts'

t.test('a node that serves is live and ready', async (t) => {
  const node = await startOpsNode(t)
  const live = await askOps(node, '/live')
  t.equal(live.status, 200)
  const ready = await askOps(node, '/ready')
  t.equal(ready.status, 200)
  t.same(JSON.parse(ready.text), { ready: true })
  const head = await askOps(node, '/ready', 'HEAD')
  t.equal(head.status, 200)
  t.equal(head.text, '')
})

t.test('HTTP’s own rules hold on a listener for ops too', async (t) => {
  const node = await startOpsNode(t)
  const speak = async (text: string) => readAnswers(await exchangeBytes(node.ops, text))
  t.match(await speak(requestText('GET', 'http://h/live')), [{ status: 200, text: 'live' }])
  for (const [head, status] of [
    ['GET /live HTTP/1.1\r\n', 400],
    ['GET /live HTTP/1.1\r\nHost: a\r\nHost: b\r\n', 400],
    ['GET /live HTTP/2.0\r\nHost: h\r\n', 505],
    ['CONNECT h:80 HTTP/1.1\r\nHost: h\r\n', 501],
  ] as const) {
    const [answer, ...more] = await speak(`${head}\r\n`)
    t.match([answer!.status, answer!.header('connection'), more.length], [status, 'close', 0], head)
    t.ok(answer!.header('date'))
  }
})

t.test('a node that takes no writes is live, and not ready for a reason', async (t) => {
  const node = await startOpsNode(t, { storage: { reserveBytes: 2 ** 50 } })
  t.equal((await askOps(node, '/live')).status, 200)
  const ready = await askOps(node, '/ready')
  t.equal(ready.status, 503)
  t.match(JSON.parse(ready.text), { ready: false, reason: /not enough space/ })
  const health = await node.request('GET', '/healthcheck', { sign: false })
  t.equal(health.status, 503, 'Swift’s own says the same')
})

t.test('a node that drains says so until its last request is done', async (t) => {
  const node = await startOpsNode(t)
  await node.request('PUT', '/box')
  const { port } = new URL(node.http)
  const upload = request({ host: '127.0.0.1', port, path: '/v1/AUTH_test/box/a', method: 'PUT' })
  const token = await node.request('GET', '/auth/v1.0', {
    sign: false,
    headers: { 'x-auth-user': 'test:tester', 'x-auth-key': 'testing' },
  })
  upload.setHeader('x-auth-token', String(token.headers['x-auth-token']))
  upload.setHeader('content-length', 10)
  upload.write('01234')
  // An answer to a request that came later: the node has the first one by now.
  await node.request('GET', '/')
  const answered = once(upload, 'response')
  const restarted = node.restart()
  const draining = await askOps(node, '/ready')
  t.equal(draining.status, 503)
  t.same(JSON.parse(draining.text), { ready: false, reason: 'draining' })
  t.equal((await askOps(node, '/live')).status, 200)
  await t.rejects(send(node.http, 'GET', '/', {}, ''), { code: 'ECONNREFUSED' })
  upload.end('56789')
  const [answer] = await answered
  t.equal(answer.resume().statusCode, 201)
  await restarted
  t.equal((await askOps(node, '/ready')).status, 200)
})

t.test('recon tells Swift’s operators what is true here', async (t) => {
  const node = await startOpsNode(t)
  const recon = async (check: string) => JSON.parse((await askOps(node, `/recon/${check}`)).text)
  t.same(await recon('version'), { version: '0.0.0' })
  const device = node.config.devices[0]
  const [disk] = await recon('diskusage')
  t.match(disk, { device, mounted: true })
  t.equal(disk.size, disk.used + disk.avail)
  t.ok(disk.avail > 0)
  t.same(await recon('unmounted'), [])
  t.match((await recon('mem')).MemTotal, /^\d+ kB$/)
  const load = await recon('load')
  t.type(load['1m'], 'number')
  t.ok(Math.abs(load['15m'] - loadavg()[2]!) < 10 * cpus().length)
  t.match(load.tasks, /^\d+\/\d+$/)
  t.ok((await recon('mounted')).some(({ path }: { path: string }) => path === '/'))
  t.ok(Math.abs((await recon('time')) - Date.now() / 1000) < 600)
})

t.test('a device whose directory is gone is unmounted, and unusable in the metrics', async (t) => {
  const directory = scratch(t)
  const devices = ['one', 'two'].map((name) => join(directory, name))
  const node = await startOpsNode(t, { devices })
  renameSync(devices[1]!, join(directory, 'gone'))
  t.teardown(() => renameSync(join(directory, 'gone'), devices[1]!))
  const recon = async (check: string) => JSON.parse((await askOps(node, `/recon/${check}`)).text)
  t.same(await recon('unmounted'), [{ device: devices[1], mounted: false }])
  t.same(
    (await recon('diskusage')).map(({ device, mounted }: Record<string, unknown>) => [
      device,
      mounted,
    ]),
    [
      [devices[0], true],
      [devices[1], false],
    ],
  )
  const counted = await readMetrics(node)
  t.equal(counted.get(`coffer_device_unusable{device="${devices[0]}"}`), 0)
  t.equal(counted.get(`coffer_device_unusable{device="${devices[1]}"}`), 1)
  t.ok(counted.has(`coffer_disk_free_bytes{directory="${devices[0]}"}`))
  t.notOk(counted.has(`coffer_disk_free_bytes{directory="${devices[1]}"}`))
})

t.test('recon has no checks of what does not exist here', async (t) => {
  const node = await startOpsNode(t)
  for (const check of ['replication', 'ringmd5', 'async', 'constructor', 'toString', 'version/x']) {
    const { status, text } = await askOps(node, `/recon/${check}`)
    t.equal(status, 404, check)
    t.equal(text, `Invalid path: /recon/${check}`)
  }
})

t.test('an ops listener serves nothing else, and only reads', async (t) => {
  const node = await startOpsNode(t)
  for (const path of ['/', '/box', '/info', '/v1/AUTH_test', '/live/', '/Metrics']) {
    t.equal((await askOps(node, path)).status, 404, path)
  }
  for (const path of ['/live', '/ready', '/metrics', '/recon/mem']) {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const refused = await askOps(node, path, method)
      t.equal(refused.status, 405, `${method} ${path}`)
      t.equal(refused.headers.allow, 'GET, HEAD')
    }
  }
  t.equal((await askOps(node, '/live?x=1')).status, 200, 'a query does no harm')
})

t.test(
  'beside objects, ops takes its paths and leaves buckets of those names reachable',
  async (t) => {
    const listen = [
      { host: '127.0.0.1', port: 0, serves: ['object', 'ops'] },
    ] as unknown as Config['listen']
    const node = await startNode(t, { listen, domains: ['s3.example.com'] })
    const plain = (path: string) => node.request('GET', path, { sign: false })
    t.equal((await plain('/live')).text, 'live')
    t.match((await plain('/metrics')).text, '# TYPE coffer_requests_total counter')
    t.equal((await plain('/healthcheck')).text, 'OK')
    t.match((await plain('/box')).text, '<Error>')
    t.equal((await node.request('PUT', '/live')).status, 200, 'signed: a bucket')
    t.match((await node.request('GET', '/live')).text, '<ListBucketResult')
    const hosted = { sign: false, host: 'live.s3.example.com' }
    t.match((await node.request('GET', '/live', hosted)).text, '<Error>', 'an object, by its host')
    const token = { sign: false, headers: { 'x-auth-token': 'AUTH_tkx' } }
    t.match((await node.request('GET', '/live', token)).text, 'Bad URL', 'Swift, by its token')
  },
)

t.test('only the very path of a page is that page', async (t) => {
  const node = await startOpsNode(t)
  const speak = async (line: string) =>
    (await readAnswers(await exchangeBytes(node.ops, requestText('GET', line))))[0]!
  for (const target of [
    '//live',
    '/./live',
    '/%6cive',
    '/live%2f',
    '/live;x',
    '/recon/../live',
    '/recon/%6dem',
    '/recon/mem/',
    'http://h//live',
    `/live/${'a/'.repeat(5000)}`,
    `/${'%'.repeat(10_000)}`,
  ]) {
    const { status, text } = await speak(target)
    t.match([status, text.slice(0, 13)], [404, 'Invalid path:'], target.slice(0, 30))
  }
  for (const target of ['http://h/live', '/live?a=%zz&b=//../']) {
    t.match(await speak(target), { status: 200, text: 'live' }, target)
  }
})

t.test('beside ops, names of objects stay as they were sent', async (t) => {
  const listen = [
    { host: '127.0.0.1', port: 0, serves: ['object', 'ops'] },
  ] as unknown as Config['listen']
  const node = await startNode(t, { listen })
  await node.request('PUT', '/box')
  for (const name of ['//metrics', './a', '../live', 'a%2Fb', 'recon/mem']) {
    t.equal((await node.request('PUT', `/box/${name}`, { body: name })).status, 200, name)
    t.equal((await node.request('GET', `/box/${name}`)).text, name, name)
  }
  t.equal((await node.request('GET', '/box/%ff')).status, 400, 'what is no UTF-8 is S3’s to refuse')
})

t.test('without an ops listener nobody reads metrics', async (t) => {
  const node = await startNode(t)
  for (const path of ['/metrics', '/live', '/ready', '/recon/mem']) {
    t.match((await node.request('GET', path, { sign: false })).text, /<Error>/, path)
  }
})
