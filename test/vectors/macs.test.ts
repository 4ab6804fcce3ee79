// MACs of rows against their vectors: the server's arithmetic and that of the decrypt program, which share no code.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { Rights } from '../../bin/decrypt/rights.ts'
import { decodeItems } from '../../lib/catalog/cbor.ts'
import { rowMacs } from '../../lib/crypto/row-mac.ts'
import { type MacVector, macVectors } from './macs.ts'

const text = readFileSync(`${import.meta.dirname}/macs.json`, 'utf8')
const vectors: MacVector[] = JSON.parse(text)

t.test('macs.json is what npm run vectors writes', async (t) => {
  t.equal(text, macVectors())
  t.ok(vectors.length > 10)
})

for (const { name, about, expect, rootKeys, catalogId, rowKey, payload } of vectors) {
  t.test(`${name}: ${about}`, async (t) => {
    const row = Buffer.from(payload, 'hex')
    const keyOf = (id: string) =>
      Object.hasOwn(rootKeys, id) ? Buffer.from(rootKeys[id]!, 'hex') : undefined
    const rights = new Rights(keyOf, catalogId)
    t.equal(rights.isRight(Buffer.from(rowKey), row), expect === 'holds', 'the decrypt program')
    const macs = rowMacs({ active: 'k1', key: keyOf }, catalogId)
    const rootKeyId = decodeItems(row).at(-2) as string
    t.equal(macs.holds(rowKey, row, rootKeyId), expect === 'holds', 'the server')
    t.equal(macs.holds(rowKey, row, rootKeyId), expect === 'holds', 'and again')
  })
}
