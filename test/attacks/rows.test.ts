// Somebody who writes rows and has no key, against an object in one piece: what of its rows is refused, and what the
// threat model of docs/format.md §8 admits.
import t from 'tap'
import { rowKeys } from '../../lib/catalog/keys.ts'
import { segmentRow, type VersionRow, versionRow } from '../../lib/catalog/rows.ts'
import { randomId } from '../../lib/names.ts'
import { foreignMacs } from '../helpers/macs.ts'
import { keyHeaders, startNode } from '../helpers/node.ts'
import { customerKey } from '../helpers/s3.ts'

/** Whether a read by the account's admin goes through with that change of the version's row: under the root key, and a customer's. */
const edits: Record<string, [(row: VersionRow) => Partial<VersionRow>, boolean, boolean]> = {
  'another size': [() => ({ size: 1 }), false, false],
  'parts, where there are none': [() => ({ parts: 1 }), false, false],
  'another body': [() => ({ body: randomId() }), false, false],
  'no envelope of its own': [
    ({ envelope }) => ({ envelope: { ...envelope!, salt: Buffer.alloc(32) } }),
    false,
    false,
  ],
  'an ETag of another content': [() => ({ etag: 'e'.repeat(32) }), false, true],
  'another content type': [() => ({ headers: { type: 'text/html' } }), true, true],
  'another writer': [() => ({ rights: { writer: 'other:somebody' } }), true, true],
}

for (const [index, kind, headers] of [
  [1, 'root', {}],
  [2, 'customer', keyHeaders(customerKey('k'))],
] as const) {
  t.test(`edited rows of an object under a ${kind} key are read as the table says`, async (t) => {
    const node = await startNode(t)
    const { catalog } = node.coffer.stores
    await node.request('PUT', '/bkt')
    await node.request('PUT', '/bkt/o', { tls: true, headers, body: 'the content' })
    const range = { from: 'version/', to: 'version0', limit: 1 }
    const [stored] = (await catalog.scan(range)).entries
    if (stored === undefined || !('key' in stored)) throw new Error('no version')
    const row = versionRow.decodeUnproven(stored.value)
    const write = (key: string, value: Buffer) =>
      catalog.commit({ id: randomId(), put: [{ key, value }] })
    for (const [name, [edit, ...reads]] of Object.entries(edits)) {
      await write(stored.key, versionRow.encode(stored.key, { ...row, ...edit(row) }, foreignMacs))
      const {
        status,
        text,
        headers: shown,
      } = await node.request('GET', '/bkt/o', { tls: true, headers })
      t.equal(status === 200, reads[index - 1], `${name}: ${status}`)
      if (status !== 200) t.notMatch(text, /the content/)
      t.not(shown['content-type'], 'text/html', 'a type that nobody proves is not shown')
    }
    await write(stored.key, versionRow.encode(stored.key, row, node.coffer.stores.macs))
    const key = rowKeys.segment(row.body!, 1)
    const segment = segmentRow.decode((await catalog.get(key))!.value)
    await write(key, segmentRow.encode({ ...segment, records: 2 }))
    const more = await node.request('GET', '/bkt/o', { tls: true, headers })
    t.equal(more.status, 500, 'another number of records')
    await write(key, segmentRow.encode(segment))
    const sound = await node.request('GET', '/bkt/o', { tls: true, headers })
    t.equal(sound.text, 'the content')
  })
}
