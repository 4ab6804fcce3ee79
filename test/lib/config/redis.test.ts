// The configuration of a catalog on Redis: the forms that are accepted, and what is refused, without ever
// repeating a value.
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { endpointOf, sentinelOf } from '../../../lib/catalog/redis/settings.ts'
import { loadConfig } from '../../../lib/config/config.ts'
import { redisDefaults } from '../../../lib/config/redis.ts'
import { FileInvalid } from '../../../lib/file-invalid.ts'
import { redisSettings } from '../../../lib/redis-settings.ts'
import { scratch } from '../../helpers/process.ts'

function load(t: Test, text: string) {
  const file = join(scratch(t), 'coffer.yaml')
  writeFileSync(file, text)
  return loadConfig({ file })
}

function redisOf(t: Test, map: string) {
  const { catalog } = load(t, `catalog: { redis: ${map} }`)
  if (catalog === 'level') throw new Error('no Redis')
  return catalog.redis
}

function problemsOf(t: Test, map: string): string[] {
  try {
    redisOf(t, map)
  } catch (error) {
    if (!(error instanceof FileInvalid)) throw error
    return error.problems.map((line) => line.replace(/^.*?coffer\.yaml/, ''))
  }
  return []
}

t.test('a URL alone is enough, and everything else has a default', async (t) => {
  const redis = redisOf(t, '{ url: "redis://127.0.0.1" }')
  t.same(redisSettings(redis), {
    url: 'redis://127.0.0.1',
    prefix: 'coffer',
    durability: 'strict',
    timeoutMs: 2000,
  })
  t.equal(redisDefaults.smallBodyBytes, 1024)
})

t.test('a password file is read when the catalog is opened, without its newline', async (t) => {
  const file = join(t.testdir({ secret: 's3cret\n' }), 'secret')
  const redis = redisOf(t, `{ url: "redis://x", username: u, passwordFile: "${file}" }`)
  t.match(redisSettings(redis), { username: 'u', password: 's3cret' })
})

t.test('files are named from the working directory, and must be there', async (t) => {
  t.same(problemsOf(t, '{ url: "rediss://x", passwordFile: none, tls: { ca: nor-this } }'), [
    `/catalog/redis/passwordFile: no such file: ${resolve('none')} (line 1)`,
    `/catalog/redis/tls/ca: no such file: ${resolve('nor-this')} (line 1)`,
  ])
})

const accepted = [
  '{ url: "redis://127.0.0.1:6379/0" }',
  '{ url: "redis://user:p%40ss@[::1]:1" }',
  '{ url: "rediss://h/15", tls: {} }',
  '{ sentinels: [h], name: m }',
  '{ sentinels: ["h:1", "[::1]:2"], name: m, password: p, tls: {} }',
  '{ cluster: ["redis://a:1", "redis://b:1"] }',
  '{ url: "redis://h", smallBodyBytes: 0, timeoutMs: 100 }',
  '{ url: "redis://h", smallBodyBytes: 8192, timeoutMs: 60000, durability: relaxed, prefix: a.b-c_1 }',
]

t.test('what may stand there', async (t) => {
  for (const map of accepted) t.same(problemsOf(t, map), [], map)
})

const once = 'needs exactly one of url, sentinels and cluster'
const refused: readonly [map: string, problem: string][] = [
  ['{}', `: ${once}`],
  ['{ url: "redis://h", cluster: ["redis://h"] }', `: ${once}`],
  ['{ url: "redis://h", sentinels: [h], name: m }', `: ${once}`],
  ['{ sentinels: [h] }', ': sentinels and name go together'],
  ['{ url: "redis://h", name: m }', '/name: sentinels and name go together'],
  ['{ url: "redis://h:99999" }', '/url: is not a URL'],
  ['{ cluster: ["redis://h:99999"] }', '/cluster: is not a URL'],
  [
    '{ url: "redis://h", password: hunter2, passwordFile: /dev/null }',
    '/password: is there twice: passwordFile has it too',
  ],
  [
    '{ url: "redis://:hunter2@h", password: hunter2 }',
    '/password: is there twice: the URL names user or password too',
  ],
  [
    '{ url: "redis://u@h", passwordFile: /dev/null }',
    '/passwordFile: is there twice: the URL names user or password too',
  ],
  ['{ url: "redis://h", tls: {} }', '/tls: needs a rediss:// URL'],
  ['{ url: "rediss://h", tls: { cert: /dev/null } }', '/tls: cert and key go together'],
  ['{ url: "redis://h", prefix: "{a}" }', '/prefix: must match pattern "^[A-Za-z0-9._-]{1,64}$"'],
  ['{ url: "redis://h", prefix: "" }', '/prefix: must match pattern "^[A-Za-z0-9._-]{1,64}$"'],
  ['{ url: "redis://h", smallBodyBytes: -1 }', '/smallBodyBytes: must be >= 0'],
  ['{ url: "redis://h", smallBodyBytes: 8193 }', '/smallBodyBytes: must be <= 8192'],
  ['{ url: "redis://h", timeoutMs: 99 }', '/timeoutMs: must be >= 100'],
  ['{ url: "redis://h", timeoutMs: 60001 }', '/timeoutMs: must be <= 60000'],
  ['{ url: "redis://h", durability: none }', '/durability: must be one of strict, relaxed'],
  ['{ url: "redis://h", passwd: hunter2 }', '/passwd: is not a known key'],
  ['{ sentinels: ["h:x"], name: m }', '/sentinels/0: must match pattern'],
]

for (const [map, problem] of refused) {
  t.test(`refused: ${map}`, async (t) => {
    const problems = problemsOf(t, map)
    t.equal(problems.length, 1)
    t.ok(problems[0]!.startsWith(`/catalog/redis${problem}`), problems[0]!)
    t.notMatch(problems.join(), /hunter2/)
  })
}

t.test('URLs and addresses are taken apart as they are meant', async (t) => {
  t.same(endpointOf('redis://h'), { host: 'h', port: 6379, db: 0, isTls: false })
  t.same(endpointOf('rediss://u:p%2F@[::1]:7/3'), {
    host: '::1',
    port: 7,
    db: 3,
    username: 'u',
    password: 'p/',
    isTls: true,
  })
  t.same(endpointOf('redis://:p@h'), {
    host: 'h',
    port: 6379,
    db: 0,
    password: 'p',
    isTls: false,
  })
  t.same(sentinelOf('h'), { host: 'h', port: 26379 })
  t.same(sentinelOf('[::1]:5'), { host: '::1', port: 5 })
})

t.test(
  'the sample with Redis says what it would say on a machine that has its files',
  async (t) => {
    const sample = fileURLToPath(new URL('../../../etc/coffer-redis.yaml', import.meta.url))
    const secret = join(t.testdir({ secret: 'x' }), 'secret')
    const text = readFileSync(sample, 'utf8').replace('/etc/coffer/redis-password', secret)
    const { catalog } = load(t, text)
    t.match(catalog, { redis: { ...redisDefaults, username: 'coffer', passwordFile: secret } })
  },
)
