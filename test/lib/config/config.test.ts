// The configuration: what is accepted, what is refused and where, and what follows from what.
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import {
  type Config,
  defaultConfig,
  exposed,
  loadConfig,
  unbuilt,
} from '../../../lib/config/config.ts'
import { FileInvalid } from '../../../lib/file-invalid.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

function load(t: Test, text: string, data?: string): Config {
  const file = join(t.testdir(), 'coffer.yaml')
  writeFileSync(file, text)
  return loadConfig({ file, data })
}

/** The problems that reading `text` finds, without the name of the file. */
function problemsOf(t: Test, text: string): string[] {
  try {
    load(t, text)
  } catch (error) {
    if (!(error instanceof FileInvalid)) throw error
    return error.problems.map((problem) => problem.replace(/^.*?coffer\.yaml/, ''))
  }
  return []
}

t.test('a node that sets nothing has the documented defaults', async (t) => {
  t.same(defaultConfig(), {
    data: resolve('data'),
    keyring: resolve('data/keyring'),
    devices: [resolve('data/volumes')],
    catalog: 'level',
    listen: [
      { host: '127.0.0.1', port: 8080, serves: ['object'] },
      { host: '127.0.0.1', port: 8443, tls: 'auto', serves: ['object'] },
      { host: '127.0.0.1', port: 5000, tls: 'auto', serves: ['identity'] },
      { host: '127.0.0.1', port: 9311, tls: 'auto', serves: ['keymanager'] },
    ],
    domains: [],
    trustedProxies: [],
    region: 'us-east-1',
    ssec: { tls: ['direct'], wrongKeyStatus: 403, presignedReads: 'unsigned' },
    swift: {
      resellers: [{ prefix: 'AUTH' }],
      tokenSeconds: 86400,
      remapDomains: [],
      policies: [{ name: 'default', default: true, aliases: [], deprecated: false }],
    },
    identity: { operatorRoles: ['member', 'swiftoperator'], region: 'RegionOne' },
    lifecycle: { dayInSeconds: 86400 },
    storage: {
      volumeFormat: 'level',
      volumeSizeBytes: 34359738368,
      writeBufferBytes: 67108864,
      openVolumes: 32,
      reserveBytes: 1073741824,
      reclaim: { enabled: true, deadShare: 0.3, bytesPerSecond: 67108864 },
    },
    limits: {
      connections: 10_000,
      connectionsPerAddress: 1000,
      headerBytes: 32_768,
      headersTimeoutMs: 60_000,
      keepAliveTimeoutMs: 75_000,
      socketTimeoutMs: 300_000,
      bodyTimeoutMs: 60_000,
      bodyTotalMs: 86_400_000,
      bodyBytesPerSecond: 100,
      answerTimeoutMs: 60_000,
      answerBytesPerSecond: 1000,
      answerBytes: 268_435_456,
      answerWaitMs: 5000,
      uploadsPerUser: 1000,
      begunUploadsPerUser: 10_000,
      begunUploadSeconds: 604_800,
      loginFailures: 10,
      loginFailuresPerAddress: 100,
      loginBackoffMs: 1000,
      loginBackoffMaxMs: 300_000,
      drainTimeoutMs: 30_000,
    },
    threads: 1,
    log: { level: 'info' },
  })
})

t.test('an empty file and the sample file both mean the defaults', async (t) => {
  t.same(load(t, ''), defaultConfig())
  t.same(load(t, '# nothing but a comment\n'), defaultConfig())
  t.same(loadConfig({ file: join(root, 'etc/coffer.yaml') }), defaultConfig())
})

t.test('the sample is valid with every key that it shows as a comment', async (t) => {
  const sample = (await import('../../../lib/config/render.ts')).renderSample()
  const keys = sample.replaceAll(/^# (?=(keyring|devices|users|audit): )/gm, '')
  t.equal(keys.split('\n').filter((line, i) => line !== sample.split('\n')[i]).length, 4)
  const config = load(t, keys.replace('./users.yaml', '/dev/null'))
  t.equal(config.audit, resolve('audit.log'))
  t.equal(config.keyring, resolve('data/keyring'))
})

t.test('data moves keyring and devices with it, where they are not set', async (t) => {
  const moved = load(t, 'data: ./here')
  t.same([moved.keyring, ...moved.devices], [resolve('here/keyring'), resolve('here/volumes')])
  const told = load(t, 'data: ./here', '/srv/there')
  t.same(
    [told.data, told.keyring, ...told.devices],
    ['/srv/there', '/srv/there/keyring', '/srv/there/volumes'],
  )
  const set = load(t, 'keyring: /safe/keyring\ndevices: [/disk1, /disk2]', '/srv/there')
  t.same(
    [set.data, set.keyring, ...set.devices],
    ['/srv/there', '/safe/keyring', '/disk1', '/disk2'],
  )
})

t.test('relative paths are relative to the working directory', async (t) => {
  const files = t.testdir({ 'users.yaml': '', 'cert.pem': '', 'key.pem': '' })
  const cwd = process.cwd()
  process.chdir(files)
  try {
    writeFileSync(
      'coffer.yaml',
      'users: users.yaml\naudit: a.log\nlisten: [{port: 1, tls: {cert: cert.pem, key: key.pem}}]',
    )
    const config = loadConfig({ file: 'coffer.yaml' })
    t.equal(config.users, join(process.cwd(), 'users.yaml'))
    t.equal(config.audit, join(process.cwd(), 'a.log'))
    t.same(config.listen[0]?.tls, {
      cert: join(process.cwd(), 'cert.pem'),
      key: join(process.cwd(), 'key.pem'),
    })
  } finally {
    process.chdir(cwd)
  }
})

t.test('the configuration cannot be changed after it was read', async (t) => {
  const config = defaultConfig() as unknown as { data: string; listen: { port: number }[] }
  t.throws(() => {
    config.data = '/elsewhere'
  }, TypeError)
  t.throws(() => {
    config.listen[0]!.port = 1
  }, TypeError)
  t.throws(() => config.listen.pop(), TypeError)
})

t.test('everything that is wrong is said at once, each with path and line', async (t) => {
  const text = `data: /srv
listen:
  - host: 127.0.0.1
    prot: 80
  - { port: 70000, tls: { cert: a } }
  - { port: "81", tls: yes, serves: [objects] }
catalog: { redis: { url: "http://user:hunter2@x" } }
ssec:
  tls: [direkt]
  wrongKeyStatus: 402
storage: 5
`
  t.same(problemsOf(t, text), [
    "/listen/0: must have required property 'port' (line 3)",
    '/listen/0/prot: is not a known key (line 4)',
    '/listen/1/port: must be <= 65535 (line 5)',
    "/listen/1/tls: must have required property 'key' (line 5)",
    '/listen/2/port: must be integer (line 6)',
    '/listen/2/tls: must be auto or a map with cert, key (line 6)',
    '/listen/2/serves/0: must be one of object, identity, keymanager, ops (line 6)',
    '/catalog/redis/url: must match pattern "^rediss?://[^\\s/?#]+(/\\d*)?$" (line 7)',
    '/ssec/tls/0: must be one of direct, forwarded, loopback, off (line 9)',
    '/ssec/wrongKeyStatus: must be one of 403, 400 (line 10)',
    '/storage: must be object (line 11)',
  ])
})

t.test('no message repeats a value of the file', async (t) => {
  for (const text of [
    'catalog: { redis: { url: "http://user:hunter2@x" } }',
    'region: "hunter2 hunter2"',
    'hunter: 2\nregion: [hunter2',
    'region: *hunter2',
    'region: !hunter2 x\n  hunter2: 1',
    'log: { level: hunter2 }',
  ]) {
    const problems = problemsOf(t, text)
    t.ok(problems.length > 0, text)
    t.notMatch(problems.join(), /hunter2/)
  }
})

const refusals: readonly [text: string, problem: string][] = [
  ['prot: 1', '/prot: is not a known key (line 1)'],
  ['data: ""', '/data: must NOT have fewer than 1 characters (line 1)'],
  ['devices: []', '/devices: must NOT have fewer than 1 items (line 1)'],
  ['listen: []', '/listen: must NOT have fewer than 1 items (line 1)'],
  ['listen: [{ port: -1 }]', '/listen/0/port: must be >= 0 (line 1)'],
  ['\n\nthreads: 0', '/threads: must be >= 1 (line 3)'],
  ['threads: 1.5', '/threads: must be integer (line 1)'],
  ['catalog: mysql', '/catalog: must be level or a map with redis (line 1)'],
  ['lifecycle:\n  dayInSeconds: 0', '/lifecycle/dayInSeconds: must be >= 1 (line 2)'],
  ['listen: [{ port: 1 }, { port: 1 }]', '/listen/1: listens where another entry does (line 1)'],
  [
    'listen:\n- port: 1\n  serves: [object, identity]',
    '/listen/0/serves: identity and keymanager cannot share an entry with others: their paths collide (line 3)',
  ],
  [
    'trustedProxies:\n- 10.0.0.0/8\n- 10.0.0.1',
    '/trustedProxies/1: must be a CIDR, such as 10.0.0.0/8 or ::1/128 (line 3)',
  ],
  [
    'swift:\n  policies: [{ name: a }]',
    '/swift/policies: exactly one policy must be the default (line 2)',
  ],
  [
    'swift:\n  policies: [{ name: a, default: true, deprecated: true }]',
    '/swift/policies: a deprecated policy cannot be the default (line 2)',
  ],
  [
    'swift:\n  policies:\n  - { name: a, default: true }\n  - { name: b, aliases: [A] }',
    '/swift/policies/1/aliases/0: names another policy already (line 4)',
  ],
  [
    'swift: { resellers: [{ prefix: A }, { prefix: A }] }',
    '/swift/resellers/1/prefix: is listed twice (line 1)',
  ],
  ['users: /nowhere/users.yaml', '/users: no such file: /nowhere/users.yaml (line 1)'],
  [
    'listen: [{ port: 1, tls: { cert: /nowhere/c, key: /dev/null } }]',
    '/listen/0/tls/cert: no such file: /nowhere/c (line 1)',
  ],
  ['data: a\ndata: b', ': is not YAML: duplicate key (line 2)'],
  ['- a', ': must be object (line 1)'],
]

for (const [text, problem] of refusals) {
  t.test(`${JSON.stringify(text)} is refused`, async (t) => {
    t.same(problemsOf(t, text), [problem])
  })
}

t.test('a file that is missing is an error that names it', async (t) => {
  t.throws(() => loadConfig({ file: '/nowhere/coffer.yaml' }), {
    message: '/nowhere/coffer.yaml: cannot be read: ENOENT',
  })
})

t.test('bytes are taken as a number or with a unit', async (t) => {
  const { storage, limits } = load(
    t,
    'storage: { volumeSizeBytes: 2 GiB, writeBufferBytes: 4194304, reserveBytes: 500M, reclaim: { bytesPerSecond: 0 } }\n' +
      'limits: { headerBytes: 64KiB, bodyBytesPerSecond: 1.5k }',
  )
  const { volumeSizeBytes, writeBufferBytes, reserveBytes, reclaim } = storage
  t.same(
    [volumeSizeBytes, writeBufferBytes, reserveBytes, reclaim.bytesPerSecond],
    [2 ** 31, 4_194_304, 500_000_000, 0],
  )
  t.same([limits.headerBytes, limits.bodyBytesPerSecond], [65_536, 1500])
  const redis = 'catalog: { redis: { url: "redis://x", smallBodyBytes: 2 KiB } }'
  t.match(load(t, redis).catalog, { redis: { smallBodyBytes: 2048 } })
  const form = 'must be a whole number of bytes, or one with a unit, as 64 MiB'
  const wrong: readonly [text: string, problem: string][] = [
    ['storage: { volumeSizeBytes: 32 Gb }', `/storage/volumeSizeBytes: ${form} (line 1)`],
    ['storage: { volumeSizeBytes: 2097152.5 }', `/storage/volumeSizeBytes: ${form} (line 1)`],
    ['storage: { reserveBytes: 0.3 KiB }', `/storage/reserveBytes: ${form} (line 1)`],
    ['storage: { reserveBytes: -1 }', '/storage/reserveBytes: must be >= 0 (line 1)'],
    ['limits: { headerBytes: 4 KiB }', '/limits/headerBytes: must be 8 KiB to 1 MiB (line 1)'],
    ['limits:\n  headerBytes: 2M', '/limits/headerBytes: must be 8 KiB to 1 MiB (line 2)'],
    [
      'catalog:\n  redis:\n    url: redis://x\n    smallBodyBytes: 1M',
      '/catalog/redis/smallBodyBytes: must be 0 to 8 KiB (line 4)',
    ],
  ]
  for (const [text, problem] of wrong) t.same(problemsOf(t, text), [problem], text)
})

t.test('a port stands for those of the listeners, in their order', async (t) => {
  const file = join(t.testdir(), 'coffer.yaml')
  const portsOf = (text: string, port: number) => {
    writeFileSync(file, text)
    return loadConfig({ file, port }).listen.map((listener) => listener.port)
  }
  t.same(portsOf('', 9000), [9000, 9001, 9002, 9003], 'http, https, identity and keys')
  t.same(portsOf('', 0), [0, 0, 0, 0], 'free ones')
  const listen =
    'listen: [{ host: "::1", port: 80, tls: auto }, { port: 1 }, { port: 9, serves: [ops] }]'
  t.same(portsOf(listen, 9000), [9000, 9001, 9002])
  t.match(
    loadConfig({ file, port: 9000 }).listen[0],
    { host: '::1', tls: 'auto' },
    'all else stays',
  )
  t.same(portsOf('listen: [{ port: 1 }]', 65_535), [65_535])
  t.throws(() => portsOf('', 65_535), {
    message: /\/listen\/1: --port leaves no port for it: 65535 is the last/,
  })
})

t.test('limits that undo one another are refused, each by its path', async (t) => {
  t.same(problemsOf(t, 'limits: { loginBackoffMs: 5000, loginBackoffMaxMs: 4999 }'), [
    '/limits/loginBackoffMaxMs: is below loginBackoffMs (line 1)',
  ])
  t.same(problemsOf(t, 'limits: { loginBackoffMs: 5000, loginBackoffMaxMs: 5000 }'), [])
  t.same(problemsOf(t, 'limits: { bodyTimeoutMs: 1001, socketTimeoutMs: 1000 }'), [
    '/limits/socketTimeoutMs: is below bodyTimeoutMs (line 1)',
  ])
  t.same(problemsOf(t, 'limits: { bodyTimeoutMs: 1000, socketTimeoutMs: 1000 }'), [])
  t.same(problemsOf(t, 'limits: { bodyTimeoutMs: 2000, bodyTotalMs: 1999 }'), [
    '/limits/bodyTotalMs: is below bodyTimeoutMs (line 1)',
  ])
  t.same(problemsOf(t, 'limits: { uploadsPerUser: 0 }'), [
    '/limits/uploadsPerUser: must be >= 1 (line 1)',
  ])
})

t.test('several free ports, and ops beside any service, are accepted', async (t) => {
  const text = `listen:
- { port: 0 }
- { port: 0 }
- { port: 1, serves: [object, ops], url: "https://s3.example.com" }
- { port: 4, serves: [ops] }`
  t.same(problemsOf(t, text), [])
})

t.test('passwords, tokens and keys on plain HTTP beyond this machine are warned of', async (t) => {
  const file = join(t.testdir(), 'coffer.yaml')
  const warned = (serves: string, host: string, tls = '') => {
    writeFileSync(file, `listen: [{ host: "${host}", port: 1, serves: [${serves}]${tls} }]`)
    return exposed(loadConfig({ file }))
  }
  for (const serves of ['object', 'identity', 'keymanager', 'identity, ops']) {
    t.match(warned(serves, '0.0.0.0'), [/arrive unencrypted/], serves)
    t.same(warned(serves, '127.0.0.1'), [], `${serves} on loopback`)
    t.same(warned(serves, '0.0.0.0', ', tls: auto'), [], `${serves} with TLS`)
  }
  t.same(warned('ops', '0.0.0.0'), [])
})

t.test('a key whose feature is not built yet is accepted, and warned of', async (t) => {
  const defaults = defaultConfig()
  t.same(unbuilt(defaults, defaults), [])
  const config = load(
    t,
    `threads: 2
lifecycle: { dayInSeconds: 10 }
swift:
  resellers: [{ prefix: AUTH }, { prefix: SERVICE, serviceRole: service }]
  remapDomains: [example.net]
  policies: [{ name: gold, default: true, aliases: [yellow] }, { name: silver }]
listen: [{ port: 2, serves: [object, ops], url: "http://x" }]
domains: [s3.example.com]
trustedProxies: [10.0.0.0/8]
ssec: { tls: [off] }`,
  )
  t.same(
    unbuilt(config, defaults).map((warning) => warning.split(':')[0]),
    [
      'threads',
      'lifecycle',
      'swift.remapDomains',
      'swift.policies',
      'swift.resellers.1',
      'swift.resellers.1.serviceRole',
    ],
  )
})
