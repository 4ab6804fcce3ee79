// A real Redis for tests: redis-server on a free loopback port, in a directory that is removed with the test,
// stopped by its pid. Where it is not installed the tests that need it are skipped with a reason. With
// COFFER_REQUIRE_CLIENTS=1 they fail.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import type { TAP, Test } from 'tap'
import type { RedisCatalogOptions } from '../../lib/catalog/redis.ts'
import { randomId } from '../../lib/names.ts'
import { freePort } from './free-port.ts'

type Teardown = { teardown(fn: () => void | Promise<void>): unknown }

/** The settings of a Redis that is safe for a catalog. Tests change one of them at a time. */
export const safeSettings: Readonly<Record<string, string>> = {
  appendonly: 'yes',
  appendfsync: 'always',
  'no-appendfsync-on-rewrite': 'no',
  'maxmemory-policy': 'noeviction',
  save: '""',
  loglevel: 'warning',
  // A rewrite of the old file would delay other processes on the machine, and a test may kill it.
  'auto-aof-rewrite-percentage': '0',
}

export interface TestRedis {
  readonly port: number
  readonly url: string
  readonly dir: string
  readonly pid: number
  /** A plain connection as the default user, for changes that the catalog does not see. */
  readonly raw: Redis
  /** Sends SIGKILL, or another signal. Resolves when Redis has ended (not for SIGSTOP and SIGCONT). */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts Redis again on the content of its directory. Resolves when it answers. */
  start(): Promise<void>
}

export const redisServer = (process.env.PATH ?? '')
  .split(delimiter)
  .map((directory) => join(directory, 'redis-server'))
  .find((file) => existsSync(file))

/** Runs `body` as a test where redis-server is installed. */
export function redisTest(t: TAP, sentence: string, body: (t: Test) => Promise<void>): void {
  const reason = 'redis-server is not installed (apt-get install redis-server)'
  if (redisServer !== undefined) void t.test(sentence, body)
  else if (process.env.COFFER_REQUIRE_CLIENTS === '1') {
    void t.test(sentence, async (t) => void t.fail(reason))
  } else void t.test(sentence, { skip: reason }, () => {})
}

/** Starts a Redis. With the test it ends, and its directory is removed. `settings` replace safe ones, each a
 * line of redis.conf. With `plainPort: false` it listens only where they say. */
export async function startRedis(
  t: Teardown,
  settings: Readonly<Record<string, string>> = {},
  more: readonly string[] = [],
): Promise<TestRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'coffer-redis-'))
  const port = await freePort()
  const all = { ...safeSettings, bind: '127.0.0.1', port: String(port), dir, ...settings }
  const lines = [...Object.entries(all).map(([name, value]) => `${name} ${value}`), ...more]
  const file = join(dir, 'redis.conf')
  await writeFile(file, `${lines.join('\n')}\n`)
  let child: ChildProcess | undefined
  const raw = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => 50 })
  raw.on('error', () => {})

  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return void child.kill(signal)
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }
  const start = async () => {
    child = spawn(redisServer!, [file], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text) => {
        said += text
      })
    }
    while (!(await answers(port))) {
      if (child.exitCode !== null) throw new Error(`redis-server ended: ${said}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  t.teardown(async () => {
    raw.disconnect()
    await kill('SIGCONT')
    await kill()
    await rm(dir, { recursive: true, force: true })
  })
  await start()
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    dir,
    get pid() {
      return child!.pid!
    },
    raw,
    kill,
    start,
  }
}

/** True where Redis answers PING, unless it is still loading. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    socket.on('error', () => resolve(false))
    socket.on('data', (data) => {
      socket.destroy()
      resolve(!data.toString().startsWith('-LOADING'))
    })
    socket.on('close', () => resolve(false))
  })
}

/** Options of a test's catalog in that Redis. An empty Redis gets a new catalog. */
export function catalogOptions(
  url: string,
  more: Partial<RedisCatalogOptions> = {},
): RedisCatalogOptions {
  return {
    url,
    prefix: 'coffer',
    durability: 'strict',
    timeoutMs: 2000,
    startTimeoutMs: 5000,
    create: { catalogId: randomId(), commitNumber: 0 },
    log: pino({ level: 'silent' }),
    ...more,
  }
}
