// Somebody who has the disks of a stopped node, and none of its keys, edits rows that say who may do what: what is refused
// to whom when the node starts again, and what the threat model of docs/format.md §8 admits.
import t from 'tap'
import type { Catalog, Commit } from '../../lib/catalog/catalog.ts'
import { frameRow, openRow } from '../../lib/catalog/framing.ts'
import { rowKeys } from '../../lib/catalog/keys.ts'
import {
  accountRow,
  bucketRow,
  containerRow,
  objectRow,
  settingRow,
  uploadRow,
  type VersionRow,
  versionRow,
} from '../../lib/catalog/rows.ts'
import { MAC_BYTES } from '../../lib/crypto/row-mac.ts'
import { randomId } from '../../lib/names.ts'
import { edited, type Put } from '../helpers/edited-row.ts'
import { foreignMacs } from '../helpers/macs.ts'
import { type Answer, type SentRequest, startNode, type TestNode } from '../helpers/node.ts'
import { readMetrics, startOpsNode } from '../helpers/ops.ts'
import { redisTest, startRedis } from '../helpers/redis.ts'
import { completeBody, createUpload, element, putPart } from '../helpers/s3.ts'
import { login, type Session } from '../helpers/swift.ts'
import { attackTable } from './table.ts'

const table = attackTable(t, 'edited rights')

const others: SentRequest = { access: 'other:other', secret: 'testing2' }
const anybody: SentRequest = { sign: false }
const readable = { 'X-Container-Read': 'other' }

/** A container of `test`, made for one edit, and what the edit needs of it. */
interface Site {
  readonly node: TestNode
  readonly owner: Session
  readonly name: string
  /** Rows that were kept before they changed. */
  readonly kept: Put[]
  upload?: { id: string; etag: string }
}

/** Asks for the object `o` of the container, or for the container, and says how that ended. */
type Expected = readonly [
  who: 'owner' | 'other' | 'anybody',
  method: string,
  /** Behind the container's name. */
  path: string,
  status: number | readonly number[],
  then?: (answer: Answer) => boolean,
]

interface Attack {
  /** Headers of the container's PUT. Nobody else is let in unless these say so. */
  readonly lists?: Record<string, string>
  prepare?(site: Site): Promise<void>
  edit(catalog: Catalog, site: Site): Promise<Omit<Commit, 'id'>>
  readonly expect: readonly Expected[]
}

const refused = [401, 403]
const keyOf = ({ name }: Site) => rowKeys.container('test', name)

async function keyOfVersion(catalog: Catalog, { name }: Site, object = 'o'): Promise<string> {
  const from = rowKeys.version('test', name, object, '')
  const [row] = (await catalog.scan({ from, to: `${from}~`, limit: 1 })).entries
  if (row === undefined || !('key' in row)) throw new Error(`no version of ${object}`)
  return row.key
}

const inVersion =
  (change: (row: VersionRow) => Partial<VersionRow>) => async (catalog: Catalog, site: Site) => ({
    put: [await edited(catalog, await keyOfVersion(catalog, site), versionRow, change)],
  })

const keep = async ({ node, kept }: Site, ...keys: string[]) => {
  const rows = await node.coffer.stores.catalog.getMany(keys)
  for (const row of rows) kept.push({ key: row!.key, value: Buffer.from(row!.value) })
}

const settingKey = ({ name }: Site) => rowKeys.setting('test', name, 'metadata')
const setColour = (site: Site, colour: string) =>
  site.owner.request('POST', `/${site.name}`, { headers: { 'X-Container-Meta-Colour': colour } })
const hasNoColour = ({ headers }: Answer) => headers['x-container-meta-colour'] === undefined
const isBare = ({ headers, text }: Answer) =>
  text === 'content' &&
  headers['content-type'] !== 'text/html' &&
  headers['x-amz-meta-by'] === undefined

const attacks: Record<string, Attack> = {
  'nothing is edited': {
    lists: readable,
    edit: async () => ({}),
    expect: [
      ['other', 'GET', '/o', 200],
      ['owner', 'GET', '/o', 200, ({ headers }) => headers['x-amz-meta-by'] === 'tester'],
      ['anybody', 'GET', '/o', refused],
    ],
  },
  'a container’s lists let everybody in': {
    edit: async (catalog, site) => {
      const acl = { read: '.r:*,.rlistings', write: '*' }
      return { put: [await edited(catalog, keyOf(site), containerRow, () => ({ acl }))] }
    },
    expect: [
      ['anybody', 'GET', '/o', refused],
      ['anybody', 'GET', '', refused],
      ['other', 'GET', '/o', 403],
      ['other', 'PUT', '/new', 403],
      ['owner', 'GET', '/o', 200],
    ],
  },
  'a container’s lists let in whom they let in before, and another': {
    lists: readable,
    edit: async (catalog, site) => {
      const acl = { read: 'other,.r:*', write: '' }
      return { put: [await edited(catalog, keyOf(site), containerRow, () => ({ acl }))] }
    },
    expect: [
      ['anybody', 'GET', '/o', refused],
      ['other', 'GET', '/o', 403],
    ],
  },
  'another container’s row, whose lists let everybody in': {
    prepare: async ({ owner, name }) => {
      const headers = { 'X-Container-Read': '.r:*' }
      await owner.request('PUT', `/${name}-open`, { headers })
    },
    edit: async (catalog, site) => {
      const open = await catalog.get(rowKeys.container('test', `${site.name}-open`))
      return { put: [{ key: keyOf(site), value: open!.value }] }
    },
    expect: [
      ['anybody', 'GET', '/o', refused],
      ['owner', 'GET', '/o', 200],
    ],
  },
  'an old row of a container, which is admitted': {
    lists: { 'X-Container-Read': '.r:*' },
    prepare: async (site) => {
      await keep(site, keyOf(site))
      await site.owner.request('POST', `/${site.name}`, { headers: { 'X-Container-Read': '' } })
    },
    edit: async (_, { kept }) => ({ put: kept }),
    expect: [['anybody', 'GET', '/o', 200]],
  },
  'an old row of a container without its setting': {
    prepare: async (site) => {
      await setColour(site, 'red')
      await keep(site, keyOf(site))
      await setColour(site, 'blue')
    },
    edit: async (_, { kept }) => ({ put: kept }),
    expect: [['owner', 'SWIFT HEAD', '', 500, hasNoColour]],
  },
  'an old row of a container with its setting, which is admitted': {
    prepare: async (site) => {
      await setColour(site, 'red')
      await keep(site, keyOf(site), settingKey(site))
      await setColour(site, 'blue')
    },
    edit: async (_, { kept }) => ({ put: kept }),
    expect: [
      [
        'owner',
        'SWIFT HEAD',
        '',
        204,
        ({ headers }) => headers['x-container-meta-colour'] === 'red',
      ],
    ],
  },
  'a setting': {
    prepare: async (site) => void (await setColour(site, 'red')),
    edit: async (catalog, site) => {
      const row = settingRow.decode((await catalog.get(settingKey(site)))!.value)
      return {
        put: [
          { key: settingKey(site), value: settingRow.encode({ ...row, value: { colour: 'x' } }) },
        ],
      }
    },
    expect: [
      ['owner', 'SWIFT HEAD', '', 500, hasNoColour],
      ['owner', 'GET', '/o', 200],
      ['owner', 'SWIFT POST', '', 204],
      ['owner', 'SWIFT HEAD', '', 204, hasNoColour],
    ],
  },
  'a setting is gone': {
    prepare: async (site) => void (await setColour(site, 'red')),
    edit: async (_, site) => ({ del: [settingKey(site)] }),
    expect: [['owner', 'SWIFT HEAD', '', 500]],
  },
  'a setting of a container that has none': {
    edit: async (catalog, site) => {
      const { id } = containerRow.decodeUnproven((await catalog.get(keyOf(site)))!.value)
      const value = settingRow.encode({ containerId: id, value: { colour: 'x' } })
      return { put: [{ key: settingKey(site), value }] }
    },
    expect: [['owner', 'SWIFT HEAD', '', 204, hasNoColour]],
  },
  'an object’s type and metadata': {
    lists: readable,
    edit: inVersion(() => ({ headers: { type: 'text/html' }, metadata: { by: 'x' } })),
    expect: [
      ['other', 'GET', '/o', 403],
      ['other', 'HEAD', '/o', 403],
      ['owner', 'GET', '/o', 200, isBare],
      ['owner', 'SWIFT GET', '/o', 200, isBare],
    ],
  },
  'who wrote an object': {
    lists: { ...readable, 'X-Container-Write': 'other' },
    edit: inVersion(() => ({ rights: { writer: 'other:other' } })),
    expect: [
      ['other', 'GET', '/o', 403],
      ['other', 'COPY', '/o', 403],
      ['other', 'DELETE', '/o', 403],
      ['other', 'PUT', '/o', 403],
      ['owner', 'GET', '/o', 200, isBare],
      ['owner', 'PUT', '/o', 200],
      ['other', 'GET', '/o', 200],
    ],
  },
  'when an object expires': {
    lists: readable,
    edit: inVersion(() => ({ deleteAtSeconds: 1 })),
    expect: [
      ['other', 'GET', '/o', 403],
      ['owner', 'GET', '/o', 200, isBare],
    ],
  },
  'another object’s version': {
    lists: readable,
    prepare: async ({ node, name }) => {
      await node.request('PUT', `/${name}/p`, { body: 'another' })
    },
    edit: async (catalog, site) => {
      const from = await catalog.get(await keyOfVersion(catalog, site, 'p'))
      return { put: [{ key: await keyOfVersion(catalog, site), value: from!.value }] }
    },
    expect: [
      ['other', 'GET', '/o', 403],
      ['owner', 'GET', '/o', 500],
    ],
  },
  'an old row of a version, which is admitted': {
    lists: readable,
    prepare: async (site) => {
      const { catalog } = site.node.coffer.stores
      await keep(site, await keyOfVersion(catalog, site))
      const headers = { 'X-Object-Meta-By': 'somebody else' }
      await site.owner.request('POST', `/${site.name}/o`, { headers })
    },
    edit: async (_, { kept }) => ({ put: kept }),
    expect: [['other', 'GET', '/o', 200, ({ headers }) => headers['x-amz-meta-by'] === 'tester']],
  },
  'what a listing shows of an object, which is admitted': {
    lists: readable,
    edit: async (catalog, { name }) => {
      const key = rowKeys.object('test', name, 'o')
      const row = objectRow.decode((await catalog.get(key))!.value)
      const summary = { ...row.summary!, size: 23 }
      return { put: [{ key, value: objectRow.encode({ ...row, summary }) }] }
    },
    expect: [
      ['other', 'GET', '', 200, ({ text }) => text.includes('<Size>23</Size>')],
      ['other', 'GET', '/o', 200, ({ text }) => text === 'content'],
    ],
  },
  'a bucket’s row leads to another account': {
    lists: { 'X-Container-Read': '.r:*' },
    prepare: async ({ node, name }) => {
      const other = await login(node, 'other:other', 'testing2')
      const headers = { 'X-Container-Read': '.r:*' }
      await other.request('PUT', `/${name}`, { headers })
      await other.request('PUT', `/${name}/o`, { body: 'a lure' })
    },
    edit: async (catalog, { name }) => {
      const account = () => ({ account: 'other' })
      return { put: [await edited(catalog, rowKeys.bucket(name), bucketRow, account)] }
    },
    expect: [
      ['anybody', 'GET', '/o', 404, ({ text }) => !text.includes('lure')],
      ['owner', 'GET', '/o', 200],
      ['owner', 'SWIFT POST', '', 204],
      ['anybody', 'GET', '/o', 200, ({ text }) => text === 'content'],
    ],
  },
  'what an upload’s object will be': {
    lists: { ...readable, 'X-Container-Write': 'other' },
    prepare: async (site) => {
      const path = `/${site.name}/up`
      const id = await createUpload(site.node, path)
      site.upload = { id, etag: await putPart(site.node, path, id, 1, { body: 'content' }) }
    },
    edit: async (catalog, { name, upload }) => {
      const key = rowKeys.upload('test', name, 'up', upload!.id)
      const change = () => ({ headers: { type: 'text/html' }, metadata: { by: 'x' } })
      return { put: [await edited(catalog, key, uploadRow, change)] }
    },
    expect: [
      ['other', 'PART', '/up', 403],
      ['other', 'COMPLETE', '/up', 403],
      ['other', 'ABORT', '/up', 403],
      ['owner', 'COMPLETE', '/up', 200],
      ['other', 'GET', '/up', 200, isBare],
    ],
  },
}

/** One request of a table's row, by S3 unless it says SWIFT. */
async function ask(site: Site, [who, method, path]: Expected): Promise<Answer> {
  const { node, owner, name, upload } = site
  const as = { owner: {}, other: others, anybody }[who]
  const url = `/${name}${path}`
  if (method.startsWith('SWIFT ')) return await owner.request(method.slice(6), url)
  const list = completeBody([[1, upload?.etag ?? '']])
  const query = `uploadId=${upload?.id}`
  switch (method) {
    case 'COPY':
      await node.request('PUT', '/elsewhere', others)
      return await node.request('PUT', '/elsewhere/o', {
        ...as,
        headers: { 'x-amz-copy-source': url },
      })
    case 'PART':
      return await node.request('PUT', `${url}?partNumber=1&${query}`, { ...as, body: 'x' })
    case 'COMPLETE':
      return await node.request('POST', `${url}?${query}`, { ...as, body: list })
    case 'ABORT':
      return await node.request('DELETE', `${url}?${query}`, as)
    case 'PUT':
      return await node.request('PUT', url, { ...as, body: 'content' })
    default:
      return await node.request(method, url, as)
  }
}

t.test('rows that are edited without a key give nobody a right', async (t) => {
  const node = await startOpsNode(t)
  const before = await login(node)
  const sites: [string, Attack, Site][] = []
  for (const [what, attack] of Object.entries(attacks)) {
    const site: Site = { node, owner: before, name: `c-${sites.length}`, kept: [] }
    await before.request('PUT', `/${site.name}`, { headers: attack.lists ?? {} })
    const headers = { 'content-type': 'text/plain', 'x-amz-meta-by': 'tester' }
    await node.request('PUT', `/${site.name}/o`, { headers, body: 'content' })
    await attack.prepare?.(site)
    sites.push([what, attack, site])
  }
  await node.restart(async (catalog) => {
    for (const [, { edit }, site] of sites) {
      await catalog.commit({ id: randomId(), ...(await edit(catalog, site)) })
    }
  })
  const owner = await login(node)
  for (const [what, { expect }, made] of sites) {
    const site = { ...made, owner }
    for (const row of expect) {
      const [who, method, path, wanted, then] = row
      const answer = await ask(site, row)
      const isRight = [wanted].flat().includes(answer.status) && (then?.(answer) ?? true)
      const { status, headers, text } = answer
      table.tried(`${what}: ${who} ${method} ${path}: ${status}`, isRight, { headers, text })
    }
  }
  const named = node
    .logged()
    .split('\n')
    .filter((line) => line.includes('MAC of a row'))
  t.ok(
    named.some((line) => line.includes('"container/test/c-1"')),
    'the log names the row',
  )
  const metrics = await readMetrics(node)
  t.ok(metrics.get('coffer_unproven_row_reads_total')! > 0, 'and a metric counts it')
})

t.test('an account’s list is believed only where it was written with a key', async (t) => {
  const node = await startNode(t)
  const owner = await login(node)
  const acl = (names: object) => ({ 'X-Account-Access-Control': JSON.stringify(names) })
  await owner.request('PUT', '/box')
  await owner.request('PUT', '/box/o', { body: 'content' })
  await owner.request('POST', '', { headers: acl({ 'read-only': ['other'] }) })
  const read = async () => (await node.request('GET', '/box/o', others)).status
  t.equal(await read(), 200)
  const key = rowKeys.account('test')
  const lists = { admin: ['other'], readWrite: [], readOnly: ['other'] }
  await node.restart(async (catalog) => {
    const put = [await edited(catalog, key, accountRow, () => ({ acl: lists }))]
    await catalog.commit({ id: randomId(), put })
  })
  t.equal(await read(), 403)
  const again = await login(node)
  const head = await again.request('HEAD', '')
  t.equal(head.headers['x-account-access-control'], undefined, 'an owner sees none')
  await again.request('POST', '', { headers: { 'X-Account-Meta-Colour': 'red' } })
  t.equal(await read(), 403, 'and does not sign what somebody else wrote')
  await again.request('POST', '', { headers: acl({ 'read-only': ['other'] }) })
  t.equal(await read(), 200, 'an owner sets it anew')
})

t.test('an owner sets a container anew, and nothing of the edited row stays', async (t) => {
  const node = await startNode(t)
  const owner = await login(node)
  await owner.request('PUT', '/box', { headers: { 'X-Versions-Enabled': 'true' } })
  for (const body of ['one', 'two']) await owner.request('PUT', '/box/o', { body })
  const key = rowKeys.container('test', 'box')
  await node.restart(async (catalog) => {
    const change = () => ({ acl: { read: '.r:*', write: '*' }, versioning: 'enabled' as const })
    const put = [await edited(catalog, key, containerRow, change)]
    await catalog.commit({ id: randomId(), put })
  })
  const again = await login(node)
  const anonymous = async () => (await node.request('GET', '/box/o', anybody)).status
  t.equal(
    (await again.request('POST', '/box', { headers: { 'X-Container-Read': 'other' } })).status,
    204,
  )
  t.equal((await node.request('GET', '/box/o', others)).text, 'two')
  t.equal((await node.request('PUT', '/box/p', { ...others, body: 'x' })).status, 403)
  t.equal(await anonymous(), 403)
  const versioning = await node.request('GET', '/box?versioning')
  t.equal(element(versioning, 'Status'), 'Suspended', 'old versions stay')
  t.equal((await node.request('DELETE', '/box/o')).status, 204)
  t.match(
    (await node.request('GET', '/box?versions')).text,
    /<IsLatest>true.*<IsLatest>false.*<IsLatest>false/s,
  )
})

redisTest(t, 'an edit in Redis under a running node opens nothing', async (t) => {
  const redis = await startRedis(t)
  const node = await startNode(t, { catalog: { redis: { url: redis.url, prefix: 'n' } } } as object)
  const owner = await login(node)
  await owner.request('PUT', '/box', { headers: { 'X-Container-Read': 'other' } })
  await owner.request('PUT', '/box/o', { body: 'content' })
  t.equal((await node.request('GET', '/box/o', others)).status, 200, 'the right row is known')
  const key = rowKeys.container('test', 'box')
  const framed = (await redis.raw.hgetBuffer('{n}:rows', key))!
  const { value, revision } = openRow(key, framed)
  const row = containerRow.decodeUnproven(value)
  const acl = { read: '.r:*,.rlistings,other', write: '*' }
  const forged = containerRow.encode(key, { ...row, acl }, foreignMacs)
  // With the MAC and the revision that the right row has.
  value.copy(forged, forged.length - MAC_BYTES, value.length - MAC_BYTES)
  await redis.raw.hset('{n}:rows', key, frameRow(key, revision, forged))
  const swift = `${new URL(owner.storageUrl).pathname}/box`
  for (const path of ['/box/o', '/box', `${swift}/o`, swift]) {
    const { status } = await node.request('GET', path, anybody)
    table.tried(`anybody GET ${path}: ${status}`, refused.includes(status))
  }
  t.equal((await node.request('GET', '/box/o', others)).status, 403)
  t.equal((await node.request('GET', '/box/o')).text, 'content')
  await redis.raw.hset('{n}:rows', key, framed)
  t.equal((await node.request('GET', '/box/o', others)).status, 200, 'it was the edit')
})
