// `coffer catalog copy` from outside: a node goes on with the copy as with the original, and what must not
// be done is refused in a sentence, with nothing changed.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { customerCipher } from '../../lib/crypto/cipher.ts'
import { CustomerKey } from '../../lib/crypto/customer-key.ts'
import { accessKey, secretKey, send, users } from '../helpers/node.ts'
import { type RunningProcess, root, run, scratch, start, writeConfig } from '../helpers/process.ts'
import { redisTest, startRedis } from '../helpers/redis.ts'
import { HandStore } from '../lib/decrypt-store.ts'

t.setTimeout(600_000)

const signed = { access: accessKey, secret: secretKey }
const sizes = [0, 1, 1024, 1025, 8192, 8193, 65536, 200_000]
const bodyOf = (size: number) => Buffer.alloc(size, `${size} `)

interface Place {
  readonly directory: string
  readonly data: string
  readonly config: string
  readonly args: readonly string[]
}

/** A node's directory with users and configuration; `more` is YAML to go with it. */
function makePlace(t: Test, more = ''): Place {
  const directory = scratch(t)
  writeFileSync(join(directory, 'users.yaml'), stringify(users), { mode: 0o600 })
  const config = writeConfig(directory, `users: ${join(directory, 'users.yaml')}\n${more}`)
  const data = join(directory, 'data')
  return { directory, data, config, args: ['--config', config, '--data', data] }
}

async function fill(node: RunningProcess): Promise<void> {
  await send(node.http, 'PUT', '/bkt', signed, '')
  for (const size of sizes) {
    const options = { ...signed, body: bodyOf(size) }
    const { status } = await send(node.http, 'PUT', `/bkt/size-${size}`, options, '')
    if (status !== 200) throw new Error(`PUT of ${size} bytes: ${status}`)
  }
}

async function check(t: Test, node: RunningProcess): Promise<void> {
  for (const size of sizes) {
    const { status, body } = await send(node.http, 'GET', `/bkt/size-${size}`, signed, '')
    t.ok(status === 200 && body.equals(bodyOf(size)), `${size} bytes`)
  }
  const more = { ...signed, body: 'more' }
  t.equal((await send(node.http, 'PUT', '/bkt/more', more, '')).status, 200)
  t.equal((await send(node.http, 'DELETE', '/bkt/more', signed, '')).status, 204)
}

async function stop(node: RunningProcess): Promise<void> {
  node.child.kill('SIGTERM')
  await node.exited
}

const copyArgs = (from: string, to: string) => ['catalog', 'copy', '--from', from, '--to', to]

t.test('a node goes on with the copy of its catalog', async (t) => {
  const { data, args, directory } = makePlace(t)
  const first = await start(t, args)
  await fill(first)
  await stop(first)
  const elsewhere = join(directory, 'elsewhere')
  const { code, stdout, stderr } = await run(copyArgs(`level:${data}`, `level:${elsewhere}`))
  t.equal(code, 0, stderr)
  t.match(stdout, /^Copied the catalog [0-9a-f]{32} from level:\S+ to level:\S+:\n\d+ rows, /m)
  t.match(stdout, /compared row by row\.\n$/)
  renameSync(join(data, 'catalog'), join(data, 'catalog.old'))
  renameSync(join(elsewhere, 'catalog'), join(data, 'catalog'))
  await check(t, await start(t, args))
})

t.test('the catalog of a node that runs is neither read nor written', async (t) => {
  const { data, args, directory } = makePlace(t)
  const idle = makePlace(t)
  await stop(await start(t, idle.args))
  const node = await start(t, args)
  const empty = `level:${join(directory, 'elsewhere')}`
  for (const each of [
    copyArgs(`level:${data}`, empty),
    copyArgs(`level:${idle.data}`, `level:${data}`),
  ]) {
    const { code, stdout, stderr } = await run(each)
    t.equal(code, 1)
    t.equal(stdout, '')
    t.match(stderr, `coffer: another coffer runs on this data directory: ${data}\n`)
  }
  t.notOk(existsSync(join(directory, 'elsewhere', 'catalog')))
  await stop(node)
})

redisTest(t, 'a node moves to Redis and back, and loses nothing', async (t) => {
  const secret = 'the-password-of-redis'
  const redis = await startRedis(t, { requirepass: secret })
  const { data, args, directory } = makePlace(t)
  const passwordFile = join(directory, 'password')
  writeFileSync(passwordFile, `${secret}\n`, { mode: 0o600 })
  const catalog = `catalog: { redis: { url: ${redis.url}, passwordFile: ${passwordFile} } }\n`
  const shared = `data: ${data}\nusers: ${join(directory, 'users.yaml')}\n`
  const onRedis = join(directory, 'on-redis.yaml')
  const config = writeConfig(scratch(t), shared + catalog)
  copyFileSync(config, onRedis)
  const first = await start(t, args)
  await fill(first)
  await stop(first)

  const there = [...copyArgs(`level:${data}`, redis.url), '--password-file', passwordFile]
  const moved = await run(there)
  t.equal(moved.code, 0, moved.stderr)
  t.notMatch(moved.stdout + moved.stderr, secret)
  const second = await start(t, ['--config', onRedis])
  await check(t, second)
  await send(second.http, 'PUT', '/bkt/only-redis', { ...signed, body: 'x' }, '')
  const running = await run(copyArgs(`config:${onRedis}`, `level:${join(directory, 'other')}`))
  t.match(running, { code: 1, stderr: /another coffer runs on this data directory/ })
  await stop(second)
  t.match((await run(there)).stderr, /^coffer: the target is not empty: /)

  const left = start(t, args)
  await t.rejects(left, /had a later catalog in Redis/, 'what was left behind is not used again')
  renameSync(join(data, 'catalog'), join(data, 'catalog.old'))
  const back = await run(copyArgs(`config:${onRedis}`, `level:${data}`))
  t.equal(back.code, 0, back.stderr)
  const third = await start(t, args)
  await check(t, third)
  t.equal((await send(third.http, 'GET', '/bkt/only-redis', signed, '')).text, 'x')
  await stop(third)

  const url = redis.url.replace('//', `//:${secret}@`)
  const again = await run(copyArgs(url, `level:${join(directory, 'again')}`))
  t.equal(again.code, 0, again.stderr)
  t.match(again.stdout, redis.url.replace('redis://', ''))
  t.notMatch(again.stdout + again.stderr, secret)
})

redisTest(t, 'the user of the sample may copy', async (t) => {
  const sample = readFileSync(join(root, 'etc/redis/coffer.conf'), 'utf8')
  const user = /^user coffer .*$/m.exec(sample)![0]
  const redis = await startRedis(t, {}, [user])
  const { data, args, directory } = makePlace(t)
  const node = await start(t, args)
  await fill(node)
  await stop(node)
  const passwordFile = join(directory, 'password')
  writeFileSync(passwordFile, 'change-me\n', { mode: 0o600 })
  const url = redis.url.replace('//', '//coffer@')
  const password = ['--password-file', passwordFile]
  const there = await run([...copyArgs(`level:${data}`, url), ...password])
  t.equal(there.code, 0, there.stderr)
  const back = await run([...copyArgs(url, `level:${join(directory, 'back')}`), ...password])
  t.equal(back.code, 0, back.stderr)
})

redisTest(t, 'rows are taken from any Redis, and put only into one that keeps them', async (t) => {
  const { data, args, directory } = makePlace(t)
  const node = await start(t, args)
  await fill(node)
  await stop(node)
  const unsafe = await startRedis(t, { appendfsync: 'everysec' })
  const from = `level:${data}`
  const refused = await run(copyArgs(from, unsafe.url))
  t.match(refused, { code: 1, stdout: '', stderr: /^coffer: Redis .*set appendfsync always/ })
  t.equal(await unsafe.raw.dbsize(), 0)
  await unsafe.raw.config('SET', 'appendfsync', 'always')
  t.equal((await run(copyArgs(from, unsafe.url))).code, 0)
  await unsafe.raw.config('SET', 'appendfsync', 'everysec')
  const out = await run(copyArgs(unsafe.url, `level:${join(directory, 'out')}`))
  t.equal(out.code, 0, out.stderr)

  await unsafe.kill()
  const gone = await run(copyArgs(unsafe.url, `level:${join(directory, 'gone')}`))
  t.match(gone, { code: 1, stdout: '', stderr: /^coffer: Redis is away: nothing listens there\n$/ })
})

t.test('what cannot be copied is refused in one line', async (t) => {
  const { data, args, directory } = makePlace(t)
  await stop(await start(t, args))
  mkdirSync(join(directory, 'nothing'))
  const used = makePlace(t)
  await stop(await start(t, used.args))
  const from = `level:${data}`
  const unused = `level:${join(directory, 'unused')}`
  const refusals: [readonly string[], RegExp][] = [
    [copyArgs(from, from), /^coffer: --from and --to name the same place\n$/],
    [copyArgs(from, `level:${used.data}`), /^coffer: the target is not empty: it holds the cat/],
    [copyArgs(`level:${directory}/none`, unused), /^coffer: there is no such directory: /],
    [copyArgs(`level:${directory}/nothing`, unused), /^coffer: there is no catalog to copy\n$/],
    [copyArgs('level:', unused), /^coffer: a place is level:DIR, /],
    [copyArgs(from, 'mysql://somewhere'), /^coffer: a place is level:DIR, /],
    [copyArgs(from, ''), /^coffer: a place is level:DIR, /],
    [
      [...copyArgs(from, unused), '--password-file', 'x'],
      /^coffer: --password-file is for a redis/,
    ],
    [[...copyArgs(from, 'redis://u:p@h'), '--password-file', 'x'], /only one of them\n$/],
    [copyArgs(from, `config:${directory}/none`), /^\S+\/none: /],
    [['catalog', 'copy', '--from', from], /required option '--to <place>' not specified/],
  ]
  for (const [each, message] of refusals) {
    const { code, stdout, stderr } = await run(each)
    const isUsage = /a place is|--to|--password-file/.test(String(message))
    t.equal(code, isUsage || /only one/.test(String(message)) ? 2 : 1, each.join(' '))
    t.equal(stdout, '')
    t.match(stderr, message)
    t.equal(stderr.split('\n').length, 2, 'one line')
  }
})

t.test('a catalog of which LevelDB would drop committed rows is not copied', async (t) => {
  const directory = scratch(t)
  const [from, to] = [join(directory, 'from'), join(directory, 'to')]
  const store = new HandStore()
  const cipher = customerCipher(new CustomerKey(Buffer.alloc(32, 'k')))
  for (let i = 0; i < 50; i++) {
    await store.add({ object: `o${i}`, cipher, parts: [bodyOf(100)], inline: true })
  }
  await store.write(from)
  const log = readdirSync(join(from, 'catalog')).find((name) => name.endsWith('.log'))!
  const path = join(from, 'catalog', log)
  const sound = readFileSync(path)
  const args = ['catalog', 'copy', '--from', `level:${from}`, '--to', `level:${to}`]
  for (const share of [0.2, 0.5, 0.8]) {
    const at = Math.floor(sound.length * share)
    const changed = Buffer.from(sound)
    changed[at]! ^= 8
    writeFileSync(path, changed)
    const { code, stderr } = await run(args)
    t.equal(code, 1)
    t.match(stderr, /is damaged, and its rows cannot be trusted/)
    t.ok(readFileSync(path).equals(changed), 'the damaged log is still there')
    t.notOk(existsSync(join(to, 'catalog')), 'nothing is made')
  }
  writeFileSync(path, sound)
  t.match(await run(args), { code: 0, stdout: /read again and compared/ })
})
