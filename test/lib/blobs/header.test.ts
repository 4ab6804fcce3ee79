// Headers of volumes: the published bytes, and nothing else.
import { crc32 } from 'node:zlib'
import t from 'tap'
import { decodeHeader, encodeHeader } from '../../../lib/blobs/header.ts'

const header = {
  sealed: true,
  volume: '0123456789abcdef',
  catalog: '00112233445566778899aabbccddeeff',
  commitNumber: 2 ** 40 + 3,
}

t.test('a header has the bytes that the format says', async (t) => {
  const body = Buffer.concat([
    Buffer.from('coffer/v2 volume'),
    Buffer.from([2]),
    Buffer.from(header.volume, 'hex'),
    Buffer.from(header.catalog, 'hex'),
    Buffer.from('0000010000000003', 'hex'),
  ])
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(Buffer.concat([Buffer.from('0000000000000102', 'hex'), body])))
  t.equal(encodeHeader(header, 258).toString('hex'), Buffer.concat([body, sum]).toString('hex'))
  t.equal(encodeHeader({ ...header, sealed: false }, 0)[16], 1)
})

t.test('a header is read back, from its own record only', async (t) => {
  for (const sealed of [true, false]) {
    for (const number of [0, 1, 2 ** 32, 2 ** 52]) {
      const value = encodeHeader({ ...header, sealed }, number)
      t.same(decodeHeader(value, number), { ...header, sealed })
      t.equal(decodeHeader(value, number + 1), undefined)
    }
  }
})

t.test('a header with any bit changed, or of another length, is none', async (t) => {
  const value = encodeHeader(header, 5)
  for (let bit = 0; bit < value.length * 8; bit++) {
    const changed = Buffer.from(value)
    changed[bit >> 3]! ^= 1 << (bit & 7)
    if (decodeHeader(changed, 5) !== undefined) t.fail(`bit ${bit}`)
  }
  for (let length = 0; length < value.length; length++) {
    if (decodeHeader(value.subarray(0, length), 5) !== undefined) t.fail(`${length} bytes`)
  }
  t.equal(decodeHeader(Buffer.concat([value, Buffer.alloc(1)]), 5), undefined)
})

t.test('a state that this program does not know is no header', async (t) => {
  const value = encodeHeader(header, 5)
  value[16] = 3
  const number = Buffer.from('0000000000000005', 'hex')
  value.writeUInt32BE(crc32(Buffer.concat([number, value.subarray(0, 49)])), 49)
  t.equal(decodeHeader(value, 5), undefined)
})
