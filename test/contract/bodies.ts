// What every resolver of bodies owes its readers: whatever stands in a body, it reads as one run of bytes, in whole, in
// ranges, by a copy and under either key, and nothing is held once it was read or left.
import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { type Cipher, customerCipher } from '../../lib/crypto/cipher.ts'
import { CustomerKey } from '../../lib/crypto/customer-key.ts'
import { makeService } from '../../lib/service/service.ts'
import type { Stores } from '../../lib/service/stores.ts'
import type { ObjectReader, ObjectRef, ReadInput, Service } from '../../lib/service/types.ts'
import { type Random, randomFrom, seedOfRun } from '../helpers/random.ts'
import { admin, sourceOf, startService } from '../helpers/service.ts'

/** A service over stores that count their readers. */
export interface Bodies {
  readonly service: Service
  readonly stores: Stores
  readonly rootCipher: Cipher
  /** Bodies that somebody reads. */
  readonly taken: () => string[]
  put(object: string, body: Buffer, cipher: Cipher): Promise<ObjectRef>
}

/** Makes the stores' resolver; it may use the stores that it becomes a part of. */
export type Resolver = (stores: () => Stores) => Stores['resolve']

export const refOf = (object: string): ObjectRef => ({ account: 'test', container: 'box', object })

/** A container `box`, and a service that resolves bodies so. */
export async function startBodies(t: Test, resolver?: Resolver): Promise<Bodies> {
  const started = await startService(t)
  const held = new Map<string, number>()
  const leases = Object.create(started.stores.leases, {
    take: {
      value: (body: string) => {
        held.set(body, (held.get(body) ?? 0) + 1)
        const end = started.stores.leases.take(body)
        let taken = true
        return () => {
          end()
          if (taken) held.set(body, held.get(body)! - 1)
          taken = false
        }
      },
    },
    isTaken: {
      value: (body: string) => started.stores.leases.isTaken(body),
      writable: true,
    },
  })
  const stores: Stores = {
    ...started.stores,
    leases,
    resolve: resolver?.(() => stores) ?? started.stores.resolve,
  }
  const service = makeService(stores)
  await service.putContainer(admin, { account: 'test', container: 'box' }, {})
  return {
    service,
    stores,
    rootCipher: started.rootCipher,
    taken: () => [...held].flatMap(([body, count]) => (count === 0 ? [] : [body])),
    async put(object, body, cipher) {
      const input = { source: sourceOf(body), cipher, headers: {}, metadata: {} }
      await service.put(admin, refOf(object), input)
      return refOf(object)
    },
  }
}

/** Everything that a reader gives, piece by piece; it is closed. */
export async function piecesOf(reader: ObjectReader): Promise<Buffer[]> {
  const pieces: Buffer[] = []
  try {
    for (let piece = await reader.read(); piece !== undefined; piece = await reader.read()) {
      pieces.push(piece)
    }
  } finally {
    reader.close()
  }
  return pieces
}

export const bytesOf = async (reader: ObjectReader) => Buffer.concat(await piecesOf(reader))

export const newCustomerKey = () => customerCipher(new CustomerKey(randomBytes(32)))

/** One way in which bodies are made: leaves an object of that content under that key. */
export interface Maker {
  readonly resolver?: Resolver
  make(bodies: Bodies, content: Buffer, cipher: Cipher): Promise<ObjectRef>
}

const SIZE = 11 << 20

export function bodyContract(t: Test, name: string, maker: Maker): void {
  for (const kind of ['root', 'customer'] as const) {
    t.test(`${name}, under a ${kind} key`, async (t) => {
      const bodies = await startBodies(t, maker.resolver)
      const random = randomFrom(seedOfRun())
      const content = randomBytes(SIZE)
      const cipher = kind === 'root' ? bodies.rootCipher : newCustomerKey()
      const ref = await maker.make(bodies, content, cipher)
      const get = (input: Partial<ReadInput> = {}) =>
        bodies.service.get(admin, ref, { cipher, ...input })

      const whole = await get()
      t.equal(whole.info.size, SIZE)
      t.ok((await bytesOf(whole)).equals(content), 'it is read in whole')
      t.same(bodies.taken(), [], 'and then nobody holds anything of it')

      const { info, extents } = await bodies.service.head(admin, ref, { cipher })
      t.match([info.size, extents], [SIZE, [{ offset: 0, length: SIZE }]])

      for (let round = 0; round < 8; round++) {
        await t.test(`ranges ${round}, seed ${random.seed}`, (t) =>
          readsRanges(t, get, content, drawRanges(random)),
        )
        t.same(bodies.taken(), [])
      }

      await t.test('a copy of it, and of a range of it, has the same bytes', async (t) => {
        const from = { from: ref, fromCipher: cipher, cipher, changesSelf: false }
        const copied = await bodies.service.copy(admin, refOf('copy'), from)
        t.equal(copied.info.size, SIZE)
        const copy = await bodies.service.get(admin, refOf('copy'), { cipher })
        t.ok((await bytesOf(copy)).equals(content))
        const [range] = drawRanges(random)
        const ranges = () => [{ ...range!, partial: true }]
        await bodies.service.copy(admin, refOf('part'), { ...from, ranges })
        const part = await bodies.service.get(admin, refOf('part'), { cipher })
        const { offset, length } = range!
        t.ok((await bytesOf(part)).equals(content.subarray(offset, offset + length)))
        t.same(bodies.taken(), [])
      })

      await t.test('a reader that is closed early gives everything back', async (t) => {
        for (const pieces of [0, 1, 100]) {
          const reader = await get()
          t.not(bodies.taken().length, 0, 'it holds something')
          for (let i = 0; i < pieces; i++) await reader.read()
          reader.close()
          reader.close()
          t.same(bodies.taken(), [], `after ${pieces} pieces`)
        }
        // Closed while a piece is still on its way.
        for (const pieces of [0, 1, 2, 3, 4, 5, 7, 50, 90, 170]) {
          const reader = await get()
          for (let i = 0; i < pieces; i++) await reader.read()
          const last = reader.read().catch(() => undefined)
          reader.close()
          await last
          t.equal(await reader.read(), undefined)
          t.same(bodies.taken(), [], `in piece ${pieces}`)
        }
      })

      await t.test('no byte is read with another key, or without the one it needs', async (t) => {
        const others = kind === 'root' ? [newCustomerKey()] : [newCustomerKey(), bodies.rootCipher]
        for (const other of others) {
          await t.rejects(get({ cipher: other }), { code: /^Key(Wrong|Required|NotApplicable)$/ })
        }
        t.same(bodies.taken(), [])
      })
    })
  }
}

/** One to four ranges, some of them at the ends and across them. */
function drawRanges(random: Random): { offset: number; length: number }[] {
  return Array.from({ length: 1 + random.integer(4) }, () => {
    const offset = random.pick([0, random.integer(SIZE), SIZE - 1, 65_536 * random.integer(160)])
    const length = random.pick([1, 65_536, random.integer(SIZE), SIZE])
    return { offset, length: Math.max(1, Math.min(length, SIZE - offset)) }
  })
}

async function readsRanges(
  t: Test,
  get: (input: Partial<ReadInput>) => Promise<ObjectReader>,
  content: Buffer,
  ranges: readonly { offset: number; length: number }[],
): Promise<void> {
  const reader = await get({ ranges: () => ranges.map((range) => ({ ...range, partial: true })) })
  const pieces = await piecesOf(reader)
  for (const { offset, length } of ranges) {
    // No piece is of two extents: each begins and ends with one.
    const wanted = content.subarray(offset, offset + length)
    let got = 0
    let same = true
    while (got < length) {
      const piece = pieces.shift()
      if (piece === undefined) break
      same &&= piece.equals(wanted.subarray(got, got + piece.length))
      got += piece.length
    }
    t.ok(same && got === length, `bytes ${offset} to ${offset + length - 1}`)
  }
  t.equal(pieces.length, 0)
}
