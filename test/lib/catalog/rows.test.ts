// What rows say does not depend on how their integers were written: docs/format.md §5 allows any form of CBOR.
import { Encoder } from 'cbor-x'
import t from 'tap'
import { decodeBackupHeader } from '../../../lib/catalog/backup-format.ts'
import { countersOf } from '../../../lib/catalog/catalog.ts'
import { encodeItems, saySame } from '../../../lib/catalog/cbor.ts'
import type { SignedCodec } from '../../../lib/catalog/codec.ts'
import { frameRow, openRow } from '../../../lib/catalog/framing.ts'
import { frameMeta, openMeta } from '../../../lib/catalog/meta.ts'
import { frameRestored, RESTORED_KEY, readRestored } from '../../../lib/catalog/restore-mark.ts'
import { ROOT_KEYS_KEY, readRootKeys } from '../../../lib/catalog/root-keys-row.ts'
import * as rows from '../../../lib/catalog/rows.ts'
import { randomId } from '../../../lib/names.ts'
import { type IntegerForm, withIntegersAs } from '../../helpers/integer-width.ts'
import { foreignMacs } from '../../helpers/macs.ts'

const forms: readonly IntegerForm[] = ['int64', 'float64']
const micros = 1_790_000_000_123_456
const bytes = Buffer.alloc(32, 5)
const envelope = {
  kind: 1,
  rootKeyId: 'k1',
  shape: 1,
  salt: bytes,
  commitment: bytes,
  wrapped: bytes,
}
const metadata = { colour: 'blue', count: '12' }
const summary = { timeMicros: micros, size: 2 ** 40, etag: 'e', type: 't', checksum: null }

/** Of each kind of row one with every integer that it can have. */
const samples: Record<string, object> = {
  accountRow: { createdMicros: micros, metadata, acl: null },
  containerRow: {
    ...{ id: 'i', createdMicros: micros, modifiedMicros: micros },
    ...{ acl: { read: '', write: '' }, versioning: null, settings: { metadata: bytes } },
  },
  settingRow: { containerId: 'i', value: metadata },
  objectRow: { current: 'c', nullVersion: null, summary: { ...summary, deleteAtSeconds: 7 } },
  versionRow: {
    ...{
      timeMicros: micros,
      size: 70_000,
      etag: 'e',
      body: 'b',
      parts: 10_000,
      envelope,
      metadata,
    },
    ...{
      headers: { type: 't' },
      checksum: null,
      rights: { writer: 'w' },
      deleteAtSeconds: 4_102_444_800,
    },
  },
  layoutRow: { layout: [{ first: 1, count: 23, size: 5 << 20 }], seal: bytes, pages: bytes },
  segmentRow: {
    ...{ blob: 'b', size: 24, records: 1, inline: bytes, volume: null, storedBytes: 300 },
    part: { timeMicros: micros, etag: 'e', checksum: null, seal: bytes },
  },
  uploadRow: {
    ...{ containerId: 'i', versionId: 'v', body: 'b', createdMicros: micros, envelope },
    late: { rootKeyId: 'k1', salt: bytes, commitment: bytes, wrapped: bytes },
    ...{ headers: {}, metadata, checksum: null, rights: { writer: 'w' } },
  },
  queueRow: { work: { kind: 'segments', body: 'b', keep: [{ first: 2, count: 3, size: 4 }] } },
  expiryRow: { account: 'a', container: 'c', object: 'o' },
  logoutRow: { id: 'i' },
  bucketRow: { account: 'a' },
  volumeBlobRow: { body: 'b', part: 10_000, storedBytes: 65_600 },
}

interface Codec {
  encode(row: object): Buffer
  decode(bytes: Buffer): object
  says(bytes: Buffer, row: object): boolean
}

/** A row with a MAC as one without: what its bytes say, whether the MAC holds or not. */
const asPlain = (codec: SignedCodec<object>): Codec => ({
  encode: (row) => codec.encode('key', row, foreignMacs),
  decode: (bytes) => codec.decodeUnproven(bytes),
  says: (bytes, row) => saySame(codec.decodeUnproven(bytes), row),
})
const all = Object.entries(rows) as unknown as [string, Codec | SignedCodec<object>][]
const signed = new Set(all.flatMap(([name, codec]) => ('read' in codec ? [name] : [])))
const codecs = all.map(
  ([name, codec]) => [name, 'read' in codec ? asPlain(codec) : codec] as [string, Codec],
)

t.test('a row says the same, however wide its integers were written', async (t) => {
  t.same(codecs.map(([name]) => name).sort(), Object.keys(samples).sort(), 'of all kinds')
  for (const [name, codec] of codecs) {
    const sample = samples[name]!
    const payload = codec.encode(sample)
    const plain = Buffer.from(payload)
    t.strictSame(codec.decode(plain), sample, name)
    for (const form of forms) {
      const rewritten = withIntegersAs(form, plain)
      t.not(rewritten.length, plain.length)
      t.strictSame(codec.decode(rewritten), sample, `${name} as ${form}`)
      t.ok(codec.says(rewritten, sample))
    }
  }
})

t.test(
  'a row says the same, whatever the order of its maps and the form of what is absent',
  (t) => {
    const cbor = new Encoder({ useRecords: false })
    const row = samples.objectRow as rows.ObjectRow
    const { checksum: _, ...rest } = row.summary!
    const turned = Object.fromEntries(Object.entries(rest).reverse())
    const absent = cbor.encode([2, 'c', undefined, turned])
    t.ok(rows.objectRow.says(absent, row))
    t.equal(rows.objectRow.decode(absent).nullVersion, null)
    t.notOk(rows.objectRow.says(absent, { ...row, nullVersion: 'c' }))
    t.notOk(rows.objectRow.says(absent, { ...row, summary: { ...row.summary!, size: 1 } }))
    t.notOk(rows.objectRow.says(absent, { ...row, summary: null }))
    t.end()
  },
)

t.test('the rows about the catalog itself do too', async (t) => {
  const meta = { catalogId: randomId(), commitNumber: 2 ** 33 }
  const restored = { commitNumber: 23, backupMicros: micros, restoredMicros: micros + 1 }
  for (const form of forms) {
    const rewrite = (key: string, framed: Buffer) =>
      frameRow(key, randomId(), withIntegersAs(form, openRow(key, framed).value))
    t.strictSame(openMeta(rewrite('meta', frameMeta(meta, randomId()))), meta, `meta as ${form}`)
    const row = openRow(RESTORED_KEY, rewrite(RESTORED_KEY, frameRestored(restored)))
    const catalog = { get: async () => row } as unknown as Parameters<typeof readRestored>[0]
    t.strictSame(await readRestored(catalog), restored, `restored as ${form}`)
    const ids = ['k1', 'k2']
    const framed = frameRow(ROOT_KEYS_KEY, randomId(), encodeItems([2, ids]))
    const known = openRow(ROOT_KEYS_KEY, rewrite(ROOT_KEYS_KEY, framed))
    t.match(await readRootKeys({ get: async () => known }), { ids }, `root keys as ${form}`)
  }
})

t.test('the header of a backup does too', async (t) => {
  const header = { catalogId: randomId(), commitNumber: 9, timeMicros: micros }
  const plain = new Encoder({ useRecords: false }).encode([2, ...Object.values(header)])
  for (const form of forms) {
    t.strictSame(decodeBackupHeader('b', withIntegersAs(form, plain)), header, form)
  }
})

t.test('a number that is none of the format is damage, wherever it stands', async (t) => {
  const cbor = new Encoder({ useRecords: false })
  const wrong = [2n ** 53n, 2n ** 64n - 1n, -(2n ** 53n), 2 ** 53, 1.5, Number.NaN, Infinity]
  for (const number of wrong) {
    const shown = String(number)
    for (const row of [
      [1, number, 0],
      [1, 'c', null, { ...summary, size: number }],
      [1, [{ first: 1, count: 1, size: number }]],
    ]) {
      t.throws(() => rows.objectRow.decode(cbor.encode(row)), { code: 'StoreCorrupt' }, shown)
    }
  }
  t.throws(() => rows.objectRow.decode(cbor.encode({ 0: 1 })), { code: 'StoreCorrupt' }, 'a map')
  t.throws(() => rows.objectRow.decode(Buffer.of(0x83, 1)), { code: 'StoreCorrupt' }, 'cut off')
})

t.test('counters that cannot be reckoned with are damage', async (t) => {
  const counter = (value: bigint) => {
    const counters = Buffer.alloc(16)
    counters.writeBigInt64BE(value, 8)
    return counters
  }
  t.same(countersOf(counter(2n ** 53n - 1n)), [0, 2 ** 53 - 1])
  t.throws(() => countersOf(counter(2n ** 53n)), { code: 'StoreCorrupt' })
  t.throws(() => countersOf(counter(1n).subarray(0, 12)), { code: 'StoreCorrupt' })
})

t.test(
  'a row with another number of items is damaged, and so is one with more than is known',
  async (t) => {
    const cbor = new Encoder({ useRecords: false, tagUint8Array: false })
    const open = ['accountRow', 'containerRow', 'versionRow', 'segmentRow', 'uploadRow']
    for (const [name, codec] of codecs) {
      const items = cbor.decode(codec.encode(samples[name]!)) as unknown[]
      const damaged = [items.slice(0, -1), [...items, null], [...items, {}]]
      if (open.includes(name)) {
        const mac = signed.has(name) ? items.slice(-2) : []
        const rest = items.slice(0, -1 - mac.length)
        t.same(items.slice(rest.length), [{}, ...mac], `${name} has room for more`)
        for (const more of [{ later: 1 }, null, [], 'more']) damaged.push([...rest, more, ...mac])
      }
      for (const row of damaged) {
        t.throws(() => codec.decode(cbor.encode(row)), { code: 'StoreCorrupt' }, name)
      }
    }
  },
)
