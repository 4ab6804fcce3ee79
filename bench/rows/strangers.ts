// What a client and the node's memory feel of strangers: the latency of a GET of 4 KiB with a customer key while one
// kind of attack runs, against the same GET on the same node with nobody else there, and the node's anonymous memory.
import { Agent, get as httpGet } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench } from '../bench.ts'
import { Program } from '../child.ts'
import { account, bucket, type CofferNode } from '../node.ts'
import { headersOf } from '../objects.ts'
import { presign } from '../signing.ts'
import type { StrangerJob } from '../strangers.ts'
import type { Finding } from '../table.ts'

const LARGE_BYTES = 32 << 20
const SECONDS = 8
const SECONDS_QUICK = 3
/** A client that waits a moment between two requests: what is measured is waiting, not throughput. */
const PAUSE_MS = 5
const MEMORY_EVERY_MS = 100
const DOCUMENT_BYTES = 4 << 20

type Attack = Pick<StrangerJob, 'connections' | 'text' | 'drip' | 'reads'> & {
  readonly what: string
}

const requestOf = (line: string, fields: readonly string[], body = '') =>
  `${[`${line} HTTP/1.1`, 'Host: node', ...fields].join('\r\n')}\r\n\r\n${body}`

const withLength = (line: string, body: string, fields: readonly string[] = []) =>
  requestOf(line, [...fields, `Content-Length: ${body.length}`], body)

const publicPath = `/v1/AUTH_${account}/${bucket}/public`

function attacks(token: string): Attack[] {
  const document = `<a>${'<b/>'.repeat(DOCUMENT_BYTES / 4 - 2)}</a>`
  const keys = '<Object><Key>k</Key></Object>'.repeat(1000)
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '')
  const scope = `nobody/${day}/us-east-1/s3/aws4_request`
  const signature = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=${'0'.repeat(64)}`
  const login = ['X-Auth-User: nobody:at all', 'X-Auth-Key: guess']
  const announced = [`X-Auth-Token: ${token}`, `Content-Length: ${5 * 2 ** 30}`]
  return [
    {
      what: '1,000 pipelined GETs of 32 MiB on each of 4 connections',
      connections: 4,
      reads: true,
      text: requestOf(`GET ${publicPath}`, []).repeat(1000),
    },
    {
      what: '300 readers of 32 MiB that do not read',
      connections: 300,
      reads: false,
      text: requestOf(`GET ${publicPath}`, []),
    },
    {
      what: '35 uploads that announce 5 GiB and send 107 bytes a second',
      connections: 35,
      reads: true,
      text: requestOf(`PUT /v1/AUTH_${account}/${bucket}/announced`, announced, 'x'.repeat(20_000)),
      drip: { text: 'x'.repeat(107), everyMs: 1000 },
    },
    {
      what: '64 refused bodies at full speed',
      connections: 64,
      reads: true,
      text: withLength(`PUT /${bucket}/refused`, 'x'.repeat(512 << 10)),
    },
    {
      what: '64 refused bodies of a byte a second',
      connections: 64,
      reads: true,
      text: requestOf(`PUT /${bucket}/refused`, ['Content-Length: 1000000'], 'x'),
      drip: { text: 'x', everyMs: 1000 },
    },
    {
      what: '8 strangers with Complete of 4 MiB of <b/>',
      connections: 8,
      reads: true,
      text: withLength('POST /nobucket/nokey?uploadId=x', document),
    },
    {
      what: '8 strangers with DeleteObjects of 1,000 keys',
      connections: 8,
      reads: true,
      text: withLength(`POST /${bucket}?delete`, `<Delete>${keys}</Delete>`),
    },
    {
      what: '16 guesses of a signature at a time',
      connections: 16,
      reads: true,
      text: requestOf(`GET /${bucket}`, [
        `Authorization: ${signature}`,
        `X-Amz-Date: ${day}T000000Z`,
      ]),
    },
    {
      what: '16 guesses of a password at a time',
      connections: 16,
      reads: true,
      text: requestOf('GET /auth/v1.0', login),
    },
    {
      what: '4 bodies in chunks of a byte',
      connections: 4,
      reads: true,
      text: requestOf(
        `PUT /v1/AUTH_${account}/${bucket}/chunks`,
        [`X-Auth-Token: ${token}`, 'Transfer-Encoding: chunked'],
        `${'1\r\nx\r\n'.repeat(100_000)}0\r\n\r\n`,
      ),
    },
    {
      what: '16 requests with 800 headers at a time',
      connections: 16,
      reads: true,
      text: requestOf(`GET ${publicPath}`, [
        'Range: bytes=0-0',
        ...Array.from({ length: 800 }, (_, i) => `x-${i}: `),
      ]),
    },
    { what: '900 connections that say nothing', connections: 900, reads: true, text: '' },
    {
      what: '900 heads that never end',
      connections: 900,
      reads: true,
      text: 'GET / HTTP/1.1\r\nHost: node\r\n',
      drip: { text: 'x-a: b\r\n', everyMs: 1000 },
    },
  ]
}

/** Latencies of one client's GETs, one after the other, until `over`, in milliseconds. */
async function latenciesOf(origin: string, path: string, over: () => boolean): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const headers = headersOf('customer')
  const found: number[] = []
  while (!over()) {
    const startMs = performance.now()
    await new Promise<void>((resolve, reject) => {
      const req = httpGet(`${origin}${path}`, { agent, headers }, (res) => {
        if (res.statusCode !== 200) reject(new Error(`a client was answered ${res.statusCode}`))
        res.on('error', reject).on('end', resolve).resume()
      })
      req.on('error', reject)
    })
    found.push(performance.now() - startMs)
    await sleep(PAUSE_MS)
  }
  agent.destroy()
  return found
}

async function prepare(node: CofferNode): Promise<string> {
  const token = await node.askToken()
  const headers = { 'x-auth-token': token }
  const container = `/v1/AUTH_${account}/${bucket}`
  await node.send('POST', container, { headers: { ...headers, 'x-container-read': '.r:*' } })
  await node.send('PUT', publicPath, { headers, body: 'x'.repeat(LARGE_BYTES) })
  await node.request('PUT', `/${bucket}/client`, {
    headers: headersOf('customer'),
    body: 'x'.repeat(4096),
  })
  return token
}

const quantile = (sorted: readonly number[], part: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!

export async function measureStrangers(bench: Bench): Promise<Finding[]> {
  const seconds = bench.settings.quick ? SECONDS_QUICK : SECONDS
  const node = await bench.startNode()
  const token = await prepare(node)
  const origin = node.http
  const port = Number(new URL(origin).port)
  const headers = headersOf('customer')
  const path = presign({ method: 'GET', origin, path: `/${bucket}/client`, headers })
  const strangers = Program.start(bench.scope, new URL('../strangers.ts', import.meta.url))
  const findings: Finding[] = []
  const look = async (what: string, work: Promise<unknown>) => {
    let isOver = false
    const memory: number[] = []
    const timer = setInterval(() => memory.push(node.child.memory().anon), MEMORY_EVERY_MS)
    const latencies = latenciesOf(origin, path, () => isOver)
    await work
    isOver = true
    clearInterval(timer)
    const sorted = (await latencies).sort((a, b) => a - b)
    findings.push(
      {
        what: `${what}: GET of 4 KiB, 50th, 99th and last`,
        unit: 'ms',
        samples: [0.5, 0.99, 1].map((part) => quantile(sorted, part)),
      },
      { what: `${what}: RssAnon`, unit: 'MiB', samples: memory },
    )
  }
  // Code is warm, and memory grown to what the node takes anyway, before anything counts.
  await latenciesOf(origin, path, () => node.child.cpuSeconds() > 4)
  await look('nobody else', sleep(seconds * 1000))
  for (const { what, ...job } of attacks(token)) {
    await look(what, strangers.ask({ ...job, port, seconds } satisfies StrangerJob))
    await sleep(1000)
  }
  await look('nobody else again', sleep(seconds * 1000))
  await strangers.stop()
  await node.stop()
  return findings
}
