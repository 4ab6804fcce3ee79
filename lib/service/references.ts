// References to bodies. A body is freed with the last version that has it: in the same commit where it is small, else
// by the sweep (D-SWEEP).
import { rowKeys } from '../catalog/keys.ts'
import { segmentRow } from '../catalog/rows.ts'
import { CofferError } from '../errors.ts'
import { freedRows, freeSegment } from './segments.ts'
import { type Draft, decoded, type Stores } from './stores.ts'
import type { StoredVersion } from './versions.ts'

/** Most rows of a segment that is freed in the commit that takes the body's last reference. */
const FREED_ROWS_MAX = 32

/**
 * Adds to the draft the removal of a version and of its reference to its body. `kept` is the body of the version that
 * replaces it: where the two are the same, as for a copy onto itself, the reference stays.
 */
export async function dropVersion(
  stores: Stores,
  draft: Draft,
  old: StoredVersion,
  kept: string | null,
): Promise<void> {
  const { account, container, object } = old.ref
  const { body } = old.row
  draft.del(rowKeys.version(account, container, object, old.versionId))
  if (body !== null && body !== kept) await dropReference(stores, draft, old, body)
}

/**
 * Adds to the draft one reference to the body less. Where it is the last, the body is freed: in the same commit where
 * it is one small segment that is not being read, else by a row in the sweep's queue. Throws StoreCorrupt.
 */
async function dropReference(
  stores: Stores,
  draft: Draft,
  { ref, versionId, row }: StoredVersion,
  body: string,
): Promise<void> {
  const key = rowKeys.body(body)
  const references = await stores.catalog.getCounters(key)
  if (references === undefined) {
    // Another writer removed the version and its body between two reads. The object's row, which the draft expects,
    // has changed too, so that the commit conflicts and all is read anew.
    const { account, container, object } = ref
    const key = rowKeys.version(account, container, object, versionId)
    if ((await stores.catalog.get(key)) === undefined) return
    throw new CofferError('StoreCorrupt', { row: rowKeys.body(body) })
  }
  draft.expect(key, references)
  if (references.values[0]! > 1) {
    draft.add(key, -1)
    return
  }
  draft.del(key)
  const { parts, manifest } = row
  if (parts === 0 && manifest === undefined && !stores.leases.isTaken(body)) {
    const segment = decoded(segmentRow, await stores.catalog.get(rowKeys.segment(body, 1)))
    if (segment !== undefined && freedRows(segment) <= FREED_ROWS_MAX) {
      freeSegment(stores, draft, body, 1, segment)
      return
    }
  }
  if (parts > 0) draft.del(rowKeys.layout(body))
  queueBody(stores, draft, body)
}

/** Adds to the draft a row in the queue, by which the sweep frees the body's segments in slices. */
export function queueBody(stores: Stores, draft: Draft, body: string): void {
  draft.queue(stores, { kind: 'body', body })
}
