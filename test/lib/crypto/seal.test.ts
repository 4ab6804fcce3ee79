// The sealer against a naive one that seals each record on its own, with released memory poisoned: at
// every boundary, in every cut of the input, over sinks with and without back pressure.
import { createCipheriv, createHash } from 'node:crypto'
import t from 'tap'
import { poisonReleased, release } from '../../../lib/bytes/release.ts'
import { TRAILER_BYTES } from '../../../lib/bytes/slab.ts'
import { randomBodyKey } from '../../../lib/crypto/keys.ts'
import { nonceOf, recordCount } from '../../../lib/crypto/records.ts'
import {
  blobKeyObject,
  openRecord,
  Sealer,
  type Sink,
  sealSmall,
} from '../../../lib/crypto/seal.ts'

poisonReleased(true)
const sizes = [0, 1, 65535, 65536, 65537, 131071, 131072, 131073, 200000]

/** Bytes that differ from record to record. */
function plainOf(size: number): Buffer {
  const plain = Buffer.allocUnsafeSlow(size)
  for (let i = 0; i < size; i++) plain[i] = i + (i >> 8) * 7 + (i >> 16) * 11
  return plain
}

function naive(key: Buffer, plain: Buffer): Buffer[] {
  return Array.from({ length: recordCount(plain.length) }, (_, index) => {
    const final = index === recordCount(plain.length) - 1
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(index, final))
    const sealed = cipher.update(plain.subarray(index * 65536, (index + 1) * 65536))
    return Buffer.concat([sealed, cipher.final(), cipher.getAuthTag()])
  })
}

/** Keeps what it is given, then overwrites the slab's trailer room, as a store does. */
function sinkOf(pause?: () => Promise<void>) {
  const records: Buffer[] = []
  const sink: Sink = {
    write(slab, length) {
      if (slab.length < length + TRAILER_BYTES) throw new Error('no room for a trailer')
      records.push(Buffer.from(slab.subarray(0, length)))
      slab.fill(0xee, length, length + TRAILER_BYTES)
      return pause?.()
    },
  }
  return { sink, records }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

async function seal(key: Buffer, plain: Buffer, pieceBytes: number, sink: Sink) {
  const sealer = new Sealer(key, sink)
  for (let at = 0; at < plain.length; at += pieceBytes) {
    // A piece in memory of its own, released as its owner would.
    const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, plain.length - at))
    plain.copy(piece, 0, at)
    const pending = sealer.write(piece)
    if (pending !== undefined) await pending
    release(piece)
  }
  return sealer.finish()
}

t.test('every size in every cut becomes the records of the format', async (t) => {
  for (const size of sizes) {
    const plain = plainOf(size)
    for (const pieceBytes of [1000, 16384, 65535, 65536, 65537, 131072, 131073, 200000]) {
      for (const pause of [undefined, turn]) {
        const key = randomBodyKey()
        const { sink, records } = sinkOf(pause)
        const result = await seal(key, plain, pieceBytes, sink)
        const name = `${size} in pieces of ${pieceBytes}, ${pause ? 'slow' : 'fast'} sink`
        t.same(result, { size, records: recordCount(size) }, name)
        if (!Buffer.concat(records).equals(Buffer.concat(naive(key, plain)))) t.fail(name)
      }
    }
  }
})

t.test('single bytes add up to the same records', async (t) => {
  const plain = plainOf(65537)
  const key = randomBodyKey()
  const { sink, records } = sinkOf()
  await seal(key, plain, 1, sink)
  t.ok(Buffer.concat(records).equals(Buffer.concat(naive(key, plain))))
})

t.test('random cuts of many streams at once never mix', async (t) => {
  const seed = process.env.COFFER_SEED ?? 'cuts'
  let count = 0
  const random = (n: number) =>
    createHash('sha256').update(`${seed} ${count++}`).digest().readUInt32BE() % n
  const streams = Array.from({ length: 8 }, async (_, stream) => {
    const plain = plainOf(random(400000))
    plain.fill(stream, 0, 1)
    const key = randomBodyKey()
    const { sink, records } = sinkOf(() => turn())
    const sealer = new Sealer(key, sink)
    for (let at = 0; at < plain.length; ) {
      const bytes = 1 + random([10, 70000, 200000][random(3)]!)
      await sealer.write(plain.subarray(at, at + bytes))
      at += bytes
      await turn()
    }
    await sealer.finish()
    return Buffer.concat(records).equals(Buffer.concat(naive(key, plain)))
  })
  t.same(await Promise.all(streams), Array(8).fill(true), `seed ${seed}`)
})

t.test(
  'a full record is held back until more comes, and no promise is made without need',
  async (t) => {
    const { sink, records } = sinkOf()
    const sealer = new Sealer(randomBodyKey(), sink)
    t.equal(sealer.write(plainOf(65536)), undefined)
    t.equal(records.length, 0)
    t.equal(sealer.write(plainOf(1)), undefined)
    t.equal(records.length, 1)
    t.same(await sealer.finish(), { size: 65537, records: 2 })
  },
)

t.test('the input stays its owner’s, whole', async (t) => {
  const piece = plainOf(200000)
  const before = Buffer.from(piece)
  const sealer = new Sealer(randomBodyKey(), sinkOf().sink)
  sealer.write(piece)
  await sealer.finish()
  t.ok(piece.equals(before))
})

t.test('the key may be zeroed once the sealer has it', async (t) => {
  const key = randomBodyKey()
  const kept = Buffer.from(key)
  const { sink, records } = sinkOf()
  const sealer = new Sealer(key, sink)
  key.fill(0)
  sealer.write(plainOf(5))
  await sealer.finish()
  t.same(openRecord(blobKeyObject(kept), 0, true, records[0]!), plainOf(5))
})

t.test('sealing twice under one blob key throws, whatever became of the first', async (t) => {
  const { sink } = sinkOf()
  const [running, finished, aborted, small] = [0, 1, 2, 3].map(() => randomBodyKey()) as Buffer[]
  const open = new Sealer(running!, sink)
  await new Sealer(finished!, sink).finish()
  new Sealer(aborted!, sink).abort()
  sealSmall(small!, plainOf(1))
  for (const key of [running!, finished!, aborted!, small!]) {
    t.throws(() => new Sealer(Buffer.from(key), sink), { code: 'Internal' })
    t.throws(() => sealSmall(Buffer.from(key), plainOf(1)), { code: 'Internal' })
  }
  open.abort()
})

t.test('a blob key is remembered while thousands of others come and go', async (t) => {
  const key = randomBodyKey()
  sealSmall(key, plainOf(1))
  for (let i = 0; i < 8191; i++) sealSmall(randomBodyKey(), Buffer.alloc(0))
  t.throws(() => sealSmall(key, plainOf(1)), { code: 'Internal' })
})

t.test('a sealer is used once and in order', async (t) => {
  const { sink } = sinkOf(turn)
  const sealer = new Sealer(randomBodyKey(), sink)
  const pending = sealer.write(plainOf(65537))
  t.ok(pending instanceof Promise)
  t.throws(() => sealer.write(plainOf(1)), { code: 'Internal' }, 'overlapping write')
  await t.rejects(sealer.finish(), { code: 'Internal' }, 'overlapping finish')
  await pending
  await sealer.finish()
  t.throws(() => sealer.write(plainOf(1)), { code: 'Internal' })
  await t.rejects(sealer.finish(), { code: 'Internal' })
  sealer.abort()
})

t.test('an empty piece is refused: a buffer released too early looks like one', async (t) => {
  const sealer = new Sealer(randomBodyKey(), sinkOf().sink)
  const piece = Buffer.allocUnsafeSlow(10)
  release(piece)
  t.throws(() => sealer.write(piece), { code: 'Internal' })
  await t.rejects(sealer.finish(), { code: 'Internal' }, 'and ends the stream')
  t.throws(() => new Sealer(piece, sinkOf().sink), RangeError, 'so does a released key')
  t.throws(() => openRecord(blobKeyObject(piece), 0, true, Buffer.alloc(16)), RangeError)
})

t.test('a sink’s failure comes out as it is and ends the sealer', async (t) => {
  const failure = new Error('disk')
  const throwing: Sink = {
    write() {
      throw failure
    },
  }
  const rejecting: Sink = { write: () => Promise.reject(failure) }
  for (const sink of [throwing, rejecting]) {
    const writing = new Sealer(randomBodyKey(), sink)
    await t.rejects(async () => writing.write(plainOf(200000)), failure)
    t.throws(() => writing.write(plainOf(1)), { code: 'Internal' })
    await t.rejects(new Sealer(randomBodyKey(), sink).finish(), failure)
  }
})

t.test('aborting while the sink is busy stops the stream', async (t) => {
  const { sink, records } = sinkOf(turn)
  const sealer = new Sealer(randomBodyKey(), sink)
  const pending = sealer.write(plainOf(400000))
  sealer.abort()
  await t.rejects(Promise.resolve(pending), { code: 'Internal' })
  t.equal(records.length, 1)
})

t.test('a small blob is one final record', async (t) => {
  for (const size of [0, 1, 8192, 65535, 65536]) {
    const key = randomBodyKey()
    const sealed = sealSmall(key, plainOf(size))
    t.ok(sealed.equals(naive(key, plainOf(size))[0]!), `${size}`)
    t.ok(openRecord(blobKeyObject(key), 0, true, sealed).equals(plainOf(size)), `${size}`)
  }
  t.throws(() => sealSmall(randomBodyKey(), plainOf(65537)), RangeError)
})

t.test('an opened record owns its memory, so that its reader can release it', async (t) => {
  const key = randomBodyKey()
  const plain = openRecord(blobKeyObject(key), 0, true, sealSmall(key, plainOf(5000)))
  t.equal(plain.length, 5000)
  release(plain)
  t.equal(plain.length, 0)
})

t.test('a record opens as itself only', async (t) => {
  const key = randomBodyKey()
  const plain = plainOf(131073)
  const [first, second, third] = naive(key, plain) as [Buffer, Buffer, Buffer]
  const corrupt = { code: 'StoreCorrupt' }
  t.ok(openRecord(blobKeyObject(key), 1, false, second).equals(plain.subarray(65536, 131072)))
  t.throws(() => openRecord(blobKeyObject(key), 0, false, second), corrupt, 'reordered')
  t.throws(() => openRecord(blobKeyObject(key), 1, true, second), corrupt, 'truncated blob')
  t.throws(() => openRecord(blobKeyObject(key), 2, false, third), corrupt, 'extended blob')
  t.throws(
    () => openRecord(blobKeyObject(randomBodyKey()), 0, false, first),
    corrupt,
    'another blob',
  )
  t.throws(() => openRecord(blobKeyObject(key), 0, false, first.subarray(0, -1)), corrupt, 'cut')
  t.throws(
    () => openRecord(blobKeyObject(key), 0, false, Buffer.concat([first, Buffer.alloc(1)])),
    corrupt,
  )
  t.throws(() => openRecord(blobKeyObject(key), 0, true, Buffer.alloc(65553)), corrupt, 'too long')
  for (const length of [0, 1, 15])
    t.throws(() => openRecord(blobKeyObject(key), 0, true, Buffer.alloc(length)), corrupt)
})

t.test('an empty record is only ever the one of an empty blob', async (t) => {
  const key = randomBodyKey()
  const cipher = createCipheriv('aes-256-gcm', key, nonceOf(1, true))
  const empty = Buffer.concat([cipher.final(), cipher.getAuthTag()])
  t.throws(() => openRecord(blobKeyObject(key), 1, true, empty), { code: 'StoreCorrupt' })
})

t.test('each flipped bit of a record is found', async (t) => {
  const key = randomBodyKey()
  const sealed = sealSmall(key, plainOf(40))
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const damaged = Buffer.from(sealed)
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    t.throws(
      () => openRecord(blobKeyObject(key), 0, true, damaged),
      { code: 'StoreCorrupt' },
      `bit ${bit}`,
    )
  }
})
