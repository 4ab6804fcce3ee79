// Finds a version of an object, opens its key and describes it.
import type { Catalog, Row } from '../catalog/catalog.ts'
import { rowKeys } from '../catalog/keys.ts'
import {
  type Checksum,
  containerRow,
  type ObjectRow,
  objectRow,
  type Summary,
  type VersionRow,
  versionRow,
} from '../catalog/rows.ts'
import type { BodySecret, Cipher } from '../crypto/cipher.ts'
import { type Envelope, KIND_ROOT, SHAPE_MANIFEST, SHAPE_PARTS } from '../crypto/envelope.ts'
import { CofferError } from '../errors.ts'
import { isVersionId } from '../names.ts'
import { type Actor, requireProven } from './access.ts'
import { openWhole } from './checksums.ts'
import type { Versioning } from './container-types.ts'
import { areSizes } from './manifest-list.ts'
import { decoded, judged, type Stores } from './stores.ts'
import type { ObjectRef, VersionInfo } from './types.ts'

/** A version's row with its names and id. */
export interface StoredVersion {
  readonly ref: ObjectRef
  readonly versionId: string
  readonly row: VersionRow
}

/** A version and its place in the object's history. */
export interface FoundVersion extends StoredVersion {
  /** True for the null version, whose id clients see as `null`. */
  readonly isNull: boolean
  readonly versioning: Versioning
}

/** An object's row, shown or hidden (D-HIDDEN), with the catalog's rows that a commit must expect. */
export interface FoundObject {
  readonly visible: Row | undefined
  readonly hidden: Row | undefined
  readonly row: ObjectRow | undefined
  /** The current version, which may be a delete marker. Undefined where none is current. */
  readonly current: StoredVersion | undefined
}

/** True for a delete marker. */
export const isMarker = (row: VersionRow) => row.body === null

/** True for a version whose expiry has passed, which is not shown any more. */
export const isDue = (row: VersionRow) =>
  row.deleteAtSeconds != null && row.deleteAtSeconds * 1000 <= Date.now()

/** The current version's row where a plain read shows it. Conditions of a write are judged by it. */
export function shownRow({ current }: FoundObject): VersionRow | undefined {
  if (current === undefined || isMarker(current.row) || isDue(current.row)) return undefined
  return current.row
}

/** A container's versioning. */
export const versioningOf = ({ macs }: Pick<Stores, 'macs'>, container: Row): Versioning =>
  containerRow.read(container, macs).row.versioning ?? null

/** The object's row and its current version, as a write expects them. Throws AccessDenied as `getVersion` does. */
export async function findObject(
  stores: VersionStores,
  actor: Actor,
  ref: ObjectRef,
): Promise<FoundObject> {
  const { account, container, object } = ref
  const [visible, hidden] = await stores.catalog.getMany([
    rowKeys.object(account, container, object),
    rowKeys.hidden(account, container, object),
  ])
  const row = decoded(objectRow, visible ?? hidden)
  const current = row?.current ? await getVersion(stores, actor, ref, row.current) : undefined
  return { visible, hidden, row, current }
}

/**
 * The version that a read means: the one with `versionId` (`null` is the null version), else the current one. Throws
 * ContainerMissing, ObjectMissing, VersionMissing, VersionInvalid, VersionIsMarker, StoreCorrupt, and AccessDenied as
 * `getVersion` does.
 */
export async function findVersion(
  stores: VersionStores,
  actor: Actor,
  ref: ObjectRef,
  versionId: string | undefined,
): Promise<FoundVersion> {
  const { catalog } = stores
  if (versionId !== undefined) return await findVersionById(stores, actor, ref, versionId)
  const { account, container, object } = ref
  // A version may be replaced between the two reads. The object's row then names another one.
  let before: Row | undefined
  for (;;) {
    const [held, stored] = await catalog.getMany([
      rowKeys.container(account, container),
      rowKeys.object(account, container, object),
    ])
    if (held === undefined) throw new CofferError('ContainerMissing', { container })
    const row = decoded(objectRow, stored)
    if (row === undefined) throw await missing(stores, actor, ref, held)
    const found = await getVersion(stores, actor, ref, row.current!)
    if (found === undefined) {
      // The object's row did not change, so that the version was not replaced: its row is lost.
      if (stored!.revision === before?.revision) {
        throw new CofferError('StoreCorrupt', { object: ref.object, version: row.current! })
      }
      before = stored
      continue
    }
    if (isDue(found.row)) throw await missing(stores, actor, ref, held)
    const isNull = row.current === row.nullVersion
    return { ...found, isNull, versioning: versioningOf(stores, held) }
  }
}

/** The ObjectMissing of an object that is not shown, with the delete marker where the current version is one. */
async function missing(
  stores: VersionStores,
  actor: Actor,
  ref: ObjectRef,
  container: Row,
): Promise<CofferError> {
  const { object } = ref
  const versioning = versioningOf(stores, container)
  if (versioning === null) return new CofferError('ObjectMissing', { object })
  const { row, current } = await findObject(stores, actor, ref)
  const marks = current !== undefined && isMarker(current.row)
  const id = row?.current === row?.nullVersion ? 'null' : current?.versionId
  return new CofferError('ObjectMissing', { object, versioning, marker: marks ? id : undefined })
}

async function findVersionById(stores: VersionStores, actor: Actor, ref: ObjectRef, asked: string) {
  const { account, container, object } = ref
  const [held, visible, hidden] = await stores.catalog.getMany([
    rowKeys.container(account, container),
    rowKeys.object(account, container, object),
    rowKeys.hidden(account, container, object),
  ])
  if (held === undefined) throw new CofferError('ContainerMissing', { container })
  const isNull = asked === 'null'
  if (!isNull && !isVersionId(asked)) throw new CofferError('VersionInvalid', { version: asked })
  const nullVersion = decoded(objectRow, visible ?? hidden)?.nullVersion ?? null
  const versionId = isNull ? nullVersion : asked === nullVersion ? null : asked
  const found = versionId === null ? undefined : await getVersion(stores, actor, ref, versionId)
  if (found === undefined) throw new CofferError('VersionMissing', { object, version: asked })
  const { row } = found
  if (isMarker(row)) {
    const { timeMicros } = row
    throw new CofferError('VersionIsMarker', { object, version: asked, timeMicros })
  }
  return { ...found, isNull, versioning: versioningOf(stores, held) }
}

/** What a version's row is read with. */
type VersionStores = Pick<Stores, 'catalog' | 'macs' | 'operatorRoles'>

/** The version's row, undefined where there is none. Throws AccessDenied where its MAC does not hold; an owner by role, and
 * the node itself, get what may be believed of it (D-MAC-ANEW). */
export async function getVersion(
  stores: VersionStores,
  actor: Actor,
  ref: ObjectRef,
  versionId: string,
): Promise<StoredVersion | undefined> {
  const { catalog, macs } = stores
  const key = rowKeys.version(ref.account, ref.container, ref.object, versionId)
  const read = judged(versionRow, await catalog.get(key), macs)
  if (read === undefined) return undefined
  requireProven(stores, actor, ref.account, read.holds)
  return { ref, versionId, row: read.row }
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

/** The kind of key that seals a version. Not for delete markers, which have no envelope. */
export const sealingOf = (row: VersionRow) =>
  row.envelope?.kind === KIND_ROOT ? 'root' : 'customer'

/**
 * Checks the key before any byte of content, and opens the body key. Throws KeyRequired, KeyWrong,
 * KeyNotApplicable, and StoreCorrupt where sealed size or MD5 are not the row's, or the row contradicts the sealed shape.
 */
export function openVersion(found: StoredVersion, cipher: Cipher): BodySecret {
  const { ref, versionId, row } = found
  const secret = cipher.unwrap({ ...ref, versionId }, requireEnvelope(found))
  const isSize = secret.size === null || secret.size === row.size
  if (!isSize || !hasEtagOf(row, secret)) {
    secret.bodyKey.fill(0)
    throw new CofferError('StoreCorrupt', { object: ref.object, version: versionId })
  }
  return secret
}

/** False where the sealed MD5, which under the root key is the ETag of one piece, and that of a manifest in front of its
 * number of entries (D-ETAG), is not the row's. */
function hasEtagOf({ etag, parts, envelope, manifest }: VersionRow, { md5 }: BodySecret): boolean {
  if (envelope!.kind !== KIND_ROOT || parts > 0 || md5 === null) return true
  return md5.toString('hex') === (manifest === undefined ? etag : bareEtag(etag))
}

/** What stands in front of the `-N` of the ETag of a manifest or a multipart object. */
export const bareEtag = (etag: string) => /^[^-]*/.exec(etag)![0]

/** The envelope of a version with a body. Throws StoreCorrupt where there is none, or what else the row has contradicts
 * the shape, which the envelope binds (D-SHAPE). */
function requireEnvelope({ ref, versionId, row }: StoredVersion): Envelope {
  const { envelope, parts, manifest } = row
  const isSound =
    envelope !== null &&
    (envelope.shape === SHAPE_PARTS) === parts > 0 &&
    (envelope.shape === SHAPE_MANIFEST) === (manifest !== undefined) &&
    (manifest === undefined || areSizes(manifest?.sizes))
  if (isSound) return envelope
  throw new CofferError('StoreCorrupt', { object: ref.object, version: versionId, what: 'shape' })
}

/**
 * Checks the key where one came, for verbs that show no content. Returns what it shows, null where
 * none came. Throws KeyWrong, KeyNotApplicable, StoreCorrupt.
 */
export function checkKeyIfSent(found: StoredVersion, cipher: Cipher): Shown | null {
  if (cipher.sealing === 'root' && sealingOf(found.row) === 'customer') return null
  const secret = openVersion(found, cipher)
  try {
    return showVersion(found, secret)
  } finally {
    secret.bodyKey.fill(0)
  }
}

/** What of a version only its key shows. */
export interface Shown {
  readonly md5: Buffer | null
  readonly checksum: Checksum | null
}

/** What an opened version's key shows. Throws StoreCorrupt where its checksum is another's. */
export function showVersion({ row }: StoredVersion, { bodyKey, md5 }: BodySecret): Shown {
  return { md5, checksum: openWhole(bodyKey, row) }
}

/** What a version says of itself to whoever may read it. `shown` only after its key opened it; `size` of its body, where it
 * was resolved. */
export function describeVersion(
  found: FoundVersion,
  shown: Shown | null,
  size: number = found.row.size,
): VersionInfo {
  const { ref, versionId, row } = found
  const { md5, checksum } = shown ?? { md5: null, checksum: null }
  const { manifest } = row
  return {
    object: ref.object,
    versionId: found.isNull ? 'null' : versionId,
    versioned: found.versioning !== null,
    timeMicros: row.timeMicros,
    size,
    etag: row.etag,
    ...(md5 === null ? {} : { md5: md5.toString('hex') }),
    headers: row.headers,
    metadata: row.metadata,
    ...(row.deleteAtSeconds == null ? {} : { deleteAtSeconds: row.deleteAtSeconds }),
    ...(row.gathers && { gathers: row.gathers }),
    sealing: sealingOf(row),
    parts: row.parts,
    ...(manifest && { manifest: { bytes: manifest.bytes, etag: manifest.etag } }),
    checksum,
  }
}

/** The part of a version that listings show. */
export function summarize(row: VersionRow): Summary {
  const { timeMicros, size, etag, headers, checksum, deleteAtSeconds, manifest } = row
  return {
    timeMicros,
    size,
    etag,
    type: headers.type ?? '',
    checksum: checksum === null ? null : [checksum.algorithm, checksum.type],
    ...(deleteAtSeconds == null ? {} : { deleteAtSeconds }),
    ...(manifest && { manifest: manifest.etag }),
  }
}

/** Bytes that counters count for a version. Of a manifest they are those of its document, as Swift counts it: what it is
 * made of is counted where it lies (swift/common/middleware/slo.py). */
export const countedBytes = ({ size, manifest }: VersionRow) => manifest?.bytes ?? size
