// The bytes of a head and of an index are those of the example in docs/format.md.
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { extendIndex, loadIndex, NOTHING_INDEXED } from '../../../../lib/blobs/file/index-file.ts'
import { HEAD_BYTES, MAGIC, readHead, writeHead } from '../../../../lib/blobs/file/layout.ts'
import { Places } from '../../../../lib/blobs/file/places.ts'
import { diskFiles } from '../../../../lib/files.ts'

const document = readFileSync('docs/format.md', 'utf8').replaceAll(/\s+/g, '')

const head = { number: 5, blob: 'ab'.repeat(16), index: 2, length: 65_556 }

t.test('a head is the one in the document, and is read back', async (t) => {
  const bytes = Buffer.alloc(HEAD_BYTES)
  writeHead(bytes, 0, head)
  t.ok(document.includes(bytes.toString('hex')), bytes.toString('hex'))
  t.same(readHead(bytes, 0), head)
  for (let at = 0; at < HEAD_BYTES; at++) {
    const changed = Buffer.from(bytes)
    changed[at]! ^= 0x10
    t.equal(readHead(changed, 0), undefined, `byte ${at}`)
  }
  t.equal(readHead(bytes.subarray(0, -1), 0), undefined)
  t.equal(bytes.indexOf(MAGIC), 0)
})

t.test('an index is the one in the document, and is read back', async (t) => {
  const location = join(t.testdir(), 'volume')
  mkdirSync(location)
  const places = new Places()
  const all = [
    { number: 0, offset: 44, length: 53 },
    { number: 5, offset: 4140, length: 65_556 },
    { number: 6, offset: 69_740, length: 20 },
  ]
  for (const { number, offset, length } of all) places.add(number, offset, length)
  await extendIndex(diskFiles, location, places, NOTHING_INDEXED, { number: 6, end: 73_728 })
  const bytes = readFileSync(join(location, 'index'))
  t.ok(document.includes(bytes.toString('hex')), bytes.toString('hex'))
  const read = new Places()
  const loaded = await loadIndex(diskFiles, location, 73_728, read)
  t.match(loaded, { number: 6, end: 73_728, bytes: bytes.length, isBeyond: false })
  t.same([...read.behind(-1)], all)
  const short = await loadIndex(diskFiles, location, 69_632, new Places())
  t.match(short, { number: -1, isBeyond: true }, 'a file that ends before lost what was synced')
})

t.test(
  'an index of many records, with gaps in their numbers, goes on block by block',
  async (t) => {
    const location = join(t.testdir(), 'volume')
    mkdirSync(location)
    const places = new Places()
    let indexed = { ...NOTHING_INDEXED }
    let [number, offset] = [0, 44]
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 9000; i++) {
        places.add(number, offset, 1 + (i % 65_000))
        number += i % 4000 === 0 ? 6_000_000_000 : 1 + (i % 3)
        offset += 44 + 1 + (i % 65_000)
      }
      const last = places.last!
      indexed = await extendIndex(diskFiles, location, places, indexed, {
        number: last,
        end: offset,
      })
    }
    const read = new Places()
    t.match(await loadIndex(diskFiles, location, offset, read), {
      number: places.last!,
      end: offset,
    })
    t.same([...read.behind(-1)], [...places.behind(-1)])
  },
)
