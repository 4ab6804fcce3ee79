// The checksum of a record in a volume: the published bytes, bound to number, blob and index.
import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import t from 'tap'
import { RecordSum, recordKey } from '../../../lib/blobs/record.ts'
import { TRAILER_BYTES } from '../../../lib/bytes/slab.ts'
import { readUint64, writeUint64 } from '../../../lib/bytes/uint64.ts'

const blob = '00112233445566778899aabbccddeeff'

t.test('numbers are 8 bytes big-endian, so that they sort as they grow', async (t) => {
  const numbers = [0, 1, 255, 256, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 7, Number.MAX_SAFE_INTEGER]
  for (const number of numbers) {
    const key = recordKey(number)
    t.equal(key.readBigUInt64BE(), BigInt(number))
    t.equal(readUint64(key, 0), number)
    const other = Buffer.alloc(12, 0xff)
    writeUint64(other, number, 2)
    t.equal(other.toString('hex'), `ffff${key.toString('hex')}ffff`)
  }
  const keys = numbers.map(recordKey)
  t.same(keys.toSorted(Buffer.compare), keys)
})

t.test('a key is memory of its own, which no later key overwrites', async (t) => {
  const key = recordKey(5)
  recordKey(6)
  t.equal(readUint64(key, 0), 5)
})

t.test('the checksum is that of number, blob, index and record', async (t) => {
  const slab = Buffer.alloc(20, 9)
  const value = new RecordSum(blob).append(slab, 10, 258, 3)
  t.equal(value.length, 10 + TRAILER_BYTES)
  t.equal(value.buffer, slab.buffer, 'in the slab itself')
  const summed = `0000000000000102${blob}0000000000000003${'09'.repeat(10)}`
  t.equal(value.readUInt32BE(10), crc32(Buffer.from(summed, 'hex')))
})

t.test('a value answers to its own number, blob and index only', async (t) => {
  const sum = new RecordSum(blob)
  for (const length of [1, 2, 65_536, 65_552]) {
    const slab = randomBytes(length + TRAILER_BYTES)
    const record = Buffer.from(slab.subarray(0, length))
    const value = sum.append(slab, length, 5, 2)
    t.ok(sum.check(value, 5, 2)?.equals(record))
    t.equal(sum.check(value, 6, 2), undefined)
    t.equal(sum.check(value, 5, 3), undefined)
    t.equal(new RecordSum(`ff${blob.slice(2)}`).check(value, 5, 2), undefined)
    for (const at of [0, length - 1, length, length + 3]) {
      value[at]! ^= 4
      t.equal(sum.check(value, 5, 2), undefined, `byte ${at} of ${length} changed`)
      value[at]! ^= 4
    }
    t.equal(sum.check(value.subarray(0, -1), 5, 2), undefined)
  }
})

t.test('a value too short to hold a record is none', async (t) => {
  const sum = new RecordSum(blob)
  for (let length = 0; length <= TRAILER_BYTES; length++) {
    t.equal(sum.check(Buffer.alloc(length), 0, 0), undefined)
  }
})

t.test('what is no blob id is refused', async (t) => {
  for (const id of ['', blob.slice(1), `${blob}0`, 'x'.repeat(32)]) {
    t.throws(() => new RecordSum(id), RangeError)
  }
})
