// Does what commits left in the queue: frees the segments of bodies that nobody refers to, of parts that
// Complete did not list, and the settings and uploads of deleted containers. In slices of a commit, one after the
// other, so that the removal of a large object never holds up a request. A crash leaves the row in the queue.
import { Conflict, type Row, SCAN_LIMIT_MAX } from '../catalog/catalog.ts'
import { endOf, queuePrefix, splitUploadKey, uploadPrefix } from '../catalog/keys.ts'
import { type Layout, type QueueRow, queueRow, uploadRow } from '../catalog/rows.ts'
import { coversPart } from '../service/part-list.ts'
import { walkParts } from '../service/parts.ts'
import { freedRows, freeSegment } from '../service/segments.ts'
import { removeSettings } from '../service/settings.ts'
import { Draft, type Stores } from '../service/stores.ts'
import { draftAbort } from '../service/uploads.ts'
import { eachRow } from './each-row.ts'
import { startWorker, type Worker } from './worker.ts'

/** Most rows of one commit of the sweep, below the limit of a commit. */
const SLICE_ROWS_MAX = 90

/** Work that a run left undone, for example because the catalog took no writes, is tried again after this
 * time. */
const SWEEP_EVERY_MS = 60_000

/** Starts the sweep: first the work that an earlier run left, then whenever it is woken, and from time to
 * time. `failed` is called with errors. After an error the rows are still in the queue. */
export function startSweep(stores: Stores, failed: (error: unknown) => void): Worker {
  const reported = new Set<string>()
  const rowFailed = (key: string, error: unknown) => {
    if (!reported.has(key)) failed(error)
    reported.add(key)
  }
  return startWorker((closed) => sweepQueue(stores, closed, rowFailed), failed, SWEEP_EVERY_MS)
}

/** `rowFailed` is called with rows whose work fails; the work of other rows is done. Rejects with
 * StoreUnavailable. */
function sweepQueue(
  stores: Stores,
  closed: () => boolean,
  rowFailed: (key: string, error: unknown) => void,
): Promise<void> {
  return eachRow(stores.catalog, {
    from: queuePrefix,
    to: endOf(queuePrefix),
    closed,
    work: (row) => sweepRow(stores, row, closed),
    failed: ({ key }, error) => rowFailed(key, error),
  })
}

/** Does the work of one row of the queue, then removes the row. */
async function sweepRow(stores: Stores, entry: Row, closed: () => boolean): Promise<void> {
  const { work } = queueRow.decode(entry.value)
  // A read of the body wakes the sweep when it ends.
  if (work.kind === 'body' && stores.leases.isTaken(work.body)) return
  if (work.kind === 'container') {
    await removeSettings(stores, work, work.containerId)
    await abortUploads(stores, work)
  } else {
    await freeSegments(stores, work.body, work.kind === 'segments' ? work.keep : [], closed)
  }
  if (closed()) return
  await new Draft().del(entry.key).commit(stores.catalog)
}

async function freeSegments(stores: Stores, body: string, keep: Layout, closed: () => boolean) {
  let draft = new Draft()
  for await (const { part, row } of walkParts(stores, body, 0)) {
    if (coversPart(keep, part)) continue
    if (draft.rows > 0 && draft.rows + freedRows(row) > SLICE_ROWS_MAX) {
      await draft.commit(stores.catalog)
      if (closed()) return
      draft = new Draft()
    }
    freeSegment(stores, draft, body, part, row)
  }
  await draft.commit(stores.catalog)
}

/** Aborts the uploads of a deleted container. Those of a new container of the same name stay. */
async function abortUploads(stores: Stores, work: Extract<QueueRow, { kind: 'container' }>) {
  const prefix = uploadPrefix(work.account, work.container)
  let from: string | undefined = prefix
  while (from !== undefined) {
    const page = await stores.catalog.scan({ from, to: endOf(prefix), limit: SCAN_LIMIT_MAX })
    for (const entry of page.entries) {
      if ('group' in entry) continue
      const upload = uploadRow.decodeUnproven(entry.value)
      if (upload.containerId !== work.containerId) continue
      const draft = new Draft()
      draftAbort(stores, draft, { ...splitUploadKey(entry.key), stored: entry, row: upload })
      try {
        await draft.commit(stores.catalog)
      } catch (error) {
        // A Conflict means that the upload was completed or aborted meanwhile.
        if (!(error instanceof Conflict)) throw error
      }
    }
    from = page.cursor
  }
}
