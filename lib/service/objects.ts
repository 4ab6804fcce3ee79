// Put, head, get and delete of one object.
import type { Caller } from '../auth/identity.ts'
import type { Source } from '../bytes/source.ts'
import { bodyKey, segmentKey } from '../catalog/keys.ts'
import {
  type Checksum,
  type ChecksumAlgorithm,
  segmentRow,
  type VersionRow,
} from '../catalog/rows.ts'
import { randomBodyKey } from '../crypto/keys.ts'
import { CofferError } from '../errors.ts'
import { isVersionId, nowMicros, OBJECT_NAME_BYTES_MAX, randomId, versionIdAt } from '../names.ts'
import { authorize, writerOf } from './access.ts'
import { BodyReader, extentOfPart } from './body.ts'
import { checkRead, checkWrite } from './conditions.ts'
import { resolveRange } from './range.ts'
import { removeObject, replaceObject } from './replace.ts'
import { nameSegment, settleAfter, writeSegment } from './segments.ts'
import { commitWithRetry, type Draft, decoded, type Stores } from './stores.ts'
import type {
  Conditions,
  Extent,
  ObjectReader,
  ObjectRef,
  PutInput,
  ReadInput,
  VersionInfo,
} from './types.ts'
import {
  describeVersion,
  type FoundVersion,
  findObject,
  findVersion,
  openVersion,
  readLayout,
  requireContainer,
} from './versions.ts'

/** Throws ObjectNameInvalid, ObjectNameTooLong. */
export function requireObjectName(object: string): void {
  if (object === '') throw new CofferError('ObjectNameInvalid')
  const size = Buffer.byteLength(object)
  if (size > OBJECT_NAME_BYTES_MAX) {
    throw new CofferError('ObjectNameTooLong', { size, limit: OBJECT_NAME_BYTES_MAX })
  }
}

/** An ETag that says nothing of the content: 32 random hex digits (DESIGN §7). */
export const opaqueEtag = randomId

/** A digest of the whole body as a version keeps it. */
export function wholeChecksum(
  source: Source,
  algorithm: ChecksumAlgorithm | undefined,
): Checksum | null {
  if (algorithm === undefined) return null
  return { algorithm, type: 'FULL_OBJECT', value: source.digest(algorithm).toString('base64') }
}

/** Fixes version id, time and envelope: done last, so that a newer version never carries an older time. */
export type Stamp = (versionId: string, timeMicros: number) => VersionRow

/**
 * Commits a new body's only version as the object's current one. `name` adds the rows that name the
 * body. Throws PreconditionFailed, ObjectMissing, ContainerMissing.
 */
export async function commitVersion(
  stores: Stores,
  ref: ObjectRef,
  conditions: Conditions | undefined,
  stamp: Stamp,
  name: (draft: Draft, replaced: FoundVersion | undefined) => Promise<void> | void,
): Promise<FoundVersion> {
  return await commitWithRetry(stores.catalog, async (draft) => {
    const [container, found] = await Promise.all([
      requireContainer(stores.catalog, ref),
      findObject(stores.catalog, ref),
    ])
    checkWrite(conditions, found.current?.row, ref.object)
    const timeMicros = nowMicros()
    const versionId = versionIdAt(timeMicros)
    const row = stamp(versionId, timeMicros)
    await replaceObject(stores, draft, ref, container, found, versionId, row)
    await name(draft, found.current)
    return { ref, versionId, row }
  })
}

/** Writes an object. Conditions are checked before the body is read and again when it is committed. */
export async function putObject(
  stores: Stores,
  caller: Caller,
  ref: ObjectRef,
  input: PutInput,
): Promise<VersionInfo> {
  authorize(caller, ref.account, 'write')
  requireObjectName(ref.object)
  await requireContainer(stores.catalog, ref)
  if (input.conditions !== undefined) {
    checkWrite(input.conditions, (await findObject(stores.catalog, ref)).current?.row, ref.object)
  }
  const wantsMd5 = input.cipher.sealing === 'root' || input.sealMd5 === true
  const { found, md5 } = await writeObject(stores, caller, ref, { ...input, wantsMd5 })
  return describeVersion(found, md5)
}

/**
 * Seals a source as the object's new and only version. The MD5, where wanted, is the ETag under the root
 * key, and sealed inside the wrap under either.
 */
export async function writeObject(
  stores: Stores,
  caller: Caller,
  ref: ObjectRef,
  input: Omit<PutInput, 'sealMd5'> & { readonly wantsMd5: boolean },
): Promise<{ found: FoundVersion; md5: Buffer | null }> {
  const { source, cipher, wantsMd5 } = input
  if (wantsMd5) source.want('md5')
  if (input.checksum !== undefined) source.want(input.checksum)
  const secretKey = randomBodyKey()
  try {
    const written = await writeSegment(stores.blobs, secretKey, 1, source)
    const md5 = wantsMd5 ? source.digest('md5') : null
    const { size } = written.row
    const body = randomId()
    const fields = {
      size,
      etag: cipher.sealing === 'root' ? md5!.toString('hex') : opaqueEtag(),
      body,
      parts: 0,
      headers: input.headers,
      metadata: input.metadata,
      checksum: wholeChecksum(source, input.checksum),
      writer: writerOf(caller),
    }
    const stamp: Stamp = (versionId, timeMicros) => ({
      ...fields,
      timeMicros,
      envelope: cipher.wrap({ versionId, ...ref }, { bodyKey: secretKey, size, md5 }),
    })
    const commit = commitVersion(stores, ref, input.conditions, stamp, (draft) => {
      nameSegment(draft, body, 1, written, null)
      draft.add(bodyKey(body), 1)
    })
    return { found: await settleAfter(stores.blobs, written, commit), md5 }
  } finally {
    secretKey.fill(0)
  }
}

/** Finds the version, checks its key, then the conditions, then the range: in this order. */
async function openForRead(stores: Stores, caller: Caller, ref: ObjectRef, input: ReadInput) {
  authorize(caller, ref.account, 'read')
  const found = await findVersion(stores.catalog, ref, input.versionId)
  const secret = openVersion(found, input.cipher)
  const { row } = found
  const md5 = secret.md5?.toString('hex')
  checkRead(input.conditions, { etag: row.etag, md5, timeMicros: row.timeMicros })
  let info = describeVersion(found, secret.md5)
  let extent: Extent
  const layout = await readLayout(stores.catalog, row)
  if (input.part === undefined) {
    extent = resolveRange(input.range, row.size)
  } else {
    const position = extentOfPart(layout, input.part)
    if (position === undefined) {
      const parts = Math.max(1, row.parts)
      throw new CofferError('PartNumberUnsatisfiable', { part: input.part, parts })
    }
    extent = { offset: position.offset, length: position.length, partial: true }
    const key = segmentKey(row.body!, position.part)
    const segment = row.parts === 0 ? undefined : decoded(segmentRow, await stores.catalog.get(key))
    info = { ...info, part: { number: input.part, checksum: segment?.part?.checksum ?? null } }
  }
  return { info, extent, secret, layout, body: row.body! }
}

/** What a GET would answer, without the bytes. */
export async function headObject(stores: Stores, caller: Caller, ref: ObjectRef, input: ReadInput) {
  const { info, extent, secret } = await openForRead(stores, caller, ref, input)
  secret.bodyKey.fill(0)
  return { info, extent }
}

/** Opens an object for reading. Nothing is sent before the key was found right. */
export async function getObject(
  stores: Stores,
  caller: Caller,
  ref: ObjectRef,
  input: ReadInput,
): Promise<ObjectReader> {
  const { info, extent, secret, layout, body } = await openForRead(stores, caller, ref, input)
  const reader = new BodyReader(stores, body, secret.bodyKey, layout, extent)
  return { info, extent, read: () => reader.read(), close: () => reader.close() }
}

/** Deletes an object; what is not there is no error, also under a condition. */
export async function deleteObject(
  stores: Stores,
  caller: Caller,
  ref: ObjectRef,
  input: { versionId?: string; conditions?: Conditions },
): Promise<void> {
  authorize(caller, ref.account, 'write')
  requireObjectName(ref.object)
  const { versionId } = input
  if (versionId !== undefined && versionId !== 'null' && !isVersionId(versionId)) {
    throw new CofferError('VersionInvalid', { version: versionId })
  }
  await commitWithRetry(stores.catalog, async (draft) => {
    await requireContainer(stores.catalog, ref)
    const found = await findObject(stores.catalog, ref)
    const { current } = found
    if (current === undefined) return
    if (versionId !== undefined && versionId !== 'null' && versionId !== current.versionId) return
    checkWrite(input.conditions, current.row, ref.object)
    await removeObject(stores, draft, ref, found, current)
  })
}
