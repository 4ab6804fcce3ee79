// What `aws s3` does, for both versions of awscli. Version 1 of PyPI sends checksums in trailers of
// aws-chunked bodies, version 2 of Debian sends Content-MD5 and plain bodies.
import { readFileSync, rmSync } from 'node:fs'
import t from 'tap'
import { type Client, clientTest, type Program, program, type Runner } from '../helpers/clients.ts'
import {
  type CustomerKeyFile,
  checkTree,
  contentOf,
  type Setting,
  sizes,
  startSetting,
  tree,
  writeTree,
} from './setting.ts'
import { runWarm } from './warm.ts'

/** `aws` with the node as its endpoint, over TLS unless told. `runner` is `run` for a process of its own each. */
export function awsProgram(
  client: Client,
  setting: Setting,
  endpoint: string = setting.node.https,
  runner: Runner = runWarm,
): Program {
  const fixed = { env: setting.env, cwd: setting.path('.') }
  return program(client, ['--endpoint-url', endpoint, '--ca-bundle', setting.ca], fixed, runner)
}

/** The options of `aws s3` for a customer key. */
export const sseC = (key: CustomerKeyFile) => [
  '--sse-c',
  'AES256',
  '--sse-c-key',
  `fileb://${key.file}`,
]

const sseCSource = (key: CustomerKeyFile) => [
  '--sse-c-copy-source',
  'AES256',
  '--sse-c-copy-source-key',
  `fileb://${key.file}`,
]

const bySize = Object.fromEntries(sizes.map((size) => [`size-${size}`, size]))

export function testS3Commands(client: Client): void {
  clientTest(t, client, `${client.name}: files of every size go up and come down`, async (t) => {
    const setting = await startSetting(t)
    const aws = awsProgram(client, setting)
    await aws.ok(['s3', 'mb', 's3://sizes'])
    writeTree(setting.path('up'), bySize)
    for (const [prefix, key] of [
      ['plain', []],
      ['sealed', sseC(setting.key)],
    ] as const) {
      const there = `s3://sizes/${prefix}/`
      await aws.ok(['s3', 'cp', '--recursive', setting.path('up'), there, ...key])
      await aws.ok(['s3', 'cp', '--recursive', there, setting.path(prefix), ...key])
      checkTree(t, setting.path(prefix), bySize)
      for (const size of [0, 65537, (8 << 20) + 1]) {
        const name = `one-${size}`
        await aws.ok(['s3', 'cp', setting.file(name, size), `${there}${name}`, ...key])
        const got = await aws.ok(['s3', 'cp', `${there}${name}`, '-', ...key])
        t.ok(got.equals(contentOf(name, size)), `${prefix}/${name}`)
      }
    }
    const streamed = contentOf('stream', 20 << 20)
    const options = ['s3', 'cp', '-', 's3://sizes/stream', ...sseC(setting.key)]
    await aws.ok(options, { input: streamed })
    const back = await aws.ok(['s3', 'cp', 's3://sizes/stream', '-', ...sseC(setting.key)])
    t.ok(back.equals(streamed), 'standard input of unknown length')
  })

  clientTest(
    t,
    client,
    `${client.name}: a tree syncs up and down under a customer key`,
    async (t) => {
      const setting = await startSetting(t)
      const aws = awsProgram(client, setting)
      await aws.ok(['s3', 'mb', 's3://tree'])
      writeTree(setting.path('up'), tree)
      const key = sseC(setting.key)
      const up = ['s3', 'sync', setting.path('up'), 's3://tree/a b/', ...key]
      const down = ['s3', 'sync', 's3://tree/a b/', setting.path('down'), ...key]
      await aws.ok(up)
      t.equal(await aws.text(up), '', 'a second sync finds nothing to send')
      await aws.ok(down)
      checkTree(t, setting.path('down'), tree)
      t.equal(await aws.text(down), '', 'a second sync finds nothing to fetch')
      const listed = await aws.text(['s3', 'ls', '--recursive', '--summarize', 's3://tree'])
      for (const name of Object.keys(tree)) t.match(listed, `a b/${name}\n`, `ls shows ${name}`)
      t.match(listed, `Total Objects: ${Object.keys(tree).length}\n`)
      t.match(await aws.text(['s3', 'ls', 's3://tree']), /^ +PRE a b\/\n$/)
      rmSync(setting.path('up', 'large.bin'))
      t.match(await aws.text([...up, '--delete']), /^delete: s3:\/\/tree\/a b\/large\.bin\n$/)
      t.match(await aws.fail(['s3', 'rb', 's3://tree']), 'BucketNotEmpty')
      await aws.ok(['s3', 'rm', 's3://tree/a b/question?mark#hash'])
      await aws.ok(['s3', 'rm', '--recursive', 's3://tree/a b/deep/'])
      t.equal((await aws.text(['s3', 'ls', '--recursive', 's3://tree'])).match(/\n/g)!.length, 7)
      await aws.ok(['s3', 'rb', '--force', 's3://tree'])
      t.equal(await aws.text(['s3', 'ls']), '')
    },
  )

  clientTest(t, client, `${client.name}: over plain http bodies are signed`, async (t) => {
    const setting = await startSetting(t, { ssec: { tls: ['loopback'] } })
    const aws = awsProgram(client, setting, setting.node.http)
    await aws.ok(['s3', 'mb', 's3://signed'])
    for (const [name, key] of [
      ['plain', []],
      // This node takes a key unencrypted over loopback.
      ['sealed', sseC(setting.key)],
    ] as const) {
      const size = (8 << 20) + 1
      await aws.ok(['s3', 'cp', setting.file(name, size), `s3://signed/${name}`, ...key])
      const got = await aws.ok(['s3', 'cp', `s3://signed/${name}`, '-', ...key])
      t.ok(got.equals(contentOf(name, size)), name)
    }
  })

  clientTest(t, client, `${client.name}: without the key nothing opens`, async (t) => {
    const setting = await startSetting(t)
    const aws = awsProgram(client, setting)
    await aws.ok(['s3', 'mb', 's3://locked'])
    const file = setting.file('secret', 100_000)
    await aws.ok(['s3', 'cp', file, 's3://locked/secret', ...sseC(setting.key)])
    const get = ['s3', 'cp', 's3://locked/secret', setting.path('got')]
    t.match(await aws.fail(get), '(400)', 'no key')
    t.match(await aws.fail([...get, ...sseC(setting.other)]), '(403)', 'another key')
    await aws.ok([...get, ...sseC(setting.key)])
    t.ok(readFileSync(setting.path('got')).equals(contentOf('secret', 100_000)))
    // Sync reads without a HEAD: what is refused is the GET itself.
    const sync = ['s3', 'sync', 's3://locked', setting.path('synced')]
    t.match(await aws.fail(sync), 'The correct parameters must be provided to retrieve the object')
    t.match(
      await aws.fail([...sync, ...sseC(setting.other)]),
      'must provide the correct secret key',
    )
    checkTree(t, setting.path('synced'), {})
  })

  clientTest(t, client, `${client.name}: objects are copied and moved across keys`, async (t) => {
    const setting = await startSetting(t)
    const aws = awsProgram(client, setting)
    const { key, other } = setting
    await aws.ok(['s3', 'mb', 's3://source'])
    await aws.ok(['s3', 'mb', 's3://target'])
    // The larger one is copied by parts.
    for (const size of [70_000, 20 << 20]) {
      const [name, file] = [`copied-${size}`, setting.file(`copied-${size}`, size)]
      const content = contentOf(name, size)
      const source = `s3://source/${name}`
      await aws.ok(['s3', 'cp', file, source, ...sseC(key)])
      const copy = ['s3', 'cp', source]
      const got = async (target: string, opens: readonly string[]) =>
        (await aws.ok(['s3', 'cp', target, '-', ...opens])).equals(content)
      await aws.ok([...copy, `s3://target/${name}`, ...sseCSource(key), ...sseC(other)])
      t.ok(await got(`s3://target/${name}`, sseC(other)), `${size} bytes to another key`)
      await aws.ok([...copy, `s3://target/plain-${name}`, ...sseCSource(key)])
      t.ok(await got(`s3://target/plain-${name}`, []), `${size} bytes to no key`)
      const move = ['s3', 'mv', `s3://target/${name}`, `s3://target/moved-${name}`]
      await aws.ok([...move, ...sseCSource(other), ...sseC(key)])
      t.ok(await got(`s3://target/moved-${name}`, sseC(key)), `${size} bytes to the first by mv`)
    }
    const left = await aws.text(['s3', 'ls', 's3://target'])
    t.match(left, ' moved-copied-70000\n')
    t.notMatch(left, ' copied-70000\n', 'moved away')
  })

  clientTest(t, client, `${client.name}: refusals are printed as sentences`, async (t) => {
    const setting = await startSetting(t)
    const aws = awsProgram(client, setting)
    await aws.ok(['s3', 'mb', 's3://mine'])
    t.match(await aws.fail(['s3', 'ls', 's3://absent']), /\(NoSuchBucket\).*does not exist/)
    t.match(await aws.fail(['s3', 'cp', 's3://mine/absent', '-']), /\(404\).*Not Found/)
    t.match(await aws.fail(['s3', 'mb', 's3://No_Bucket']), /Invalid bucket name|InvalidBucketName/)
    const stranger = { AWS_ACCESS_KEY_ID: 'other:other', AWS_SECRET_ACCESS_KEY: 'testing2' }
    t.match(
      await aws.fail(['s3', 'ls', 's3://mine'], { env: stranger }),
      /\(AccessDenied\).*Denied/,
    )
    t.match(await aws.fail(['s3', 'mb', 's3://mine'], { env: stranger }), /\(BucketAlreadyExists\)/)
    const unknown = { AWS_ACCESS_KEY_ID: 'NOBODY' }
    t.match(
      await aws.fail(['s3', 'ls'], { env: unknown }),
      /\(InvalidAccessKeyId\).*does not exist/,
    )
    const forged = { AWS_SECRET_ACCESS_KEY: 'wrong' }
    t.match(await aws.fail(['s3', 'ls'], { env: forged }), /\(SignatureDoesNotMatch\).*signature/)
    const far = { AWS_DEFAULT_REGION: 'eu-west-9' }
    t.match(await aws.fail(['s3', 'ls'], { env: far }), /region 'eu-west-9' is wrong/)
    const kms = ['s3', 'cp', setting.file('f', 5), 's3://mine/f', '--sse', 'aws:kms']
    t.match(await aws.fail(kms), /NotImplemented/)
  })
}
