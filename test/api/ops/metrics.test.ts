// /metrics: what the node counts, of whom it says nothing, and that dashboard and alerts ask for what exists.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { answerStatus } from '../../../bin/commands/status.ts'
import { until } from '../../helpers/blobs.ts'
import { keyHeaders } from '../../helpers/node.ts'
import { askOps, readMetrics, startOpsNode } from '../../helpers/ops.ts'
import { root } from '../../helpers/process.ts'

const key = createHash('sha256').update('metrics').digest()

t.test('requests are counted by dialect, operation and status', async (t) => {
  const node = await startOpsNode(t)
  await node.request('PUT', '/box')
  await node.request('PUT', '/box/a', { body: 'one' })
  await node.request('PUT', '/box/b', { body: 'two' })
  await node.request('GET', '/box/none')
  await node.request('GET', '/healthcheck', { sign: false })
  const counted = await readMetrics(node)
  const requests = (dialect: string, operation: string, status: number) =>
    counted.get(
      `coffer_requests_total{dialect="${dialect}",operation="${operation}",status="${status}"}`,
    )
  t.equal(requests('s3', 'CreateBucket', 200), 1)
  t.equal(requests('s3', 'PutObject', 200), 2)
  t.equal(requests('s3', 'GetObject', 404), 1)
  t.equal(requests('swift', 'Healthcheck', 200), 1)
  t.equal(requests('s3', 'GetObject', 200), undefined)
})

t.test('latencies are a histogram whose buckets add up', async (t) => {
  const node = await startOpsNode(t)
  for (let i = 0; i < 3; i++) await node.request('PUT', '/box')
  const counted = await readMetrics(node)
  const of = 'dialect="s3",operation="CreateBucket"'
  const name = 'coffer_request_duration_seconds'
  t.equal(counted.get(`${name}_count{${of}}`), 3)
  t.equal(counted.get(`${name}_bucket{le="+Inf",${of}}`), 3)
  t.ok(counted.get(`${name}_sum{${of}}`)! > 0)
  const buckets = [...counted].filter(
    ([line]) => line.startsWith(`${name}_bucket`) && line.includes(of),
  )
  const values = buckets.map(([, value]) => value)
  t.equal(values.length, 16)
  t.same(
    values,
    values.toSorted((a, b) => a - b),
    'each counts those below it too',
  )
})

t.test('bytes are those of the connections, over TLS without its framing', async (t) => {
  const node = await startOpsNode(t)
  await node.request('PUT', '/box')
  const body = Buffer.alloc(300_000, 7)
  for (const tls of [false, true]) {
    const before = await readMetrics(node)
    await node.request('PUT', '/box/a', { body, tls })
    await node.request('GET', '/box/a', { tls })
    const after = await readMetrics(node)
    const grown = (line: string) => (after.get(line) ?? 0) - (before.get(line) ?? 0)
    const received = grown('coffer_received_bytes_total{dialect="s3",operation="PutObject"}')
    const sent = grown('coffer_sent_bytes_total{dialect="s3",operation="GetObject"}')
    for (const bytes of [received, sent]) {
      t.ok(bytes > body.length && bytes < body.length + 2000, `${bytes}, tls: ${tls}`)
    }
  }
})

t.test('customer keys that were granted and refused are counted apart', async (t) => {
  const node = await startOpsNode(t)
  await node.request('PUT', '/box')
  await node.request('PUT', '/box/a', { body: 'x', tls: true, headers: keyHeaders(key) })
  await node.request('GET', '/box/a', { tls: true, headers: keyHeaders(key) })
  await node.request('GET', '/box/a', { tls: true, headers: keyHeaders(Buffer.alloc(32, 1)) })
  await node.request('GET', '/box/a')
  await node.request('GET', '/box/none', { tls: true, headers: keyHeaders(key) })
  const counted = await readMetrics(node)
  const granted = (use: string) =>
    counted.get(`coffer_ssec_requests_total{dialect="s3",use="${use}"}`)
  const refused = (code: string) =>
    counted.get(`coffer_ssec_refusals_total{dialect="s3",code="${code}"}`)
  t.equal(granted('write'), 1)
  t.equal(granted('read'), 1, 'what is not there opens nothing')
  t.equal(refused('KeyWrong'), 1)
  t.equal(refused('KeyRequired'), 1)
})

t.test('logins, tokens and signatures are counted by how they ended', async (t) => {
  const node = await startOpsNode(t)
  const login = (password: string) =>
    node.request('GET', '/auth/v1.0', {
      sign: false,
      headers: { 'x-auth-user': 'test:tester', 'x-auth-key': password },
    })
  const token = String((await login('testing')).headers['x-auth-token'])
  await login('wrong')
  const path = '/v1/AUTH_test'
  await node.request('GET', path, { sign: false, headers: { 'x-auth-token': token } })
  await node.request('GET', path, { sign: false, headers: { 'x-auth-token': `${token}x` } })
  await node.request('GET', '/')
  await node.request('GET', '/', { secret: 'wrong' })
  await node.request('GET', '/', { access: 'nobody' })
  const counted = await readMetrics(node)
  t.equal(counted.get('coffer_logins_total{outcome="granted"}'), 1)
  t.equal(counted.get('coffer_logins_total{outcome="denied"}'), 1)
  t.equal(counted.get('coffer_tokens_total{outcome="good"}'), 1)
  t.equal(counted.get('coffer_tokens_total{outcome="denied"}'), 1)
  t.equal(counted.get('coffer_signatures_total{outcome="good"}'), 1)
  t.equal(counted.get('coffer_signatures_total{outcome="SignatureMismatch"}'), 1)
  t.equal(counted.get('coffer_signatures_total{outcome="CredentialUnknown"}'), 1)
})

t.test('what lies in the volumes is live until it is deleted, then dead', async (t) => {
  const node = await startOpsNode(t)
  const device = `{device="${node.config.devices[0]}"}`
  await node.request('PUT', '/box')
  await node.request('PUT', '/box/a', { body: Buffer.alloc(1 << 20, 1) })
  const full = await readMetrics(node)
  t.ok(full.get(`coffer_volume_live_bytes${device}`)! >= 1 << 20)
  t.equal(full.get(`coffer_volumes{device="${node.config.devices[0]}",state="open"}`), 1)
  t.equal(full.get(`coffer_device_unusable${device}`), 0)
  await node.request('DELETE', '/box/a')
  let empty = await readMetrics(node)
  while (empty.get(`coffer_volume_live_bytes${device}`) !== 0) empty = await readMetrics(node)
  t.ok(empty.get(`coffer_volume_dead_bytes${device}`)! >= 1 << 20)
  t.equal(empty.get(`coffer_volume_reclaimable_bytes${device}`), 0, 'the volume is not sealed')
  t.equal(empty.get('coffer_sweep_queue_rows'), 0)
  t.ok(
    empty.get('coffer_catalog_commits_total')! > full.get('coffer_catalog_commits_total')!,
    'and the catalog has committed',
  )
})

t.test('coffer status says the same of the volumes, byte by byte', async (t) => {
  const devices = ['one', 'two'].map((name) => join(t.testdir(), name))
  const node = await startOpsNode(t, { devices, storage: { volumeSizeBytes: 1 << 20 } })
  await node.request('PUT', '/box')
  const body = Buffer.alloc(400_000, 1)
  for (let i = 0; i < 12; i++) await node.request('PUT', `/box/${i}`, { body })
  for (let i = 0; i < 12; i += 3) await node.request('DELETE', `/box/${i}`)
  const ask = async () => {
    const { devices, queue } = await answerStatus(node.coffer)
    return { devices, queue }
  }
  // Volumes that are full are sealed meanwhile, and their notes written.
  let asked = await ask()
  const isQuiet = async () => {
    const before = JSON.stringify(asked)
    asked = await ask()
    return asked.queue === 0 && JSON.stringify(asked) === before
  }
  t.ok(await until(isQuiet))
  const counted = await readMetrics(node)
  t.equal(counted.get('coffer_sweep_queue_rows'), asked.queue)
  for (const status of asked.devices) {
    const { device } = status
    t.ok(status.deadBytes > 0 && status.reclaimableBytes > 0, `${device} has sealed volumes`)
    const gauge = (name: string) => counted.get(`coffer_volume_${name}{device="${device}"}`)
    t.equal(gauge('disk_bytes'), status.diskBytes)
    t.equal(gauge('live_bytes'), status.liveBytes)
    t.equal(gauge('dead_bytes'), status.deadBytes)
    t.equal(gauge('reclaimable_bytes'), status.reclaimableBytes)
    t.equal(gauge('dead_since_seconds'), status.deadSinceMs! / 1000)
    const sealed = status.volumes.filter(({ state }) => state === 'sealed').length
    t.equal(counted.get(`coffer_volumes{device="${device}",state="sealed"}`), sealed)
    t.equal(status.deadBytes, status.diskBytes - status.liveBytes)
  }
})

t.test('no name, key, user, token or address is in any label', async (t) => {
  const node = await startOpsNode(t)
  await node.request('PUT', '/canary-box')
  await node.request('PUT', '/canary-box/canary-object', {
    body: 'x',
    tls: true,
    headers: { ...keyHeaders(key), 'x-amz-meta-canary-name': 'canary-value' },
  })
  await node.request('CANARY', '/canary-box')
  await node.request('GET', '/canary-box?canary-parameter', { access: 'canary-access' })
  const headers = { 'x-auth-user': 'canary:user', 'x-auth-key': 'canary-password' }
  await node.request('GET', '/auth/v1.0', { sign: false, headers })
  const { text } = await askOps(node, '/metrics')
  t.match(text, 'operation="PutObject"')
  for (const secret of [
    'canary',
    'CANARY',
    key.toString('base64'),
    key.toString('hex'),
    'tester',
  ]) {
    t.notMatch(text, secret)
  }
  t.notMatch(text, /"\d+\.\d+\.\d+\.\d+"/)
})

t.test('the process is measured: CPU, memory and the delay of its event loop', async (t) => {
  const node = await startOpsNode(t)
  const counted = await readMetrics(node)
  for (const name of [
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'nodejs_eventloop_lag_p99_seconds',
    'coffer_info{version="0.0.0"}',
  ]) {
    t.ok(Number.isFinite(counted.get(name)), name)
  }
})

/** Metrics that an expression of Prometheus names. */
const named = (expression: string) => expression.match(/\b(?:coffer|process|nodejs)_\w+/g) ?? []

t.test('every metric that the dashboard and the alerts name exists', async (t) => {
  const node = await startOpsNode(t)
  await node.request('PUT', '/box')
  const { text } = await askOps(node, '/metrics')
  const types = new Map(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((match) => [match[1]!, match[2]!]),
  )
  const exists = (name: string) =>
    types.has(name) || types.get(name.replace(/_(?:bucket|sum|count)$/, '')) === 'histogram'
  const dashboard = JSON.parse(readFileSync(join(root, 'etc/grafana/coffer.json'), 'utf8'))
  const panels = dashboard.panels.flatMap(
    (panel: { targets?: { expr: string }[] }) => panel.targets ?? [],
  )
  const { groups } = parse(readFileSync(join(root, 'etc/prometheus/coffer.yml'), 'utf8'))
  const rules = groups.flatMap((group: { rules: { expr: string }[] }) => group.rules)
  const expressions: string[] = [...panels, ...rules].map(({ expr }) => expr)
  t.ok(panels.length >= 10 && rules.length >= 8)
  const names = new Set(expressions.flatMap(named))
  t.ok(names.size >= 20)
  for (const name of names) t.ok(exists(name), name)
  t.notOk(exists('coffer_nonsense_total'))
})
