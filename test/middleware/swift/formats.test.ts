// Listings as text and XML, the times in them, and the parameters that ask for them.
import t from 'tap'
import type { ListingEntry, ListingFormat } from '../../../middleware/swift/formats/entries.ts'
import { jsonFormat } from '../../../middleware/swift/formats/json.ts'
import { writeListing } from '../../../middleware/swift/formats/listing.ts'
import { plainFormat } from '../../../middleware/swift/formats/plain.ts'
import { xmlFormat } from '../../../middleware/swift/formats/xml.ts'
import { isTrue } from '../../../middleware/swift/headers.ts'
import {
  objectPageOf,
  pageOf,
  versionPageOf,
} from '../../../middleware/swift/listing-parameters.ts'
import { SwiftError } from '../../../middleware/swift/swift-error.ts'
import { isoMicros, lastModified, swiftTime } from '../../../middleware/swift/times.ts'

const time = '2026-01-02T03:04:05.000006'
const object = {
  bytes: 1,
  hash: 'h',
  name: 'a<&">\'\u0001é',
  content_type: 't/x;a="b"',
  last_modified: time,
}
const query = (text: string) => new Map(new URLSearchParams(text))

const refusal = (read: () => unknown) => {
  try {
    read()
  } catch (error) {
    if (error instanceof SwiftError) return [error.status, error.text]
  }
  return undefined
}

const write = async (format: ListingFormat, entries: readonly ListingEntry[]) =>
  (await writeListing(format, entries, (entry) => entry)).toString()

t.test('text has a name a line', async (t) => {
  t.equal(await write(plainFormat, []), '')
  t.equal(await write(plainFormat, [{ subdir: 'a/' }, { ...object, name: 'b' }]), 'a/\nb\n')
})

t.test('JSON is one array, however long', async (t) => {
  t.equal(await write(jsonFormat, []), '[]')
  const entries = Array.from({ length: 3000 }, (_, i) => ({ ...object, name: `é${i}"` }))
  t.same(JSON.parse(await write(jsonFormat, entries)), entries)
})

t.test('XML escapes whatever a name may hold', async (t) => {
  const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
  const listed = { level: 'container', name: 'c"<>&\n' } as const
  t.equal(
    await write(xmlFormat(listed), [object, { subdir: 'p&/' }]),
    `${declaration}<container name="c&quot;&lt;&gt;&amp;&#xA;"><object><name>a&lt;&amp;&quot;&gt;'&#x1;é</name>` +
      `<hash>h</hash><bytes>1</bytes><content_type>t/x;a=&quot;b&quot;</content_type>` +
      `<last_modified>${time}</last_modified></object>` +
      `<subdir name="p&amp;/"><name>p&amp;/</name></subdir></container>`,
  )
  const container = { name: 'c', count: 2, bytes: 3, last_modified: time }
  t.equal(
    await write(xmlFormat({ level: 'account', name: 'AUTH_a' }), [container, { subdir: 'd-' }]),
    `${declaration}<account name="AUTH_a"><container><name>c</name><count>2</count><bytes>3</bytes>` +
      `<last_modified>${time}</last_modified></container><subdir name="d-"></subdir></account>`,
  )
})

t.test('times are shown in Swift’s three ways', async (t) => {
  const micros = Date.UTC(2026, 0, 2, 3, 4, 5) * 1000
  t.equal(swiftTime(micros), `${micros / 1e6}.00000`)
  t.equal(swiftTime(micros + 9), `${micros / 1e6}.00000`)
  t.equal(swiftTime(micros + 120_019), `${micros / 1e6}.12001`)
  t.equal(lastModified(micros), 'Fri, 02 Jan 2026 03:04:05 GMT')
  t.equal(lastModified(micros + 1), 'Fri, 02 Jan 2026 03:04:06 GMT')
  t.equal(isoMicros(micros), '2026-01-02T03:04:05.000000')
  t.equal(isoMicros(micros + 999_999), '2026-01-02T03:04:05.999999')
})

t.test('six words mean true', async (t) => {
  for (const word of ['true', '1', 'yes', 'on', 't', 'y', 'TRUE', 'Yes']) t.ok(isTrue(word), word)
  for (const word of ['', 'false', '0', 'no', '2', 'enabled', ' true']) t.notOk(isTrue(word), word)
  t.notOk(isTrue(undefined))
})

t.test('a limit is a number up to 10,000; what is no number means that', async (t) => {
  for (const [text, limit] of [
    ['', 10_000],
    ['limit=', 10_000],
    ['limit=-1', 10_000],
    ['limit=1.5', 10_000],
    ['limit=x', 10_000],
    ['limit=0', 0],
    ['limit=1', 1],
    ['limit=10000', 10_000],
  ] as const) {
    t.equal(pageOf(query(text)).limit, limit, text)
  }
  t.same(
    refusal(() => pageOf(query('limit=10001'))),
    [412, 'Maximum limit is 10000'],
  )
  t.equal(refusal(() => pageOf(query(`limit=${'9'.repeat(400)}`)))?.[0], 412)
})

t.test('path lists a directory’s children', async (t) => {
  const rows: readonly [string, string][] = [
    ['', ''],
    ['a', 'a/'],
    ['a/', 'a/'],
    ['a//', 'a/'],
    ['/', '/'],
    ['a/b', 'a/b/'],
  ]
  for (const [path, prefix] of rows) {
    const page = objectPageOf(query(`path=${path}&prefix=x&delimiter=-`))
    t.match(page, { prefix, delimiter: '/', childrenOnly: true }, path)
  }
  t.same(objectPageOf(query('prefix=p&marker=m&end_marker=e&reverse=on&delimiter=')), {
    prefix: 'p',
    after: 'm',
    until: 'e',
    reverse: true,
    limit: 10_000,
  })
})

t.test('a version’s marker needs the object’s', async (t) => {
  t.same(versionPageOf(query('marker=o&version_marker=null&end_marker=z')), {
    prefix: '',
    afterObject: 'o',
    afterVersion: 'null',
    reverse: false,
    limit: 10_000,
  })
  t.same(versionPageOf(query('marker=')), { prefix: '', reverse: false, limit: 10_000 })
  for (const text of ['version_marker=null', 'version_marker=null&marker=', 'version_marker=']) {
    t.equal(refusal(() => versionPageOf(query(text)))?.[0], 400, text)
  }
})
