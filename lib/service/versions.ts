// Finding a version of an object and telling about it.

import type { Catalog, Row } from '../catalog/catalog.ts'
import { containerKey, hiddenKey, layoutKey, objectKey, versionKey } from '../catalog/keys.ts'
import {
  type Layout,
  layoutRow,
  type ObjectRow,
  objectRow,
  type Summary,
  type VersionRow,
  versionRow,
} from '../catalog/rows.ts'
import type { BodySecret, Cipher } from '../crypto/cipher.ts'
import { CofferError } from '../errors.ts'
import { isVersionId } from '../names.ts'
import { decoded } from './stores.ts'
import type { ObjectRef, VersionInfo } from './types.ts'

/** A version's row with what identifies it. */
export interface FoundVersion {
  readonly ref: ObjectRef
  readonly versionId: string
  readonly row: VersionRow
}

/** An object's row, wherever it is, with the catalog rows that a commit must expect. */
export interface FoundObject {
  readonly visible: Row | undefined
  readonly hidden: Row | undefined
  readonly row: ObjectRow | undefined
  readonly current: FoundVersion | undefined
}

/** The object's state for a write: its row and its current version. */
export async function findObject(catalog: Catalog, ref: ObjectRef): Promise<FoundObject> {
  const { account, container, object } = ref
  const [visible, hidden] = await catalog.getMany([
    objectKey(account, container, object),
    hiddenKey(account, container, object),
  ])
  const row = decoded(objectRow, visible ?? hidden)
  const current = row?.current ? await getVersion(catalog, ref, row.current) : undefined
  return { visible, hidden, row, current }
}

/**
 * The version a read means: the current one, or the one asked for (`null`: the null version). Throws
 * ContainerMissing, ObjectMissing, VersionMissing, VersionInvalid, VersionIsMarker.
 */
export async function findVersion(
  catalog: Catalog,
  ref: ObjectRef,
  versionId: string | undefined,
): Promise<FoundVersion> {
  if (versionId !== undefined) return await findVersionById(catalog, ref, versionId)
  // A version can be replaced between the two reads; then the object's row names another.
  for (;;) {
    const { account, container, object } = ref
    const row = decoded(objectRow, await catalog.get(objectKey(account, container, object)))
    if (row?.current == null) {
      await requireContainer(catalog, ref)
      throw new CofferError('ObjectMissing', { object })
    }
    const found = await getVersion(catalog, ref, row.current)
    if (found !== undefined) return found
  }
}

async function findVersionById(catalog: Catalog, ref: ObjectRef, asked: string) {
  const { account, container, object } = ref
  let versionId: string | null = asked
  if (asked === 'null') {
    versionId = (await findObject(catalog, ref)).row?.nullVersion ?? null
  } else if (!isVersionId(asked)) {
    throw new CofferError('VersionInvalid', { version: asked })
  }
  const key = versionId === null ? undefined : versionKey(account, container, object, versionId)
  const row = key === undefined ? undefined : decoded(versionRow, await catalog.get(key))
  if (row === undefined) {
    await requireContainer(catalog, ref)
    throw new CofferError('VersionMissing', { object, version: asked })
  }
  if (row.body === null) throw new CofferError('VersionIsMarker', { object, version: asked })
  return { ref, versionId: versionId!, row }
}

/** The version's row, or undefined where there is none. */
export async function getVersion(
  catalog: Catalog,
  ref: ObjectRef,
  versionId: string,
): Promise<FoundVersion | undefined> {
  const key = versionKey(ref.account, ref.container, ref.object, versionId)
  const row = decoded(versionRow, await catalog.get(key))
  return row === undefined ? undefined : { ref, versionId, row }
}

/** The container's row. Throws ContainerMissing. */
export async function requireContainer(
  catalog: Catalog,
  ref: { account: string; container: string },
): Promise<Row> {
  const row = await catalog.get(containerKey(ref.account, ref.container))
  if (row === undefined) throw new CofferError('ContainerMissing', { container: ref.container })
  return row
}

/** Parts of a body that has several segments; for a plain one the layout is its size alone. */
export async function readLayout(catalog: Catalog, row: VersionRow): Promise<Layout> {
  if (row.parts === 0) return [{ first: 1, count: 1, size: row.size }]
  const stored = decoded(layoutRow, await catalog.get(layoutKey(row.body!)))
  if (stored === undefined || !rises(stored.layout)) {
    throw new CofferError('StoreCorrupt', { row: layoutKey(row.body!) })
  }
  return stored.layout
}

/** A segment proves its number, not its place: numbers that rise are what fixes the order (format.md §5). */
function rises(layout: Layout): boolean {
  let next = 1
  for (const { first, count } of layout) {
    if (first < next) return false
    next = first + count
  }
  return true
}

/** True for a part that the finished body kept; others wait for the sweep. */
export function coversPart(layout: Layout, part: number): boolean {
  return layout.some((run) => part >= run.first && part < run.first + run.count)
}

/**
 * Checks the key before any byte of content, and opens the body key. Throws KeyRequired, KeyWrong,
 * KeyNotApplicable, and StoreCorrupt where the sealed size is not the row's.
 */
export function openVersion(found: FoundVersion, cipher: Cipher): BodySecret {
  const { ref, versionId, row } = found
  const secret = cipher.unwrap({ versionId, ...ref }, row.envelope!)
  if (secret.size !== null && secret.size !== row.size) {
    throw new CofferError('StoreCorrupt', { object: ref.object, version: versionId })
  }
  return secret
}

/** What a version says of itself to whoever may read it. `md5` only after its key opened it. */
export function describeVersion(found: FoundVersion, md5: Buffer | null): VersionInfo {
  const { ref, versionId, row } = found
  return {
    object: ref.object,
    versionId,
    timeMicros: row.timeMicros,
    size: row.size,
    etag: row.etag,
    ...(md5 === null ? {} : { md5: md5.toString('hex') }),
    headers: row.headers,
    metadata: row.metadata,
    sealing: row.envelope!.kind === 1 ? 'root' : 'customer',
    parts: row.parts,
    checksum: row.checksum,
  }
}

/** What listings show of a version. */
export function summarize(row: VersionRow): Summary {
  const { timeMicros, size, etag, headers, checksum } = row
  return {
    timeMicros,
    size,
    etag,
    type: headers.type ?? '',
    checksum: checksum === null ? null : [checksum.algorithm, checksum.type],
  }
}
