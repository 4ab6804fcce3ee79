// Making a version current, and giving up what it replaces. Every verb that writes an object ends here.
import type { Row } from '../catalog/catalog.ts'
import {
  accountUsageKey,
  bodyKey,
  containerKey,
  containerUsageKey,
  hiddenKey,
  layoutKey,
  objectKey,
  queueKey,
  segmentKey,
  versionKey,
} from '../catalog/keys.ts'
import { objectRow, queueRow, segmentRow, type VersionRow, versionRow } from '../catalog/rows.ts'
import { CofferError } from '../errors.ts'
import { freedRows, freeSegment } from './segments.ts'
import { type Draft, decoded, type Stores } from './stores.ts'
import type { ObjectRef } from './types.ts'
import { type FoundObject, type FoundVersion, summarize } from './versions.ts'

/** A segment with more rows than this is freed by the sweep, not in the commit that gives it up. */
const FREED_ROWS_MAX = 32

/**
 * Adds to the draft: `row` becomes the object's only version and the one that counts, in place of what
 * `found` showed. The draft expects the container and the object as they were read.
 */
export async function replaceObject(
  stores: Stores,
  draft: Draft,
  ref: ObjectRef,
  container: Row,
  found: FoundObject,
  versionId: string,
  row: VersionRow,
): Promise<void> {
  const { account, object } = ref
  draft.expect(containerKey(account, ref.container), container)
  expectObject(draft, ref, found)
  draft.put(versionKey(account, ref.container, object, versionId), versionRow.encode(row))
  draft.put(
    objectKey(account, ref.container, object),
    objectRow.encode({ current: versionId, nullVersion: versionId, summary: summarize(row) }),
  )
  if (found.hidden !== undefined) draft.del(hiddenKey(account, ref.container, object))
  const old = found.current
  if (old !== undefined) await dropVersion(stores, draft, old, row.body)
  count(draft, ref, old === undefined ? 1 : 0, row.size - (old?.row.size ?? 0))
}

/** Adds to the draft: the object goes, with its only version. */
export async function removeObject(
  stores: Stores,
  draft: Draft,
  ref: ObjectRef,
  found: FoundObject,
  current: FoundVersion,
): Promise<void> {
  expectObject(draft, ref, found)
  draft.del(objectKey(ref.account, ref.container, ref.object))
  await dropVersion(stores, draft, current, null)
  count(draft, ref, -1, -current.row.size)
}

function expectObject(draft: Draft, ref: ObjectRef, found: FoundObject): void {
  draft.expect(objectKey(ref.account, ref.container, ref.object), found.visible)
  draft.expect(hiddenKey(ref.account, ref.container, ref.object), found.hidden)
}

/** Usage is exact at once: objects, bytes, versions of a container; containers, objects, bytes of an account. */
function count(draft: Draft, ref: ObjectRef, objects: number, bytes: number): void {
  draft.add(containerUsageKey(ref.account, ref.container), objects, bytes, objects)
  draft.add(accountUsageKey(ref.account), 0, objects, bytes)
}

/** `kept` is the body of the version that comes in its place: a copy onto itself passes its reference on. */
async function dropVersion(
  stores: Stores,
  draft: Draft,
  old: FoundVersion,
  kept: string | null,
): Promise<void> {
  const { account, container, object } = old.ref
  const { body, parts } = old.row
  draft.del(versionKey(account, container, object, old.versionId))
  if (body !== null && body !== kept) await dropReference(stores, draft, body, parts)
}

/**
 * Adds to the draft: one reference to the body less. The last one to go frees the body: at once where it
 * is one small enough segment that nobody reads, else by a row in the queue.
 */
async function dropReference(stores: Stores, draft: Draft, body: string, parts: number) {
  const key = bodyKey(body)
  const references = await stores.catalog.getCounters(key)
  if (references === undefined) throw new CofferError('StoreCorrupt', { row: key })
  draft.expect(key, references)
  if (references.values[0]! > 1) {
    draft.add(key, -1)
    return
  }
  draft.del(key)
  if (parts === 0 && !stores.leases.isTaken(body)) {
    const segment = decoded(segmentRow, await stores.catalog.get(segmentKey(body, 1)))
    if (segment !== undefined && freedRows(segment) <= FREED_ROWS_MAX) {
      freeSegment(stores, draft, body, 1, segment)
      return
    }
  }
  if (parts > 0) draft.del(layoutKey(body))
  queueBody(stores, draft, body)
}

/** Adds to the draft: every segment of the body is to be freed, in slices. */
export function queueBody(stores: Stores, draft: Draft, body: string): void {
  draft.put(queueKey(draft.id), queueRow.encode({ work: { kind: 'body', body } }))
  draft.after.push(stores.queued)
}
