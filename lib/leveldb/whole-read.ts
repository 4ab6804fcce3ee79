// Reads of several rows that fail where one row cannot be read. LevelDB's iterators skip a table that cannot be
// opened, or a block that cannot be read, and go on behind it (table/merger.cc). The error stays in the
// iterator, and the binding checks for it only at the end of the range. A page that was filled before that
// would lack rows without an error: a listing would lack objects, a volume its last number, reclaim live blobs.
import type { Database, Keys, Range } from './engine.ts'

type Key = Keys[keyof Keys]

/** The part of LevelDB's iterator that is used. It shows the database as it was when the iterator was made. */
export interface Rows<K> {
  nextv(size: number): Promise<[key: K, value: Buffer][]>
  seek(target: K): void
  /** Rejects with LevelDB's error where rows were skipped so far. Must be the last call before `close`. */
  requireWhole(): Promise<void>
  close(): Promise<void>
}

/** Opens a range for reading. */
export function openRows<K extends Key>(db: Database<K>, options: Range<K>): Rows<K> {
  let end: (() => void) | undefined
  // A signal that ends an iterator makes the binding check its error, in the thread pool and without reading
  // more. A real AbortSignal would be checked before that.
  const signal = {
    aborted: false,
    addEventListener: (_: string, listener: () => void) => {
      end = listener
    },
    removeEventListener: () => {},
  } as unknown as AbortSignal
  const iterator = db.iterator<K, Buffer>({ ...options, signal })
  return {
    nextv: (size) => iterator.nextv(size),
    seek: (target) => iterator.seek(target),
    async requireWhole() {
      if (end === undefined) return
      end()
      await iterator.nextv(1).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'LEVEL_ABORTED') throw error
      })
    },
    close: () => iterator.close(),
  }
}

/** The first `count` rows of a range, fewer where there are fewer. Rejects with LevelDB's error. */
export async function readRows<K extends Key>(
  db: Database<K>,
  options: Range<K>,
  count: number,
): Promise<[key: K, value: Buffer][]> {
  const rows = openRows(db, options)
  try {
    const found: [key: K, value: Buffer][] = []
    while (found.length < count) {
      const chunk = await rows.nextv(count - found.length)
      if (chunk.length === 0) break
      found.push(...chunk)
    }
    await rows.requireWhole()
    return found
  } finally {
    await rows.close()
  }
}
