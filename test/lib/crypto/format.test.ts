// docs/format.md against the product: its example is a vector, its values are what the product computes,
// its tables of keys and rows are those of the catalog, and its numbers are the constants of the code.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decode } from 'cbor-x'
import t from 'tap'
import { exitCodes } from '../../../bin/decrypt/failure.ts'
import { RECORDS_PER_PIECE } from '../../../lib/blobs/store.ts'
import { COMMIT_ROWS_MAX } from '../../../lib/catalog/catalog.ts'
import { rowKeys } from '../../../lib/catalog/keys.ts'
import * as rows from '../../../lib/catalog/rows.ts'
import { deriveBlobKey } from '../../../lib/crypto/keys.ts'
import { nonceOf, RECORD_BYTES, TAG_BYTES } from '../../../lib/crypto/records.ts'
import { blobKeyObject, openRecord } from '../../../lib/crypto/seal.ts'
import { OBJECT_NAME_BYTES_MAX } from '../../../lib/names.ts'
import { foreignMacs } from '../../helpers/macs.ts'
import { cellsOf } from '../../helpers/pages.ts'
import { contextOf, expandKey } from '../../vectors/make.ts'
import type { ObjectVector } from '../../vectors/objects.ts'
import { parseVector, plainOf } from '../../vectors/vector.ts'

const root = new URL('../../../', import.meta.url).pathname
const page = readFileSync(`${root}docs/format.md`, 'utf8')
const example = readFileSync(`${root}test/vectors/worked-example.vec`, 'utf8')

t.test('the worked example is a vector, word by word', async (t) => {
  t.ok(page.includes(`\n\`\`\`\n${example}\`\`\`\n`))
})

t.test('the values of the worked example are what the product computes', async (t) => {
  const vector = parseVector(example)
  const context = contextOf(vector)
  const expanded = expandKey(vector.key, vector.salt, context)
  const { bodyKey, md5 } = vector.secret!
  const { id, part } = vector.blobs[0]!
  const blobKey = deriveBlobKey(bodyKey, id, part)
  const record = vector.sealed![0]![0]!
  const plain = openRecord(blobKeyObject(blobKey), 0, true, record)
  t.ok(plain.equals(plainOf(vector.plain.seed, vector.plain.size)))
  const values: Record<string, string> = {
    context: context.toString('hex'),
    KEK: expanded.toString('hex', 0, 32),
    commitment: expanded.toString('hex', 32),
    secret: `${bodyKey.toString('hex')}0000000000000010${md5!.toString('hex')}`,
    'blob key': blobKey.toString('hex'),
    'nonce of record 0': nonceOf(0, true).toString('hex'),
    'record 0': record.toString('hex'),
    plaintext: plain.toString('hex'),
  }
  for (const [name, value] of Object.entries(values)) {
    t.same(cellsOf('## 12. A worked example', name), [`\`${value}\``], name)
  }
})

t.test('each row has the fields of the page, in that order', async (t) => {
  // A row that answers every field with the field's own name.
  const echo = new Proxy({}, { get: (_, field) => field }) as never
  const codecs = {
    account: rows.accountRow,
    container: rows.containerRow,
    setting: rows.settingRow,
    bucket: rows.bucketRow,
    object: rows.objectRow,
    version: rows.versionRow,
    expiry: rows.expiryRow,
    layout: rows.layoutRow,
    segment: rows.segmentRow,
    upload: rows.uploadRow,
    'volume blob': rows.volumeBlobRow,
    queue: rows.queueRow,
    logout: rows.logoutRow,
  }
  for (const [name, codec] of Object.entries(codecs)) {
    const row = codec as unknown as { encode(...given: unknown[]): Buffer }
    const isSigned = 'rootKeyIdOf' in codec
    const given = isSigned ? ['', echo, foreignMacs] : [echo]
    const [layout, ...fields] = decode(row.encode(...given)) as unknown[]
    if (isSigned) fields.splice(-2, 2, 'rootKeyId', 'mac')
    t.equal(layout, 2)
    const words = fields.map((field) => (typeof field === 'object' ? 'more' : field))
    t.same(cellsOf('### Rows', name), [words.map((word) => `\`${word}\``).join(' ')], name)
  }
  // Rows of the identity service: test/lib/catalog/identity-rows.test.ts.
  const named = Object.keys(rows).filter((name) => name.endsWith('Row')).length
  t.equal(named, Object.keys(codecs).length, 'a row is missing here and perhaps on the page')
})

t.test('each key of the catalog is on the page', async (t) => {
  const name = 'a\u0000b'
  const escaped = 'a\u0000\u0002b\u0000\u0001'
  const id = '0'.repeat(32)
  const made: Record<string, string> = {
    'account/<account>': rowKeys.account('A'),
    'account-usage/<account>': rowKeys.accountUsage('A'),
    'container/<account>/<container>': rowKeys.container('A', 'C'),
    'container-usage/<account>/<container>': rowKeys.containerUsage('A', 'C'),
    'setting/<account>/<container>/<kind>': rowKeys.setting('A', 'C', 'K'),
    'bucket/<container>': rowKeys.bucket('C'),
    'object/<account>/<container>/<name>': rowKeys.object('A', 'C', name),
    'hidden/<account>/<container>/<name>': rowKeys.hidden('A', 'C', name),
    'version/<account>/<container>/<name…><version id>': rowKeys.version('A', 'C', name, id),
    'expiry/<second, 10 decimal digits>/<version id>': rowKeys.expiry(123, id),
    'upload/<account>/<container>/<name…><upload id>': rowKeys.upload('A', 'C', name, id),
    'upload-parts/<upload id>': rowKeys.uploadParts(id),
    'body/<body id>': rowKeys.body(id),
    'layout/<body id>': rowKeys.layout(id),
    'segment/<body id>/<part number, 5 decimal digits>': rowKeys.segment(id, 7),
    'blob/<blob id>/<piece, 8 hex digits>': rowKeys.blob(id, 10),
    'volume/<volume id>/<blob id>': rowKeys.volume('V', id),
    'volume-usage/<volume id>': rowKeys.volumeUsage('V'),
    'queue/<commit id>': rowKeys.queue(id),
    'logout/<account>/<user>': rowKeys.logout('A', 'U'),
  }
  for (const [pattern, key] of Object.entries(made)) {
    t.equal(cellsOf('### Keys', `\`${pattern}\``).length, 1, pattern)
    const expected = pattern
      .replace('<account>', 'A')
      .replace('<user>', 'U')
      .replace('<kind>', 'K')
      .replace('<container>', 'C')
      .replace('<name>', name)
      .replace('<name…>', escaped)
      .replace('<volume id>', 'V')
      .replace(/<(version|upload|body|blob|commit) id>/, id)
      .replace('<part number, 5 decimal digits>', '00007')
      .replace('<piece, 8 hex digits>', '0000000a')
      .replace('<second, 10 decimal digits>', '0000000123')
    t.equal(key, expected)
  }
  t.equal(
    Object.keys(rowKeys).length,
    Object.keys(made).length,
    'a key is missing here and perhaps on the page',
  )
})

t.test('the limits and exit codes of the page are those of the code', async (t) => {
  const limit = (what: string) => cellsOf('## 9. Limits', what)[0]!
  t.match(limit('object name'), OBJECT_NAME_BYTES_MAX.toLocaleString('en'))
  t.match(limit('plaintext of a record'), RECORD_BYTES.toLocaleString('en'))
  t.match(limit('records in a piece of a locator'), RECORDS_PER_PIECE.toLocaleString('en'))
  t.match(limit('rows in a commit'), String(COMMIT_ROWS_MAX))
  t.match(page, `tag (${TAG_BYTES} bytes)`)
  for (const code of Object.values(exitCodes))
    t.equal(cellsOf('## 11. Reading without a server', String(code)).length, 1, `exit ${code}`)
})

t.test(
  'every breach in the table has a vector, and every broken object stands there',
  async (t) => {
    const folder = join(root, 'test/vectors')
    const files = readdirSync(folder)
    const { objects } = JSON.parse(readFileSync(join(folder, 'objects.json'), 'utf8')) as {
      objects: ObjectVector[]
    }
    const section = page.split('### What each breach means')[1]!.split('\n## ')[0]!
    const rows = section.split('\n').filter((line) => line.startsWith('| '))
    const named = rows.flatMap((row) => {
      const [vectors = ''] = row.split('|').slice(-2)
      return [...vectors.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)
    })
    t.ok(named.length > 20)
    const patterns = named.map((name) => new RegExp(`^${name.replaceAll('*', '.*')}$`))
    const names = [...files, ...objects.map(({ name }) => name)]
    for (const pattern of patterns) {
      t.ok(
        names.some((name) => pattern.test(name)),
        `${pattern} is a vector`,
      )
    }
    const broken = objects.filter(({ expect }) => expect !== 'success').map(({ name }) => name)
    const absent = broken.filter((name) => !patterns.some((pattern) => pattern.test(name)))
    t.same(absent, [], 'in no row of the table')
  },
)
