// The history of one object: its versions, which of them is current, and how a commit changes that. Every verb that
// writes or deletes an object ends here. Each decision rests on rows that the commit expects. Without versioning an
// object has one version, the null version, which each write replaces.
import type { Row } from '../catalog/catalog.ts'
import { endOf, rowKeys, versionPrefix } from '../catalog/keys.ts'
import { expiryRow, objectRow, type VersionRow, versionRow } from '../catalog/rows.ts'
import { CofferError } from '../errors.ts'
import type { Actor } from './access.ts'
import type { Versioning } from './container-types.ts'
import { dropVersion } from './references.ts'
import type { Draft, Stores } from './stores.ts'
import type { ObjectRef } from './types.ts'
import {
  type FoundObject,
  type FoundVersion,
  findObject,
  getVersion,
  isMarker,
  requireContainer,
  type StoredVersion,
  summarize,
  versioningOf,
} from './versions.ts'

/** The rows of an object that a commit expects, and its container's versioning. */
export interface History {
  /** For whom it was read. */
  readonly actor: Actor
  readonly ref: ObjectRef
  readonly container: Row
  readonly versioning: Versioning
  readonly found: FoundObject
}

/** What identifies a version, and its row. */
type Entry = Pick<StoredVersion, 'versionId' | 'row'>

/** A version that is there, with its place in the history. */
export function toFoundVersion(
  { versioning, found }: History,
  version: StoredVersion,
): FoundVersion {
  return { ...version, isNull: version.versionId === found.row?.nullVersion, versioning }
}

/** Reads the rows that a write must expect. Throws ContainerMissing, and AccessDenied as `getVersion` does. */
export async function readHistory(stores: Stores, actor: Actor, ref: ObjectRef): Promise<History> {
  const [container, found] = await Promise.all([
    requireContainer(stores.catalog, ref),
    findObject(stores, actor, ref),
  ])
  return { actor, ref, container, versioning: versioningOf(stores, container), found }
}

/**
 * Adds a new version to the draft. Unless versions are kept, it replaces the null version. It becomes current. With
 * `inOrder` it does so only where no remaining version has a newer id, because an upload's version has the place in the
 * history at which the upload began (D-UPLOAD-PLACE). Returns the version that is replaced, if there is one.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#distributedmpupload
 */
export async function addVersion(
  stores: Stores,
  draft: Draft,
  history: History,
  entry: Entry,
  options: { readonly inOrder: boolean } = { inOrder: false },
): Promise<StoredVersion | undefined> {
  const { ref, versioning, found } = history
  const { versionId, row } = entry
  draft.expect(rowKeys.container(ref.account, ref.container), history.container)
  const key = rowKeys.version(ref.account, ref.container, ref.object, versionId)
  draft.put(key, versionRow.encode(key, row, stores.macs))
  let nullVersion = found.row?.nullVersion ?? null
  let replaced: StoredVersion | undefined
  if (versioning !== 'enabled') {
    replaced = await findNullVersion(stores, history)
    if (replaced !== undefined) await dropVersion(stores, draft, replaced, row.body)
    nullVersion = versionId
  }
  const newer =
    options.inOrder && versioning !== null
      ? await newestVersion(stores, ref, replaced?.versionId, versionId)
      : undefined
  // The current version stays current, unless it was replaced: then the newest version becomes current.
  const stays = found.current?.versionId === replaced?.versionId ? newer : found.current
  const current = newer === undefined ? entry : (stays ?? null)
  setObject(draft, history, { current, nullVersion })
  const dropped = replaced === undefined ? 0 : 1
  count(draft, history, current, row.size - (replaced?.row.size ?? 0), 1 - dropped)
  return replaced
}

/** Adds to the draft the removal of an object whose only version is removed with it. */
export async function removeObject(
  stores: Stores,
  draft: Draft,
  history: History,
  only: StoredVersion,
): Promise<void> {
  await dropVersion(stores, draft, only, null)
  setObject(draft, history, null)
  count(draft, history, null, -only.row.size, -1)
}

/**
 * Adds to the draft the removal of one version. Where it was current, with `promote` the next newest becomes current,
 * else none does. Returns the version that is current afterwards.
 */
export async function removeVersion(
  stores: Stores,
  draft: Draft,
  history: History,
  old: FoundVersion,
  promote: boolean,
): Promise<Entry | null> {
  const { ref, found } = history
  await dropVersion(stores, draft, old, null)
  const newest = await newestVersion(stores, ref, old.versionId)
  const wasCurrent = found.row?.current === old.versionId
  const stays = found.current ?? null
  const current = wasCurrent ? (promote ? (newest ?? null) : null) : stays
  const nullVersion = old.isNull ? null : (found.row?.nullVersion ?? null)
  setObject(draft, history, newest === undefined ? null : { current, nullVersion })
  count(draft, history, current, -old.row.size, -1)
  return current
}

/** Adds to the draft that an existing version, with its row as given, is the current one. */
export function setCurrent(draft: Draft, history: History, entry: Entry): void {
  setObject(draft, history, { current: entry, nullVersion: history.found.row?.nullVersion ?? null })
  count(draft, history, entry, 0, 0)
}

/** The null version, which the next write replaces where versions are not kept. */
async function findNullVersion(
  stores: Stores,
  { actor, ref, found }: History,
): Promise<StoredVersion | undefined> {
  const id = found.row?.nullVersion
  if (id == null) return undefined
  return id === found.row!.current ? found.current : await getVersion(stores, actor, ref, id)
}

/** The newest version other than `without` and newer than `than`. Undefined where there is none. */
async function newestVersion(
  stores: Stores,
  ref: ObjectRef,
  without: string | undefined,
  than?: string,
): Promise<Entry | undefined> {
  const prefix = versionPrefix(ref.account, ref.container, ref.object)
  // Ids sort newest first, so that newer versions are in front of a version.
  const to = than === undefined ? endOf(prefix) : prefix + than
  const page = await stores.catalog.scan({ from: prefix, to, limit: 2 })
  for (const entry of page.entries) {
    if ('group' in entry) continue
    const versionId = entry.key.slice(prefix.length)
    if (versionId !== without) return { versionId, row: versionRow.read(entry, stores.macs).row }
  }
  return undefined
}

/**
 * Adds the object's row to the draft, or its removal where no version is left. Its key depends on whether a plain GET
 * shows the object (D-HIDDEN). Every change of the history writes the row anew, so that two changes at once conflict.
 */
function setObject(
  draft: Draft,
  history: History,
  next: { readonly current: Entry | null; readonly nullVersion: string | null } | null,
): void {
  const { ref, found } = history
  const { account, container, object } = ref
  const visible = rowKeys.object(account, container, object)
  const hidden = rowKeys.hidden(account, container, object)
  draft.expect(visible, found.visible).expect(hidden, found.hidden)
  if (found.visible !== undefined) draft.del(visible)
  if (found.hidden !== undefined) draft.del(hidden)
  moveExpiry(draft, ref, found.current, next?.current ?? undefined)
  if (next === null) return
  const { current, nullVersion } = next
  const summary = isShown(current) ? summarize(current!.row) : null
  const value = objectRow.encode({ current: current?.versionId ?? null, nullVersion, summary })
  draft.put(summary === null ? hidden : visible, value)
}

const isShown = (current: Entry | null) => current !== null && !isMarker(current.row)

/** Moves the row of `expiry/…` from the old current version to the new one: only the current version expires. */
function moveExpiry(draft: Draft, ref: ObjectRef, old: Entry | undefined, next: Entry | undefined) {
  const dueOf = (entry: Entry | undefined) => entry?.row.deleteAtSeconds ?? null
  if (dueOf(old) !== null) draft.del(rowKeys.expiry(dueOf(old)!, old!.versionId))
  if (dueOf(next) === null) return
  const { account, container, object } = ref
  const key = rowKeys.expiry(dueOf(next)!, next!.versionId)
  draft.put(key, expiryRow.encode({ account, container, object }))
}

/**
 * Adds a change of usage to the counters. A container counts objects that are shown, bytes of all versions and
 * versions. An account counts containers, objects and bytes. Counters are exact with each commit.
 */
function count(
  draft: Draft,
  { ref, found }: History,
  current: Entry | null,
  bytes: number,
  versions: number,
): void {
  const objects = (isShown(current) ? 1 : 0) - (found.visible === undefined ? 0 : 1)
  draft.add(rowKeys.containerUsage(ref.account, ref.container), objects, bytes, versions)
  draft.add(rowKeys.accountUsage(ref.account), 0, objects, bytes)
}

/** A delete marker's row. */
export function markerRow(timeMicros: number, writer: string): VersionRow {
  return {
    timeMicros,
    size: 0,
    etag: '',
    body: null,
    parts: 0,
    envelope: null,
    headers: {},
    metadata: {},
    checksum: null,
    rights: { writer },
    deleteAtSeconds: null,
  }
}

/** The version that `versionId` (or `null`) names. Throws VersionMissing, and AccessDenied as `getVersion` does. */
export async function requireVersion(
  stores: Stores,
  { actor, ref, found, versioning }: History,
  versionId: string,
): Promise<FoundVersion> {
  const id = versionId === 'null' ? (found.row?.nullVersion ?? null) : versionId
  const isRaw = id !== null && versionId !== 'null' && id === found.row?.nullVersion
  const version = id === null || isRaw ? undefined : await getVersion(stores, actor, ref, id)
  if (version === undefined) {
    throw new CofferError('VersionMissing', { object: ref.object, version: versionId })
  }
  return { ...version, isNull: versionId === 'null', versioning }
}
