// The stores that verbs work on, and the way in which verbs change rows: read, compute, commit, retry after a conflict.
import type { BlobStore } from '../blobs/store.ts'
import {
  type Catalog,
  COMMIT_ROWS_MAX,
  CommitUnknown,
  Conflict,
  type Row,
} from '../catalog/catalog.ts'
import { rowKeys } from '../catalog/keys.ts'
import { type QueueRow, queueRow, type ReadRow, type SignedCodec } from '../catalog/rows.ts'
import type { Cipher } from '../crypto/cipher.ts'
import type { LateCipher } from '../crypto/late.ts'
import type { ListCipher } from '../crypto/list-key.ts'
import type { RowMacs } from '../crypto/row-mac.ts'
import { CofferError, isCode } from '../errors.ts'
import { randomId } from '../names.ts'
import type { BegunUploads } from './begun-uploads.ts'
import type { Leases } from './leases.ts'
import type { Resolve } from './resolve.ts'

export interface Stores {
  readonly catalog: Catalog
  readonly blobs: BlobStore
  /** Largest body in bytes that is sealed beside its row. */
  readonly smallBodyBytes: number
  readonly leases: Leases
  readonly begun: BegunUploads
  /** What stands where in a version's body. */
  readonly resolve: Resolve
  /** Opens what is under a root key, also where the request brought a customer's. */
  readonly rootCipher: Cipher
  /** Wraps what Complete needs of a body's key. */
  readonly late: LateCipher
  /** Wraps the keys of manifests' lists. */
  readonly lists: ListCipher
  /** Roles beside `admin` that own the account of their user; absent: none. */
  readonly operatorRoles?: readonly string[]
  /** Signs rows that say who may do what, and checks them. */
  readonly macs: RowMacs
  /** Called after a commit that queued work for the sweep. */
  readonly queued: () => void
}

/** Attempts at a verb whose commits conflict with other writers of the same rows, before it fails. */
const ATTEMPTS_MAX = 100

/** Collects the changes of one commit. Changes of one counter row are added up. */
export class Draft {
  readonly id = randomId()
  #expect = new Map<string, string | null>()
  #put = new Map<string, Buffer>()
  #del = new Set<string>()
  #add = new Map<string, number[]>()
  #queued = 0
  /** Functions that are called once the commit is durable. */
  readonly after: (() => void)[] = []

  expect(key: string, row: { readonly revision: string } | undefined): this {
    this.#expect.set(key, row?.revision ?? null)
    return this
  }

  /** Puts a row. An earlier `del` of the key is dropped, because a commit changes a key once. */
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

  /** Adds a row of work for the sweep, which is woken after the commit. A commit may add several. */
  queue({ queued }: Stores, work: QueueRow): this {
    if (this.#queued === 0) this.after.push(queued)
    return this.put(rowKeys.queue(this.id, this.#queued++), queueRow.encode({ work }))
  }

  /** Number of rows in the draft. A commit may have COMMIT_ROWS_MAX. */
  get rows(): number {
    return this.#expect.size + this.#put.size + this.#del.size + this.#add.size
  }

  /**
   * Throws Conflict, StoreUnavailable, CommitUnknown. After CommitUnknown, `after` runs once the commit is known to
   * be done.
   */
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

/** The attempts of `commitWithRetry` that are under way, by the catalog's id. */
const attempts = new Map<string, Set<Promise<unknown>>>()

/**
 * Resolves when all attempts that are under way now have ended. What they have computed is then committed, or never
 * will be, or is a commit of unknown outcome, whose rows cannot be read.
 */
export async function attemptsEnded(catalog: Pick<Catalog, 'id'>): Promise<void> {
  await Promise.allSettled(attempts.get(catalog.id) ?? [])
}

/** Runs one attempt, and counts it among those under way. */
async function attemptOnce<T>(catalog: Catalog, attempt: (draft: Draft) => Promise<T>): Promise<T> {
  const running = attempts.get(catalog.id) ?? new Set()
  attempts.set(catalog.id, running)
  const one = attemptAndCommit(catalog, attempt)
  running.add(one)
  try {
    return await one
  } finally {
    running.delete(one)
  }
}

async function attemptAndCommit<T>(
  catalog: Catalog,
  attempt: (draft: Draft) => Promise<T>,
): Promise<T> {
  const draft = new Draft()
  const answer = await attempt(draft)
  await draft.commit(catalog)
  return answer
}

/**
 * Runs a verb's read–compute–commit until its commit does not conflict. `attempt` fills the draft and returns the
 * verb's result. It must read every row anew in each attempt.
 */
export async function commitWithRetry<T>(
  catalog: Catalog,
  attempt: (draft: Draft) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attemptOnce(catalog, attempt)
    } catch (error) {
      if (!(error instanceof Conflict)) throw error
      if (tries === ATTEMPTS_MAX) throw new CofferError('WriteConflict', {}, error)
    }
  }
}

/** Attempts at a read whose object is replaced during each of them. */
const READ_ATTEMPTS_MAX = 3

/**
 * Runs `attempt`, and again where a row was missing. The object may have been replaced between two reads of the
 * attempt, and the rows of its body removed, which looks like rows that are lost. Rejects with the last attempt's
 * error.
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

/** A row with a MAC and whether that holds, undefined without a row. */
export function judged<T>(
  codec: SignedCodec<T>,
  row: Row | undefined,
  macs: RowMacs,
): ReadRow<T> | undefined {
  return row === undefined ? undefined : codec.read(row, macs)
}

/** The decoded value of a row, undefined without a row. */
export function decoded<T>(
  codec: { decode(bytes: Buffer): T },
  row: Row | undefined,
): T | undefined {
  return row === undefined ? undefined : codec.decode(row.value)
}
