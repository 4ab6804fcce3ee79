// Reading and writing XML.
import { XMLParser } from 'fast-xml-parser'
import t from 'tap'
import type { Source } from '../../../lib/bytes/source.ts'
import {
  readComplete,
  readCreateBucket,
  readDelete,
  readVersioning,
} from '../../../middleware/s3/documents.ts'
import { parseXml, readBody } from '../../../middleware/s3/xml.ts'
import { isoTime, leaf, node, root } from '../../../middleware/s3/xml-writer.ts'

const parse = (text: string) => parseXml(Buffer.from(text))
const malformed = { status: 400, code: 'MalformedXML' }

t.test('text is taken verbatim, entities and CDATA resolved', async (t) => {
  const text = (xml: string) => parse(xml).text
  t.equal(text('<a> x  y </a>'), ' x  y ')
  t.equal(text('<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x42;&#x1F600;</a>'), '<>&"\'AB😀')
  t.equal(text('<a>1<![CDATA[<&amp;>]]>2</a>'), '1<&amp;>2')
  t.equal(text('<a>007</a>'), '007')
  t.equal(
    text('<?xml version="1.0" encoding="UTF-8"?>\n<!-- c --><n:a xmlns:n="u" x="1">€</n:a>'),
    '€',
  )
  t.equal(text('<a>x<!-- c -->y</a>'), 'xy')
  t.equal(text('<a/>'), '')
  t.equal(text('<a>&#x1;</a>'), '\u0001', 'AWS writes such references, and takes them back')
})

t.test('children keep their order', async (t) => {
  const { name, children } = parse('<a><b>1</b><c/><b>2</b></a>')
  t.equal(name, 'a')
  t.same(children, [
    { name: 'b', text: '1', children: [] },
    { name: 'c', text: '', children: [] },
    { name: 'b', text: '2', children: [] },
  ])
})

t.test('what is no plain document is MalformedXML', async (t) => {
  const bad = [
    '',
    ' ',
    'text',
    '<a>',
    '<a></b>',
    '<a/><b/>',
    '<a>&unknown;</a>',
    '<a>&</a>',
    '<a>&#0;</a>',
    '<a>&#xD800;</a>',
    '<a>&#x110000;</a>',
    '<a>&#;</a>',
    '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
    '<!doctype a><a/>',
    '<a>'.repeat(40) + '</a>'.repeat(40),
    '<a>'.repeat(20_000),
    '<a><__proto__><x/></__proto__>',
  ]
  for (const text of bad) t.throws(() => parse(text), malformed, text.slice(0, 60))
  t.throws(() => parseXml(Buffer.from([0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e])), malformed)
})

const part = (number: string, etag: string, more = '') =>
  `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag>${more}</Part>`
const complete = (...parts: string[]) =>
  readComplete(Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`))

t.test('a Complete lists numbers, ETags and checksums', async (t) => {
  const checksum = '<ChecksumCRC32>AAAAAA==</ChecksumCRC32>'
  t.same(complete(part('1', '&quot;ab&quot;'), part('10000', 'cd', checksum)), [
    { part: 1, etag: 'ab' },
    { part: 10000, etag: 'cd', checksum: { algorithm: 'crc32', value: 'AAAAAA==' } },
  ])
})

t.test('a Complete without a part is InvalidRequest, a wrong one MalformedXML', async (t) => {
  t.throws(() => complete(), {
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
  ]) {
    t.throws(() => complete(wrong), malformed, wrong)
  }
  t.throws(() => readComplete(Buffer.alloc(0)), malformed)
  t.throws(() => readComplete(Buffer.from('<Other/>')), malformed)
})

const del = (inner: string) => readDelete(Buffer.from(`<Delete xmlns="x">${inner}</Delete>`))

t.test('a Delete lists up to 1,000 keys, blanks and all', async (t) => {
  const one = '<Object><Key> a&#xD; </Key><VersionId>null</VersionId><ETag>"e"</ETag></Object>'
  t.same(del(`<Quiet>true</Quiet>\n${one}`), {
    quiet: true,
    entries: [
      { key: ' a\r ', versionId: 'null', etag: '"e"', size: undefined, modified: undefined },
    ],
  })
  const many = (count: number) => '<Object><Key>k</Key></Object>'.repeat(count)
  t.equal(del(many(1000)).entries.length, 1000)
  t.throws(() => del(many(1001)), malformed)
  t.throws(() => del(''), malformed)
  t.throws(() => del('<Object><Key></Key></Object>'), malformed)
  t.throws(() => del('<Object><VersionId>x</VersionId></Object>'), malformed)
  t.throws(() => del(`<Quiet>maybe</Quiet>${one}`), malformed)
  const sized = '<Object><Key>k</Key><Size>1</Size></Object>'
  t.equal(del(sized).entries[0]?.size, '1')
})

t.test('a CreateBucketConfiguration may name a location and nothing else', async (t) => {
  const create = (inner: string) =>
    readCreateBucket(Buffer.from(`<CreateBucketConfiguration>${inner}</CreateBucketConfiguration>`))
  t.equal(readCreateBucket(Buffer.alloc(0)), undefined)
  t.equal(create(''), undefined)
  t.equal(create('<LocationConstraint>eu-west-1</LocationConstraint>'), 'eu-west-1')
  t.throws(() => create('<Tags><Tag/></Tags>'), { status: 501, code: 'NotImplemented' })
  t.throws(() => create('<Foo/>'), malformed)
  t.throws(() => readCreateBucket(Buffer.from('<Foo/>')), malformed)
})

function sourceOf(pieces: readonly Buffer[], length?: number): Source {
  const left = [...pieces]
  const none = () => {
    throw new Error('no digest here')
  }
  return { length, want: none, digest: none, read: async () => left.shift() }
}

t.test('a body is read whole up to its limit', async (t) => {
  const pieces = [Buffer.alloc(60, 'a'), Buffer.alloc(40, 'b')]
  t.equal((await readBody(sourceOf(pieces), 100)).length, 100)
  t.equal((await readBody(sourceOf([]), 100)).length, 0)
  const tooLong = { status: 400, code: 'MaxMessageLengthExceeded' }
  await t.rejects(readBody(sourceOf(pieces), 99), tooLong)
  await t.rejects(readBody(sourceOf(pieces, 101), 100), tooLong)
})

t.test('what is written can be parsed, whatever is in a key', async (t) => {
  const key = '<a>&"\'\r\n\t€😀]]>'
  const document = root(
    'R',
    node('Contents', leaf('Key', key), leaf('Size', 0)),
    leaf('No', undefined),
  )
  t.equal(parse(document).children[0]?.children[0]?.text, key)
  t.equal(parse(document).children.length, 1)
  t.equal(leaf('Key', '\u0001\uffff'), '<Key>&#x1;&#xFFFF;</Key>')
  const sdk = new XMLParser().parse(node('Contents', leaf('Key', 'a\u0001b'), leaf('Size', 7)))
  t.equal(sdk.Contents.Size, 7, 'the parser of the JavaScript SDK reads on behind it')
})

t.test('times have milliseconds', async (t) => {
  t.equal(isoTime(1_700_000_000_123_999), '2023-11-14T22:13:20.123Z')
})

t.test('a versioning configuration says one status, and nothing that is not known', async (t) => {
  const read = (inner: string) =>
    readVersioning(Buffer.from(`<VersioningConfiguration>${inner}</VersioningConfiguration>`))
  const status = (text: string) => read(`<Status>${text}</Status>`)
  t.equal(status('Enabled'), 'enabled')
  t.equal(status(' Suspended\n'), 'suspended')
  t.equal(read('<MfaDelete>Disabled</MfaDelete><Status>Enabled</Status>'), 'enabled')
  for (const bad of ['', 'enabled', 'Disabled', '<a/>']) t.throws(() => status(bad), malformed, bad)
  t.throws(() => read('<Status>Enabled</Status><Status>Enabled</Status>'), malformed)
  t.throws(() => read('<Status>Enabled</Status><Other/>'), malformed)
  t.throws(() => read('<Status>Enabled</Status><MfaDelete>On</MfaDelete>'), malformed)
  t.throws(() => readVersioning(Buffer.from('<Other/>')), malformed)
  t.throws(() => readVersioning(Buffer.alloc(0)), malformed)
  t.throws(() => read(''), { status: 400, code: 'IllegalVersioningConfigurationException' })
  t.throws(() => read('<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>'), {
    status: 501,
    code: 'NotImplemented',
    elements: { Header: 'MfaDelete' },
  })
})
