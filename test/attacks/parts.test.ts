// Somebody who writes rows and has no key, against bodies of parts: what he leaves out, resizes, moves or brings back is
// refused before a byte of it is given out, and an upload of which he edited a part is not completed.
import t, { type Test } from 'tap'
import type { Row } from '../../lib/catalog/catalog.ts'
import { rowKeys } from '../../lib/catalog/keys.ts'
import {
  type LayoutRow,
  layoutRow,
  type SegmentRow,
  segmentRow,
  type UploadRow,
  uploadRow,
  type VersionRow,
  versionRow,
} from '../../lib/catalog/rows.ts'
import { randomId } from '../../lib/names.ts'
import { foreignMacs } from '../helpers/macs.ts'
import { completeDocument, fillParts } from '../helpers/many-parts.ts'
import { keyHeaders, startNode, type TestNode } from '../helpers/node.ts'
import { completeBody, createUpload, customerKey, putPart, withKey } from '../helpers/s3.ts'

const five = 5 << 20
const key = customerKey('k')
const contents = [Buffer.alloc(five, 'a'), Buffer.alloc(five, 'b'), Buffer.from('the last part')]
const whole = Buffer.concat(contents)
const last = 3

/** Under the root key and under a customer's. */
const kinds = [
  ['root', {}],
  ['customer', keyHeaders(key)],
] as const

/** Changes rows as whoever can write them does, and puts them back. */
class Rows {
  readonly #node: TestNode
  constructor(node: TestNode) {
    this.#node = node
  }
  async get(name: string): Promise<Buffer> {
    const row = await this.#node.coffer.stores.catalog.get(name)
    if (row === undefined) throw new Error(`no row ${name}`)
    return row.value
  }
  async put(...rows: (readonly [key: string, value: Buffer])[]): Promise<void> {
    const put = rows.map(([name, value]) => ({ key: name, value }))
    await this.#node.coffer.stores.catalog.commit({ id: randomId(), put })
  }
  /** Runs `then` while those rows are there instead. */
  async with(rows: readonly (readonly [string, Buffer])[], then: () => Promise<void>) {
    const before = await Promise.all(
      rows.map(async ([name]) => [name, await this.get(name)] as const),
    )
    await this.put(...rows)
    await then()
    await this.put(...before)
  }
}

async function upload(node: TestNode, path: string, headers: Record<string, string>) {
  const rows = new Rows(node)
  const id = await createUpload(node, path, { tls: true, headers })
  const ref = { account: 'test', container: 'bkt', object: path.slice(5) }
  const uploadKey = rowKeys.upload(ref.account, ref.container, ref.object, id)
  const { body, versionId } = uploadRow.decodeUnproven(await rows.get(uploadKey))
  const segment = (part: number) => rowKeys.segment(body, part)
  await putPart(node, path, id, last, { tls: true, headers, body: Buffer.from('an older one!') })
  const older = await rows.get(segment(last))
  const parts: [number, string][] = []
  for (const [i, content] of contents.entries()) {
    parts.push([i + 1, await putPart(node, path, id, i + 1, { tls: true, headers, body: content })])
  }
  const version = rowKeys.version(ref.account, ref.container, ref.object, versionId)
  const layout = rowKeys.layout(body)
  const complete = () =>
    node.request('POST', `${path}?uploadId=${id}`, { body: completeBody(parts) })
  return { rows, uploadKey, segment, older, version, layout, complete }
}

/** The whole is refused. A byte of a part that nobody edited may come where its page was compared before (D-KNOWN-PAGES),
 * and then it is the byte that was sent. */
const refuses = async (t: Test, node: TestNode, path: string, headers: Record<string, string>) => {
  const reads = [
    ['', whole],
    ['bytes=0-0', whole.subarray(0, 1)],
    [`bytes=${five}-${five}`, whole.subarray(five, five + 1)],
    ['bytes=-1', whole.subarray(-1)],
  ] as const
  for (const [range, sent] of reads) {
    const options = { tls: true, headers: range === '' ? headers : { ...headers, range } }
    const answer = await node.request('GET', path, options)
    if (range !== '' && answer.status === 206) {
      t.ok(answer.body.equals(sent), `${range}: ${answer.text.slice(0, 60)}`)
      continue
    }
    t.equal(answer.status, 500, `${range}: ${answer.text.slice(0, 60)}`)
    t.notMatch(answer.text, /aaa|bbb|last|older/, 'no byte of content')
  }
}

for (const [kind, headers] of kinds) {
  t.test(`a body of parts under a ${kind} key is read only as it was completed`, async (t) => {
    const node = await startNode(t)
    await node.request('PUT', '/bkt')
    const { rows, segment, older, version, layout, complete } = await upload(
      node,
      '/bkt/o',
      headers,
    )
    t.equal((await complete()).status, 200)
    const sound = async () => {
      const answer = await node.request('GET', '/bkt/o', { tls: true, headers })
      t.ok(answer.body.equals(whole), 'it is read where nobody edits it')
      const range = `bytes=${five - 1}-${five}`
      t.equal(
        (await node.request('GET', '/bkt/o', { tls: true, headers: { ...headers, range } })).text,
        'ab',
      )
    }
    await sound()

    const list = layoutRow.decode(await rows.get(layout))
    const row = versionRow.decodeUnproven(await rows.get(version))
    const withList = (change: Partial<LayoutRow>) =>
      [layout, layoutRow.encode({ ...list, ...change })] as const
    const withVersion = (change: Partial<VersionRow>) =>
      [version, versionRow.encode(version, { ...row, ...change }, foreignMacs)] as const
    const part = async (number: number, change: (row: SegmentRow) => Partial<SegmentRow>) => {
      const before = segmentRow.decode(await rows.get(segment(number)))
      return [segment(number), segmentRow.encode({ ...before, ...change(before) })] as const
    }
    const [one, three] = [await rows.get(segment(1)), await rows.get(segment(last))]
    const run = (first: number, size: number, count = 1) => ({ first, count, size })
    const end = contents[2]!.length
    const edits: Record<string, (readonly [string, Buffer])[]> = {
      'the last part is left out': [
        withList({ layout: [run(1, five, 2)] }),
        withVersion({ parts: 2, size: 2 * five }),
      ],
      'the first part is left out': [
        withList({ layout: [run(2, five), run(last, end)] }),
        withVersion({ parts: 2, size: five + end }),
      ],
      'it is made one piece of its first part': [
        withVersion({
          parts: 0,
          size: five,
          envelope: { ...row.envelope!, shape: 0 },
        }),
      ],
      'it is made one piece, in the row alone': [withVersion({ parts: 0, size: five })],
      'a part is repeated': [withList({ layout: [run(1, five), run(1, five), run(last, end)] })],
      'bytes move from one part to the next': [
        withList({ layout: [run(1, five + 1), run(2, five - 1), run(last, end)] }),
      ],
      'an earlier part of that number is brought back': [[segment(last), older]],
      'a part takes the place of another': [
        [segment(1), await rows.get(segment(2))],
        [segment(2), one],
      ],
      'a small part takes the place of a large one': [
        [segment(1), three],
        withList({ layout: [run(1, end), run(2, five), run(last, end)] }),
        withVersion({ size: five + 2 * end }),
      ],
      'a part has another size': [
        await part(1, ({ size }) => ({ size: size - 1 })),
        withList({ layout: [run(1, five - 1), run(2, five), run(last, end)] }),
        withVersion({ size: whole.length - 1 }),
      ],
      'the seal is gone': [withList({ seal: Buffer.alloc(0) })],
      'the pages are gone': [withList({ pages: Buffer.alloc(0) })],
      'the version says another size': [withVersion({ size: 1 })],
    }
    for (const [name, put] of Object.entries(edits)) {
      await t.test(name, async (t) => {
        await rows.with(put, async () => {
          if (name.startsWith('it is made one piece of') && kind === 'customer') {
            // Another context, as for an edited kind: the commitment says no more than that the key does not fit.
            t.equal((await node.request('GET', '/bkt/o', { tls: true, headers })).status, 403)
          } else await refuses(t, node, '/bkt/o', headers)
        })
      })
    }
    await sound()
  })

  t.test(`an upload under a ${kind} key is completed with the parts that were sent`, async (t) => {
    const node = await startNode(t)
    await node.request('PUT', '/bkt')
    const up = await upload(node, '/bkt/o', headers)
    const { rows, segment, older, uploadKey, complete } = up
    const other = await upload(node, '/bkt/p', headers)
    const now = segmentRow.decode(await rows.get(segment(last)))
    const encode = (change: Partial<SegmentRow>) => segmentRow.encode({ ...now, ...change })
    const before = segmentRow.decode(older)
    const row = uploadRow.decodeUnproven(await rows.get(uploadKey))
    const withUpload = (change: Partial<UploadRow>) =>
      [uploadKey, uploadRow.encode(uploadKey, { ...row, ...change }, foreignMacs)] as const
    const { late } = uploadRow.decodeUnproven(await rows.get(other.uploadKey))
    const edits: Record<string, [status: number, readonly (readonly [string, Buffer])[]]> = {
      'an earlier part of that number is brought back': [400, [[segment(last), older]]],
      'with the ETag of the later one': [
        500,
        [
          [
            segment(last),
            segmentRow.encode({ ...before, part: { ...before.part!, etag: now.part!.etag } }),
          ],
        ],
      ],
      'with the seal of the later one, too': [
        500,
        [[segment(last), segmentRow.encode({ ...before, part: now.part })]],
      ],
      'a part has another size': [500, [[segment(last), encode({ size: 1 })]]],
      'a part has no seal': [
        500,
        [[segment(last), encode({ part: { ...now.part!, seal: Buffer.alloc(0) } })]],
      ],
      'a part is another number’s': [400, [[segment(1), await rows.get(segment(2))]]],
      'the upload has another’s completion keys': [500, [withUpload({ late })]],
      'the upload has another body': [500, [withUpload({ body: randomId() })]],
    }
    for (const [name, [status, put]] of Object.entries(edits)) {
      await rows.with(put, async () => {
        const answer = await complete()
        t.equal(answer.status, status, `${name}: ${answer.text}`)
      })
    }
    t.equal((await complete()).status, 200)
    t.ok((await node.request('GET', '/bkt/o', { tls: true, headers })).body.equals(whole))
  })
}

t.test(
  'a copy of a body of parts is wrapped with its size, which its completion left open',
  async (t) => {
    const node = await startNode(t)
    await node.request('PUT', '/bkt')
    const { complete } = await upload(node, '/bkt/o', keyHeaders(key))
    await complete()
    const from = keyHeaders(key, 'x-amz-copy-source-')
    const options = withKey(key, { headers: { ...from, 'x-amz-copy-source': '/bkt/o' } })
    t.equal((await node.request('PUT', '/bkt/copy', options)).status, 200)
    t.ok((await node.request('GET', '/bkt/copy', withKey(key))).body.equals(whole))
  },
)

/** The row of the only version. */
async function versionOf(catalog: TestNode['coffer']['stores']['catalog']) {
  const { entries } = await catalog.scan({ from: 'version/', to: 'version0', limit: 1 })
  return entries[0] as Row
}

t.test('a byte of 10,000 parts costs the rows of one page', async (t) => {
  const node = await startNode(t)
  await node.request('PUT', '/bkt')
  const uploadId = await createUpload(node, '/bkt/many')
  const { catalog } = node.coffer.stores
  const ref = { account: 'test', container: 'bkt', object: 'many' }
  await fillParts(catalog, node.coffer.rootCipher, ref, uploadId, 9999)
  const etag = await putPart(node, '/bkt/many', uploadId, 10_000, { body: 'the last' })
  const body = completeDocument(9999).replace(
    '</CompleteMultipartUpload>',
    `<Part><PartNumber>10000</PartNumber><ETag>${etag}</ETag></Part></CompleteMultipartUpload>`,
  )
  t.equal((await node.request('POST', `/bkt/many?uploadId=${uploadId}`, { body })).status, 200)
  let rows = 0
  const { get, getMany, scan } = catalog
  const counted = {
    get: (name: string) => {
      rows++
      return get.call(catalog, name)
    },
    getMany: (names: string[]) => {
      rows += names.length
      return getMany.call(catalog, names)
    },
    scan: async (range: Parameters<typeof scan>[0]) => {
      const page = await scan.call(catalog, range)
      rows += page.entries.length
      return page
    },
  }
  Object.assign(catalog, counted)
  t.teardown(() => Object.assign(catalog, { get, getMany, scan }))
  const last = () => node.request('GET', '/bkt/many', { headers: { range: 'bytes=-1' } })
  t.equal((await last()).text, 't')
  t.ok(rows <= 260, `${rows} rows`)
  rows = 0
  t.equal((await last()).text, 't')
  t.ok(rows <= 12, `${rows} rows, now that the page was compared`)

  const { body: id } = versionRow.decodeUnproven((await versionOf(catalog)).value)
  const key = rowKeys.segment(id!, 10_000)
  const stored = (await catalog.get(key))!
  const row = segmentRow.decode(stored.value)
  const put = [{ key, value: segmentRow.encode({ ...row, blob: randomId() }) }]
  await catalog.commit({ id: randomId(), put })
  t.equal((await last()).status, 500, 'another blob is refused, whatever was compared before')
  await catalog.commit({ id: randomId(), put: [{ key, value: stored.value }] })
  t.equal((await last()).text, 't')
})
