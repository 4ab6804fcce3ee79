// The arithmetic of records against the plainest possible model, at every boundary.
import t from 'tap'
import {
  lastRecordBytes,
  nonceOf,
  RECORD_BYTES,
  recordCount,
  recordSpan,
} from '../../../lib/crypto/records.ts'

t.test('a blob has one record for each 64 KiB begun, and one where it is empty', async (t) => {
  const rows: [number, number, number][] = [
    [0, 1, 0],
    [1, 1, 1],
    [65535, 1, 65535],
    [65536, 1, 65536],
    [65537, 2, 1],
    [131071, 2, 65535],
    [131072, 2, 65536],
    [131073, 3, 1],
    [5 * 1024 ** 3, 81920, 65536],
    [2 ** 53 - 1, 2 ** 37, 65535],
  ]
  for (const [size, records, last] of rows) {
    t.equal(recordCount(size), records, `records of ${size}`)
    t.equal(lastRecordBytes(size), last, `last record of ${size}`)
  }
})

t.test('an extent touches exactly the records that its bytes lie in', async (t) => {
  const edges = [0, 1, 65535, 65536, 65537, 131071, 131072, 131073, 200000]
  for (const size of edges) {
    for (const offset of edges.filter((edge) => edge <= size)) {
      for (const end of edges.filter((edge) => edge >= offset && edge <= size)) {
        const span = recordSpan(size, offset, end - offset)
        const name = `${offset} to ${end} of ${size}`
        t.equal(span.first * RECORD_BYTES + span.skipBytes, offset, `begins: ${name}`)
        t.ok(span.last < recordCount(size) && span.first <= span.last, `exists: ${name}`)
        if (end > offset) {
          t.equal(span.first, Math.floor(offset / RECORD_BYTES), `first: ${name}`)
          t.equal(span.last, Math.floor((end - 1) / RECORD_BYTES), `last: ${name}`)
        } else t.equal(span.last, span.first, `one record for no bytes: ${name}`)
      }
    }
  }
})

t.test('an extent that leaves the blob, and a size that is none, are refused', async (t) => {
  t.throws(() => recordSpan(10, 5, 6), RangeError)
  t.throws(() => recordSpan(10, 11, 0), RangeError)
  t.throws(() => recordSpan(10, -1, 2), RangeError)
  t.throws(() => recordSpan(10, 2, -1), RangeError)
  for (const size of [-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
    t.throws(() => recordCount(size), RangeError, `${size}`)
  }
})

t.test('a nonce carries the final flag and the whole 64-bit index', async (t) => {
  t.equal(nonceOf(0, false).toString('hex'), '000000000000000000000000')
  t.equal(nonceOf(0, true).toString('hex'), '010000000000000000000000')
  t.equal(nonceOf(255, false).toString('hex'), '0000000000000000000000ff')
  t.equal(nonceOf(2 ** 32 - 1, false).toString('hex'), '0000000000000000ffffffff')
  t.equal(nonceOf(2 ** 32, true).toString('hex'), '010000000000000100000000')
  t.equal(nonceOf(2 ** 53 - 1, false).toString('hex'), '00000000001fffffffffffff')
  for (const index of [-1, 0.5, 2 ** 53, Number.NaN]) {
    t.throws(() => nonceOf(index, false), RangeError, `${index}`)
  }
})
