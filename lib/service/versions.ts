// Finding a version of an object and telling about it.
import type { Catalog, Row } from '../catalog/catalog.ts'
import { rowKeys } from '../catalog/keys.ts'
import {
  containerRow,
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
import type { Versioning } from './container-types.ts'
import { decoded } from './stores.ts'
import type { ObjectRef, VersionInfo } from './types.ts'

/** A version's row with what identifies it. */
export interface StoredVersion {
  readonly ref: ObjectRef
  readonly versionId: string
  readonly row: VersionRow
}

/** A version and its place in the object's history. */
export interface FoundVersion extends StoredVersion {
  /** It is the null version, and `null` is what clients call it. */
  readonly isNull: boolean
  readonly versioning: Versioning
}

/** An object's row, wherever it is, with the catalog rows that a commit must expect. */
export interface FoundObject {
  readonly visible: Row | undefined
  readonly hidden: Row | undefined
  readonly row: ObjectRow | undefined
  /** Undefined where no version is current; a delete marker can be. */
  readonly current: StoredVersion | undefined
}

/** True for a delete marker. */
export const isMarker = (row: VersionRow) => row.body === null

/** True where the version, though current, is not shown any more. */
export const isDue = (row: VersionRow) =>
  row.deleteAtSeconds != null && row.deleteAtSeconds * 1000 <= Date.now()

/** The current version where a plain read shows it: what conditions of a write are judged against. */
export function shownRow({ current }: FoundObject): VersionRow | undefined {
  if (current === undefined || isMarker(current.row) || isDue(current.row)) return undefined
  return current.row
}

/** How the container keeps versions. */
export const versioningOf = (container: Row): Versioning =>
  containerRow.decode(container.value).versioning ?? null

/** The object's state for a write: its row and its current version. */
export async function findObject(catalog: Catalog, ref: ObjectRef): Promise<FoundObject> {
  const { account, container, object } = ref
  const [visible, hidden] = await catalog.getMany([
    rowKeys.object(account, container, object),
    rowKeys.hidden(account, container, object),
  ])
  const row = decoded(objectRow, visible ?? hidden)
  const current = row?.current ? await getVersion(catalog, ref, row.current) : undefined
  return { visible, hidden, row, current }
}

/**
 * The version a read means: the current one, or the one asked for (`null`: the null version). Throws
 * ContainerMissing, ObjectMissing, VersionMissing, VersionInvalid, VersionIsMarker, StoreCorrupt.
 */
export async function findVersion(
  catalog: Catalog,
  ref: ObjectRef,
  versionId: string | undefined,
): Promise<FoundVersion> {
  if (versionId !== undefined) return await findVersionById(catalog, ref, versionId)
  const { account, container, object } = ref
  // A version can be replaced between the two reads; then the object's row names another.
  let before: Row | undefined
  for (;;) {
    const [held, stored] = await catalog.getMany([
      rowKeys.container(account, container),
      rowKeys.object(account, container, object),
    ])
    if (held === undefined) throw new CofferError('ContainerMissing', { container })
    const row = decoded(objectRow, stored)
    if (row === undefined) throw await missing(catalog, ref, held)
    const found = await getVersion(catalog, ref, row.current!)
    if (found === undefined) {
      // The same row twice: nobody is replacing it, and the version is lost.
      if (stored!.revision === before?.revision) {
        throw new CofferError('StoreCorrupt', { object: ref.object, version: row.current! })
      }
      before = stored
      continue
    }
    if (isDue(found.row)) throw await missing(catalog, ref, held)
    const isNull = row.current === row.nullVersion
    return { ...found, isNull, versioning: versioningOf(held) }
  }
}

/** There is nothing to show: says also where that is a delete marker's doing. */
async function missing(catalog: Catalog, ref: ObjectRef, container: Row): Promise<CofferError> {
  const { object } = ref
  const versioning = versioningOf(container)
  if (versioning === null) return new CofferError('ObjectMissing', { object })
  const { row, current } = await findObject(catalog, ref)
  const marks = current !== undefined && isMarker(current.row)
  const id = row?.current === row?.nullVersion ? 'null' : current?.versionId
  return new CofferError('ObjectMissing', { object, versioning, marker: marks ? id : undefined })
}

async function findVersionById(catalog: Catalog, ref: ObjectRef, asked: string) {
  const { account, container, object } = ref
  const [held, visible, hidden] = await catalog.getMany([
    rowKeys.container(account, container),
    rowKeys.object(account, container, object),
    rowKeys.hidden(account, container, object),
  ])
  if (held === undefined) throw new CofferError('ContainerMissing', { container })
  const isNull = asked === 'null'
  if (!isNull && !isVersionId(asked)) throw new CofferError('VersionInvalid', { version: asked })
  const nullVersion = decoded(objectRow, visible ?? hidden)?.nullVersion ?? null
  const versionId = isNull ? nullVersion : asked === nullVersion ? null : asked
  const found = versionId === null ? undefined : await getVersion(catalog, ref, versionId)
  if (found === undefined) throw new CofferError('VersionMissing', { object, version: asked })
  const { row } = found
  if (isMarker(row)) {
    const { timeMicros } = row
    throw new CofferError('VersionIsMarker', { object, version: asked, timeMicros })
  }
  return { ...found, isNull, versioning: versioningOf(held) }
}

/** The version's row, or undefined where there is none. */
export async function getVersion(
  catalog: Catalog,
  ref: ObjectRef,
  versionId: string,
): Promise<StoredVersion | undefined> {
  const key = rowKeys.version(ref.account, ref.container, ref.object, versionId)
  const row = decoded(versionRow, await catalog.get(key))
  return row && { ref, versionId, row }
}

/** The container's row. Throws ContainerMissing. */
export async function requireContainer(
  catalog: Catalog,
  ref: { account: string; container: string },
): Promise<Row> {
  const row = await catalog.get(rowKeys.container(ref.account, ref.container))
  if (row === undefined) throw new CofferError('ContainerMissing', { container: ref.container })
  return row
}

/** Parts of a body that has several segments; for a plain one the layout is its size alone. */
export async function readLayout(catalog: Catalog, row: VersionRow): Promise<Layout> {
  if (row.parts === 0) return [{ first: 1, count: 1, size: row.size }]
  const stored = decoded(layoutRow, await catalog.get(rowKeys.layout(row.body!)))
  if (stored === undefined || !rises(stored.layout)) {
    throw new CofferError('StoreCorrupt', { row: rowKeys.layout(row.body!) })
  }
  return stored.layout
}

/** A segment proves its number, not its place: numbers that rise are what fixes the order (docs/format.md §5). */
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
  // Runs rise; 10,000 parts of as many sizes are as many runs.
  let low = 0
  let high = layout.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (layout[middle]!.first <= part) low = middle + 1
    else high = middle
  }
  const run = layout[low - 1]
  return run !== undefined && part < run.first + run.count
}

/** Which kind of key seals a version that is no delete marker. */
export const sealingOf = (row: VersionRow) => (row.envelope!.kind === 1 ? 'root' : 'customer')

/**
 * Checks the key before any byte of content, and opens the body key. Throws KeyRequired, KeyWrong,
 * KeyNotApplicable, and StoreCorrupt where the sealed size is not the row's.
 */
export function openVersion(found: StoredVersion, cipher: Cipher): BodySecret {
  const { ref, versionId, row } = found
  const secret = cipher.unwrap({ ...ref, versionId }, row.envelope!)
  if (secret.size !== null && secret.size !== row.size) {
    throw new CofferError('StoreCorrupt', { object: ref.object, version: versionId })
  }
  return secret
}

/**
 * Checks the key where one came, for verbs that show no content. Returns the content's MD5 where it is
 * known. Throws KeyWrong, KeyNotApplicable, StoreCorrupt.
 */
export function checkKeyIfSent(found: StoredVersion, cipher: Cipher): Buffer | null {
  if (cipher.sealing === 'root' && sealingOf(found.row) === 'customer') return null
  const secret = openVersion(found, cipher)
  secret.bodyKey.fill(0)
  return secret.md5
}

/** What a version says of itself to whoever may read it. `md5` only after its key opened it. */
export function describeVersion(found: FoundVersion, md5: Buffer | null): VersionInfo {
  const { ref, versionId, row } = found
  return {
    object: ref.object,
    versionId: found.isNull ? 'null' : versionId,
    versioned: found.versioning !== null,
    timeMicros: row.timeMicros,
    size: row.size,
    etag: row.etag,
    ...(md5 === null ? {} : { md5: md5.toString('hex') }),
    headers: row.headers,
    metadata: row.metadata,
    ...(row.deleteAtSeconds == null ? {} : { deleteAtSeconds: row.deleteAtSeconds }),
    sealing: sealingOf(row),
    parts: row.parts,
    checksum: row.checksum,
  }
}

/** What listings show of a version. */
export function summarize(row: VersionRow): Summary {
  const { timeMicros, size, etag, headers, checksum, deleteAtSeconds } = row
  return {
    timeMicros,
    size,
    etag,
    type: headers.type ?? '',
    checksum: checksum === null ? null : [checksum.algorithm, checksum.type],
    ...(deleteAtSeconds == null ? {} : { deleteAtSeconds }),
  }
}
