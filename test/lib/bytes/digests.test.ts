// Digests and combined CRCs against second implementations.
import { createHash } from 'node:crypto'
import { crc32 as zlibCrc32 } from 'node:zlib'
import t from 'tap'
import { type CrcName, combineCrc } from '../../../lib/bytes/crc-combine.ts'
import { Digests, digestBytes, digestOnce } from '../../../lib/bytes/digests.ts'
import type { DigestName } from '../../../lib/bytes/source.ts'
import { randomFrom, seedOfRun } from '../../helpers/random.ts'

const names = Object.keys(digestBytes) as DigestName[]
const crcs: CrcName[] = ['crc32', 'crc32c', 'crc64nvme']
const sizes = [0, 1, 7, 8, 9, 16383, 16384, 16385, 65535, 65536, 65537]

/** A CRC bit by bit, as the definition says: reflected, begins with and is xored with all ones. */
function crcByBits(data: Buffer, width: bigint, polynomial: bigint): string {
  const ones = (1n << width) - 1n
  let crc = ones
  for (const byte of data) {
    crc ^= BigInt(byte)
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1n) ^ ((crc & 1n) === 1n ? polynomial : 0n)
  }
  return (crc ^ ones).toString(16).padStart(Number(width) / 4, '0')
}

t.test('digests have their published check values', async (t) => {
  const check = Buffer.from('123456789')
  t.equal(digestOnce('crc32', check).toString('hex'), 'cbf43926')
  t.equal(digestOnce('crc32c', check).toString('hex'), 'e3069283')
  t.equal(digestOnce('crc64nvme', check).toString('hex'), 'ae8b14860a799888')
  t.equal(digestOnce('md5', check).toString('hex'), '25f9e794323b453885f5181f1b624d0b')
  for (const name of names) t.equal(digestOnce(name, check).length, digestBytes[name])
})

t.test('digests equal a second implementation, at every size', async (t) => {
  const random = randomFrom(seedOfRun())
  for (const size of sizes) {
    const data = random.bytes(size)
    const hex = (name: DigestName) => digestOnce(name, data).toString('hex')
    for (const name of ['md5', 'sha1', 'sha256'] as const) {
      t.equal(hex(name), createHash(name).update(data).digest('hex'), `seed ${random.seed}`)
    }
    t.equal(hex('crc32'), zlibCrc32(data).toString(16).padStart(8, '0'), `seed ${random.seed}`)
    if (size > 20_000) continue
    t.equal(hex('crc32c'), crcByBits(data, 32n, 0x82f63b78n), `seed ${random.seed}`)
    t.equal(hex('crc64nvme'), crcByBits(data, 64n, 0x9a6c9329ac4bc9b5n), `seed ${random.seed}`)
  }
})

t.test('streams that take turns do not disturb one another', async (t) => {
  const random = randomFrom(seedOfRun())
  const streams = Array.from({ length: 7 }, () => ({
    digests: new Digests(),
    parts: [] as Buffer[],
  }))
  for (const { digests } of streams) for (const name of names) digests.want(name)
  for (let i = 0; i < 200; i++) {
    const { digests, parts } = random.pick(streams)
    const part = random.bytes(random.integer(3000))
    parts.push(part)
    digests.update(part)
    if (i % 50 === 0) digestOnce('crc64nvme', part)
  }
  for (const { digests, parts } of streams) {
    for (const name of names) {
      const whole = digestOnce(name, Buffer.concat(parts))
      t.ok(digests.digest(name).equals(whole), `${name}, seed ${random.seed}`)
      t.ok(digests.digest(name).equals(whole), 'also when asked again')
    }
  }
})

t.test('digests are wanted before the first byte, and only wanted ones are there', async (t) => {
  const digests = new Digests()
  digests.want('md5')
  digests.want('md5')
  digests.update(Buffer.from('a'))
  digests.want('md5')
  t.throws(() => digests.want('sha1'), { code: 'Internal' })
  t.throws(() => digests.digest('sha1'), { code: 'Internal' })
  t.equal(digests.digest('md5').toString('hex'), '0cc175b9c0f1b6a831c399e269772661')
})

t.test('the CRC of a whole comes from the CRCs of its parts', async (t) => {
  const random = randomFrom(seedOfRun())
  for (const name of crcs) {
    for (const a of [0, 1, 65537]) {
      for (const b of sizes) {
        const [first, second] = [random.bytes(a), random.bytes(b)]
        const combined = combineCrc(name, digestOnce(name, first), digestOnce(name, second), b)
        const direct = digestOnce(name, Buffer.concat([first, second]))
        t.ok(combined.equals(direct), `${name} ${a}+${b}, seed ${random.seed}`)
      }
    }
    const parts = Array.from({ length: 9 }, (_, i) => random.bytes(i === 8 ? 5 : 5000))
    const sum = parts
      .map((part) => ({ crc: digestOnce(name, part), length: part.length }))
      .reduce((all, part) => ({
        crc: combineCrc(name, all.crc, part.crc, part.length),
        length: all.length + part.length,
      }))
    t.ok(sum.crc.equals(digestOnce(name, Buffer.concat(parts))), `seed ${random.seed}`)
  }
})

t.test('lengths of many gigabytes combine', async (t) => {
  // Zeros: CRC of n+m zeros, by steps, without having them in memory.
  for (const name of crcs) {
    const million = digestOnce(name, Buffer.alloc(1 << 20))
    let crc = million
    let length = 1 << 20
    for (let i = 0; i < 14; i++) {
      crc = combineCrc(name, crc, crc, length)
      length *= 2
    }
    t.equal(length, 2 ** 34)
    const again = combineCrc(
      name,
      combineCrc(name, million, digestOnce(name, Buffer.alloc(0)), 0),
      crc,
      length,
    )
    const swapped = combineCrc(name, crc, million, 1 << 20)
    t.ok(again.equals(swapped), 'the order of equal bytes does not matter')
  }
})
