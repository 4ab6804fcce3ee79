// Aborts multipart uploads that were begun long ago and never completed. Their parts take space, and no listing
// of objects shows them.
import { Conflict, type Row } from '../catalog/catalog.ts'
import { endOf, splitUploadKey, uploadsPrefix } from '../catalog/keys.ts'
import { uploadRow } from '../catalog/rows.ts'
import { Draft, type Stores } from '../service/stores.ts'
import { draftAbort } from '../service/uploads.ts'
import { eachRow } from './each-row.ts'
import { startWorker, type Worker } from './worker.ts'

/** How often old uploads are looked for. Each run reads the row of every begun upload. */
const LOOK_EVERY_MS = 600_000

/** Starts aborting uploads that are older than `ageSeconds`; 0: none ever. `failed` is called with errors. */
export function startUploadExpiry(
  stores: Stores,
  ageSeconds: number,
  failed: (error: unknown) => void,
): Worker {
  const run = async (closed: () => boolean) => {
    stores.begun.forget()
    if (ageSeconds === 0) return
    await abortOld(stores, (Date.now() - ageSeconds * 1000) * 1000, failed, closed)
  }
  return startWorker(run, failed, LOOK_EVERY_MS)
}

/**
 * Aborts every upload that was begun before `beforeMicros`, in microseconds since 1970. `failed` is called with
 * the error of each that cannot be aborted: the others are aborted, and the next run tries that one again.
 * Rejects with StoreUnavailable.
 */
function abortOld(
  stores: Stores,
  beforeMicros: number,
  failed: (error: unknown) => void,
  closed: () => boolean,
): Promise<void> {
  const prefix = uploadsPrefix()
  return eachRow(stores.catalog, {
    from: prefix,
    to: endOf(prefix),
    closed,
    work: (row) => abortIfOld(stores, row, beforeMicros),
    failed: (_, error) => failed(error),
  })
}

async function abortIfOld(stores: Stores, stored: Row, beforeMicros: number): Promise<void> {
  const row = uploadRow.decodeUnproven(stored.value)
  if (row.createdMicros >= beforeMicros) return
  const draft = new Draft()
  draftAbort(stores, draft, { ...splitUploadKey(stored.key), stored, row })
  try {
    await draft.commit(stores.catalog)
  } catch (error) {
    // A Conflict means that the upload was completed or aborted meanwhile.
    if (!(error instanceof Conflict)) throw error
  }
}
