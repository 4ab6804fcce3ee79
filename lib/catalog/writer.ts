// The single writer. Commits that wait are checked together and written in one synced batch; commits that come
// meanwhile wait for the next one. Every commit of a batch, also a refused one, is answered when the batch is
// durable. Otherwise a commit could be refused because of another that is then lost.
import { CofferError } from '../errors.ts'
import { type Commit, CommitUnknown, Conflict } from './catalog.ts'
import { Group, type Prepared, prepare } from './group.ts'
import { asReadError, type Handle } from './handle.ts'

/** Bounds of one batch, so that no commit waits long. A single commit may be larger. */
const BATCH_ROWS_MAX = 4000
const BATCH_BYTES_MAX = 4 << 20
/** How often a handle whose write failed is reopened while no commit comes. */
const REVIVE_INTERVAL_MS = 1000

interface Waiting {
  readonly commit: Prepared
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export interface Writer {
  /** See Catalog.commit. */
  commit(commit: Commit): Promise<void>
  /** Takes no more commits. Resolves when all earlier ones have their outcome. */
  close(): Promise<void>
}

const unavailable = (message: string, cause?: unknown) =>
  new CofferError('StoreUnavailable', { message }, cause)

export function makeWriter(handle: Handle): Writer {
  const queue: Waiting[] = []
  let running: Promise<void> | null = null
  let reviving: NodeJS.Timeout | null = null
  let closed = false

  function start(): void {
    if (running === null) running = run()
  }

  async function run(): Promise<void> {
    // Commits of the same turn go into one batch.
    await null
    do {
      const alive = await handle.revive()
      if (alive) await writeGroup(takeGroup())
      else refuse(queue.splice(0), unavailable(handle.impaired!))
      keepTrying()
    } while (queue.length > 0)
    // In the same step as the last look at the queue, or a commit that comes between the two would wait for ever.
    running = null
  }

  function refuse(waiting: Waiting[], error: CofferError): void {
    for (const { reject } of waiting) reject(error)
  }

  /** Reopens a handle whose write failed from time to time: health checks may keep all commits away from the
   * node. */
  function keepTrying(): void {
    if (handle.impaired !== null && !closed) {
      reviving ??= setInterval(start, REVIVE_INTERVAL_MS).unref()
    } else if (reviving !== null) {
      clearInterval(reviving)
      reviving = null
    }
  }

  function takeGroup(): Waiting[] {
    let rows = 0
    let bytes = 0
    let count = 0
    for (const { commit } of queue) {
      rows += commit.rows
      bytes += commit.bytes
      if (count > 0 && (rows > BATCH_ROWS_MAX || bytes > BATCH_BYTES_MAX)) break
      count++
    }
    return queue.splice(0, count)
  }

  async function writeGroup(waiting: Waiting[]): Promise<void> {
    if (waiting.length === 0) return
    const db = await handle.reading()
    const group = new Group((key) => db.getSync(key))
    const refused = new Map<Waiting, Error>()
    let last: Prepared | null = null
    for (const each of waiting) {
      try {
        group.admit(each.commit)
        last = each.commit
      } catch (error) {
        refused.set(each, error instanceof Conflict ? error : asReadError(error))
      }
    }
    const operations = group.operations()
    if (last !== null && operations.length > 0) {
      try {
        await handle.write(operations, last.id)
      } catch (error) {
        if (!(await isDoneAllTheSame(waiting, refused, error))) return
      }
    }
    for (const each of waiting) {
      const error = refused.get(each)
      if (error === undefined) each.resolve()
      else each.reject(error)
    }
  }

  /**
   * After a write that failed with `failure`: reopens the database at once, or reads its logs, to see whether
   * the batch was done. Returns true where it was. Otherwise, or where that stays unknown, rejects all of the
   * batch.
   */
  async function isDoneAllTheSame(
    waiting: Waiting[],
    refused: ReadonlyMap<Waiting, Error>,
    failure: unknown,
  ): Promise<boolean> {
    const { outcome } = handle.unsettled
    if (!(await handle.revive())) await handle.settleFromLogs()
    const inDoubt = handle.unsettled.outcome
    if (inDoubt === null && (await outcome)) return true
    const undone = unavailable('a write to the catalog failed: nothing was done', failure)
    for (const each of waiting) {
      const isInDoubt = inDoubt !== null && !refused.has(each)
      each.reject(isInDoubt ? new CommitUnknown(inDoubt, failure) : undone)
    }
    return false
  }

  return {
    async commit(commit) {
      const prepared = prepare(commit)
      if (closed) throw unavailable('the catalog is closed')
      await new Promise<void>((resolve, reject) => {
        queue.push({ commit: prepared, resolve, reject })
        start()
      })
    },
    async close() {
      closed = true
      keepTrying()
      await running
    },
  }
}
