// Blobs for tests of the blob store: content that follows from a name, writing and reading. Every record that
// is read is released with poison, and every slab overwritten as soon as `write` returns, so that a store which
// keeps either returns wrong bytes.
import { createHash } from 'node:crypto'
import type { BlobStore, Locator } from '../../lib/blobs/store.ts'
import { poisonReleased, release } from '../../lib/bytes/release.ts'
import { TRAILER_BYTES } from '../../lib/bytes/slab.ts'
import type { CofferError } from '../../lib/errors.ts'
import { randomId } from '../../lib/names.ts'

poisonReleased(true)

/** A full record: 64 KiB and a tag. */
export const RECORD_BYTES = 65_552

export interface SavedBlob {
  readonly id: string
  readonly locator: Locator
  /** Lengths of the blob's records. */
  readonly lengths: readonly number[]
}

/** The content of record `index` of blob `id`. */
export function recordOf(id: string, index: number, length: number): Buffer {
  return createHash('shake256', { outputLength: length }).update(`${id}/${index}`).digest()
}

/** Begins a blob. Returns functions that write its records, in order, and finish it. */
export function beginBlob(
  store: BlobStore,
  lengths: readonly number[],
  expectedBytes?: number,
  sender?: string,
) {
  const id = randomId()
  const writer = store.create(id, expectedBytes, sender)
  let index = 0
  return {
    id,
    writer,
    /** Writes the next `count` records; without a count, all that are left. */
    async write(count = lengths.length - index): Promise<void> {
      for (let left = count; left > 0; left--) {
        const length = lengths[index]!
        const slab = Buffer.alloc(length + TRAILER_BYTES)
        recordOf(id, index++, length).copy(slab)
        const room = writer.write(slab, length)
        slab.fill(0xee)
        if (room !== undefined) await room
      }
    },
    async finish(): Promise<SavedBlob> {
      return { id, locator: await writer.finish(), lengths }
    },
  }
}

/** Writes a blob, durable and settled. */
export async function saveBlob(store: BlobStore, lengths: readonly number[]): Promise<SavedBlob> {
  const blob = beginBlob(store, lengths)
  await blob.write()
  const saved = await blob.finish()
  await store.barrier([saved.locator.volume])
  store.settle(saved.id)
  return saved
}

/** Reads records first … last. Undefined where all are right, else what is wrong. */
export async function differenceOf(
  store: BlobStore,
  blob: SavedBlob,
  first = 0,
  last = blob.lengths.length - 1,
): Promise<string | undefined> {
  const { volume, pieces } = blob.locator
  const reader = store.read(volume, blob.id, async (piece) => pieces[piece]!, first, last)
  for (let index = first; index <= last; index++) {
    const record = await reader.read()
    if (record === undefined) return `blob ${blob.id} ends before record ${index}`
    const right = record.sealed.equals(recordOf(blob.id, index, blob.lengths[index]!))
    release(record.whole)
    if (!right) return `blob ${blob.id} differs in record ${index}`
  }
  const more = await reader.read()
  reader.close()
  return more === undefined ? undefined : `blob ${blob.id} goes on after record ${last}`
}

/** Reads all blobs. Returns what is wrong with them. */
export async function differencesOf(store: BlobStore, blobs: readonly SavedBlob[]) {
  const found = await Promise.all(blobs.map((blob) => differenceOf(store, blob)))
  return found.filter((text) => text !== undefined)
}

/** Longer than any wait on a loaded machine. */
const UNTIL_MS = 60_000

/** Waits, turn by turn of the event loop, until `reached` is true. False where it is not within a minute. */
export async function until(reached: () => Promise<boolean> | boolean): Promise<boolean> {
  for (const endMs = performance.now() + UNTIL_MS; performance.now() < endMs; ) {
    if (await reached()) return true
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return false
}

/** The code of the error of `work`; undefined where it succeeds. */
export async function codeOf(work: () => unknown): Promise<string | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    return (error as CofferError).code
  }
}
