// What every verb works on, and how a verb changes it: read, compute, commit, retry on conflict.
import type { BlobStore } from '../blobs/store.ts'
import {
  type Catalog,
  COMMIT_ROWS_MAX,
  CommitUnknown,
  Conflict,
  type Row,
} from '../catalog/catalog.ts'
import { rowKeys } from '../catalog/keys.ts'
import { type QueueRow, queueRow } from '../catalog/rows.ts'
import { CofferError, isCode } from '../errors.ts'
import { randomId } from '../names.ts'
import type { BegunUploads } from './begun-uploads.ts'
import type { Leases } from './leases.ts'
import type { Resolve } from './resolve.ts'

export interface Stores {
  readonly catalog: Catalog
  readonly blobs: BlobStore
  /** Bodies up to this many bytes are sealed beside their row. */
  readonly smallBodyBytes: number
  readonly leases: Leases
  readonly begun: BegunUploads
  /** What stands where in a version's body. */
  readonly resolve: Resolve
  /** Told after a commit that queued work for the sweep. */
  readonly queued: () => void
}

/** Attempts at a verb before other writers of the same rows make it give up. */
const ATTEMPTS_MAX = 100

/** Collects one commit. Counters of the same row are added up. */
export class Draft {
  readonly id = randomId()
  #expect = new Map<string, string | null>()
  #put = new Map<string, Buffer>()
  #del = new Set<string>()
  #add = new Map<string, number[]>()
  #queued = 0
  /** Called once the commit is durable. */
  readonly after: (() => void)[] = []

  expect(key: string, row: { readonly revision: string } | undefined): this {
    this.#expect.set(key, row?.revision ?? null)
    return this
  }

  /** A row that was to go is replaced instead: a commit changes a key once. */
  put(key: string, value: Buffer): this {
    this.#del.delete(key)
    this.#put.set(key, value)
    return this
  }

  del(key: string): this {
    this.#del.add(key)
    return this
  }

  add(key: string, ...deltas: number[]): this {
    const sums = this.#add.get(key)
    this.#add.set(key, sums === undefined ? deltas : sums.map((sum, i) => sum + deltas[i]!))
    return this
  }

  /** Leaves work to the sweep, which is woken after the commit; a commit may leave several pieces. */
  queue({ queued }: Stores, work: QueueRow): this {
    if (this.#queued === 0) this.after.push(queued)
    return this.put(rowKeys.queue(this.id, this.#queued++), queueRow.encode({ work }))
  }

  /** Rows touched so far: a commit takes COMMIT_ROWS_MAX. */
  get rows(): number {
    return this.#expect.size + this.#put.size + this.#del.size + this.#add.size
  }

  /** Throws Conflict, StoreUnavailable, CommitUnknown: then `after` is called when the commit turns out to be done. */
  async commit(catalog: Catalog): Promise<void> {
    if (this.rows === 0) return
    if (this.rows > COMMIT_ROWS_MAX) {
      throw new CofferError('Internal', { rows: this.rows, limit: COMMIT_ROWS_MAX })
    }
    try {
      await this.#send(catalog)
    } catch (error) {
      if (error instanceof CommitUnknown) {
        void error.done.then((done) => {
          if (done) this.#follow()
        })
      }
      throw error
    }
    this.#follow()
  }

  async #send(catalog: Catalog): Promise<void> {
    await catalog.commit({
      id: this.id,
      expect: Array.from(this.#expect, ([key, revision]) => ({ key, revision })),
      put: Array.from(this.#put, ([key, value]) => ({ key, value })),
      del: [...this.#del],
      add: Array.from(this.#add, ([key, deltas]) => ({ key, deltas })),
    })
  }

  #follow(): void {
    for (const action of this.after) action()
  }
}

/**
 * Runs a verb's read–compute–commit until its commit is not in conflict with another. `attempt` fills
 * the draft and returns the verb's answer; it must read everything anew each time.
 */
export async function commitWithRetry<T>(
  catalog: Catalog,
  attempt: (draft: Draft) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    const draft = new Draft()
    const answer = await attempt(draft)
    try {
      await draft.commit(catalog)
      return answer
    } catch (error) {
      if (!(error instanceof Conflict)) throw error
      if (tries === ATTEMPTS_MAX) throw new CofferError('WriteConflict', {}, error)
    }
  }
}

/** Attempts at a read whose object is replaced again and again. */
const READ_ATTEMPTS_MAX = 3

/**
 * Reads, and again where a row was missing: between two of its reads the object may have been replaced, and the
 * rows of its body be gone, which cannot be told from lost ones. Rejects as `attempt` does.
 */
export async function readAnew<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt()
    } catch (error) {
      if (!isCode(error, 'StoreCorrupt') || tries === READ_ATTEMPTS_MAX) throw error
    }
  }
}

/** Decodes a row's value where there is one. */
export function decoded<T>(
  codec: { decode(bytes: Buffer): T },
  row: Row | undefined,
): T | undefined {
  return row === undefined ? undefined : codec.decode(row.value)
}
