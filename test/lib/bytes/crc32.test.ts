// The checksum of records and rows, against zlib's own.
import { crc32 as zlibCrc32 } from 'node:zlib'
import t from 'tap'
import { crc32 } from '../../../lib/bytes/crc32.ts'
import { randomFrom, seedOfRun } from '../../helpers/random.ts'

t.test('the check value of the published parameters', async (t) => {
  t.equal(crc32(Buffer.from('123456789')), 0xcbf43926)
  t.equal(crc32(Buffer.alloc(0)), 0)
})

t.test('any bytes, cut anywhere, give what zlib gives for the whole', async (t) => {
  const seed = seedOfRun()
  const random = randomFrom(seed)
  for (let i = 0; i < 200; i++) {
    const bytes = random.bytes(random.integer(300))
    const cut = random.integer(bytes.length + 1)
    const chained = crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut)))
    if (chained !== zlibCrc32(bytes)) t.fail(`seed ${seed}: ${bytes.toString('hex')} at ${cut}`)
  }
})
