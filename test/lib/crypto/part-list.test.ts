// Seals of parts, against the words of docs/format.md §4 in Node's own HMAC: what they cover, and that nothing of it can
// be changed.
import { createHash, createHmac } from 'node:crypto'
import t from 'tap'
import { deriveCompletionKeys, hmac } from '../../../lib/crypto/keys.ts'
import {
  digestPage,
  isSeal,
  PAGE_BYTES,
  PARTS_PER_PAGE,
  PageDigests,
  type PartList,
  sealList,
  sealPart,
} from '../../../lib/crypto/part-list.ts'

const bodyKey = Buffer.alloc(32, 7)
const body = 'ab'.repeat(16)
const be = (value: number, bytes: number) =>
  Buffer.from(value.toString(16).padStart(2 * bytes, '0'), 'hex')
const idOf = (part: number) => createHash('md5').update(`blob ${part}`).digest('hex')
const mac = (key: Buffer, ...pieces: (string | Buffer)[]) =>
  createHmac('sha256', key)
    .update(Buffer.concat(pieces.map((piece) => Buffer.from(piece))))
    .digest()

t.test('an HMAC is that of RFC 2104, for a message of any length', async (t) => {
  for (const length of [0, 1, 63, 64, 65, 1000]) {
    const message = Buffer.alloc(length, length)
    t.ok(hmac(bodyKey, message).equals(mac(bodyKey, message)), `${length} bytes`)
  }
  t.throws(() => hmac(Buffer.alloc(0), Buffer.alloc(1)), RangeError, 'a released key is refused')
})

t.test('the keys of a completion are derived from the body key and the body id', async (t) => {
  const { completionKey, checksumKey } = deriveCompletionKeys(bodyKey, body)
  const id = Buffer.from(body, 'hex')
  t.ok(completionKey.equals(mac(bodyKey, 'coffer/v2 completion', id)))
  t.ok(checksumKey.equals(mac(bodyKey, 'coffer/v2 checksum', id)))
  t.notSame(deriveCompletionKeys(bodyKey, 'cd'.repeat(16)).completionKey, completionKey)
  t.throws(() => deriveCompletionKeys(bodyKey, 'no id'), RangeError)
})

t.test('pages are digests of blob ids, a page more at each 250 parts', async (t) => {
  for (const [parts, pages] of [
    [0, 0],
    [1, 1],
    [PARTS_PER_PAGE - 1, 1],
    [PARTS_PER_PAGE, 1],
    [PARTS_PER_PAGE + 1, 2],
    [2 * PARTS_PER_PAGE, 2],
    [10_000, 40],
  ] as const) {
    const ids = Array.from({ length: parts }, (_, i) => idOf(i))
    const digests = new PageDigests()
    for (const id of ids) digests.add(id)
    const made = digests.finish()
    t.equal(made.length, pages * PAGE_BYTES, `${parts} parts`)
    for (let page = 0; page < pages; page++) {
      const own = ids.slice(page * PARTS_PER_PAGE, (page + 1) * PARTS_PER_PAGE)
      const right = createHash('sha256')
        .update(Buffer.from(own.join(''), 'hex'))
        .digest()
      t.ok(made.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES).equals(right))
      t.ok(digestPage(own).equals(right))
    }
  }
})

const list: PartList = {
  parts: 5,
  size: 2 ** 40 + 34,
  layout: [
    { first: 1, count: 2, size: 10 },
    { first: 4, count: 2, size: 2 ** 39 },
    { first: 10_000, count: 1, size: 14 },
  ],
  pages: Buffer.alloc(PAGE_BYTES, 3),
}

t.test('the seal of a list covers its count, its size, each run and each page', async (t) => {
  const { completionKey } = deriveCompletionKeys(bodyKey, body)
  const runs = list.layout.flatMap(({ first, count, size }) => [
    be(first, 4),
    be(count, 4),
    be(size, 8),
  ])
  const seal = sealList(completionKey, list)
  const head = ['coffer/v2 parts', be(5, 4), be(list.size, 8), be(3, 4)]
  t.ok(seal.equals(mac(completionKey, ...head, ...runs, list.pages)))
  const [one, ...others] = list.layout as [PartList['layout'][0], ...PartList['layout']]
  const changed: Record<string, PartList> = {
    'a part less': { ...list, parts: 4 },
    'another size': { ...list, size: list.size + 1 },
    'a run less': { ...list, layout: others },
    'bytes moved between parts': {
      ...list,
      layout: [{ ...one, size: 9 }, { ...others[0]!, size: 2 ** 39 + 1 }, others[1]!],
    },
    'another number': { ...list, layout: [{ ...one, first: 2 }, ...others] },
    'a run cut in two': {
      ...list,
      layout: [{ ...one, count: 1 }, { first: 2, count: 1, size: 10 }, ...others],
    },
    'runs in another order': { ...list, layout: [...others, one] },
    'another page': { ...list, pages: Buffer.alloc(PAGE_BYTES, 4) },
    'a page more': { ...list, pages: Buffer.alloc(2 * PAGE_BYTES, 3) },
    'no page': { ...list, pages: Buffer.alloc(0) },
  }
  for (const [name, other] of Object.entries(changed)) {
    t.notOk(isSeal(seal, sealList(completionKey, other)), name)
  }
  const elsewhere = deriveCompletionKeys(bodyKey, 'cd'.repeat(16)).completionKey
  t.notOk(isSeal(seal, sealList(elsewhere, list)), 'another body')
})

t.test('the seal of a part covers its number, size, blob and ETag', async (t) => {
  const { completionKey } = deriveCompletionKeys(bodyKey, body)
  const part = {
    part: 7,
    size: 2 ** 33 + 1,
    blob: idOf(7),
    etag: 'd41d8cd98f00b204e9800998ecf8427e',
  }
  const seal = sealPart(completionKey, part)
  const pieces = [be(7, 4), be(part.size, 8), Buffer.from(part.blob, 'hex'), part.etag]
  t.ok(seal.equals(mac(completionKey, 'coffer/v2 part', ...pieces)))
  for (const change of [{ part: 8 }, { size: 1 }, { blob: idOf(8) }, { etag: '' }]) {
    const other = sealPart(completionKey, { ...part, ...change })
    t.notOk(isSeal(seal, other), `another ${Object.keys(change)}`)
  }
})

t.test('a stored seal is 32 bytes, or none', async (t) => {
  const right = Buffer.alloc(32, 1)
  t.ok(isSeal(Buffer.from(right), right))
  for (const stored of [null, undefined, '', right.toString('hex'), right.subarray(1), []]) {
    t.notOk(isSeal(stored, right))
  }
  t.notOk(isSeal(Buffer.alloc(0), Buffer.alloc(0)), 'two released Buffers are not equal')
})
