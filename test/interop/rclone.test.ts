// rclone's s3 backend over TLS, sealed and plain. rclone takes a 400 or 403 on HEAD for "no such file" and may
// succeed without having copied anything, so files are compared and exit codes are not trusted.
import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { clients, clientTest, type Program, program } from '../helpers/clients.ts'
import { accessKey, secretKey } from '../helpers/node.ts'
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

t.setTimeout(600_000)

const bySize = Object.fromEntries(sizes.map((size) => [`size-${size}`, size]))

/** A remote per key, in a configuration file as docs/clients.md shows it. */
function rcloneProgram(setting: Setting): Program {
  const { https, http } = setting.node
  const remote = (name: string, key?: CustomerKeyFile, endpoint = https) => [
    `[${name}]`,
    'type = s3',
    'provider = Other',
    `endpoint = ${endpoint}`,
    'region = us-east-1',
    `access_key_id = ${accessKey}`,
    `secret_access_key = ${secretKey}`,
    'chunk_size = 5M',
    'upload_cutoff = 5M',
    'copy_cutoff = 6M',
    ...(key === undefined
      ? []
      : [
          'sse_customer_algorithm = AES256',
          `sse_customer_key_base64 = ${key.base64}`,
          `sse_customer_key_md5 = ${key.md5}`,
        ]),
  ]
  const config = setting.path('rclone.conf')
  const lines = [
    ...remote('plain'),
    ...remote('http', undefined, http),
    ...remote('sealed', setting.key),
    ...remote('other', setting.other),
  ]
  writeFileSync(config, `${lines.join('\n')}\n`)
  const fixed = ['--config', config, '--ca-cert', setting.ca, '--retries', '1', '--quiet']
  return program(clients.rclone, fixed, { cwd: setting.path('.') })
}

clientTest(t, clients.rclone, 'rclone copies files of every size', async (t) => {
  const setting = await startSetting(t)
  const rclone = rcloneProgram(setting)
  writeTree(setting.path('up'), bySize)
  for (const remote of ['plain', 'http', 'sealed']) {
    const there = `${remote}:sizes-${remote}/in`
    await rclone.ok(['mkdir', `${remote}:sizes-${remote}`])
    await rclone.ok(['copy', setting.path('up'), there])
    await rclone.ok(['copy', there, setting.path(remote)])
    checkTree(t, setting.path(remote), bySize)
    await rclone.ok(['check', '--download', setting.path('up'), there])
    const listed = await rclone.text(['lsf', '--format', 'ps', there])
    const lines = Object.entries(bySize).map(([name, size]) => `${name};${size}`)
    t.same(listed.trim().split('\n').sort(), lines.sort())
  }
  // Where ETags are MD5s, rclone compares them with the files.
  await rclone.ok(['check', setting.path('up'), 'plain:sizes-plain/in'])
  writeFileSync(setting.path('up', 'size-1'), 'y')
  await rclone.fail(['check', '--download', setting.path('up'), 'sealed:sizes-sealed/in'])
})

clientTest(
  t,
  clients.rclone,
  'rclone syncs a tree, and times of modification survive',
  async (t) => {
    const setting = await startSetting(t)
    const rclone = rcloneProgram(setting)
    writeTree(setting.path('up'), tree)
    const time = new Date('2001-02-03T04:05:06.789Z')
    utimesSync(setting.path('up', 'one byte'), time, time)
    await rclone.ok(['sync', setting.path('up'), 'sealed:tree/a b'])
    await rclone.ok(['sync', 'sealed:tree/a b', setting.path('down')])
    checkTree(t, setting.path('down'), tree)
    t.same(statSync(setting.path('down', 'one byte')).mtime, time, 'the time of modification')
    const transferred = async (from: string, to: string) => {
      const { stderr } = await rclone.run(['sync', '-v', from, to])
      return / (\d+) \/ \d+, 100%/.exec(stderr.split('Transferred:').at(-1)!)?.[1] ?? '0'
    }
    t.equal(await transferred(setting.path('up'), 'sealed:tree/a b'), '0', 'nothing new to send')
    const touched = new Date('2011-02-03T04:05:06Z')
    utimesSync(setting.path('up', 'one byte'), touched, touched)
    await rclone.ok(['sync', setting.path('up'), 'sealed:tree/a b'])
    const listed = await rclone.text(['lsl', 'sealed:tree/a b/one byte'])
    t.match(listed, '2011-02-03 04:05:06', 'a new time alone is set by a copy onto itself')
    const one = await rclone.ok(['cat', 'sealed:tree/a b/one byte'])
    t.ok(one.equals(contentOf('one byte', 1)))
    await rclone.ok(['delete', 'sealed:tree/a b/deep'])
    await rclone.ok(['deletefile', 'sealed:tree/a b/large.bin'])
    const left = await rclone.text(['lsf', '-R', '--files-only', 'sealed:tree/a b'])
    t.equal(left.match(/\n/g)!.length, Object.keys(tree).length - 2)
    await rclone.ok(['purge', 'sealed:tree'])
    t.equal(await rclone.text(['lsf', 'sealed:']), '')
  },
)

clientTest(
  t,
  clients.rclone,
  'rclone copies on the server, by parts where files are large',
  async (t) => {
    const setting = await startSetting(t)
    const rclone = rcloneProgram(setting)
    for (const size of [70_000, (8 << 20) + 1]) {
      const name = `copied-${size}`
      await rclone.ok(['copyto', setting.file(name, size), `sealed:source/${name}`])
      const before = setting.node.audited.length
      await rclone.ok(['copyto', `sealed:source/${name}`, `sealed:target/${name}`])
      const done = setting.node.audited.slice(before).map(({ operation }) => operation)
      t.ok(
        done.some((operation) => /Copy/.test(operation)),
        'on the server',
      )
      t.notOk(done.includes('PutObject'), 'not through the client')
      const got = await rclone.ok(['cat', `sealed:target/${name}`])
      t.ok(got.equals(contentOf(name, size)))
      await rclone.ok(['moveto', `sealed:target/${name}`, `sealed:target/moved/${name}`])
      t.equal(await rclone.text(['lsf', '-R', '--files-only', 'sealed:target']), `moved/${name}\n`)
      await rclone.ok(['purge', 'sealed:target'])
    }
    const streamed = contentOf('stream', 12 << 20)
    await rclone.ok(['rcat', 'sealed:source/stream'], { input: streamed })
    t.ok((await rclone.ok(['cat', 'sealed:source/stream'])).equals(streamed), 'unknown length')
  },
)

clientTest(t, clients.rclone, 'rclone gets nothing without the key', async (t) => {
  const setting = await startSetting(t)
  const rclone = rcloneProgram(setting)
  await rclone.ok(['copyto', setting.file('secret', 70_000), 'sealed:locked/secret'])
  for (const remote of ['plain', 'other']) {
    await rclone.run(['copy', `${remote}:locked`, setting.path(remote)])
    checkTree(t, setting.path(remote), {})
    t.equal((await rclone.run(['cat', `${remote}:locked/secret`])).stdout.length, 0)
  }
  await rclone.ok(['copy', 'sealed:locked', setting.path('sealed')])
  const got = readFileSync(setting.path('sealed', 'secret'))
  t.ok(got.equals(contentOf('secret', 70_000)))
})
