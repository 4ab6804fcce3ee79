// `coffer decrypt` on a body of parts whose rows somebody edited without the key: nothing of it is written out.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Encoder } from 'cbor-x'
import t, { type Test } from 'tap'
import { exitCodes } from '../../bin/decrypt/failure.ts'
import { main } from '../../bin/decrypt.ts'
import { rowKeys } from '../../lib/catalog/keys.ts'
import { type LayoutRow, layoutRow, segmentRow, versionRow } from '../../lib/catalog/rows.ts'
import { customerCipher } from '../../lib/crypto/cipher.ts'
import { CustomerKey } from '../../lib/crypto/customer-key.ts'
import { plainOf } from '../vectors/vector.ts'
import { HandStore } from './decrypt-store.ts'
import '../helpers/plain-children.ts'

const cbor = new Encoder({ useRecords: false, tagUint8Array: false })
const keyBytes = Buffer.alloc(32, 'k')
const cipher = customerCipher(new CustomerKey(keyBytes))
const parts = [plainOf(1, 7000), plainOf(2, 70_000), plainOf(3, 7000), plainOf(4, 0)]

/** A store with the object `x` of those parts, and what its rows are called. */
async function fill(numbers: readonly number[]) {
  const store = new HandStore()
  const versionId = await store.add({ object: 'x', cipher, parts, numbers, size: null })
  const versionKey = rowKeys.version('test', 'photos', 'x', versionId)
  const body = versionRow.decodeUnproven(store.catalog.get(versionKey)!).body!
  const change = <T extends object>(
    key: string,
    codec: { encode(row: T): Buffer; decode(bytes: Buffer): T },
    edit: (row: T) => object,
  ) => {
    const row = codec.decode(store.catalog.get(key)!)
    store.catalog.set(key, codec.encode({ ...row, ...edit(row) }))
  }
  return {
    store,
    body,
    version: (edit: object) => {
      const row = versionRow.decodeUnproven(store.catalog.get(versionKey)!)
      store.catalog.set(versionKey, versionRow.encode(versionKey, { ...row, ...edit }, store.macs))
    },
    list: (edit: (row: LayoutRow) => object) => change(rowKeys.layout(body), layoutRow, edit),
    segment: (part: number) => rowKeys.segment(body, part),
  }
}

async function decrypt(t: Test, store: HandStore) {
  const data = t.testdir()
  await store.write(data)
  writeFileSync(join(data, 'key'), keyBytes)
  const out = join(data, 'out')
  const said: string[] = []
  const write = process.stderr.write
  process.stderr.write = ((text: string) => said.push(text) > 0) as typeof write
  try {
    const names = ['--account', 'test', '--container', 'photos', '--object', 'x']
    const args = ['--data', data, ...names, '--key-file', join(data, 'key'), '--out', out]
    const code = await main(args)
    return { code, said: said.join(''), bytes: existsSync(out) ? readFileSync(out) : null }
  } finally {
    process.stderr.write = write
  }
}

t.test('parts come back in the order of their numbers, also the last possible one', async (t) => {
  const { store } = await fill([1, 2, 10_000, 99_999])
  const { code, said, bytes } = await decrypt(t, store)
  t.equal(code, 0, said)
  t.ok(bytes?.equals(Buffer.concat(parts)))
})

type Filled = Awaited<ReturnType<typeof fill>>
const runs = (row: LayoutRow) => row.layout.map((run) => ({ ...run }))

const edits: Record<string, (filled: Filled) => void> = {
  'a part is left out': ({ list, version }) => {
    list((row) => ({ layout: row.layout.slice(0, 3) }))
    version({ parts: 3 })
  },
  'a part is left out, with its page': ({ list, version }) => {
    list(() => ({ layout: [], pages: Buffer.alloc(0) }))
    version({ parts: 0, size: 0 })
  },
  'bytes are moved from one part to another': ({ list }) =>
    list((row) => {
      const layout = runs(row)
      layout[0]!.size++
      layout[1]!.size--
      return { layout }
    }),
  'two parts of one size change places': ({ store, segment }) => {
    const [one, three] = [store.catalog.get(segment(1))!, store.catalog.get(segment(3))!]
    store.catalog.set(segment(1), three).set(segment(3), one)
  },
  'a part has another blob': ({ store, segment }) => {
    const row = segmentRow.decode(store.catalog.get(segment(4))!)
    store.catalog.set(segment(4), segmentRow.encode({ ...row, blob: '0'.repeat(32) }))
  },
  'a part is listed twice': ({ list }) =>
    list((row) => ({ layout: [row.layout[0]!, row.layout[0]!, ...row.layout.slice(2)] })),
  'parts are listed in another order': ({ list }) =>
    list((row) => ({ layout: [...row.layout].reverse() })),
  'a run is long beyond all bounds': ({ list, version }) => {
    list((row) => ({ layout: [{ ...row.layout[0]!, count: 2 ** 40 }] }))
    version({ parts: 2 ** 40 })
  },
  'a number is beyond five digits': ({ list }) =>
    list((row) => ({ layout: [...row.layout.slice(0, 3), { first: 100_000, count: 1, size: 0 }] })),
  'a size is no number': ({ list }) =>
    list((row) => ({ layout: [{ ...row.layout[0]!, size: null }, ...row.layout.slice(1)] })),
  'the seal is another': ({ list }) => list(() => ({ seal: Buffer.alloc(32) })),
  'there is no seal': ({ list }) => list(() => ({ seal: null })),
  'there are no pages': ({ list }) => list(() => ({ pages: null })),
  'a page is another': ({ list }) => list(() => ({ pages: Buffer.alloc(32) })),
  'the list is missing': ({ store, body }) => store.catalog.delete(rowKeys.layout(body)),
  'a segment is missing': ({ store, segment }) => store.catalog.delete(segment(2)),
  'a segment says more than is known': ({ store, segment }) => {
    const items = cbor.decode(store.catalog.get(segment(1))!) as unknown[]
    store.catalog.set(segment(1), cbor.encode([...items.slice(0, -1), { later: 1 }]))
  },
  'the list has an item more': ({ store, body }) => {
    const items = cbor.decode(store.catalog.get(rowKeys.layout(body))!) as unknown[]
    store.catalog.set(rowKeys.layout(body), cbor.encode([...items, null]))
  },
  'the version has another size': ({ version }) => version({ size: 1 }),
}

for (const [name, edit] of Object.entries(edits)) {
  t.test(`nothing is written where ${name}`, async (t) => {
    const filled = await fill([1, 2, 3, 4])
    edit(filled)
    const { code, said, bytes } = await decrypt(t, filled.store)
    t.equal(code, exitCodes.damaged, said)
    t.equal(bytes, null)
  })
}
