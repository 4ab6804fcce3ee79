// fsck on stores that were broken row by row. It reports what is wrong, repairs what follows from other rows,
// and leaves the rest as it is.
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import type { Catalog, Commit, Row } from '../../lib/catalog/catalog.ts'
import { seamRows } from '../../lib/catalog/check-rows.ts'
import { endOf } from '../../lib/catalog/keys.ts'
import { openLevelCatalog } from '../../lib/catalog/level.ts'
import {
  accountRow,
  bucketRow,
  containerRow,
  expiryRow,
  type LayoutRow,
  layoutRow,
  objectRow,
  queueRow,
  type SignedCodec,
  segmentRow,
  settingRow,
  uploadRow,
  versionRow,
  volumeBlobRow,
} from '../../lib/catalog/rows.ts'
import { rowMacs } from '../../lib/crypto/row-mac.ts'
import { classicEngine } from '../../lib/leveldb/engine.ts'
import { randomId } from '../../lib/names.ts'
import { Rate } from '../../lib/plain-file.ts'
import { type FsckReport, fsck, refusalToRepair, repairAll } from '../../lib/upkeep/fsck.ts'
import { inconsistencies } from '../helpers/consistency.ts'
import { foreignMacs } from '../helpers/macs.ts'
import { drawnKeyring, startNode } from '../helpers/node.ts'
import { completeBody, createUpload, putPart } from '../helpers/s3.ts'
import { login } from '../helpers/swift.ts'

const storage = { writeBufferBytes: 1 << 20 }
const settings = (data: string) => ({ data, devices: [join(data, 'volumes')], storage })
const ID = 'ab'.repeat(16)
const aSetting = settingRow.encode({ containerId: ID, value: { colour: 'red' } })

/** Fills a node with rows of all kinds, and stops it. */
async function makeStore(t: Test, data: string): Promise<void> {
  await t.test('a store to break', async (t) => {
    const node = await startNode(t, settings(data), keyring)
    const put = (path: string, body: Buffer | string) => node.request('PUT', path, { body })
    await put('/plain', '')
    await put('/plain/small', 'small')
    await put('/plain/large', Buffer.alloc(200_000, 1))
    await put('/kept', '')
    const versioning = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'
    await put('/kept?versioning', versioning)
    for (const body of ['one', 'two', 'three']) await put('/kept/versions', body)
    await node.request('DELETE', '/kept/versions')
    const id = await createUpload(node, '/plain/parts')
    const options = { body: Buffer.alloc(5 << 20, 2) }
    const etag = await putPart(node, '/plain/parts', id, 1, options)
    await putPart(node, '/plain/parts', id, 2, { body: 'not listed' })
    await node.request('POST', `/plain/parts?uploadId=${id}`, { body: completeBody([[1, etag]]) })
    await putPart(node, '/plain/open', await createUpload(node, '/plain/open'), 1, { body: 'x' })
    const swift = await login(node)
    const headers = { 'X-Delete-At': '4102444800' }
    await swift.request('PUT', '/plain/expires', { headers, body: 'later' })
    await swift.request('POST', '/kept', { headers: { 'X-Container-Meta-Colour': 'blue' } })
  })
}

const keyring = drawnKeyring()
const macsOf = ({ id }: Catalog) => rowMacs(keyring, id)

async function openCatalog(data: string): Promise<Catalog> {
  const location = join(data, 'catalog')
  const log = pino({ level: 'silent' })
  const writeBufferBytes = 1 << 20
  return await openLevelCatalog({ engine: classicEngine, location, writeBufferBytes, log })
}

const check = (catalog: Catalog, data: string): Promise<FsckReport> =>
  fsck({
    rows: seamRows(catalog),
    macs: macsOf(catalog),
    devices: [join(data, 'volumes')],
    rate: new Rate(Number.POSITIVE_INFINITY),
    records: true,
  })

/** The row of a kind that a test breaks: the first whose key contains `part`. */
async function rowOf(catalog: Catalog, prefix: string, part = ''): Promise<Row> {
  for await (const row of seamRows(catalog).scan(prefix, endOf(prefix))) {
    if (row.key.includes(part)) return row
  }
  throw new Error(`no row ${prefix}…${part}`)
}

type Break = (catalog: Catalog) => Promise<Omit<Commit, 'id'>>

/** Changes the list of parts of a body. */
const withLayout =
  (change: (row: LayoutRow) => LayoutRow): Break =>
  async (catalog) => {
    const { key, value } = await rowOf(catalog, 'layout/')
    return { put: [{ key, value: layoutRow.encode(change(layoutRow.decode(value))) }] }
  }

const broken: Record<string, { rule: string; breaks: Break }> = {
  'a container counts too many': {
    rule: 'counter',
    breaks: async () => ({ add: [{ key: 'container-usage/test/plain', deltas: [1, -3, 2] }] }),
  },
  'an account counts too few': {
    rule: 'counter',
    breaks: async () => ({ add: [{ key: 'account-usage/test', deltas: [0, -1, -1] }] }),
  },
  'a counter is gone': {
    rule: 'counter',
    breaks: async () => ({ del: ['container-usage/test/kept'] }),
  },
  'a volume counts other bytes': {
    rule: 'counter',
    breaks: async (catalog) => {
      const { key } = await rowOf(catalog, 'volume-usage/')
      return { add: [{ key, deltas: [17, 1] }] }
    },
  },
  'a body has a reference too many': {
    rule: 'counter',
    breaks: async (catalog) => {
      const { key } = await rowOf(catalog, 'body/')
      return { add: [{ key, deltas: [1] }] }
    },
  },
  'the references of a body are gone': {
    rule: 'counter',
    breaks: async (catalog) => ({ del: [(await rowOf(catalog, 'body/')).key] }),
  },
  'a body has references and no version': {
    rule: 'orphan',
    breaks: async () => ({ add: [{ key: `body/${ID}`, deltas: [1] }] }),
  },
  'a segment belongs to nobody': {
    rule: 'orphan',
    breaks: async () => {
      const bytes = { volume: null, storedBytes: 17, inline: Buffer.alloc(17) }
      const value = segmentRow.encode({ blob: ID, size: 1, records: 1, part: null, ...bytes })
      return { put: [{ key: `segment/${ID}/00001`, value }] }
    },
  },
  'an expiry has no row': {
    rule: 'expiry',
    breaks: async (catalog) => ({ del: [(await rowOf(catalog, 'expiry/')).key] }),
  },
  'a row expires nothing': {
    rule: 'expiry',
    breaks: async () => {
      const value = expiryRow.encode({ account: 'test', container: 'plain', object: 'none' })
      return { put: [{ key: `expiry/4102444800/${ID}`, value }] }
    },
  },
  'the index leads nowhere': {
    rule: 'bucket',
    breaks: async (catalog) => {
      const key = 'bucket/elsewhere'
      return {
        put: [{ key, value: bucketRow.encode(key, { account: 'nobody' }, macsOf(catalog)) }],
      }
    },
  },
  'a blob is in no volume': {
    rule: 'volume',
    breaks: async (catalog) => ({ del: [(await rowOf(catalog, 'volume/')).key] }),
  },
  'a volume has a blob that no segment has': {
    rule: 'volume',
    breaks: async (catalog) => {
      const [, volume] = (await rowOf(catalog, 'volume/')).key.split('/')
      const value = volumeBlobRow.encode({ body: ID, part: 1, storedBytes: 5 })
      return { put: [{ key: `volume/${volume}/${ID}`, value }] }
    },
  },
  'a locator is nobody’s': {
    rule: 'blob',
    breaks: async () => ({ put: [{ key: `blob/${ID}/00000000`, value: Buffer.from([1, 1]) }] }),
  },
  'a setting is of no container': {
    rule: 'setting',
    breaks: async () => ({ put: [{ key: 'setting/test/none/metadata', value: aSetting }] }),
  },
  'a setting is of an earlier container': {
    rule: 'setting',
    breaks: async () => ({ put: [{ key: 'setting/test/plain/metadata', value: aSetting }] }),
  },
  'parts are counted of no upload': {
    rule: 'upload',
    breaks: async () => ({ add: [{ key: `upload-parts/${ID}`, deltas: [1] }] }),
  },
  'a listing would show another size': {
    rule: 'object',
    breaks: async (catalog) => {
      const { key, value } = await rowOf(catalog, 'object/', 'small')
      const row = objectRow.decode(value)
      const summary = { ...row.summary!, size: 99 }
      return { put: [{ key, value: objectRow.encode({ ...row, summary }) }] }
    },
  },
  'an object that can be seen is hidden': {
    rule: 'object',
    breaks: async (catalog) => {
      const { key, value } = await rowOf(catalog, 'object/', 'small')
      const hidden = key.replace('object/', 'hidden/')
      return { del: [key], put: [{ key: hidden, value: Buffer.from(value) }] }
    },
  },
  'the row of an object that was never versioned is gone': {
    rule: 'object',
    breaks: async (catalog) => ({ del: [(await rowOf(catalog, 'object/', 'small')).key] }),
  },
}

/** The first row of a kind, as somebody without a key would write it. */
const editedRow =
  <T>(prefix: string, codec: SignedCodec<T>): Break =>
  async (catalog) => {
    const { key, value } = await rowOf(catalog, prefix)
    return { put: [{ key, value: codec.encode(key, codec.decodeUnproven(value), foreignMacs) }] }
  }

const hopeless: Record<string, { rule: string; breaks: Break }> = {
  'an account was edited': { rule: 'mac', breaks: editedRow('account/', accountRow) },
  'a container was edited': { rule: 'mac', breaks: editedRow('container/', containerRow) },
  'a name of the index was edited': { rule: 'mac', breaks: editedRow('bucket/', bucketRow) },
  'a version was edited': { rule: 'mac', breaks: editedRow('version/', versionRow) },
  'an upload was edited': { rule: 'mac', breaks: editedRow('upload/', uploadRow) },
  'a setting was edited': {
    rule: 'setting',
    breaks: async (catalog) => {
      const { key, value } = await rowOf(catalog, 'setting/')
      const row = settingRow.decode(value)
      return { put: [{ key, value: settingRow.encode({ ...row, value: { colour: 'red' } }) }] }
    },
  },
  'a setting is gone': {
    rule: 'setting',
    breaks: async (catalog) => ({ del: [(await rowOf(catalog, 'setting/')).key] }),
  },
  'the current version is gone': {
    rule: 'object',
    breaks: async (catalog) => ({ del: [(await rowOf(catalog, 'version/', 'small')).key] }),
  },
  'which of several versions was current is gone': {
    rule: 'object',
    breaks: async (catalog) => ({ del: [(await rowOf(catalog, 'hidden/', 'versions')).key] }),
  },
  'a segment of an object is gone': {
    rule: 'segment',
    breaks: async (catalog) => {
      const { key, value } = await rowOf(catalog, 'version/', 'large')
      const { body } = versionRow.decodeUnproven(value)
      return {
        expect: [{ key, revision: (await catalog.get(key))!.revision }],
        del: [`segment/${body}/00001`],
      }
    },
  },
  'two segments have the same blob, and one of them is needed': {
    rule: 'orphan',
    breaks: async (catalog) => {
      const [, , blob] = (await rowOf(catalog, 'volume/')).key.split('/')
      for await (const { value } of seamRows(catalog).scan('segment/', endOf('segment/'))) {
        if (segmentRow.decode(value).blob !== blob) continue
        return { put: [{ key: `segment/${ID}/00001`, value: Buffer.from(value) }] }
      }
      throw new Error('no such segment')
    },
  },
  'the list of parts has a run beyond all bounds': {
    rule: 'body',
    breaks: withLayout(({ layout, ...row }) => ({
      ...row,
      layout: [{ ...layout[0]!, count: 2 ** 40 }],
    })),
  },
  'the list of parts has a run that is none': {
    rule: 'body',
    breaks: withLayout((row) => ({ ...row, layout: [null as unknown as LayoutRow['layout'][0]] })),
  },
  'a page of the list is not that of its blobs': {
    rule: 'segment',
    breaks: withLayout((row) => ({ ...row, pages: Buffer.alloc(32) })),
  },
  'a part has another blob than its page': {
    rule: 'segment',
    breaks: async (catalog) => {
      const { key } = await rowOf(catalog, 'layout/')
      const segment = await rowOf(catalog, `segment/${key.split('/')[1]}/00001`)
      const row = segmentRow.decode(segment.value)
      const other = segmentRow.encode({ ...row, blob: ID, inline: Buffer.alloc(16), volume: null })
      return { put: [{ key: segment.key, value: other }] }
    },
  },
  'a segment lies in its row and in a volume': {
    rule: 'segment',
    breaks: async (catalog) => {
      for await (const { key, value } of seamRows(catalog).scan('segment/', endOf('segment/'))) {
        const row = segmentRow.decode(value)
        if (row.volume === null) continue
        return { put: [{ key, value: segmentRow.encode({ ...row, inline: Buffer.alloc(17) }) }] }
      }
      throw new Error('no segment in a volume')
    },
  },
  'a segment has another number of records': {
    rule: 'segment',
    breaks: async (catalog) => {
      const { key, value } = await rowOf(catalog, 'segment/')
      const row = segmentRow.decode(value)
      return { put: [{ key, value: segmentRow.encode({ ...row, records: row.records + 1 }) }] }
    },
  },
  'the layout of a body is gone': {
    rule: 'body',
    breaks: async (catalog) => ({ del: [(await rowOf(catalog, 'layout/')).key] }),
  },
}

t.test('fsck', async (t) => {
  const master = join(t.testdir({ master: {} }), 'master')
  await makeStore(t, master)
  let copies = 0
  const copy = async (t: Test) => {
    const data = join(master, '..', `copy-${++copies}`)
    cpSync(master, data, { recursive: true })
    const catalog = await openCatalog(data)
    t.teardown(() => catalog.close())
    return { data, catalog }
  }

  await t.test('finds nothing wrong in a store that is sound', async (t) => {
    const { data, catalog } = await copy(t)
    const { problems, rotten, records } = await check(catalog, data)
    t.same([problems, rotten], [[], []])
    t.equal(records, 4 + 80, 'and has read every record: of 200,000 bytes, and of 5 MiB')
  })

  for (const [what, { rule, breaks }] of Object.entries(broken)) {
    await t.test(`tells and mends: ${what}`, async (t) => {
      const { data, catalog } = await copy(t)
      await catalog.commit({ id: randomId(), ...(await breaks(catalog)) })
      const before = await check(catalog, data)
      t.ok(
        before.problems.some((problem) => problem.rule === rule),
        JSON.stringify(before.problems),
      )
      t.same(
        before.problems.filter(({ repair }) => repair === undefined),
        [],
        'all of it can be mended',
      )
      t.equal(refusalToRepair(before), null)
      t.same(await repairAll(catalog, before.problems), [])
      const after = await check(catalog, data)
      t.same(after.problems, [], 'and nothing is wrong afterwards')
      t.same(await inconsistencies(catalog), [], 'by another judge too')
    })
  }

  for (const [what, { rule, breaks }] of Object.entries(hopeless)) {
    await t.test(`tells, and leaves as it is: ${what}`, async (t) => {
      const { data, catalog } = await copy(t)
      await catalog.commit({ id: randomId(), ...(await breaks(catalog)) })
      const { problems } = await check(catalog, data)
      const open = problems.filter(({ repair }) => repair === undefined)
      if (rule === 'mac' || rule === 'setting') t.same(problems, open, 'nothing is done about it')
      t.ok(
        open.some((problem) => problem.rule === rule),
        JSON.stringify(problems),
      )
    })
  }

  await t.test(
    'leaves settings of a deleted container to the sweep, which knows of it',
    async (t) => {
      const { data, catalog } = await copy(t)
      const queued = { account: 'test', container: 'none', containerId: ID } as const
      const work = queueRow.encode({ work: { kind: 'container', ...queued } })
      const put = [
        { key: 'setting/test/none/metadata', value: aSetting },
        { key: `queue/${ID}`, value: work },
      ]
      await catalog.commit({ id: randomId(), put })
      t.same((await check(catalog, data)).problems, [])
      t.same(await inconsistencies(catalog), [])
    },
  )

  await t.test('tells of records that a volume does not have, and whose they are', async (t) => {
    const { data, catalog } = await copy(t)
    const { key } = await rowOf(catalog, 'blob/')
    // Record 9,999 does not exist.
    const value = Buffer.from([0x8f, 0x4e, 1])
    const [, blob] = key.split('/')
    await catalog.commit({ id: randomId(), put: [{ key, value }] })
    const { rotten } = await check(catalog, data)
    t.ok(rotten.length > 0)
    t.ok(rotten.every((finding) => finding.blob === blob))
    t.match(rotten[0]!.objects?.[0], { account: 'test', container: 'plain' })
  })

  await t.test('tells of a volume that is on no device', async (t) => {
    const { data, catalog } = await copy(t)
    const rows = seamRows(catalog)
    const rate = new Rate(Number.POSITIVE_INFINITY)
    const { rotten } = await fsck({
      rows,
      macs: null,
      devices: [join(data, 'none')],
      rate,
      records: true,
    })
    t.match(rotten[0]!.what, /is on none of the devices/)
  })
})
