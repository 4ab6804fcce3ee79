// The contract of the blob store (lib/blobs/store.ts), run on every implementation: what is written is read,
// under its blob and its index and under no other. Volumes, devices and restarts have a suite of their own,
// blobs-volumes.ts.
import type { Test } from 'tap'
import { type BlobStore, RECORDS_PER_PIECE } from '../../lib/blobs/store.ts'
import { release } from '../../lib/bytes/release.ts'
import { TRAILER_BYTES } from '../../lib/bytes/slab.ts'
import { type CofferError, isCode } from '../../lib/errors.ts'
import { randomId } from '../../lib/names.ts'
import {
  beginBlob,
  codeOf,
  differenceOf,
  differencesOf,
  RECORD_BYTES,
  recordOf,
  type SavedBlob,
  saveBlob,
} from '../helpers/blobs.ts'
import { randomFrom, seedOfRun } from '../helpers/random.ts'

/** A place for one store, empty at first. */
export interface BlobSite {
  /** Opens the store. Must not be called while it is open. */
  open(options?: { devices?: number; volumeSizeBytes?: number }): Promise<BlobStore>
}

export type MakeBlobSite = (t: Test) => Promise<BlobSite>

/** Runs a test on a fresh, open store. */
export function withStore(
  t: Test,
  makeSite: MakeBlobSite,
  name: string,
  run: (t: Test, store: BlobStore) => Promise<void>,
): void {
  t.test(name, async (t) => {
    const site = await makeSite(t)
    const store = await site.open()
    try {
      await run(t, store)
    } finally {
      await store.close()
    }
  })
}

const repeat = (count: number, length: number) => new Array<number>(count).fill(length)

/** Reads the first record of `blob` under another id or other pieces. */
const readFirst = (
  store: BlobStore,
  blob: SavedBlob,
  other: { id?: string; pieces?: readonly Buffer[]; index?: number },
) => {
  const { pieces = blob.locator.pieces, id = blob.id, index = 0 } = other
  return store.read(blob.locator.volume, id, (piece) => pieces[piece]!, index, index).read()
}

export function blobContract(t: Test, makeSite: MakeBlobSite): void {
  const test = (name: string, run: (t: Test, store: BlobStore) => Promise<void>) =>
    withStore(t, makeSite, name, run)

  test('a record of any length is read as it was written', async (t, store) => {
    for (const length of [1, 2, 15, 16, 17, 4095, 4096, 65_551, RECORD_BYTES]) {
      const saved = await saveBlob(store, [length])
      t.equal(saved.locator.records, 1)
      t.ok(saved.locator.storedBytes >= length)
      t.equal(await differenceOf(store, saved), undefined, `${length} bytes`)
    }
  })

  test('a blob of any number of records is read whole', async (t, store) => {
    for (const count of [0, 1, 2, 3, 4, 5, 8, 9]) {
      const saved = await saveBlob(store, repeat(count, RECORD_BYTES))
      t.equal(saved.locator.records, count)
      t.equal(await differenceOf(store, saved), undefined, `${count} records`)
    }
  })

  test('a locator is cut into pieces, each of which is read alone', async (t, store) => {
    for (const count of [-1, 0, 1, RECORDS_PER_PIECE, RECORDS_PER_PIECE + 1]) {
      const records = RECORDS_PER_PIECE + count
      const saved = await saveBlob(store, repeat(records, 20))
      t.equal(saved.locator.pieces.length, Math.ceil(records / RECORDS_PER_PIECE))
      t.equal(await differenceOf(store, saved), undefined, `${records} records`)
      const border = Math.min(RECORDS_PER_PIECE, records - 1)
      t.equal(await differenceOf(store, saved, border - 2, border), undefined, 'across the border')
      t.equal(await differenceOf(store, saved, border, border), undefined, 'behind the border')
    }
  })

  test('every range of a blob holds its records and no other', async (t, store) => {
    const saved = await saveBlob(store, [100, 1, RECORD_BYTES, 7, 7, 65_000, 3, 3, 3, 12])
    for (let first = 0; first < 10; first++) {
      for (let last = first; last < 10; last++) {
        const difference = await differenceOf(store, saved, first, last)
        if (difference !== undefined) t.fail(`${first} to ${last}: ${difference}`)
      }
    }
    t.equal(await differenceOf(store, saved, 3, 2), undefined, 'an empty range gives nothing')
  })

  test('blobs written at the same time do not mix', async (t, store) => {
    const seed = seedOfRun()
    const random = randomFrom(seed)
    const blobs = Array.from({ length: 24 }, () => {
      const lengths = Array.from({ length: 1 + random.integer(20) }, () =>
        random.pick([1, 100, 9000, RECORD_BYTES]),
      )
      return beginBlob(store, lengths)
    })
    const saved = await Promise.all(
      blobs.map(async (blob) => {
        await blob.write()
        return blob.finish()
      }),
    )
    await store.barrier([...new Set(saved.map(({ locator }) => locator.volume))])
    for (const { id } of saved) store.settle(id)
    t.same(await differencesOf(store, saved), [], `seed ${seed}`)
  })

  test('a blob is read while it waits for its barrier, and after it', async (t, store) => {
    const blob = beginBlob(store, [5, RECORD_BYTES])
    await blob.write()
    const saved = await blob.finish()
    t.equal(await differenceOf(store, saved), undefined)
    await store.barrier([saved.locator.volume])
    store.settle(saved.id)
    t.equal(await differenceOf(store, saved), undefined)
  })

  test('an aborted blob takes nothing from the others', async (t, store) => {
    const before = await saveBlob(store, repeat(3, 1000))
    const blob = beginBlob(store, repeat(9, RECORD_BYTES))
    const beside = beginBlob(store, repeat(9, 500))
    await Promise.all([blob.write(4), beside.write(4)])
    blob.writer.abort()
    blob.writer.abort()
    t.equal(await codeOf(() => blob.write(1)), 'Internal', 'takes no more records')
    t.equal(await codeOf(() => blob.writer.finish()), 'Internal')
    await beside.write()
    const saved = await beside.finish()
    const finished = beginBlob(store, [7])
    await finished.write()
    await finished.finish()
    finished.writer.abort()
    await store.barrier([saved.locator.volume])
    store.settle(saved.id)
    t.same(await differencesOf(store, [before, saved]), [])
  })

  test('a finished blob takes no more records', async (t, store) => {
    const blob = beginBlob(store, [10, 10])
    await blob.write(1)
    await blob.finish()
    t.equal(await codeOf(() => blob.write(1)), 'Internal')
    t.equal(await codeOf(() => blob.writer.finish()), 'Internal')
  })

  test('a slab that was released or is too short is refused', async (t, store) => {
    const { writer } = beginBlob(store, [])
    const released = Buffer.alloc(100 + TRAILER_BYTES)
    release(released)
    t.equal(await codeOf(() => writer.write(released, 100)), 'Internal')
    t.equal(await codeOf(() => writer.write(Buffer.alloc(100), 100)), 'Internal')
    t.equal(await codeOf(() => writer.write(Buffer.alloc(100), 0)), 'Internal')
    writer.abort()
  })

  test('a blob id is 32 hex digits, and is used once', async (t, store) => {
    for (const id of ['', 'ab', 'AB'.repeat(16), 'zz'.repeat(16), `${'ab'.repeat(16)}0`]) {
      t.equal(await codeOf(() => store.create(id)), 'Internal', id)
    }
    const id = randomId()
    const writer = store.create(id)
    t.equal(await codeOf(() => store.create(id)), 'Internal', 'begun twice')
    writer.abort()
  })

  test('a record answers to its own blob and index only', async (t, store) => {
    const one = await saveBlob(store, repeat(RECORDS_PER_PIECE * 2, 20))
    const two = await saveBlob(store, repeat(2, 20))
    const misread = [
      { id: two.id },
      { pieces: two.locator.pieces },
      { pieces: [...one.locator.pieces].reverse() },
      { pieces: [Buffer.alloc(0), Buffer.alloc(0)] },
      { pieces: [one.locator.pieces[0]!.subarray(0, -1)] },
      { pieces: two.locator.pieces, index: 2 },
    ]
    for (const [i, other] of misread.entries()) {
      const code = await codeOf(() => readFirst(store, one, other))
      t.equal(code, 'StoreCorrupt', `misread ${i}`)
    }
    t.same(await differencesOf(store, [one, two]), [], 'and those are still read')
  })

  test('corruption names volume, record and blob', async (t, store) => {
    const one = await saveBlob(store, [20])
    const id = randomId()
    try {
      await readFirst(store, one, { id })
      t.fail('was read')
    } catch (error) {
      const { volume } = one.locator
      t.match((error as CofferError).details, { volume, record: Number, blob: id })
    }
  })

  test('an error of the catalog that gives the pieces reaches the reader', async (t, store) => {
    const one = await saveBlob(store, [20])
    const pieces = () => Promise.reject(new Error('no catalog'))
    const reader = store.read(one.locator.volume, one.id, pieces, 0, 0)
    await t.rejects(reader.read(), { message: 'no catalog' })
  })

  test('a volume that is not there is unavailable', async (t, store) => {
    const id = randomId()
    const reader = store.read('0123456789abcdef', id, () => Buffer.from([1, 1]), 0, 0)
    t.equal(await codeOf(() => reader.read()), 'StoreUnavailable')
    reader.close()
    t.equal(await codeOf(() => store.barrier(['0123456789abcdef'])), 'StoreUnavailable')
    await store.barrier([])
  })

  test('many readers at once each get their own bytes', async (t, store) => {
    const blobs: SavedBlob[] = []
    for (let i = 0; i < 8; i++) blobs.push(await saveBlob(store, repeat(12, RECORD_BYTES - i)))
    const readers = Array.from({ length: 32 }, (_, i) => blobs[i % 8]!)
    t.same(await differencesOf(store, readers), [])
  })

  test('a reader closed in the middle gives no more, and hurts nobody', async (t, store) => {
    const blob = await saveBlob(store, repeat(20, RECORD_BYTES))
    const { volume, pieces } = blob.locator
    for (let count = 0; count <= 3; count++) {
      const reader = store.read(volume, blob.id, (piece) => pieces[piece]!, 0, 19)
      for (let index = 0; index < count; index++) {
        const { sealed, whole } = (await reader.read())!
        t.ok(sealed.equals(recordOf(blob.id, index, RECORD_BYTES)))
        release(whole)
      }
      reader.close()
      reader.close()
      t.equal(await reader.read(), undefined)
    }
    t.equal(await differenceOf(store, blob), undefined)
  })

  test('a released blob is no matter for the others', async (t, store) => {
    const one = await saveBlob(store, [100])
    const two = await saveBlob(store, [100])
    store.release(one.locator.volume, one.id)
    t.equal(await differenceOf(store, two), undefined)
  })

  test('settling what was never begun, or twice, is no error', async (t, store) => {
    store.settle(randomId())
    const saved = await saveBlob(store, [1])
    store.settle(saved.id)
    t.equal(store.impaired, null)
  })

  t.test('a store that is closing refuses everything, and keeps what was durable', async (t) => {
    const site = await makeSite(t)
    const store = await site.open()
    const saved = await saveBlob(store, repeat(3, 1000))
    const blob = beginBlob(store, repeat(3, 1000))
    await blob.write(1)
    await store.close()
    t.equal(await codeOf(() => store.create(randomId())), 'StoreUnavailable')
    t.equal(await codeOf(() => blob.write(1)), 'StoreUnavailable')
    t.equal(await codeOf(() => differenceOf(store, saved)), 'StoreUnavailable')
    t.type(store.impaired, 'string')
    blob.writer.abort()
    const again = await site.open()
    t.equal(await differenceOf(again, saved), undefined)
    await again.close()
    t.ok(isCode(await again.barrier(['nowhere']).catch((error) => error), 'StoreUnavailable'))
  })
}
