// ListObjectVersions: order, pages of every size, folding, markers.
import t from 'tap'
import type { TestNode } from '../../helpers/node.ts'
import { element, elements, outcome } from '../../helpers/s3.ts'
import {
  type Listed,
  listedIn,
  listVersions,
  putVersion,
  setVersioning,
  startVersioned,
} from '../../helpers/versions.ts'

const prefixesOf = (text: string) =>
  Array.from(text.matchAll(/<CommonPrefixes><Prefix>(.*?)<\/Prefix>/g), (match) => match[1]!)

/** Objects with one to four versions, delete markers and null versions among them. */
async function startHistory(t: Parameters<typeof startVersioned>[0]) {
  const node = await startVersioned(t)
  for (const key of ['a', 'dir/2']) await node.request('PUT', `/bucket/${key}`, { body: '0' })
  await setVersioning(node, 'Enabled')
  const writes = ['a', 'a', 'b', 'dir/1', 'dir/2', 'dir/sub/3', 'e%20%C3%BC', '%F0%9F%98%80']
  for (const key of writes) await putVersion(node, `/bucket/${key}`, key)
  for (const key of ['a', 'dir/1', 'dir/1', 'gone']) await node.request('DELETE', `/bucket/${key}`)
  await putVersion(node, '/bucket/dir/1', 'back')
  return node
}

/** All entries, read page by page as clients do, and the most that a page had. */
async function readPages(node: TestNode, size: number, query = '') {
  const found: Listed[] = []
  const folded: string[] = []
  let from = ''
  for (let pages = 0; pages < 100; pages++) {
    const path = `/bucket?versions&max-keys=${size}&encoding-type=url${query}${from}`
    const page = await node.request('GET', path)
    const listed = listedIn(page)
    const prefixes = prefixesOf(page.text)
    const count = listed.length + prefixes.length
    if (count > size) throw new Error(`a page of ${count}`)
    found.push(...listed)
    folded.push(...prefixes)
    if (element(page, 'IsTruncated') === 'false') {
      if (element(page, 'NextKeyMarker') !== undefined) throw new Error('a marker at the end')
      return { found, folded }
    }
    if (count === 0) throw new Error('an empty page that is not the last')
    const version = element(page, 'NextVersionIdMarker')
    from = `&key-marker=${element(page, 'NextKeyMarker')}`
    if (version !== undefined) from += `&version-id-marker=${version}`
  }
  throw new Error('no end')
}

t.test(
  'versions come by name, then newest first, and one of each name is the latest',
  async (t) => {
    const node = await startHistory(t)
    const all = await listVersions(node)
    const keys = ['a', 'b', 'dir/1', 'dir/2', 'dir/sub/3', 'e ü', 'gone', '😀']
    t.same([...new Set(all.map(({ key }) => key))], keys)
    const a = all.filter(({ key }) => key === 'a')
    t.match(a, [
      { kind: 'DeleteMarker', latest: true },
      { kind: 'Version', latest: false },
      { kind: 'Version', latest: false },
      { kind: 'Version', latest: false, id: 'null' },
    ])
    for (const key of keys) {
      const latest = all.filter((entry) => entry.key === key && entry.latest)
      t.equal(latest.length, 1, key)
      t.equal(
        all.find((entry) => entry.key === key),
        latest[0],
        'it comes first',
      )
    }
    const page = await node.request('GET', '/bucket?versions')
    t.match(page.text, /<DeleteMarker><Key>[^<]*<\/Key><VersionId>[^<]*<\/VersionId><IsLatest>/)
    const markers = page.text.match(/<DeleteMarker>.*?<\/DeleteMarker>/g)!
    for (const marker of markers) t.notMatch(marker, /ETag|Size|StorageClass/)
    t.equal(elements(page, 'ETag').length, all.length - markers.length)
  },
)

t.test('pages of every size add up to the whole, with and without folding', async (t) => {
  const node = await startHistory(t)
  for (const query of [
    '',
    '&prefix=dir/',
    '&delimiter=/',
    '&prefix=dir/&delimiter=/',
    '&prefix=a',
  ]) {
    const whole = await readPages(node, 1000, query)
    const most = whole.found.length + whole.folded.length
    for (let size = 1; size <= most + 1; size++) {
      t.same(await readPages(node, size, query), whole, `${query} in pages of ${size}`)
    }
  }
  const { found, folded } = await readPages(node, 1000, '&delimiter=/')
  t.same(folded, ['dir/'])
  t.notOk(found.some(({ key }) => key.startsWith('dir')))
})

t.test('a key marker alone skips all versions of its key', async (t) => {
  const node = await startHistory(t)
  const all = await listVersions(node)
  const behind = await listVersions(node, '&key-marker=a')
  t.same(
    behind,
    all.filter(({ key }) => key !== 'a'),
  )
  const third = all[2]!
  const rest = await listVersions(node, `&key-marker=a&version-id-marker=${third.id}`)
  t.same(rest, all.slice(3))
  const last = await listVersions(node, '&key-marker=a&version-id-marker=null')
  t.same(last, behind, 'the null version is the oldest of its key')
})

t.test('max-keys=0 is an empty page, and what cannot be is refused', async (t) => {
  const node = await startHistory(t)
  const none = await node.request('GET', '/bucket?versions&max-keys=0')
  t.match([listedIn(none).length, element(none, 'IsTruncated')], [0, 'false'])
  const get = async (query: string) =>
    outcome(await node.request('GET', `/bucket?versions&${query}`))
  t.equal(await get('max-keys=-1'), '400 InvalidArgument')
  t.equal(await get('max-keys=x'), '400 InvalidArgument')
  t.equal(await get('version-id-marker=null'), '400 InvalidArgument')
  t.equal(await get('key-marker=a&version-id-marker=x'), '400 InvalidArgument')
  t.equal(await get('encoding-type=x'), '400 InvalidArgument')
})

t.test('object listings show current versions only', async (t) => {
  const node = await startHistory(t)
  for (const query of ['', '?list-type=2']) {
    const page = await node.request('GET', `/bucket${query}`)
    t.same(elements(page, 'Key'), ['b', 'dir/1', 'dir/2', 'dir/sub/3', 'e ü', '😀'])
    t.notMatch(page.text, /VersionId/)
  }
})
