// python-swiftclient's program, plain and under customer keys, over TLS. It compares ETags with MD5s after
// uploads and downloads, so that exit code 0 says more than with other clients.
import { hash } from 'node:crypto'
import { mkdirSync, statSync, utimesSync } from 'node:fs'
import t from 'tap'
import { clientTest, swiftClients } from '../helpers/clients.ts'
import { formsOf } from './key-search.ts'
import { checkTree, contentOf, sizes, startSetting, tree, writeTree } from './setting.ts'
import { printedFields, sealedBy, sourceSealedBy, spellings, swiftProgram } from './swiftclient.ts'

t.setTimeout(600_000)

const bySize = Object.fromEntries(sizes.map((size) => [`size-${size}`, size]))
const spelled = Object.keys(spellings) as (keyof typeof spellings)[]

async function start(t: Parameters<typeof startSetting>[0]) {
  const setting = await startSetting(t)
  const swift = swiftProgram(setting)
  const read = (name: string, ...options: readonly string[]) =>
    swift.ok(['download', 'c', name, '--output', '-', ...options])
  const stat = async (...args: readonly string[]) =>
    printedFields(await swift.text(['stat', ...args]))
  /** Writes a file and sends it to the container `c` under the same name. */
  const send = (name: string, size: number, ...options: readonly string[]) => {
    setting.file(name, size)
    return swift.ok(['upload', 'c', name, ...options])
  }
  return { setting, swift, read, stat, send }
}

clientTest(t, swiftClients.swift, 'swift sends files of every size and fetches them', async (t) => {
  const { setting, swift } = await start(t)
  writeTree(setting.path('up'), bySize)
  const ways = {
    plain: [],
    ...Object.fromEntries(spelled.map((s) => [s, sealedBy(setting.key, s)])),
  }
  for (const [way, options] of Object.entries(ways)) {
    const up = await swift.text(['upload', way, '.', ...options], { cwd: setting.path('up') })
    t.same(up.trim().split('\n').sort(), Object.keys(bySize).sort(), `${way}: all are sent`)
    await swift.ok(['download', way, '--output-dir', setting.path(way), ...options])
    checkTree(t, setting.path(way), bySize)
    const total = Object.values(bySize).reduce((a, b) => a + b)
    const listed = await swift.text(['list', '--long', way])
    t.match(listed, new RegExp(`^ *${total} *$`, 'm'), 'the listing ends with the sum')
    for (const [name, size] of Object.entries(bySize)) {
      const line = new RegExp(`^ *${size} .* application/octet-stream ${name}$`, 'm')
      t.match(listed, line, `the listing shows ${name}`)
    }
  }
  const http = swiftProgram(setting, setting.node.http)
  await http.ok(['upload', 'http', '.'], { cwd: setting.path('up') })
  await http.ok(['download', 'http', '--output-dir', setting.path('http')])
  checkTree(t, setting.path('http'), bySize)
})

clientTest(t, swiftClients.swift, 'swift keeps every name and time of a tree', async (t) => {
  const { setting, swift } = await start(t)
  writeTree(setting.path('up'), tree)
  const time = new Date('2001-02-03T04:05:06Z')
  utimesSync(setting.path('up', 'one byte'), time, time)
  const options = sealedBy(setting.key)
  await swift.ok(['upload', 'a b/ü', '.', ...options], { cwd: setting.path('up') })
  const listed = await swift.text(['list', 'a b'])
  t.same(
    listed.trim().split('\n').sort(),
    Object.keys(tree)
      .map((name) => `ü/${name}`)
      .sort(),
  )
  mkdirSync(setting.path('down'))
  await swift.ok(['download', 'a b', '--prefix', 'ü/', '--remove-prefix', ...options], {
    cwd: setting.path('down'),
  })
  checkTree(t, setting.path('down'), tree)
  t.same(statSync(setting.path('down', 'one byte')).mtime, time, 'the time of modification')
  const folded = await swift.text(['list', 'a b', '--prefix', 'ü/', '--delimiter', '/'])
  t.match(folded, 'ü/deep/\n')
  t.notMatch(folded, 'leaf')
  await swift.ok(['delete', 'a b', '--prefix', 'ü/deep/'])
  t.equal(
    (await swift.text(['list', 'a b'])).match(/\n/g)!.length,
    Object.keys(tree).length - 1,
    'a prefix alone is deleted',
  )
  await swift.ok(['delete', 'a b'])
  t.equal(await swift.text(['list']), '', 'the container went with its objects')
})

clientTest(
  t,
  swiftClients.swift,
  'swift sends standard input up to its segment size',
  async (t) => {
    const { setting, swift, read } = await start(t)
    for (const [name, key] of Object.entries({ plain: [], sealed: sealedBy(setting.key) })) {
      for (const size of [0, 1, 65537, (10 << 20) - 1]) {
        const input = contentOf(`${name}-${size}`, size)
        await swift.ok(['upload', 'c', '-', '--object-name', name, ...key], { input })
        t.ok((await read(name, ...key)).equals(input), `${name}, ${size} bytes`)
      }
    }
  },
)

clientTest(
  t,
  swiftClients.swift,
  'swift cuts large files, plain and sealed, and takes and deletes them whole',
  async (t) => {
    const { setting, swift, read } = await start(t)
    const size = 200_000
    setting.file('large', size)
    const cut = ['upload', 'c', 'large', '--segment-size', '65536']
    for (const key of [[], sealedBy(setting.key)]) {
      await swift.ok([...cut, '--use-slo', ...key])
      t.equal((await read('large', ...key)).length, size)
      const segments = (await swift.text(['list', 'c_segments'])).trim().split('\n')
      t.equal(segments.length, 4)
      await swift.ok([...cut, '--use-slo', ...key])
      t.equal(
        (await swift.text(['list', 'c_segments'])).trim().split('\n').length,
        4,
        'those of old go',
      )
      await swift.ok(['delete', 'c', 'large'])
      t.equal(await swift.text(['list', 'c_segments']), '', 'its segments go with it')
    }
    const input = contentOf('stdin', (10 << 20) + 1)
    await swift.ok(['upload', 'c', '-', '--object-name', 'piped'], { input })
    t.ok((await read('piped')).equals(input))
  },
)

clientTest(t, swiftClients.swift, 'swift gets nothing without the key', async (t) => {
  const { setting, swift, read, send } = await start(t)
  await send('secret', 70_000, ...sealedBy(setting.key))
  const get = ['download', 'c', 'secret', '--output', setting.path('got')]
  t.match(await swift.fail(get), '400 Bad Request', 'no key')
  for (const spelling of spelled) {
    const wrong = sealedBy(setting.other, spelling)
    t.match(await swift.fail([...get, ...wrong]), '403 Forbidden', `another key, ${spelling}`)
    t.match(await swift.fail(['stat', 'c', 'secret', ...wrong]), '403', 'stat with another key')
    const post = ['post', 'c', 'secret', '--meta', 'Colour:red', ...wrong]
    t.match(await swift.fail(post), '403', 'post with another key')
    t.ok(
      (await read('secret', ...sealedBy(setting.key, spelling))).equals(
        contentOf('secret', 70_000),
      ),
    )
  }
  const short = ['--header', 'X-Object-Encryption-Customer-Key: c2hvcnQ=']
  t.match(await swift.fail(['upload', 'c', 'secret', ...short]), '400 Bad Request', 'no algorithm')
  t.match(await swift.fail([...get, ...sealedBy({ ...setting.key, base64: 'c2hvcnQ=' })]), '400')
  const plain = ['download', 'c', 'plain', '--output', setting.path('got')]
  await send('plain', 10)
  t.match(await swift.fail([...plain, ...sealedBy(setting.key)]), '400', 'a key for a plain object')
})

clientTest(t, swiftClients.swift, 'swift shows what there is, and never a key', async (t) => {
  const { setting, swift, stat, send } = await start(t)
  const { key } = setting
  const forms = formsOf(key.bytes)
  const heard: Buffer[] = []
  const said = async (args: readonly string[]) => {
    const { stdout, stderr } = await swift.run([...args, '--debug'])
    heard.push(stdout, Buffer.from(stderr.replace(/^.*curl -i.*$/gm, '')))
    return stdout.toString()
  }
  await swift.ok(['post', 'c', '--meta', 'Owner:me', '--read-acl', '.r:*,.rlistings'])
  await send('plain', 8193, '--header', 'Content-Type: text/x-test', '--meta', 'Colour:blue')
  for (const spelling of spelled) await send(spelling, 70_000, ...sealedBy(key, spelling))
  t.match(await stat(), {
    account: 'AUTH_test',
    containers: '1',
    objects: '4',
    bytes: String(8193 + 3 * 70_000),
  })
  t.match(await stat('c'), {
    container: 'c',
    objects: '4',
    bytes: String(8193 + 3 * 70_000),
    'read acl': '.r:*,.rlistings',
    'meta owner': 'me',
  })
  t.match(await stat('c', 'plain'), {
    'content type': 'text/x-test',
    'content length': '8193',
    etag: hash('md5', contentOf('plain', 8193)),
    'meta colour': 'blue',
  })
  for (const spelling of spelled) {
    const md5 = hash('md5', contentOf(spelling, 70_000))
    const opened = await stat('c', spelling, ...sealedBy(key, spelling))
    t.match(opened, { 'content length': '70000', etag: md5 })
    t.equal(opened['x-object-encryption-customer-algorithm'], 'AES256')
    t.notOk('x-static-large-object' in opened, 'an MD5 needs no mark')
    const closed = await stat('c', spelling)
    t.match(closed, { 'content length': '70000', 'x-static-large-object': 'True' })
    t.match(closed.etag, /^"[0-9a-f]{32}"$/)
    t.not(closed.etag, `"${md5}"`, 'the MD5 is not told')
    t.notOk(Object.keys(closed).some((name) => /encryption-key|meta encryption/.test(name)))
    for (const more of [[], sealedBy(key, spelling)])
      await said(['stat', '-v', 'c', spelling, ...more])
  }
  await said(['list', '--json', 'c'])
  await said(['stat', '-v'])
  t.notOk(forms.some((form) => Buffer.concat(heard).includes(form)))
  const capabilities = await swift.text(['capabilities'])
  t.match(capabilities, 'object_versioning')
  for (const absent of ['tempurl', 'staticweb', 'symlink']) {
    t.notMatch(capabilities, new RegExp(`^Additional middleware: ${absent}$`, 'm'))
  }
})

clientTest(t, swiftClients.swift, 'swift posts metadata with and without the key', async (t) => {
  const { setting, swift, read, stat, send } = await start(t)
  for (const [name, key] of Object.entries({ plain: [], sealed: sealedBy(setting.key) })) {
    await send(name, 65537, '--meta', 'First:1', ...key)
    for (const [colour, options] of Object.entries({ red: [], blue: key })) {
      await swift.ok(['post', 'c', name, '--meta', `Colour:${colour}`, ...options])
      const shown = await stat('c', name)
      t.equal(shown['meta colour'], colour)
      t.notOk('meta first' in shown, 'a post replaces the whole set')
    }
    t.ok((await read(name, ...key)).equals(contentOf(name, 65537)), 'the bytes stay')
  }
  await swift.ok(['post', 'c', '--meta', 'Owner:me'])
  await swift.ok(['post', 'c', '--meta', 'Other:x'])
  await swift.ok(['post', 'c', '--meta', 'Owner:'])
  const shown = await stat('c')
  t.equal(shown['meta other'], 'x', 'a container keeps what a post leaves out')
  t.notOk('meta owner' in shown)
})

clientTest(t, swiftClients.swift, 'swift copies between keys', async (t) => {
  const { setting, swift, read, stat, send } = await start(t)
  const { key, other } = setting
  const copy = (from: string, to: string, ...options: readonly string[]) =>
    swift.ok(['copy', 'c', from, '--destination', `/c/${to}`, ...options])
  for (const size of [0, 200_000]) {
    const content = contentOf('source', size)
    await send('source', size, '--meta', 'Colour:blue', ...sealedBy(key))
    await copy('source', 'same', ...sealedBy(key), '--meta', 'Size:large')
    t.ok((await read('same', ...sealedBy(key))).equals(content), `${size} bytes under one key`)
    t.match(await stat('c', 'same'), { 'meta colour': 'blue', 'meta size': 'large' })
    await copy('source', 'rotated', ...sourceSealedBy(key), ...sealedBy(other))
    t.ok((await read('rotated', ...sealedBy(other))).equals(content), 'to another key')
    await copy('source', 'kept', ...sourceSealedBy(key))
    t.ok((await read('kept', ...sealedBy(key))).equals(content), 'one key for both')
    await send('opened', size)
    await copy('opened', 'sealed', ...sealedBy(other))
    t.ok(
      (await read('sealed', ...sealedBy(other))).equals(contentOf('opened', size)),
      'from no key',
    )
    await swift.ok([
      'copy',
      'c',
      'source',
      '--destination',
      '/d/copied',
      '--fresh-metadata',
      ...sealedBy(key),
    ])
    t.notOk('meta colour' in (await stat('d', 'copied')), 'fresh metadata')
  }
  t.match(await swift.fail(['copy', 'c', 'source', '--destination', '/c/x']), '400', 'no key')
  const wrong = ['copy', 'c', 'source', '--destination', '/c/x', ...sealedBy(other)]
  t.match(await swift.fail(wrong), '403', 'another key')
  t.match(await swift.fail(['stat', 'c', 'x']), 'Not Found')
})

clientTest(t, swiftClients.swift, 'swift lists, fetches and deletes versions', async (t) => {
  const { setting, swift, read, stat, send } = await start(t)
  await swift.ok(['post', 'c', '--header', 'X-Versions-Enabled: true'])
  t.equal((await stat('c'))['x-versions-enabled'], 'True')
  await send('o', 10)
  await send('o', 70_000, ...sealedBy(setting.key))
  await send('o', 30, ...sealedBy(setting.other))
  await swift.ok(['delete', 'c', 'o'])
  t.equal(await swift.text(['list', 'c']), '')
  const listed = JSON.parse(await swift.text(['list', 'c', '--versions', '--json']))
  t.same(
    listed.map(({ bytes }: { bytes: number }) => bytes),
    [0, 30, 70_000, 10],
  )
  const [marker, third, second, first] = listed.map((v: { version_id: string }) => v.version_id)
  const fetched = (id: string, ...options: readonly string[]) =>
    read('o', '--version-id', id, ...options)
  t.ok((await fetched(first)).equals(contentOf('o', 10)))
  t.ok((await fetched(second, ...sealedBy(setting.key))).equals(contentOf('o', 70_000)))
  t.ok((await fetched(third, ...sealedBy(setting.other))).equals(contentOf('o', 30)))
  t.match(
    await swift.fail([
      'download',
      'c',
      'o',
      '-o',
      '-',
      '--version-id',
      second,
      ...sealedBy(setting.other),
    ]),
    '403',
    'the key of another version',
  )
  await swift.ok(['delete', 'c', 'o', '--version-id', second])
  t.match(await swift.fail(['stat', 'c', 'o', '--version-id', second]), 'Not Found')
  t.match(await swift.fail(['delete', 'c']), '409', 'versions keep the container')
  await swift.ok(['delete', 'c', '--versions'])
  t.equal(await swift.text(['list']), '', marker)
})

clientTest(t, swiftClients.swift, 'swift hears who may not', async (t) => {
  const { setting, swift, send } = await start(t)
  await send('o', 10)
  const url = (await swift.text(['auth'])).match(/OS_STORAGE_URL=(\S+)/)![1]!
  const stranger = { ST_USER: 'other:other', ST_KEY: 'testing2' }
  const asStranger = (args: readonly string[]) =>
    swift.run(['--os-storage-url', url, ...args], { env: stranger })
  t.match((await swift.run(['list'], { env: { ST_KEY: 'wrong' } })).stderr, '401 Unauthorized')
  const denied = await asStranger(['list', 'c'])
  t.match(denied.stderr, '403 Forbidden')
  t.not(denied.code, 0)
  await swift.ok(['post', 'c', '--read-acl', 'other:other'])
  t.equal((await asStranger(['list', 'c'])).stdout.toString(), 'o\n')
  t.match((await asStranger(['upload', 'c', setting.file('x', 1)])).stderr, '403')
  t.match(await swift.fail(['list', 'absent']), "Container 'absent' not found")
  const logged = setting.node.logged()
  t.notMatch(logged, 'testing2')
})
