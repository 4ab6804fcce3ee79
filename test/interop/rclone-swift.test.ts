// rclone's swift backend over TLS, sealed and plain. It compares ETags with MD5s after each transfer, asks
// for the segments of what bears the mark of a large object, and sends what HEAD showed back with a new time.
import { statSync, utimesSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { clients, clientTest } from '../helpers/clients.ts'
import { everywhereKey, rcloneSwift, transferKey } from './rclone-swift.ts'
import { checkTree, contentOf, sizes, startSetting, tree, writeTree } from './setting.ts'

t.setTimeout(600_000)

const bySize = Object.fromEntries(sizes.map((size) => [`size-${size}`, size]))

async function start(t: Parameters<typeof startSetting>[0]) {
  const setting = await startSetting(t)
  const rclone = rcloneSwift(setting)
  const ways = {
    plain: [],
    transfers: transferKey(setting.key),
    everywhere: everywhereKey(setting.key),
  }
  return { setting, rclone, ways }
}

clientTest(t, clients.rclone, "rclone's swift backend copies files of every size", async (t) => {
  const { setting, rclone, ways } = await start(t)
  writeTree(setting.path('up'), bySize)
  for (const [way, key] of Object.entries(ways)) {
    const there = `swift:${way}/in`
    await rclone.ok(['copy', setting.path('up'), there, ...key])
    await rclone.ok(['copy', there, setting.path(way), ...key])
    checkTree(t, setting.path(way), bySize)
    // `check --download` has no use for --header-download.
    const opens = way === 'transfers' ? ways.everywhere : key
    await rclone.ok(['check', '--download', setting.path('up'), there, ...opens])
    // By hash where one is known, else by size.
    await rclone.ok(['check', setting.path('up'), there, ...key])
    const listed = await rclone.text(['lsf', '--format', 'ps', there])
    const lines = Object.entries(bySize).map(([name, size]) => `${name};${size}`)
    t.same(listed.trim().split('\n').sort(), lines.sort())
    const described = JSON.parse(await rclone.text(['lsjson', '--hash', there, ...key]))
    for (const { Name, Size, Hashes } of described) {
      t.equal(Size, bySize[Name])
      const isKnown = way !== 'transfers'
      t.equal(Hashes?.md5?.length ?? 0, isKnown ? 32 : 0, `${Name}: MD5 where the key comes along`)
    }
  }
  writeFileSync(setting.path('up', 'size-1'), 'y')
  for (const way of ['plain', 'everywhere'] as const) {
    await rclone.fail(['check', setting.path('up'), `swift:${way}/in`, ...ways[way]])
  }
  const down = ['check', '--download', setting.path('up'), 'swift:transfers/in', ...ways.everywhere]
  await rclone.fail(down)
})

clientTest(t, clients.rclone, "rclone's swift backend syncs a tree and its times", async (t) => {
  const { setting, rclone, ways } = await start(t)
  writeTree(setting.path('up'), tree)
  const time = new Date('2001-02-03T04:05:06.789Z')
  for (const [way, key] of Object.entries(ways)) {
    const there = `swift:tree-${way}/a b`
    utimesSync(setting.path('up', 'one byte'), time, time)
    await rclone.ok(['sync', setting.path('up'), there, ...key])
    await rclone.ok(['sync', there, setting.path(way), ...key])
    checkTree(t, setting.path(way), tree)
    t.same(statSync(setting.path(way, 'one byte')).mtime, time, 'the time of modification')
    const { stderr } = await rclone.run(['sync', '-v', setting.path('up'), there, ...key])
    t.notMatch(stderr, 'Copied', 'nothing new to send')
    const touched = new Date('2011-02-03T04:05:06Z')
    utimesSync(setting.path('up', 'one byte'), touched, touched)
    await rclone.ok(['sync', setting.path('up'), there, ...key])
    t.match(await rclone.text(['lsl', `${there}/one byte`]), '2011-02-03 04:05:06', 'a new time')
    const one = await rclone.ok(['cat', `${there}/one byte`, ...key])
    t.ok(one.equals(contentOf('one byte', 1)), 'with the same byte')
    await rclone.ok(['touch', '--timestamp', '2012-02-03T04:05:06', `${there}/one byte`])
    t.match(await rclone.text(['lsl', `${there}/one byte`]), '2012-02-03 04:05:06', 'touched')
    t.ok((await rclone.ok(['cat', `${there}/one byte`, ...key])).equals(contentOf('one byte', 1)))
    await rclone.ok(['delete', `${there}/deep`])
    await rclone.ok(['deletefile', `${there}/large.bin`])
    const left = await rclone.text(['lsf', '-R', '--files-only', there])
    t.equal(left.match(/\n/g)!.length, Object.keys(tree).length - 2)
    await rclone.ok(['purge', `swift:tree-${way}`])
  }
  t.equal(await rclone.text(['lsf', 'swift:']), '')
})

clientTest(t, clients.rclone, "rclone's swift backend copies on the server", async (t) => {
  const { setting, rclone, ways } = await start(t)
  for (const way of ['plain', 'everywhere'] as const) {
    const key = ways[way]
    for (const size of [0, 70_000, (8 << 20) + 1]) {
      const name = `copied-${size}`
      await rclone.ok(['copyto', setting.file(name, size), `swift:source-${way}/${name}`, ...key])
      const before = setting.node.audited.length
      await rclone.ok(['copyto', `swift:source-${way}/${name}`, `swift:target/${name}`, ...key])
      const done = setting.node.audited.slice(before).map(({ operation }) => operation)
      t.ok(done.includes('CopyObject'), 'on the server')
      t.notOk(done.includes('PutObject'), 'not through the client')
      await rclone.ok(['moveto', `swift:target/${name}`, `swift:target/moved/${name}`, ...key])
      t.equal(await rclone.text(['lsf', '-R', '--files-only', 'swift:target']), `moved/${name}\n`)
      const got = await rclone.ok(['cat', `swift:target/moved/${name}`, ...key])
      t.ok(got.equals(contentOf(name, size)), `${way}, ${size} bytes`)
      await rclone.ok(['purge', 'swift:target'])
    }
  }
})

clientTest(t, clients.rclone, "rclone's swift backend sends streams uncut", async (t) => {
  const { rclone, ways } = await start(t)
  const input = contentOf('stream', (1 << 20) + 1)
  for (const [way, key] of Object.entries(ways)) {
    await rclone.ok(['rcat', '--swift-no-chunk', `swift:c/${way}`, ...key], { input })
    t.ok((await rclone.ok(['cat', `swift:c/${way}`, ...key])).equals(input), way)
  }
  t.equal(
    await rclone.text(['lsf', 'swift:c']),
    'everywhere\nplain\ntransfers\n',
    'not in segments',
  )
  t.match(await rclone.fail(['lsf', 'swift:c_segments']), 'directory not found')
})

clientTest(
  t,
  clients.rclone,
  "rclone's swift backend sends large files and streams in segments, and deletes them with those",
  async (t) => {
    const { setting, rclone, ways } = await start(t)
    const large = setting.file('large', (1 << 20) + 1)
    const input = contentOf('large', (1 << 20) + 1)
    const cut = ['--swift-chunk-size', '300Ki']
    const segments = () => rclone.text(['lsf', '-R', '--files-only', 'swift:c_segments'])
    for (const [way, key] of Object.entries(ways)) {
      await rclone.ok(['copyto', large, `swift:c/file-${way}`, ...cut, ...key])
      await rclone.ok(['rcat', `swift:c/stream-${way}`, ...cut, ...key], { input })
      for (const name of ['file', 'stream']) {
        const got = await rclone.ok(['cat', `swift:c/${name}-${way}`, ...key])
        t.ok(got.equals(input), `${name}, ${way}`)
      }
      t.equal((await segments()).trim().split('\n').length, 8)
      for (const name of ['file', 'stream']) {
        await rclone.ok(['deletefile', `swift:c/${name}-${way}`, ...key])
      }
      t.equal(await segments(), '', `${way}: nothing is left`)
    }
  },
)

clientTest(t, clients.rclone, "rclone's swift backend gets nothing without the key", async (t) => {
  const { setting, rclone, ways } = await start(t)
  const secret = setting.file('secret', 70_000)
  await rclone.ok(['copyto', secret, 'swift:locked/secret', ...ways.transfers])
  for (const wrong of [[], transferKey(setting.other), everywhereKey(setting.other)]) {
    await rclone.fail(['copy', 'swift:locked', setting.path('got'), ...wrong])
    checkTree(t, setting.path('got'), {})
    t.equal((await rclone.run(['cat', 'swift:locked/secret', ...wrong])).stdout.length, 0)
  }
  for (const [way, key] of Object.entries({ ...ways, plain: ways.transfers })) {
    t.ok(
      (await rclone.ok(['cat', 'swift:locked/secret', ...key])).equals(contentOf('secret', 70_000)),
      way,
    )
  }
})

clientTest(
  t,
  clients.rclone,
  "rclone's swift backend reads and deletes what its s3 backend wrote in parts",
  async (t) => {
    const { setting, rclone, ways } = await start(t)
    const { https } = setting.node
    const s3 = (more: string) =>
      `:s3,provider=Other,endpoint="${https}",region=us-east-1,env_auth=true,chunk_size=5M,upload_cutoff=5M${more}:c`
    const { base64, md5 } = setting.key
    const sealed = `,sse_customer_algorithm=AES256,sse_customer_key_base64="${base64}",sse_customer_key_md5="${md5}"`
    const options = { env: setting.env }
    const size = (5 << 20) + 1
    const content = contentOf('parts', size)
    const file = setting.file('parts', size)
    await rclone.ok(['mkdir', 'swift:c'])
    for (const [way, key] of Object.entries(ways)) {
      const remote = s3(way === 'plain' ? '' : sealed)
      const put = () => rclone.ok(['copyto', file, `${remote}/${way}`], options)
      await put()
      t.ok((await rclone.ok(['cat', `swift:c/${way}`, ...key])).equals(content), `${way}: read`)
      // It takes the mark for a manifest of segments, copies those and writes another manifest.
      await rclone.fail(['copyto', `swift:c/${way}`, 'swift:c/copied', ...key])
      t.equal(
        await rclone.text(['lsf', 'swift:c']),
        `${way}\n`,
        `${way}: no copy without the bytes`,
      )
      await rclone.ok(['copyto', '--disable', 'copy', `swift:c/${way}`, `swift:d/${way}`, ...key])
      t.ok(
        (await rclone.ok(['cat', `swift:d/${way}`, ...key])).equals(content),
        `${way}: through it`,
      )
      setting.file('other', 30)
      await rclone.ok(['copyto', setting.path('other'), `swift:c/${way}`, ...key])
      const got = await rclone.ok(['cat', `swift:c/${way}`, ...key])
      t.ok(got.equals(contentOf('other', 30)), `${way}: overwritten`)
      await put()
      await rclone.ok(['deletefile', `swift:c/${way}`, ...key])
      t.equal(await rclone.text(['lsf', 'swift:c']), '', `${way}: deleted`)
    }
  },
)
