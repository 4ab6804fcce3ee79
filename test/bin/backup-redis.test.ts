// `coffer backup`, `coffer restore` and `coffer fsck --accept-catalog` of a node whose catalog lies in Redis, from
// outside: under load, killed in the middle, and where it must not be.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { readWitness } from '../../lib/catalog/witness.ts'
import { accessKey, secretKey, send, users } from '../helpers/node.ts'
import { type RunningProcess, root, run, scratch, start, writeConfig } from '../helpers/process.ts'
import { redisTest, startRedis, type TestRedis } from '../helpers/redis.ts'

t.setTimeout(600_000)

const signed = { access: accessKey, secret: secretKey }

interface Place {
  readonly data: string
  readonly file: string
  /** Arguments of a node whose catalog lies in Redis, and of one on LevelDB, with the same data. */
  readonly onRedis: readonly string[]
  readonly onLevel: readonly string[]
}

function makePlace(t: Test, redis: TestRedis, prefix = 'coffer'): Place {
  const directory = scratch(t)
  const data = join(directory, 'data')
  writeFileSync(join(directory, 'users.yaml'), stringify(users), { mode: 0o600 })
  const shared = `data: ${data}\nusers: ${join(directory, 'users.yaml')}\n`
  const catalog = `catalog: { redis: { url: ${redis.url}, prefix: ${prefix}, timeoutMs: 1000 } }\n`
  const level = writeConfig(scratch(t), shared)
  const there = writeConfig(scratch(t), shared + catalog)
  const file = join(directory, 'backup')
  return { data, file, onRedis: ['--config', there], onLevel: ['--config', level] }
}

const request = (node: RunningProcess, method: string, path: string, body?: string) =>
  send(node.http, method, path, { ...signed, ...(body === undefined ? {} : { body }) }, '')

const bodyOf = (n: number) => `body ${n} `.repeat(1 + (n % 300))

async function fill(node: RunningProcess, first: number, count: number): Promise<void> {
  await request(node, 'PUT', '/bkt')
  for (let at = first; at < first + count; at += 10) {
    const some = Array.from({ length: Math.min(10, first + count - at) }, (_, i) => at + i)
    const answers = await Promise.all(
      some.map((n) => request(node, 'PUT', `/bkt/o${n}`, bodyOf(n))),
    )
    for (const { status } of answers) if (status !== 200) throw new Error(`PUT: ${status}`)
  }
}

async function reads(t: Test, node: RunningProcess, first: number, count: number): Promise<void> {
  let wrong = 0
  for (let n = first; n < first + count; n++) {
    const { status, text } = await request(node, 'GET', `/bkt/o${n}`)
    if (status !== 200 || text !== bodyOf(n)) wrong++
  }
  t.equal(wrong, 0, `${count} objects from ${first} on`)
}

async function stop({ child, exited }: RunningProcess): Promise<void> {
  child.kill('SIGTERM')
  await exited
}

async function succeeds(t: Test, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args)
  t.equal(code, 0, `${args[0]}: ${stderr}`)
  return stdout
}

redisTest(t, 'a node under load is backed up, restored and accepted', async (t) => {
  const redis = await startRedis(t)
  const { data, file, onRedis } = makePlace(t, redis)
  const node = await start(t, onRedis)
  await fill(node, 0, 100)
  let stopped = false
  const load = (async () => {
    for (let n = 0; !stopped; n++) {
      await request(node, 'PUT', `/bkt/load${n % 40}`, bodyOf(n))
      if (n % 3 === 0) await request(node, 'DELETE', `/bkt/load${(n * 7) % 40}`)
    }
  })()
  const said = await succeeds(t, ['backup', file, ...onRedis])
  t.match(said, /^Wrote and read back \S+: catalog [0-9a-f]{32} at commit /)
  stopped = true
  await load
  await fill(node, 100, 20)
  t.equal((await request(node, 'DELETE', '/bkt/o3')).status, 204)
  t.equal(await redis.raw.exists('{coffer}:before', '{coffer}:before-keys'), 0)
  await stop(node)
  const seen = readWitness(data)!

  const there = await run(['restore', file, ...onRedis])
  t.match(there, { code: 1, stdout: '', stderr: /Redis holds the catalog [0-9a-f]{32}: a backup/ })
  await redis.raw.flushall()
  await succeeds(t, ['restore', file, ...onRedis])
  // Rows, counters, references and volumes fit one another only as of one moment.
  const checked = await run(['fsck', ...onRedis])
  t.equal(checked.code, 0, checked.stdout)
  const again = await start(t, onRedis)
  await reads(t, again, 0, 100)
  t.equal((await request(again, 'GET', '/bkt/o101')).status, 404)
  t.match(again.stdout(), /restored from a backup: reclaim is off/)
  await stop(again)

  const accepted = await succeeds(t, ['fsck', '--accept-catalog', ...onRedis])
  t.match(accepted, /^accepted: the catalog stands at commit \d+; what it does not name is dead/m)
  const number = Number(await redis.raw.hget('{coffer}:about', 'number'))
  t.ok(number > seen.commitNumber, 'its number is beyond all that was seen')
  t.same(readWitness(data), { ...seen, commitNumber: number })
  const accepting = await start(t, onRedis)
  t.notMatch(accepting.stdout(), /older copy|reclaim is off/)
  await stop(accepting)
})

redisTest(t, 'kill -9 of a backup or a restore leaves nothing that is taken for one', async (t) => {
  const redis = await startRedis(t)
  const { data, file, onRedis } = makePlace(t, redis)
  const node = await start(t, onRedis)
  await fill(node, 0, 60)
  const program = join(root, 'bin/coffer.ts')
  /** Kills the command as soon as `begun`; true where it had not ended by then. */
  const killed = async (words: readonly string[], begun: () => Promise<boolean>) => {
    const child = spawn(process.execPath, [program, ...words], { stdio: 'ignore' })
    const gone = once(child, 'exit')
    while (child.exitCode === null && !(await begun())) await sleep(1)
    child.kill('SIGKILL')
    return (await gone)[1] === 'SIGKILL'
  }
  const isHeld = async () => (await redis.raw.exists('{coffer}:before')) === 1
  t.ok(await killed(['backup', file, ...onRedis], isHeld))
  t.notOk(existsSync(file))
  const early = await run(['backup', file, ...onRedis])
  t.match(early, {
    code: 1,
    stderr: /^coffer: another backup is being taken, or was ended a minute/,
  })
  for (const key of ['before', 'before-keys']) await redis.raw.pexpire(`{coffer}:${key}`, 1)
  await succeeds(t, ['backup', file, ...onRedis])
  await stop(node)

  await redis.raw.flushall()
  const isBegun = async () => (await redis.raw.exists('{coffer}:rows')) === 1
  if (await killed(['restore', file, ...onRedis], isBegun)) {
    const refused = await run(['serve', ...onRedis])
    t.match(refused.stderr, /holds a copy of a catalog that was not finished/)
    await succeeds(t, ['restore', file, ...onRedis])
  }
  const again = await start(t, onRedis)
  await reads(t, again, 0, 60)
  t.same(
    readdirSync(data).filter((name) => name.startsWith('catalog')),
    ['catalog-seen.json'],
  )
})

redisTest(t, 'a backup is restored neither over other data nor from a damaged file', async (t) => {
  const redis = await startRedis(t)
  const mine = makePlace(t, redis)
  const node = await start(t, mine.onRedis)
  await fill(node, 0, 12)
  await succeeds(t, ['backup', mine.file, ...mine.onRedis])
  await stop(node)
  const other = makePlace(t, redis, 'other')
  const second = await start(t, other.onRedis)
  await fill(second, 0, 1)
  await request(second, 'PUT', '/bkt/large', 'x'.repeat(100_000))
  await stop(second)
  await redis.raw.del('{other}:about', '{other}:rows', '{other}:keys', '{other}:done')
  const wrong = await run(['restore', mine.file, ...other.onRedis])
  t.match(wrong, {
    code: 1,
    stdout: '',
    stderr: /backup: is of the catalog .* and \S+ is of another/,
  })
  rmSync(join(other.data, 'catalog-seen.json'))
  for (const args of [other.onRedis, other.onLevel]) {
    const volumes = await run(['restore', mine.file, ...args])
    t.match(volumes, { code: 1, stdout: '', stderr: /the volume \S+\.g1 is of another/ })
  }
  t.equal(await redis.raw.exists('{other}:about'), 0)
  t.notOk(existsSync(join(other.data, 'catalog')))

  const bytes = readFileSync(mine.file)
  bytes[bytes.length - 40]! ^= 1
  writeFileSync(mine.file, bytes)
  await redis.raw.flushall()
  const damaged = await run(['restore', mine.file, ...mine.onRedis])
  t.match(damaged, { code: 1, stdout: '', stderr: /backup: the backup is damaged: / })
  t.equal(await redis.raw.dbsize(), 0, 'nothing is left of it')
})

redisTest(t, 'no root keys are drawn where Redis holds a catalog already', async (t) => {
  const redis = await startRedis(t)
  const { data, file, onRedis } = makePlace(t, redis)
  const node = await start(t, onRedis)
  await fill(node, 0, 2)
  await succeeds(t, ['backup', file, ...onRedis])
  await stop(node)
  // As where the disk of the data directory is not mounted.
  renameSync(data, `${data}.away`)
  const refused = await run(['serve', ...onRedis])
  t.equal(refused.code, 1)
  t.match(refused.stderr, /keyring: no such file: objects cannot be opened without it/)
  t.notOk(existsSync(join(data, 'keyring')))
  // Nor where one was restored on a machine that has nothing yet.
  await redis.raw.flushall()
  const keyring = join(`${data}.away`, 'keyring')
  await succeeds(t, ['restore', file, '--keyring', keyring, ...onRedis])
  t.match((await run(['serve', ...onRedis])).stderr, /keyring: no such file/)
})
