// Verbs that change an object and write no body: change its description, make a version current, delete.
import type { Asker } from '../auth/asker.ts'
import { rowKeys } from '../catalog/keys.ts'
import { expiryRow, versionRow } from '../catalog/rows.ts'
import type { Cipher } from '../crypto/cipher.ts'
import { CofferError, isCode } from '../errors.ts'
import { isVersionId, nowMicros } from '../names.ts'
import { authorize, writerOf } from './access.ts'
import { checkWrite, isConditional } from './conditions.ts'
import {
  addVersion,
  type History,
  markerRow,
  readHistory,
  removeObject,
  removeVersion,
  requireVersion,
  setCurrent,
  toFoundVersion,
} from './history.ts'
import { drawVersion, requireObjectName } from './objects.ts'
import { commitWithRetry, type Draft, type Stores } from './stores.ts'
import type { DeleteInput, DeleteResult, Description, ObjectRef, VersionInfo } from './types.ts'
import {
  checkKeyIfSent,
  describeVersion,
  type FoundVersion,
  isDue,
  isMarker,
  type StoredVersion,
  shownRow,
} from './versions.ts'

/**
 * Changes the description of the current version in place. No customer key is needed, but one that comes is checked.
 * Throws ObjectMissing, KeyWrong, KeyNotApplicable.
 */
export async function updateObject(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  input: { cipher: Cipher; revise: (current: VersionInfo) => Description },
): Promise<VersionInfo> {
  await authorize(stores, asker, 'updateObject', ref)
  return await commitWithRetry(stores.catalog, async (draft) => {
    const history = await readHistory(stores, asker, ref)
    const { versioning, found } = history
    if (shownRow(found) === undefined) {
      const { object } = ref
      throw new CofferError('ObjectMissing', { object, versioning: versioning ?? undefined })
    }
    const before = toFoundVersion(history, found.current!)
    const shown = checkKeyIfSent(before, input.cipher)
    const {
      headers,
      metadata,
      deleteAtSeconds = null,
    } = input.revise(describeVersion(before, shown))
    const timeMicros = nowMicros(before.row.timeMicros)
    const row = { ...before.row, headers, metadata, deleteAtSeconds, timeMicros }
    const key = rowKeys.version(ref.account, ref.container, ref.object, before.versionId)
    draft.put(key, versionRow.encode(key, row, stores.macs))
    setCurrent(draft, history, { versionId: before.versionId, row })
    return describeVersion({ ...before, row }, shown)
  })
}

/**
 * Makes an existing version the current one, for Swift's PUT of a version id. Throws VersionMissing, VersionInvalid,
 * VersionIsMarker, ContainerMissing.
 */
export async function makeCurrent(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  versionId: string,
): Promise<VersionInfo> {
  await authorize(stores, asker, 'makeCurrent', { ...ref, versionId })
  // A caller who makes a version current could read it from then on, so that the right to read it is needed too.
  await authorize(stores, asker, 'getVersion', { ...ref, versionId })
  requireVersionId(versionId)
  return await commitWithRetry(stores.catalog, async (draft) => {
    const history = await readHistory(stores, asker, ref)
    const version = await requireVersion(stores, history, versionId)
    const { timeMicros } = version.row
    if (isMarker(version.row)) {
      throw new CofferError('VersionIsMarker', {
        object: ref.object,
        version: versionId,
        timeMicros,
      })
    }
    setCurrent(draft, history, version)
    return describeVersion(version, null)
  })
}

/** Throws VersionInvalid for a text that has not the form of a version id. */
function requireVersionId(versionId: string): void {
  if (versionId === 'null' || isVersionId(versionId)) return
  throw new CofferError('VersionInvalid', { version: versionId })
}

/**
 * Deletes an object, or removes one version of it. Where versions are kept, the delete of an object makes a delete
 * marker, also where there is no such object. A missing object or version is no error, under a condition neither.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html
 */
export async function deleteObject(
  stores: Stores,
  asker: Asker,
  ref: ObjectRef,
  input: DeleteInput,
): Promise<DeleteResult> {
  const { versionId } = input
  await authorize(stores, asker, 'deleteObject', { ...ref, versionId })
  requireObjectName(ref.object)
  if (versionId !== undefined) requireVersionId(versionId)
  return await commitWithRetry(stores.catalog, async (draft) => {
    const history = await readHistory(stores, asker, ref)
    return versionId === undefined
      ? await deleteCurrent(stores, draft, history, input, writerOf(asker))
      : await deleteById(stores, draft, history, versionId, input)
  })
}

/**
 * Handles a row of `expiry/…`, which holds the time at which a version is due. Deletes the object whose current
 * version is due. Where the version is not current, or has another time, only the row is removed. Each is one commit
 * that expects the rows that were read. A version that is not due keeps its row: the clock may have been set back
 * since the row was found.
 */
export async function deleteDue(stores: Stores, key: string): Promise<void> {
  await commitWithRetry(stores.catalog, async (draft) => {
    const stored = await stores.catalog.get(key)
    if (stored === undefined) return
    const history = await historyOf(stores, expiryRow.decode(stored.value))
    const current = history?.found.current
    if (!current || rowKeys.expiry(current.row.deleteAtSeconds ?? -1, current.versionId) !== key) {
      draft.expect(key, stored).del(key)
    } else if (isDue(current.row)) {
      await deleteCurrent(stores, draft, history, { promote: false }, '')
    }
  })
}

/** The object's history, undefined where the container no longer exists. */
async function historyOf(stores: Stores, ref: ObjectRef): Promise<History | undefined> {
  try {
    return await readHistory(stores, 'node', ref)
  } catch (error) {
    if (isCode(error, 'ContainerMissing')) return undefined
    throw error
  }
}

async function deleteCurrent(
  stores: Stores,
  draft: Draft,
  history: History,
  input: DeleteInput,
  writer: string,
): Promise<DeleteResult> {
  const { ref, versioning, found } = history
  const shown = shownRow(found)
  const existed = shown !== undefined
  const { conditions, ifDeleteAtSeconds } = input
  if (existed) {
    judgeDelete(input, shown, ref)
  } else if (ifDeleteAtSeconds === undefined && found.current && isMarker(found.current.row)) {
    // A delete marker has no ETag, so that a condition on one fails.
    checkWrite(conditions, found.current.row, ref.object)
  } else if (ifDeleteAtSeconds !== undefined || isConditional(conditions)) {
    return { existed, isMarker: false }
  }
  if (versioning === null) {
    if (found.current !== undefined) await removeObject(stores, draft, history, found.current)
    return { existed, isMarker: false }
  }
  const { versionId, timeMicros } = drawVersion(history)
  await addVersion(stores, draft, history, { versionId, row: markerRow(timeMicros, writer) })
  const shownId = versioning === 'enabled' ? versionId : 'null'
  return { existed, versionId: shownId, isMarker: true }
}

function judgeDelete(input: DeleteInput, row: StoredVersion['row'], { object }: ObjectRef): void {
  checkWrite(input.conditions, row, object)
  const { ifDeleteAtSeconds } = input
  if (ifDeleteAtSeconds === undefined || ifDeleteAtSeconds === row.deleteAtSeconds) return
  throw new CofferError('PreconditionFailed', { condition: 'ifDeleteAtSeconds' })
}

async function deleteById(
  stores: Stores,
  draft: Draft,
  history: History,
  versionId: string,
  input: DeleteInput,
): Promise<DeleteResult> {
  const versioned = history.versioning === null ? {} : { versionId }
  let old: FoundVersion
  try {
    old = await requireVersion(stores, history, versionId)
  } catch (error) {
    if (!isCode(error, 'VersionMissing')) throw error
    return { existed: false, ...versioned, isMarker: false }
  }
  judgeDelete(input, old.row, history.ref)
  const current = await removeVersion(stores, draft, history, old, input.promote)
  const shown = current !== null && !isMarker(current.row) && !isDue(current.row)
  const { nullVersion = null } = history.found.row ?? {}
  const currentId = shown && current.versionId === nullVersion ? 'null' : current?.versionId
  return {
    existed: true,
    ...versioned,
    isMarker: isMarker(old.row),
    ...(shown ? { currentId: currentId! } : {}),
  }
}
