// What the rows say of content to whoever has them and no key: no checksum, which for short contents is the content. And
// what somebody does who puts other checksums there.
import { crc32 } from 'node:zlib'
import t from 'tap'
import { endOf } from '../../lib/catalog/keys.ts'
import { segmentRow, versionRow } from '../../lib/catalog/rows.ts'
import { randomId } from '../../lib/names.ts'
import { foreignMacs } from '../helpers/macs.ts'
import { keyHeaders, startNode, type TestNode } from '../helpers/node.ts'
import { completeBody, createUpload, customerKey, element, putPart } from '../helpers/s3.ts'

const key = customerKey('k')
const checksumOf = (content: string) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(content))
  return bytes
}
const shown = { 'x-amz-checksum-mode': 'ENABLED' }

/** Payloads of all rows whose keys begin with that. */
async function rowsOf(node: TestNode, prefix: string) {
  const to = prefix === '' ? '~' : endOf(prefix)
  const range = { from: prefix === '' ? ' ' : prefix, to, limit: 1000 }
  const page = await node.coffer.stores.catalog.scan(range)
  return page.entries.flatMap((entry) => ('key' in entry ? [entry] : []))
}

for (const [kind, headers] of [
  ['root', {}],
  ['customer', keyHeaders(key)],
] as const) {
  const tls = true
  t.test(`no row has the checksum of content under a ${kind} key`, async (t) => {
    const node = await startNode(t)
    await node.request('PUT', '/bkt')
    for (const content of ['a', 'abc', 'abcd']) {
      const value = checksumOf(content).toString('base64')
      const put = { ...headers, 'x-amz-checksum-crc32': value }
      await node.request('PUT', '/bkt/o', { tls, headers: put, body: content })
      const begun = { ...headers, 'x-amz-checksum-algorithm': 'CRC32' }
      const id = await createUpload(node, '/bkt/p', { tls, headers: begun })
      const part = { tls, headers: put, body: content }
      const etag = await putPart(node, '/bkt/p', id, 1, part)
      const one = completeBody([[1, etag]]).replace(
        '</ETag>',
        `</ETag><ChecksumCRC32>${value}</ChecksumCRC32>`,
      )
      const during = await rowsOf(node, '')
      const completed = await node.request('POST', `/bkt/p?uploadId=${id}`, { body: one })
      t.equal(completed.status, 200, completed.text)
      t.match(element(completed, 'ChecksumCRC32'), /./, 'a completion needs no key to say it')
      for (const { key: name, value: row } of [...during, ...(await rowsOf(node, ''))]) {
        t.notOk(row.includes(value), `${name} has it in base64`)
        t.notOk(row.includes(checksumOf(content)), `${name} has its bytes`)
      }
      const read = await node.request('GET', '/bkt/o', { tls, headers: { ...headers, ...shown } })
      t.equal(read.headers['x-amz-checksum-crc32'], value, 'whoever brings the key sees it')
    }
  })

  t.test(
    `a checksum under a ${kind} key is that of its body, or the object is damaged`,
    async (t) => {
      const node = await startNode(t)
      await node.request('PUT', '/bkt')
      const { catalog } = node.coffer.stores
      const put = async (name: string, content: string) => {
        const value = checksumOf(content).toString('base64')
        const options = { tls, headers: { ...headers, 'x-amz-checksum-crc32': value } }
        await node.request('PUT', `/bkt/${name}`, { ...options, body: content })
        const [row] = await rowsOf(node, `version/test/bkt/${name}`)
        return { name: row!.key, row: versionRow.decodeUnproven(row!.value) }
      }
      const [one, other] = [await put('one', 'one'), await put('other', 'other')]
      const { checksum } = one.row
      for (const [what, forged] of [
        ['another object’s', other.row.checksum],
        ['of another type', { ...checksum!, type: 'COMPOSITE' }],
        ['of another algorithm', { ...checksum!, algorithm: 'crc32c' }],
        ['in the clear', { ...checksum!, value: 'AAAAAA==' }],
      ] as const) {
        const value = versionRow.encode(
          one.name,
          { ...one.row, checksum: forged as typeof checksum },
          foreignMacs,
        )
        await catalog.commit({ id: randomId(), put: [{ key: one.name, value }] })
        const answer = await node.request('GET', '/bkt/one', {
          tls,
          headers: { ...headers, ...shown },
        })
        t.equal(answer.status, 500, what)
      }
      const sound = [
        { key: one.name, value: versionRow.encode(one.name, one.row, node.coffer.stores.macs) },
      ]
      await catalog.commit({ id: randomId(), put: sound })
      t.equal((await node.request('GET', '/bkt/one', { tls, headers })).text, 'one')

      const begun = { ...headers, 'x-amz-checksum-algorithm': 'CRC32' }
      const id = await createUpload(node, '/bkt/p', { tls, headers: begun })
      const etag = await putPart(node, '/bkt/p', id, 1, { tls, headers, body: 'part' })
      const rows = await rowsOf(node, 'segment/')
      const part = rows.find(({ value }) => segmentRow.decode(value).part !== null)!
      const row = segmentRow.decode(part.value)
      const forged = { ...row.part!, checksum: { ...row.part!.checksum!, value: checksum!.value } }
      const edited = segmentRow.encode({ ...row, part: forged })
      await catalog.commit({ id: randomId(), put: [{ key: part.key, value: edited }] })
      const body = completeBody([[1, etag]])
      const answer = await node.request('POST', `/bkt/p?uploadId=${id}`, { body })
      t.equal(answer.status, 500, answer.text)
    },
  )
}
