// Reading and writing XML.
import { parseXML } from '@aws-sdk/xml-builder'
import t from 'tap'
import type { Source } from '../../../lib/bytes/source.ts'
import {
  readComplete,
  readCreateBucket,
  readDelete,
  readVersioning,
} from '../../../middleware/s3/documents.ts'
import { readDocument, type Shape } from '../../../middleware/s3/xml.ts'
import { isoTime, leaf, node, root } from '../../../middleware/s3/xml-writer.ts'
import { bodyOf, leavesOf } from '../../helpers/xml.ts'

const malformed = { status: 400, code: 'MalformedXML' }

const shape: Shape<string> = {
  root: 'a',
  fields: ['f'],
  rows: { name: 'r', countMax: 3, fields: ['k'], read: (fields) => fields.get('k') ?? '' },
}
const parse = (text: string | Buffer) => bodyOf(text)(shape)
const textOf = async (inner: string, before = '') =>
  (await parse(`${before}<a><f>${inner}</f></a>`))!.fields.get('f')

t.test('text is taken verbatim, entities and CDATA resolved', async (t) => {
  t.equal(await textOf(' x  y '), ' x  y ')
  t.equal(await textOf('&lt;&gt;&amp;&quot;&apos;&#65;&#x42;&#x1F600;'), '<>&"\'AB😀')
  t.equal(await textOf('1<![CDATA[<&amp;>]]>2'), '1<&amp;>2')
  t.equal(await textOf('007'), '007')
  t.equal(await textOf('€', '<?xml version="1.0" encoding="UTF-8"?>\n<!-- c --><?php no?>'), '€')
  t.equal(await textOf('x<!-- c -->y'), 'xy')
  t.equal(await textOf(''), '')
  t.equal(
    (await parse('\ufeff<a><f/></a>'))!.fields.get('f'),
    '',
    'a byte-order mark is none of it',
  )
  t.equal(await textOf('&#x1;'), '\u0001', 'AWS writes such references, and takes them back')
  const rare = '\u007f\u0080\u0085\u009f\u2028\u2029'
  t.equal(await textOf(rare), rare, 'what XML 1.1 holds for controls or ends of lines stays')
  t.equal(await textOf('\r\u0085'), '\n\u0085')
  t.equal(await textOf('a\r\nb\rc&#13;'), 'a\nb\nc\r', 'ends of lines are one (XML §2.11)')
})

t.test('elements are known by their names, whatever their prefix', async (t) => {
  const document = `<n:a xmlns:n="u" x="1"><f>1</f><n:r><k>2</k></n:r>\n<r/><r><n:k>3</n:k></r></n:a>`
  const { fields, rows } = (await parse(document))!
  t.equal(fields.get('f'), '1')
  t.same(rows, ['2', '', '3'], 'rows keep their order')
  t.equal(await parse(''), undefined)
})

t.test('a document is read alike however it is cut', async (t) => {
  const bytes = Buffer.from('<a><f>é€😀\u0085&#x1F600;\r\n</f><r><k>b</k></r></a>')
  for (let at = 0; at <= bytes.length; at++) {
    const pieces = [bytes.subarray(0, at), bytes.subarray(at)]
    const { fields, rows } = (await readDocument(sourceOf(pieces), 100, shape))!
    if (fields.get('f') !== 'é€😀\u0085😀\n' || rows[0] !== 'b') t.fail(`cut at ${at}`)
  }
  const singles = Array.from(bytes, (byte) => Buffer.from([byte]))
  const { fields } = (await readDocument(sourceOf(singles), 100, shape))!
  t.equal(fields.get('f'), 'é€😀\u0085😀\n', 'one byte at a time')
})

t.test('what is no plain document is MalformedXML', async (t) => {
  const bad = [
    ' ',
    'text',
    '<a>',
    '<a></b>',
    '<a/><a/>',
    '<a/>x',
    '<b/>',
    '<a><b/></a>',
    '<a>text</a>',
    '<a><f/><f/></a>',
    '<a><f><f/></f></a>',
    '<a><r><k/><k/></r></a>',
    '<a><r><f/></r></a>',
    '<a><r>x</r></a>',
    '<a><r/><r/><r/><r/></a>',
    '<a><f>&unknown;</f></a>',
    '<a><f>&</f></a>',
    '<a><f>&LT;</f></a>',
    '<a><f>&constructor;</f></a>',
    '<a><f>&#0;</f></a>',
    '<a><f>&#xD800;</f></a>',
    '<a><f>&#x110000;</f></a>',
    '<a><f>&#;</f></a>',
    '<a><f>&#xFFFE;</f></a>',
    '<a><f>\u0001</f></a>',
    '<a><f>]]></f></a>',
    '<a><f><![CDATA[\u0085]]></f></a>',
    '<a x="1" x="2"/>',
    '<a x=1/>',
    '<a x/>',
    '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
    '<!doctype a><a/>',
    '<a>'.repeat(40) + '</a>'.repeat(40),
    '<a>'.repeat(20_000),
    '<a><__proto__><x/></__proto__>',
    `<a ${Array.from({ length: 17 }, (_, i) => `x${i}="1"`).join(' ')}/>`,
    `<a><f>${'x'.repeat(80_000)}</f></a>`,
    `<a>${' '.repeat(80_000)}</a>`,
    `<a ${'x'.repeat(80_000)}="1"/>`,
    `<a x="${'x'.repeat(80_000)}"/>`,
    `<a><!--${'x'.repeat(80_000)}--></a>`,
    `<a><?x ${'x'.repeat(80_000)}?></a>`,
    `<a><f>${'x<!-- -->'.repeat(80_000)}</f></a>`,
  ]
  for (const text of bad) await t.rejects(parse(text), malformed, text.slice(0, 60))
  const notUtf8 = Buffer.from('<a><f>ÿ</f></a>', 'latin1')
  await t.rejects(parse(notUtf8), malformed)
  await t.rejects(parse(Buffer.from('<a/>', 'utf16le')), malformed)
})

const part = (number: string, etag: string, more = '') =>
  `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag>${more}</Part>`
const complete = (...parts: string[]) =>
  readComplete(bodyOf(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`))

t.test('a Complete lists numbers, ETags and checksums', async (t) => {
  const checksum = '<ChecksumCRC32>AAAAAA==</ChecksumCRC32>'
  t.same(await complete(part('1', '&quot;ab&quot;'), part('10000', 'cd', checksum)), [
    { part: 1, etag: 'ab' },
    { part: 10000, etag: 'cd', checksum: { algorithm: 'crc32', value: 'AAAAAA==' } },
  ])
})

t.test('a Complete without a part is InvalidRequest, a wrong one MalformedXML', async (t) => {
  await t.rejects(complete(), {
    code: 'InvalidRequest',
    message: 'You must specify at least one part',
  })
  const twice = '<ChecksumCRC32>AAAAAA==</ChecksumCRC32><ChecksumSHA1>x</ChecksumSHA1>'
  for (const wrong of [
    part('0', 'x'),
    part('10001', 'x'),
    part('-1', 'x'),
    part('1.5', 'x'),
    part('', 'x'),
    part('1', ''),
    part('1', 'x', twice),
    part('1', 'x', '<ETag>y</ETag>'),
    part('1', 'x', '<Foo/>'),
    '<Other/>',
    'text<Part/>',
    '<Part><PartNumber><x/></PartNumber><ETag>x</ETag></Part>',
    part('1', 'x').repeat(10_001),
  ]) {
    await t.rejects(complete(wrong), malformed, wrong.slice(0, 100))
  }
  await t.rejects(readComplete(bodyOf('')), malformed)
  await t.rejects(readComplete(bodyOf('<Other/>')), malformed)
})

const del = (inner: string) => readDelete(bodyOf(`<Delete xmlns="x">${inner}</Delete>`))

t.test('a Delete lists up to 1,000 keys, blanks and all', async (t) => {
  const one = '<Object><Key> a&#xD; </Key><VersionId>null</VersionId><ETag>"e"</ETag></Object>'
  t.same(await del(`<Quiet>true</Quiet>\n${one}`), {
    quiet: true,
    entries: [
      { key: ' a\r ', versionId: 'null', etag: '"e"', size: undefined, modified: undefined },
    ],
  })
  const many = (count: number) => '<Object><Key>k</Key></Object>'.repeat(count)
  t.equal((await del(many(1000))).entries.length, 1000)
  await t.rejects(del(many(1001)), malformed)
  await t.rejects(del(''), malformed)
  await t.rejects(del('<Object><Key></Key></Object>'), malformed)
  await t.rejects(del('<Object><VersionId>x</VersionId></Object>'), malformed)
  await t.rejects(del(`<Quiet>maybe</Quiet>${one}`), malformed)
  const sized = '<Object><Key>k</Key><Size>1</Size></Object>'
  t.equal((await del(sized)).entries[0]?.size, '1')
})

t.test('a CreateBucketConfiguration may name a location and nothing else', async (t) => {
  const create = (inner: string) =>
    readCreateBucket(bodyOf(`<CreateBucketConfiguration>${inner}</CreateBucketConfiguration>`))
  t.equal(await readCreateBucket(bodyOf('')), undefined)
  t.equal(await create(''), undefined)
  t.equal(await create('<LocationConstraint>eu-west-1</LocationConstraint>'), 'eu-west-1')
  await t.rejects(create('<Tags><Tag/></Tags>'), { status: 501, code: 'NotImplemented' })
  await t.rejects(create('<Foo/>'), malformed)
  await t.rejects(readCreateBucket(bodyOf('<Foo/>')), malformed)
})

function sourceOf(pieces: readonly Buffer[], length?: number): Source {
  const left = [...pieces]
  const none = () => {
    throw new Error('no digest here')
  }
  return { length, want: none, digest: none, read: async () => left.shift() }
}

t.test('a body is read up to its limit, and a long one not at all', async (t) => {
  const pieces = () => [Buffer.from(`<a>${' '.repeat(57)}`), Buffer.from(`${' '.repeat(36)}</a>`)]
  t.ok(await readDocument(sourceOf(pieces()), 100, shape))
  t.equal(await readDocument(sourceOf([]), 100, shape), undefined)
  const tooLong = { status: 400, code: 'MaxMessageLengthExceeded' }
  await t.rejects(readDocument(sourceOf(pieces()), 99, shape), tooLong)
  const announced = sourceOf(pieces(), 101)
  await t.rejects(readDocument(announced, 100, shape), tooLong)
  t.ok(await announced.read(), 'nothing of it was taken')
})

t.test('what is written can be parsed, whatever is in a key', async (t) => {
  const key = '<a>&"\'\r\n\t€😀]]>'
  const document = root(
    'R',
    node('Contents', leaf('Key', key), leaf('Size', 0)),
    leaf('No', undefined),
  )
  t.same(leavesOf(document), [
    ['Key', key],
    ['Size', '0'],
  ])
  t.equal(leaf('Key', '\u0001\uffff'), '<Key>&#x1;&#xFFFF;</Key>')
  const sdk = parseXML(node('Contents', leaf('Key', 'a\u0001b'), leaf('Size', 7)))
  t.equal(sdk.Contents.Size, '7', 'the parser of the JavaScript SDK reads on behind it')
})

t.test('times have milliseconds', async (t) => {
  t.equal(isoTime(1_700_000_000_123_999), '2023-11-14T22:13:20.123Z')
})

t.test('a versioning configuration says one status, and nothing that is not known', async (t) => {
  const read = (inner: string) =>
    readVersioning(bodyOf(`<VersioningConfiguration>${inner}</VersioningConfiguration>`))
  const status = (text: string) => read(`<Status>${text}</Status>`)
  t.equal(await status('Enabled'), 'enabled')
  t.equal(await status(' Suspended\n'), 'suspended')
  t.equal(await read('<MfaDelete>Disabled</MfaDelete><Status>Enabled</Status>'), 'enabled')
  for (const bad of ['', 'enabled', 'Disabled', '<a/>']) {
    await t.rejects(status(bad), malformed, bad)
  }
  await t.rejects(read('<Status>Enabled</Status><Status>Enabled</Status>'), malformed)
  await t.rejects(read('<Status>Enabled</Status><Other/>'), malformed)
  await t.rejects(read('<Status>Enabled</Status><MfaDelete>On</MfaDelete>'), malformed)
  await t.rejects(readVersioning(bodyOf('<Other/>')), malformed)
  await t.rejects(readVersioning(bodyOf('')), malformed)
  await t.rejects(read(''), { status: 400, code: 'IllegalVersioningConfigurationException' })
  await t.rejects(read('<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>'), {
    status: 501,
    code: 'NotImplemented',
    elements: { Header: 'MfaDelete' },
  })
})
