// Listings of accounts, containers and versions over Swift: formats, parameters, pages of every size.
import t from 'tap'
import { startNode, type TestNode } from '../../helpers/node.ts'
import { login, type Session } from '../../helpers/swift.ts'

interface Entry {
  readonly name?: string
  readonly subdir?: string
}

const names = (entries: readonly Entry[]) => entries.map(({ name, subdir }) => name ?? subdir)

async function filled(t: Parameters<typeof startNode>[0], objects: readonly string[]) {
  const node = await startNode(t)
  const session = await login(node)
  await session.request('PUT', '/c')
  for (const object of objects) {
    const path = object.split('/').map(encodeURIComponent).join('/')
    await session.request('PUT', `/c/${path}`, { body: object })
  }
  return { node, session }
}

const list = async (session: Session, query: string, path = '/c') => {
  const { status, text } = await session.request('GET', `${path}?format=json&${query}`)
  return status === 200 ? names(JSON.parse(text)) : status
}

/** In byte order. */
const tree = ['a', 'a/', 'a/1', 'a/2', 'a/b/3', 'a0', 'b/', 'b//4', 'c', 'é', '🌊']

t.test('a listing has three formats, by format or Accept', async (t) => {
  const { session } = await filled(t, ['a&b', 'p/x'])
  const get = (query: string, headers = {}) => session.request('GET', `/c${query}`, { headers })
  const text = await get('')
  t.match([text.status, text.text], [200, 'a&b\np/x\n'])
  t.match(text.headers, { 'content-type': 'text/plain; charset=utf-8', vary: 'Accept' })
  const json = await get('', { Accept: 'application/json' })
  t.equal(json.headers['content-type'], 'application/json; charset=utf-8')
  t.match(JSON.parse(json.text), [
    {
      bytes: 3,
      hash: /^[0-9a-f]{32}$/,
      name: 'a&b',
      content_type: 'application/octet-stream',
      last_modified: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/,
    },
    { name: 'p/x' },
  ])
  const xml = await get('?format=xml&delimiter=/', { Accept: 'application/json' })
  t.equal(xml.headers['content-type'], 'application/xml; charset=utf-8')
  t.equal(xml.headers.vary, undefined)
  t.match(
    xml.text,
    /^<\?xml version="1.0" encoding="UTF-8"\?>\n<container name="c"><object><name>a&amp;b</,
  )
  t.match(xml.text, /<subdir name="p\/"><name>p\/<\/name><\/subdir><\/container>$/)
  t.equal(
    (await get('', { Accept: 'text/xml' })).headers['content-type'],
    'text/xml; charset=utf-8',
  )
  t.equal((await get('?format=other')).text, text.text)
  t.equal((await get('', { Accept: 'image/png' })).status, 406)
  t.equal((await get('', { Accept: 'not readable' })).status, 400)
  t.equal((await get('?format=json', { Accept: 'not readable' })).status, 200)
  // What is asked of the whole container is no business of conditions and ranges.
  t.equal((await get('', { Range: 'bytes=0-0', 'If-None-Match': '*' })).text, text.text)
})

t.test('an empty listing is 204 as text, and a document otherwise', async (t) => {
  const { session } = await filled(t, [])
  const text = await session.request('GET', '/c')
  t.match([text.status, text.text], [204, ''])
  t.equal(text.headers['content-type'], 'text/plain; charset=utf-8')
  t.match(await session.request('GET', '/c?format=json'), { status: 200, text: '[]' })
  t.match((await session.request('GET', '/c?format=xml')).text, '<container name="c"></container>')
})

t.test('a stored type shows without blanks, and as text', async (t) => {
  const { session } = await filled(t, [])
  const type = `text/plain; charset=utf-8 ; x=${Buffer.from('é').toString('latin1')}`
  await session.request('PUT', '/c/o', { body: '', headers: { 'Content-Type': type } })
  const [entry] = JSON.parse((await session.request('GET', '/c?format=json')).text)
  t.equal(entry.content_type, 'text/plain;charset=utf-8;x=é')
})

t.test('parameters choose what is listed', async (t) => {
  const { session } = await filled(t, tree)
  const rows: readonly [string, readonly string[]][] = [
    ['', tree],
    ['limit=0', []],
    ['limit=2', ['a', 'a/']],
    ['limit=x', tree],
    ['limit=-1', tree],
    ['limit=1&limit=5', ['a']],
    ['prefix=a/', ['a/', 'a/1', 'a/2', 'a/b/3']],
    ['prefix=%C3%A9', ['é']],
    ['marker=a/2', ['a/b/3', 'a0', 'b/', 'b//4', 'c', 'é', '🌊']],
    ['marker=a%2Fz', ['a0', 'b/', 'b//4', 'c', 'é', '🌊']],
    ['end_marker=a/2', ['a', 'a/', 'a/1']],
    ['marker=a/1&end_marker=b', ['a/2', 'a/b/3', 'a0']],
    ['marker=b&end_marker=a', []],
    ['marker=%F0%9F%8C%8A', []],
    ['delimiter=/', ['a', 'a/', 'a0', 'b/', 'c', 'é', '🌊']],
    ['delimiter=/&prefix=a', ['a', 'a/', 'a0']],
    ['delimiter=/&prefix=a/', ['a/', 'a/1', 'a/2', 'a/b/']],
    ['delimiter=/&marker=a/', ['a0', 'b/', 'c', 'é', '🌊']],
    ['delimiter=/&limit=2', ['a', 'a/']],
    ['delimiter=/b', ['a', 'a/', 'a/1', 'a/2', 'a/b', 'a0', 'b/', 'b//4', 'c', 'é', '🌊']],
    ['delimiter=', tree],
    // A name that only ends in a slash lies in no directory below.
    ['path=', ['a', 'a/', 'a0', 'b/', 'c', 'é', '🌊']],
    ['path=a', ['a/1', 'a/2']],
    ['path=a/', ['a/1', 'a/2']],
    ['path=a/b&prefix=c', ['a/b/3']],
    ['path=none', []],
    ['reverse=on', [...tree].reverse()],
    ['reverse=on&limit=2', ['🌊', 'é']],
    ['reverse=on&marker=a/2', ['a/1', 'a/', 'a']],
    ['reverse=on&end_marker=c', ['🌊', 'é']],
    ['reverse=on&marker=c&end_marker=a0', ['b//4', 'b/']],
    ['reverse=on&delimiter=/', ['🌊', 'é', 'c', 'b/', 'a0', 'a/', 'a']],
    ['reverse=on&delimiter=/&prefix=a/', ['a/b/', 'a/2', 'a/1', 'a/']],
    ['reverse=false', tree],
  ]
  for (const [query, expected] of rows) t.same(await list(session, query), expected, query)
})

t.test('parameters that cannot be are refused', async (t) => {
  const { session } = await filled(t, [])
  for (const path of ['', '/c']) {
    const far = await session.request('GET', `${path}?limit=10001`)
    t.match([far.status, far.text], [412, 'Maximum limit is 10000'])
    t.not((await session.request('GET', `${path}?limit=10000`)).status, 412)
    for (const name of ['prefix', 'marker', 'end_marker', 'delimiter', 'format']) {
      const bad = await session.request('GET', `${path}?${name}=%FF`)
      t.match([bad.status, bad.text], [400, `"${name}" parameter not valid UTF-8`])
    }
  }
})

/** Follows markers as swiftclient does, until a page is shorter than its limit. */
async function follow(session: Session, query: string, limit: number, path = '/c') {
  const all: (string | undefined)[] = []
  let marker = ''
  for (;;) {
    const page = await list(
      session,
      `${query}&limit=${limit}&marker=${encodeURIComponent(marker)}`,
      path,
    )
    if (typeof page === 'number') return page
    all.push(...page)
    if (page.length < limit) return all
    marker = page.at(-1)!
  }
}

t.test('pages of every size give the whole listing', async (t) => {
  const { session } = await filled(t, tree)
  for (const query of ['', 'delimiter=/', 'prefix=a', 'path=', 'reverse=on']) {
    const whole = (await list(session, query)) as string[]
    for (let limit = 1; limit <= whole.length + 1; limit++) {
      t.same(await follow(session, query, limit), whole, `${query} by ${limit}`)
    }
  }
})

t.test('containers are listed by the same rules', async (t) => {
  const session = await login(await startNode(t))
  const containers = ['a', 'a-1', 'a-2', 'b', 'b-1', 'é']
  for (const name of containers) await session.request('PUT', `/${encodeURIComponent(name)}`)
  await session.request('PUT', '/b/o', { body: 'four' })
  const rows: readonly [string, readonly string[]][] = [
    ['', containers],
    ['limit=0', []],
    ['limit=2', ['a', 'a-1']],
    ['prefix=a', ['a', 'a-1', 'a-2']],
    ['marker=a-1&end_marker=b-1', ['a-2', 'b']],
    ['delimiter=-', ['a', 'a-', 'b', 'b-', 'é']],
    ['delimiter=-&marker=a-', ['b', 'b-', 'é']],
    ['reverse=yes', [...containers].reverse()],
    ['reverse=yes&marker=b&limit=2', ['a-2', 'a-1']],
    ['reverse=yes&delimiter=-', ['é', 'b-', 'b', 'a-', 'a']],
  ]
  for (const [query, expected] of rows) t.same(await list(session, query, ''), expected, query)
  for (let limit = 1; limit <= 7; limit++) {
    t.same(await follow(session, '', limit, ''), containers, `by ${limit}`)
  }
  t.equal((await session.request('GET', '?prefix=a')).text, 'a\na-1\na-2\n')
  const [b] = JSON.parse((await session.request('GET', '?format=json&prefix=b&limit=1')).text)
  t.match(b, { name: 'b', count: 1, bytes: 4, last_modified: /^[\d-]+T[\d:]+\.\d{6}$/ })
  t.match(
    (await session.request('GET', '?format=xml&prefix=b&delimiter=-')).text,
    /<account name="AUTH_test"><container><name>b<\/name><count>1<\/count><bytes>4<\/bytes><last_modified>[^<]+<\/last_modified><\/container><subdir name="b-"><\/subdir><\/account>$/,
  )
})

interface VersionEntry {
  readonly name: string
  readonly version_id: string
  readonly is_latest: boolean
  readonly bytes: number
  readonly hash: string
  readonly content_type: string
}

async function versioned(node: TestNode) {
  const session = await login(node)
  await session.request('PUT', '/v')
  await session.request('PUT', '/v/old', { body: 'before' })
  await session.request('POST', '/v', { headers: { 'X-Versions-Enabled': 'true' } })
  for (const [object, body] of [
    ['a/1', 'x'],
    ['a/1', 'xx'],
    ['b', 'y'],
  ] as const) {
    await session.request('PUT', `/v/${object}`, { body })
  }
  await session.request('DELETE', '/v/b')
  const page = async (query: string): Promise<VersionEntry[]> =>
    JSON.parse((await session.request('GET', `/v?versions&${query}`)).text)
  return { session, page }
}

t.test('all versions are listed, newest first, markers among them', async (t) => {
  const { session, page } = await versioned(await startNode(t))
  const all = await page('')
  t.same(
    all.map(({ name, bytes, is_latest }) => [name, bytes, is_latest]),
    [
      ['a/1', 2, true],
      ['a/1', 1, false],
      ['b', 0, true],
      ['b', 1, false],
      ['old', 6, true],
    ],
  )
  t.match(all[2], {
    content_type: 'application/x-deleted;swift_versions_deleted=1',
    hash: 'd41d8cd98f00b204e9800998ecf8427e',
  })
  t.equal(all[4]!.version_id, 'null')
  for (const { name, version_id, bytes } of all.filter(({ hash }) => !hash.startsWith('d41d'))) {
    const { body } = await session.request('GET', `/v/${name}?version-id=${version_id}`)
    t.equal(body.length, bytes, `${name} ${version_id}`)
  }
  t.same((await page('delimiter=/')).slice(0, 1), [{ subdir: 'a/' }])
  t.equal((await page('prefix=b')).length, 2)
  t.same(await page('reverse=on'), [...all].reverse())
  t.same(await page('marker=a/1'), all.slice(2))
})

t.test('versions have pages of every size', async (t) => {
  const { page } = await versioned(await startNode(t))
  for (const direction of ['', 'reverse=true&']) {
    const all = await page(direction)
    for (let limit = 1; limit <= all.length + 1; limit++) {
      const found: VersionEntry[] = []
      let marker = ''
      for (;;) {
        const entries = await page(`${direction}limit=${limit}${marker}`)
        found.push(...entries)
        if (entries.length < limit) break
        const { name, version_id } = entries.at(-1)!
        marker = `&marker=${encodeURIComponent(name)}&version_marker=${version_id}`
      }
      t.same(found, all, `${direction}by ${limit}`)
    }
  }
})

t.test('a listing of versions is JSON, and says what it cannot take', async (t) => {
  const { session } = await versioned(await startNode(t))
  const get = (query: string, headers = {}) => session.request('GET', `/v?${query}`, { headers })
  t.equal((await get('versions', { Accept: '*/*' })).status, 200)
  t.equal((await get('versions', { Accept: 'text/plain' })).status, 406)
  t.equal((await get('versions', { Accept: 'broken' })).status, 400)
  for (const format of ['plain', 'xml', 'other']) {
    t.equal((await get(`versions&format=${format}`)).status, 406, format)
  }
  const { headers } = await get('versions&format=json', { Accept: 'text/plain' })
  t.equal(headers['content-type'], 'application/json; charset=utf-8')
  t.equal(headers['x-versions-enabled'], 'True')
  t.match(await get('versions&version_marker=null'), {
    status: 400,
    text: 'version_marker param requires marker',
  })
  t.equal((await get('versions&marker=b&version_marker=nonsense')).status, 400)
  t.equal((await get('versions&limit=10001')).status, 412)
  await session.request('PUT', '/plain')
  await session.request('PUT', '/plain/o', { body: 'x' })
  const plain = JSON.parse((await session.request('GET', '/plain?versions')).text)
  t.match(plain, [{ name: 'o', version_id: 'null', is_latest: true }])
  t.equal((await session.request('GET', '/none?versions')).status, 404)
})
