// Bodies made of XML-ish rubble: every one is read or refused as a client's mistake, and what is
// read from an honest document is what was written.
import t from 'tap'
import {
  readComplete,
  readCreateBucket,
  readDelete,
  readVersioning,
} from '../../middleware/s3/documents.ts'
import { S3Error } from '../../middleware/s3/s3-error.ts'
import { leaf, node, root } from '../../middleware/s3/xml-writer.ts'
import { randomFrom, seedOfRun } from '../helpers/random.ts'
import { bodyOf } from '../helpers/xml.ts'

const random = randomFrom(seedOfRun())
const seeded = `seed ${random.seed}`

const rubble = [
  '<Delete>',
  '</Delete>',
  '<Object>',
  '</Object>',
  '<Key>',
  '</Key>',
  '<Key/>',
  'a',
  ' ',
  '\r\n',
  '<CompleteMultipartUpload>',
  '</CompleteMultipartUpload>',
  '<Part>',
  '</Part>',
  '<ETag>',
  '</ETag>',
  '<PartNumber>1',
  '</PartNumber>',
  '<Quiet>true</Quiet>',
  '&amp;',
  '&',
  '&#x0;',
  '&#65;',
  '&x;',
  ';',
  '<![CDATA[',
  ']]>',
  '<!--',
  '-->',
  '<!DOCTYPE x [',
  '<!ENTITY a "b">',
  ']>',
  '<?xml',
  '?>',
  '<',
  '>',
  '"',
  "'",
  '/',
  '=',
  '<a b="c">',
  '</a>',
  '<__proto__>',
  '<constructor/>',
  '#text',
  ':@',
  '\u0000',
  'é',
  '<x:y xmlns:x="z">',
  '</x:y>',
  '😀',
  '\ufeff',
  '%',
  '<CreateBucketConfiguration>',
]

const readers = [readDelete, readComplete, readCreateBucket, readVersioning]

t.test('rubble is read or refused, and nothing else happens', async (t) => {
  for (let round = 0; round < 5000; round++) {
    const count = random.integer(30)
    const pieces = Array.from({ length: count }, () => random.pick(rubble))
    let bytes = Buffer.from(pieces.join(''))
    if (bytes.length > 0 && random.integer(4) === 0)
      bytes[random.integer(bytes.length)] = random.integer(256)
    if (random.integer(8) === 0) bytes = Buffer.concat([bytes, random.bytes(random.integer(8))])
    for (const read of readers) {
      try {
        await read(bodyOf(bytes))
      } catch (error) {
        if (error instanceof S3Error && error.status >= 400 && error.message !== '') continue
        t.fail(`${seeded}: ${bytes.toString('hex')}: ${error}`)
        return
      }
    }
  }
  t.pass(seeded)
})

t.test('any key comes back from the document it was written to', async (t) => {
  for (let round = 0; round < 2000; round++) {
    const length = 1 + random.integer(40)
    const points = Array.from({ length }, () => {
      const point = 1 + random.integer(random.pick([0x20, 0x80, 0x800, 0x10000, 0x10ffff]))
      // What no XML can say, not even by a reference.
      const isCharacter = (point < 0xd800 || point > 0xdfff) && point !== 0xfffe && point !== 0xffff
      return isCharacter ? point : 0x41
    })
    const key = String.fromCodePoint(...points)
    const body = root('Delete', node('Object', leaf('Key', key)))
    const read = (await readDelete(bodyOf(body))).entries[0]?.key
    if (read !== key) {
      t.fail(`${seeded}: ${JSON.stringify(key)} became ${JSON.stringify(read)}`)
      return
    }
  }
  t.pass(seeded)
})

t.test('long hostile bodies are refused', async (t) => {
  for (const body of [
    '<Delete>'.repeat(100_000),
    `<Delete>${'<Object>'.repeat(100_000)}`,
    `<Delete><Key>${'&amp;'.repeat(200_000)}</Key></Delete>`,
    `<Delete ${'a="b" '.repeat(100_000)}/>`,
    `<${'a'.repeat(1_000_000)}`,
    `<Delete>${'<!--'.repeat(200_000)}`,
    `<Delete>${'<![CDATA['.repeat(100_000)}`,
  ]) {
    await t.rejects(readDelete(bodyOf(body)), { code: 'MalformedXML' }, body.slice(0, 30))
  }
})
