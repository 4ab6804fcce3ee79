// The stored form of rows, byte by byte: it is part of the format, so these bytes may never change.
import { crc32 } from 'node:zlib'
import t from 'tap'
import { countersOf } from '../../../lib/catalog/catalog.ts'
import {
  frameCounters,
  frameRow,
  isCounters,
  openCounters,
  openRow,
} from '../../../lib/catalog/framing.ts'
import { frameMeta, openMeta } from '../../../lib/catalog/meta.ts'

const revision = '000102030405060708090a0b0c0d0e0f'

/** The same by another implementation of the checksum. */
function expected(key: string, kind: number, payloadHex: string): string {
  const body = Buffer.from(`0${kind}${revision}${payloadHex}`, 'hex')
  const sum = crc32(body, crc32(Buffer.from(key)))
  return body.toString('hex') + sum.toString(16).padStart(8, '0')
}

t.test('a plain row is kind, revision, payload and checksum of key and all', async (t) => {
  for (const key of ['a', 'object/a/é/\u{10ffff}\u0000', 'k'.repeat(5000), '€'.repeat(3000)]) {
    for (const value of ['', '00', 'ff'.repeat(9000)]) {
      const framed = frameRow(key, revision, Buffer.from(value, 'hex'))
      t.equal(framed.toString('hex'), expected(key, 1, value))
      t.same(openRow(key, framed), { key, revision, value: Buffer.from(value, 'hex') })
      t.notOk(isCounters(framed))
    }
  }
  t.equal(
    frameRow('a', revision, Buffer.from('value')).toString('hex'),
    '01000102030405060708090a0b0c0d0e0f76616c7565' + '960f112d',
  )
})

t.test('a counter row holds signed 64-bit integers, big-endian', async (t) => {
  const values = [0, 1, 2 ** 32, Number.MAX_SAFE_INTEGER]
  const framed = frameCounters('n', revision, values)
  const payload = '0000000000000000' + '0000000000000001' + '0000000100000000' + '001fffffffffffff'
  t.equal(framed.toString('hex'), expected('n', 2, payload))
  t.ok(isCounters(framed))
  t.same(openCounters('n', framed), { values, revision })
  t.same(countersOf(openRow('n', framed).value), values)
})

t.test('a row is refused under another key, shortened, or of an unknown kind', async (t) => {
  const framed = frameRow('a', revision, Buffer.from('value'))
  const corrupt = { code: 'StoreCorrupt', details: { key: 'a' } }
  t.throws(() => openRow('b', framed), { code: 'StoreCorrupt', details: { key: 'b' } })
  for (let length = 0; length < framed.length; length++) {
    t.throws(() => openRow('a', framed.subarray(0, length)), corrupt)
  }
  const unknown = Buffer.from(expected('a', 3, '00'), 'hex')
  t.throws(() => openRow('a', unknown), corrupt)
  t.throws(() => openCounters('a', framed), { code: 'Internal' })
})

t.test('the meta row is CBOR [2, catalog id, commit number]', async (t) => {
  const meta = { catalogId: 'f'.repeat(32), commitNumber: 24 }
  const framed = frameMeta(meta, revision)
  const cbor = `83027820${Buffer.from(meta.catalogId).toString('hex')}1818`
  t.equal(framed.toString('hex'), expected('meta', 1, cbor))
  for (const commitNumber of [0, 2 ** 31, 2 ** 32, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
    t.same(openMeta(frameMeta({ ...meta, commitNumber }, revision)), { ...meta, commitNumber })
  }
  for (const layout of ['01', '03']) {
    const other = frameRow('meta', revision, Buffer.from(`83${layout}617801`, 'hex'))
    t.throws(() => openMeta(other), { code: 'StoreCorrupt' })
  }
})
